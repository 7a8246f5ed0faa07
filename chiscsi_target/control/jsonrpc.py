"""JSON-RPC 2.0, without I/O: a document in, a document out (https://www.jsonrpc.org/specification).

The libraries that there are treat a batch with one malformed entry, a request whose id is null, or a batch of
notifications otherwise than the specification says, or have not been kept up; msgspec does the decoding here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import msgspec

from chiscsi_target.control.errors import ErrorCode, RpcError

VERSION = "2.0"

Call: TypeAlias = Callable[[str, Any], Any]
"""Carries out a method with its parameters: a list, a dictionary or None. It returns what msgspec can encode."""


def answer(document: bytes, call: Call) -> bytes | None:
    """Answer a request or a batch of them.

    Args:
        document: JSON text.
        call: carries out each request, in order; it may raise RpcError and nothing else.

    Returns:
        The response as JSON text; None when nothing but notifications came, which are never answered.
    """
    try:
        message = msgspec.json.decode(document)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        return failure(RpcError(ErrorCode.PARSE_ERROR, f"no JSON: {error}"))
    if not isinstance(message, list):
        response = _answer_one(message, call)
        return None if response is None else _encode(response)
    if not message:
        return failure(RpcError(ErrorCode.INVALID_REQUEST, "an empty batch"))
    responses = [response for request in message if (response := _answer_one(request, call)) is not None]
    return _encode(responses) if responses else None


def request(method: str, params: dict[str, Any], identifier: int) -> bytes:
    """A request, for a client."""
    return _encode({"jsonrpc": VERSION, "method": method, "params": params, "id": identifier})


def failure(error: RpcError) -> bytes:
    """The response to something that has no id, or none that could be read."""
    return _encode(_failure(None, error))


def _answer_one(message: Any, call: Call) -> dict[str, Any] | None:
    complaint = _complaint(message)
    if complaint:
        return _failure(_identifier(message), RpcError(ErrorCode.INVALID_REQUEST, complaint))
    try:
        result = call(message["method"], message.get("params"))
    except RpcError as error:
        return _failure(message["id"], error) if "id" in message else None
    return {"jsonrpc": VERSION, "result": result, "id": message["id"]} if "id" in message else None


def _complaint(message: Any) -> str:
    """What is wrong with a request object (section 4); empty if nothing is."""
    if not isinstance(message, dict):
        return "a request is an object"
    if message.get("jsonrpc") != VERSION:
        return f'"jsonrpc" has to be "{VERSION}"'
    if not isinstance(message.get("method"), str):
        return '"method" has to be a string'
    if not isinstance(message.get("params", []), list | dict):
        return '"params" has to be an array or an object'
    if not _is_identifier(message.get("id")):
        return '"id" has to be a string, a number or null'
    return ""


def _is_identifier(value: Any) -> bool:
    return value is None or (isinstance(value, str | int | float) and not isinstance(value, bool))


def _identifier(message: Any) -> Any:
    """The id of a malformed request; null if it cannot be told (section 5)."""
    value = message.get("id") if isinstance(message, dict) else None
    return value if _is_identifier(value) else None


def _failure(identifier: Any, error: RpcError) -> dict[str, Any]:
    return {"jsonrpc": VERSION, "error": error.as_json(), "id": identifier}


def _encode(message: Any) -> bytes:
    return msgspec.json.encode(message, enc_hook=_number)


def _number(value: Any) -> int:
    """A handle as a plain number: msgspec takes no other kind of integer."""
    if not isinstance(value, int):
        raise NotImplementedError(type(value).__name__)
    return int(value)
