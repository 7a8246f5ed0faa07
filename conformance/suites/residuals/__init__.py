"""Overflow and underflow (RFC 7143 section 11.4.5)."""
