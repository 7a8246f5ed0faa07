"""Text keys: every key, wrong values, duplicates, unknown and split keys (RFC 7143 sections 6.1, 6.2 and 13)."""
