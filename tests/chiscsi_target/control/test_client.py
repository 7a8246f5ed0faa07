"""The client of the control socket: whatever answers there, what comes out is a result or one of its two errors."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chiscsi_target.control.client import ControlClient, Refused, Unreachable
from chiscsi_target.control.errors import ErrorCode


class Stranger:
    """Listens at a path, and has its answer there before anybody asks."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(str(path))
        self._server.listen()

    def asked(self, answer: bytes, **params: Any) -> Any:
        with ControlClient(self.path) as client, self._server.accept()[0] as end:
            end.sendall(answer + b"\n")
            return client.call("list", **params)

    def close(self) -> None:
        self._server.close()


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stranger]:
    made = Stranger(tmp_path_factory.mktemp("stranger") / "control")
    yield made
    made.close()


@pytest.mark.parametrize("result, value", [(b'{"targets":[]}', {"targets": []}), (b"[]", []), (b"null", None)])
def test_any_result_is_returned(stranger: Stranger, result: bytes, value: Any) -> None:
    assert stranger.asked(b'{"jsonrpc":"2.0","result":%b,"id":1}' % result) == value


def test_an_error_has_code_and_data(stranger: Stranger) -> None:
    with pytest.raises(Refused, match=r"^no$") as caught:
        stranger.asked(b'{"jsonrpc":"2.0","error":{"code":-32000,"message":"no","data":{"where":"x"}},"id":null}')
    assert (caught.value.code, caught.value.data) == (-32000, {"where": "x"})


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.2",
        b"\xff\xfe\x00",
        b"[" * 100_000,
        b"[]",
        b"{}",
        b'{"jsonrpc":"2.0","id":1}',
        b'{"jsonrpc":"2.0","result":{},"id":2}',
        b'{"jsonrpc":"2.0","result":{}}',
        b'{"jsonrpc":"1.0","result":{},"id":1}',
        b'{"jsonrpc":"2.0","error":5,"id":1}',
        b'{"jsonrpc":"2.0","error":{},"id":1}',
        b'{"jsonrpc":"2.0","error":{"code":1,"message":5},"id":1}',
    ],
)
def test_who_speaks_otherwise_is_no_target(stranger: Stranger, answer: bytes) -> None:
    with pytest.raises(Unreachable, match="is no chiscsi target"):
        stranger.asked(answer)


@given(st.binary(max_size=60).filter(lambda octets: b"\n" not in octets))
def test_any_octets(stranger: Stranger, answer: bytes) -> None:
    with pytest.raises(Unreachable, match="is no chiscsi target"):
        stranger.asked(answer)


def test_a_parameter_that_is_no_text_is_not_sent(stranger: Stranger) -> None:
    """As a file name from a command line may be, whose octets are no UTF-8."""
    with pytest.raises(Refused, match="is no text in UTF-8") as caught:
        stranger.asked(b"", file="/\udcff.conf")
    assert caught.value.code == ErrorCode.INVALID_PARAMS
