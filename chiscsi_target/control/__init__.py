"""Management of a running target: JSON-RPC 2.0 over a Unix socket. All goes through the Target Module's calls."""
