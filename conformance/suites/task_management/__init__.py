"""Task management functions (RFC 7143 sections 4.2.3, 11.5 and 11.6)."""
