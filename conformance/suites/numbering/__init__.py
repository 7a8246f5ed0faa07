"""CmdSN, StatSN, DataSN and R2TSN, the command window, immediate commands (RFC 7143 section 4.2.2)."""
