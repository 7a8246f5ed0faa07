"""Built-in storage drivers, written against `chiscsi_target.api` and nothing else of the target."""
