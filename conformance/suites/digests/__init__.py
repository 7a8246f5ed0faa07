"""Header and data digests (RFC 7143 sections 7.8, 11.2.3 and 13.1)."""
