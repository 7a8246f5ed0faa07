"""What can go wrong with a request: the codes of JSON-RPC 2.0 section 5.1, and the target's own beside them."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

from chiscsi_target.errors import ChiscsiError


class ErrorCode(IntEnum):
    """Codes of an error object, each with its meaning."""

    meaning: str

    def __new__(cls, value: int, meaning: str) -> ErrorCode:
        """Make a code that knows its meaning."""
        code = int.__new__(cls, value)
        code._value_ = value
        code.meaning = meaning
        return code

    PARSE_ERROR = -32700, "The line is no JSON."
    INVALID_REQUEST = -32600, "It is JSON, but no request; or the line is too long."
    METHOD_NOT_FOUND = -32601, "There is no such method; `data.methods` has those that there are."
    INVALID_PARAMS = -32602, "A parameter is missing, unknown, or has the wrong type."
    INTERNAL_ERROR = -32603, "A fault of the target; its log says more."
    REFUSED = -32000, "A file or a value cannot be used: `data.where` says where, `data.errors` has all that is wrong."
    NOT_FOUND = -32001, "There is no such target, session or logical unit."
    BUSY = -32002, "Another request is changing the target at the moment, or too many clients are connected."


class RpcError(ChiscsiError):
    """A request that cannot be carried out.

    Args:
        code: what kind of error it is.
        message: what is wrong, in one line.
        data: more about it, as JSON.
    """

    def __init__(self, code: ErrorCode, message: str, data: Any = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data

    def as_json(self) -> dict[str, Any]:
        """The error object (JSON-RPC 2.0 section 5.1)."""
        error = {"code": int(self.code), "message": self.message}
        return error if self.data is None else error | {"data": self.data}
