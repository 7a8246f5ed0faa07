"""Logout (RFC 7143 sections 11.14 and 11.15)."""
