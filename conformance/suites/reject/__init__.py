"""Reject (RFC 7143 section 11.17)."""
