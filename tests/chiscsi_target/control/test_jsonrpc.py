"""JSON-RPC 2.0 by the examples of its specification (section 7), and by what they leave out."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chiscsi_target.control import jsonrpc
from chiscsi_target.control.errors import ErrorCode, RpcError


class Callee:
    """The methods of the specification's examples."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, Any]] = []

    def __call__(self, method: str, params: Any) -> Any:
        self.calls.append((method, params))
        if method == "subtract":
            first, second = params if isinstance(params, list) else (params["minuend"], params["subtrahend"])
            return first - second
        if method == "sum":
            return sum(params)
        if method == "get_data":
            return ["hello", 5]
        if method in ("update", "notify_hello", "notify_sum"):
            return None
        raise RpcError(ErrorCode.METHOD_NOT_FOUND, "Method not found", {"method": method})


def answered(text: str | bytes) -> Any:
    response = jsonrpc.answer(text.encode() if isinstance(text, str) else text, Callee())
    return None if response is None else json.loads(response)


def code_of(response: Any) -> tuple[int, Any]:
    assert response["jsonrpc"] == "2.0" and "result" not in response
    return response["error"]["code"], response["id"]


@pytest.mark.parametrize(
    "request_text, result, identifier",
    [
        ('{"jsonrpc": "2.0", "method": "subtract", "params": [42, 23], "id": 1}', 19, 1),
        ('{"jsonrpc": "2.0", "method": "subtract", "params": [23, 42], "id": 2}', -19, 2),
        ('{"jsonrpc": "2.0", "method": "subtract", "params": {"subtrahend": 23, "minuend": 42}, "id": 3}', 19, 3),
        ('{"jsonrpc": "2.0", "method": "get_data", "id": "nine"}', ["hello", 5], "nine"),
        ('{"jsonrpc": "2.0", "method": "get_data", "id": null}', ["hello", 5], None),
        ('{"jsonrpc": "2.0", "method": "get_data", "id": 1.5}', ["hello", 5], 1.5),
    ],
)
def test_a_request_is_answered_with_its_id(request_text: str, result: Any, identifier: Any) -> None:
    assert answered(request_text) == {"jsonrpc": "2.0", "result": result, "id": identifier}


@pytest.mark.parametrize("method", ["update", "foobar"])
def test_a_notification_is_never_answered(method: str) -> None:
    callee = Callee()
    text = json.dumps({"jsonrpc": "2.0", "method": method, "params": [1, 2]}).encode()
    assert jsonrpc.answer(text, callee) is None
    assert callee.calls == [(method, [1, 2])]


def test_an_unknown_method_is_named_in_the_error() -> None:
    response = answered('{"jsonrpc": "2.0", "method": "foobar", "id": "1"}')
    assert code_of(response) == (-32601, "1")
    assert response["error"]["data"] == {"method": "foobar"}


@pytest.mark.parametrize(
    "text, code, identifier",
    [
        ('{"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]', -32700, None),
        (
            '[{"jsonrpc": "2.0", "method": "sum", "params": [1,2], "id": "1"},{"jsonrpc": "2.0", "method"]',
            -32700,
            None,
        ),
        ("", -32700, None),
        (b'{"jsonrpc": "2.0", "method": "\xff"}', -32700, None),
        ("[" * 100_000, -32700, None),
        ("[]", -32600, None),
        ("1", -32600, None),
        ("null", -32600, None),
        ('{"jsonrpc": "2.0", "method": 1, "params": "bar"}', -32600, None),
        ('{"jsonrpc": "2.0", "method": "sum", "params": "bar", "id": 7}', -32600, 7),
        ('{"jsonrpc": "2.0", "method": "sum", "params": null, "id": 7}', -32600, 7),
        ('{"jsonrpc": "1.0", "method": "sum", "id": 7}', -32600, 7),
        ('{"method": "sum", "id": 7}', -32600, 7),
        ('{"jsonrpc": "2.0", "id": 7}', -32600, 7),
        ('{"jsonrpc": "2.0", "method": "sum", "id": [7]}', -32600, None),
        ('{"jsonrpc": "2.0", "method": "sum", "id": true}', -32600, None),
    ],
)
def test_what_is_no_request(text: str | bytes, code: int, identifier: Any) -> None:
    assert code_of(answered(text)) == (code, identifier)


def test_each_entry_of_a_batch_is_answered_by_itself() -> None:
    batch = """[
        {"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},
        {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]},
        {"jsonrpc": "2.0", "method": "subtract", "params": [42,23], "id": "2"},
        {"foo": "boo"},
        {"jsonrpc": "2.0", "method": "foo.get", "params": {"name": "myself"}, "id": "5"},
        {"jsonrpc": "2.0", "method": "get_data", "id": "9"}
    ]"""
    responses = answered(batch)
    told = [response.get("result", response.get("error", {}).get("code")) for response in responses]
    assert told == [7, 19, -32600, -32601, ["hello", 5]]
    assert [response["id"] for response in responses] == ["1", "2", None, "5", "9"]


def test_a_batch_of_nonsense_is_answered_entry_by_entry() -> None:
    assert [code_of(response) for response in answered("[1,2,3]")] == [(-32600, None)] * 3


def test_a_batch_of_notifications_is_not_answered() -> None:
    assert (
        answered('[{"jsonrpc": "2.0", "method": "notify_sum", "params": [1]},{"jsonrpc": "2.0", "method": "foobar"}]')
        is None
    )


def test_what_a_client_asks_is_a_request() -> None:
    text = jsonrpc.request("subtract", {"minuend": 3, "subtrahend": 1}, 4)
    assert b"\n" not in text
    assert answered(text) == {"jsonrpc": "2.0", "result": 2, "id": 4}


@given(st.binary(max_size=64))
def test_any_octets_are_answered_or_left_alone(octets: bytes) -> None:
    response = jsonrpc.answer(octets, Callee())
    assert response is not None and b"\n" not in response and json.loads(response)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=4) | st.just("2.0") | st.just("get_data"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["jsonrpc", "method", "params", "id"]), inner, max_size=4)
    ),
)


@given(JSON)
def test_any_document_is_answered_or_left_alone(document: Any) -> None:
    def call(method: str, params: Any) -> Any:
        assert params is None or isinstance(params, list | dict)
        return method

    response = jsonrpc.answer(json.dumps(document).encode(), call)
    assert response is None or json.loads(response)
