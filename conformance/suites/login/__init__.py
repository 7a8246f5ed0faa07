"""Login stages and transitions, versions, identities, status codes (RFC 7143 sections 6.3, 11.12 and 11.13)."""
