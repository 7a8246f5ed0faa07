"""Data-In, Data-Out, R2T, immediate and unsolicited data (RFC 7143 sections 4.2.5.2, 11.7 and 11.8)."""
