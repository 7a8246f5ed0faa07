"""Headers, lengths and PDUs that make no sense (RFC 7143 sections 7.7, 7.13, 11.1 and 11.2)."""
