"""Text requests in full feature phase (RFC 7143 sections 6.4, 11.10 and 11.11)."""
