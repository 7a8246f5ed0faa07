"""Session and connection reinstatement, TSIH and ISID rules (RFC 7143 sections 4.4.3, 6.3.1, 6.3.4, 6.3.5)."""
