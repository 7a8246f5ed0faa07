"""Discovery sessions and SendTargets (RFC 7143 sections 4.3 and 13.3, appendix C)."""
