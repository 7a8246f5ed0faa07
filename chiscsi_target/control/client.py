"""`ControlClient`: the other end of the control socket."""

from __future__ import annotations

import socket
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import msgspec

from chiscsi_target.control import jsonrpc
from chiscsi_target.control.errors import ErrorCode
from chiscsi_target.errors import ChiscsiError

PATIENCE = 120.0
"""How long an answer may take, in seconds: a removal waits for sessions to end."""


class Unreachable(ChiscsiError):
    """No target answers at the socket; somebody else may."""


class Refused(ChiscsiError):
    """The target answered with an error.

    Attributes:
        code: see `chiscsi_target.control.errors.ErrorCode`.
        data: more about it.
    """

    def __init__(self, code: int, message: str, data: Any = None) -> None:
        super().__init__(message)
        self.code = code
        self.data = data


class _Error(msgspec.Struct):
    """An error object (JSON-RPC 2.0 section 5.1)."""

    code: int
    message: str
    data: Any = None


class _Response(msgspec.Struct):
    """A response object (JSON-RPC 2.0 section 5)."""

    jsonrpc: Literal["2.0"]
    id: int | str | float | None
    result: Any = msgspec.UNSET
    error: _Error | None = None


class ControlClient:
    """A connection to a running target, for the length of a `with` block.

    Args:
        path: of the control socket.
        patience: how long an answer may take, in seconds.

    Raises:
        Unreachable: nobody listens there.
    """

    def __init__(self, path: Path, patience: float = PATIENCE) -> None:
        self.path = path
        self._requests = 0
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(patience)
        try:
            self._socket.connect(str(path))
        except OSError as error:
            self._socket.close()
            raise Unreachable(f"no target listens at {path}: {error.strerror or error}") from error
        self._lines = self._socket.makefile("rb")

    def __enter__(self) -> Self:
        """Return the connection itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        """Hang up."""
        self._lines.close()
        self._socket.close()

    def call(self, method: str, **params: Any) -> Any:
        """Have a method carried out.

        Args:
            method: its name.
            params: its parameters; those that are None are left out.

        Returns:
            Its result, as JSON.

        Raises:
            Refused: the target answered with an error, or a parameter cannot be sent.
            Unreachable: it did not answer, or what answered is no target.
        """
        self._requests += 1
        given = {name: value for name, value in params.items() if value is not None}
        try:
            request = jsonrpc.request(method, given, self._requests)
        except UnicodeEncodeError as error:
            raise Refused(ErrorCode.INVALID_PARAMS, f"{method}: {error.object!r} is no text in UTF-8") from error
        try:
            self._socket.sendall(request + b"\n")
            line = self._lines.readline()
        except OSError as error:
            raise Unreachable(f"the target at {self.path} does not answer: {error}") from error
        if not line.endswith(b"\n"):
            raise Unreachable(f"the target at {self.path} has hung up")
        return self._result(line)

    def _result(self, line: bytes) -> Any:
        """What a line answers to the last request; somebody else's socket may say anything."""
        try:
            response = msgspec.json.decode(line, type=_Response)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise Unreachable(f"what listens at {self.path} is no chiscsi target: {error}") from error
        if response.error is not None:
            raise Refused(response.error.code, response.error.message, response.error.data)
        if response.result is msgspec.UNSET or response.id != self._requests:
            raise Unreachable(f"what listens at {self.path} is no chiscsi target: it does not answer the request")
        return response.result
