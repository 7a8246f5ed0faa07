"""NOP-Out and NOP-In (RFC 7143 sections 11.18 and 11.19)."""
