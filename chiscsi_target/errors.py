"""The exception tree. A peer's fault and a caller's mistake never share a class.

`ProtocolViolation` and its children are the peer's: each knows what the wire answers. `ConfigurationError` is the fault
of whoever wrote a configuration, `DriverError` that of a storage driver.
"""

from __future__ import annotations


class ChiscsiError(Exception):
    """Anything that this package raises on purpose."""


class ProtocolViolation(ChiscsiError):
    """The peer broke the protocol in a way that ends the connection."""

    def __init__(self, message: str, clause: str) -> None:
        super().__init__(f"{message} (RFC 7143 {clause})")
        self.clause = clause


class RejectedPdu(ProtocolViolation):
    """The PDU is answered by a Reject (RFC 7143 section 11.17); the connection goes on unless `fatal`."""

    def __init__(self, reason: int, message: str, clause: str, *, fatal: bool = False) -> None:
        super().__init__(message, clause)
        self.reason = reason
        self.fatal = fatal


class LoginFailure(ProtocolViolation):
    """The login ends with this status (RFC 7143 section 11.13.5): class in the high octet, detail in the low one."""

    def __init__(self, status: int, message: str, clause: str) -> None:
        super().__init__(message, clause)
        self.status = status


class LoginMoved(LoginFailure):
    """The login is sent on to another portal, at `address` (RFC 7143 sections 11.13.5 and 13.8)."""

    def __init__(self, status: int, address: str, clause: str) -> None:
        super().__init__(status, f"moved to {address}", clause)
        self.address = address


class LoginBrokenOff(ProtocolViolation):
    """The login ends without a response: the connection is reset."""


class ConfigurationError(ChiscsiError):
    """A configuration cannot be used.

    Args:
        where: the key, or file and line.
        message: what is wrong with it.
        code: the `ReturnCode` of the function that was given it; 0 for EINVAL.
        complete: whether the message is a line of the module's own that needs no `where` before it.
    """

    def __init__(self, where: str, message: str, code: int = 0, *, complete: bool = False) -> None:
        super().__init__(message if complete else f"{where}: {message}")
        self.where = where
        self.message = message
        self.code = code


class DriverError(ChiscsiError):
    """A storage driver fails a command on purpose; raised inside a hook it becomes a CHECK CONDITION.

    Args:
        key, asc, ascq: the sense data (SPC-4 section 4.5).
        message: what happened, for the log.
    """

    def __init__(self, key: int, asc: int, ascq: int = 0, message: str = "") -> None:
        super().__init__(message or f"sense {key:02x}/{asc:02x}/{ascq:02x}")
        self.key = key
        self.asc = asc
        self.ascq = ascq
