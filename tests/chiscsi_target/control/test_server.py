"""The control socket: who may connect, what a client can do to it, how it comes and goes."""

from __future__ import annotations

import json
import os
import socket
import stat
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from chiscsi_target.control.client import ControlClient, Refused, Unreachable
from chiscsi_target.control.errors import ErrorCode, RpcError
from chiscsi_target.control.server import MAX_CLIENTS, MAX_MESSAGE, ControlServer
from chiscsi_target.errors import ConfigurationError

PATIENCE = 5.0


def echo(method: str, params: Any) -> Any:
    if method == "fail":
        raise RpcError(ErrorCode.REFUSED, "no", {"why": "because"})
    return [method, params]


Start = Callable[..., ControlServer]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    servers: list[ControlServer] = []

    def begin(call: Any = echo, path: Path = tmp_path / "control", **how: Any) -> ControlServer:
        server = ControlServer(path, call, **how)
        server.start()
        servers.append(server)
        return server

    yield begin
    for server in servers:
        server.stop()


def connected(path: Path) -> socket.socket:
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(PATIENCE)
    client.connect(str(path))
    return client


def line_of(client: socket.socket) -> Any:
    with client.makefile("rb") as lines:
        return json.loads(lines.readline())


def test_a_client_calls_methods(start: Start) -> None:
    server = start()
    with ControlClient(server.path) as client:
        assert client.call("list") == ["list", {}]
        assert client.call("show", target="x", lun=None) == ["show", {"target": "x"}]
        with pytest.raises(Refused, match="no") as caught:
            client.call("fail")
        assert (caught.value.code, caught.value.data) == (-32000, {"why": "because"})
        assert client.call("again") == ["again", {}]


def test_only_its_owner_may_connect(start: Start) -> None:
    mode = start().path.stat().st_mode
    assert stat.S_ISSOCK(mode) and stat.S_IMODE(mode) == 0o600


def test_the_socket_file_goes_with_the_server(start: Start) -> None:
    server = start()
    server.stop()
    assert not server.path.exists()
    with pytest.raises(Unreachable, match=f"no target listens at {server.path}"):
        ControlClient(server.path)
    server.stop()


def test_a_socket_file_that_nobody_serves_is_replaced(start: Start, tmp_path: Path) -> None:
    path = tmp_path / "control"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    with ControlClient(start(path=path).path) as client:
        assert client.call("list")


def test_one_server_a_path(start: Start) -> None:
    first = start()
    with pytest.raises(ConfigurationError, match="a target listens there already"):
        ControlServer(first.path, echo).start()
    with ControlClient(first.path) as client:
        assert client.call("list")


def test_a_file_of_another_kind_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "precious"
    path.write_text("data")
    with pytest.raises(ConfigurationError, match="is no socket"):
        ControlServer(path, echo).start()
    assert path.read_text() == "data"


@pytest.mark.parametrize("name", ["missing/control", "x" * 120])
def test_a_path_where_no_socket_can_be(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigurationError, match="--control"):
        ControlServer(tmp_path / name, echo).start()


def test_the_socket_of_a_successor_is_left_alone(start: Start, tmp_path: Path) -> None:
    first = start()
    first.path.rename(tmp_path / "elsewhere")
    second = start()
    first.stop()
    with ControlClient(second.path) as client:
        assert client.call("list")


# Clients that misbehave


def test_lines_may_come_in_pieces_and_together(start: Start) -> None:
    request = b'{"jsonrpc": "2.0", "method": "m", "id": 1}\n'
    with connected(start().path) as client, client.makefile("rb") as lines:
        for octet in request:
            client.sendall(bytes((octet,)))
        assert json.loads(lines.readline())["result"] == ["m", None]
        client.sendall(b"\n" + request + request)
        assert lines.readline() == lines.readline() != b""


def test_nonsense_is_answered_and_the_connection_stays(start: Start) -> None:
    with connected(start().path) as client, client.makefile("rb") as lines:
        client.sendall(b"hello\n\xff\xfe\n[]\n")
        assert [json.loads(lines.readline())["error"]["code"] for _ in range(3)] == [-32700, -32700, -32600]
        client.sendall(b'{"jsonrpc": "2.0", "method": "m", "id": 1}\n')
        assert json.loads(lines.readline())["id"] == 1


def test_a_line_that_is_too_long_ends_the_connection(start: Start) -> None:
    server = start()
    with connected(server.path) as client:
        feeder = threading.Thread(target=_feed, args=(client,))
        feeder.start()
        with client.makefile("rb") as lines:
            assert json.loads(lines.readline())["error"]["code"] == -32600
            assert lines.readline() == b""
        feeder.join(PATIENCE)
    with ControlClient(server.path) as other:
        assert other.call("list")


def _feed(client: socket.socket) -> None:
    try:
        client.sendall(b"x" * (MAX_MESSAGE + 1))
    except OSError:
        return  # it hung up before it had read all of it


def test_a_client_that_says_nothing_is_left(start: Start) -> None:
    server = start(patience=0.01)
    with connected(server.path) as silent:
        assert silent.recv(1) == b""


@pytest.mark.parametrize("said", [b"", b'{"jsonrpc"', b'{"jsonrpc": "2.0", "method": "m", "id": 1}\n'])
def test_a_client_that_vanishes_harms_nobody(start: Start, said: bytes) -> None:
    server = start()
    for _ in range(20):
        client = connected(server.path)
        client.sendall(said)
        client.close()
    with ControlClient(server.path) as other:
        assert other.call("list")


def test_a_client_that_does_not_take_its_answer_is_left(start: Start) -> None:
    asked = threading.Event()

    def call(method: str, params: object) -> str:
        asked.set()
        return "x" * (8 << 20)

    server = start(call, patience=0.5)
    with connected(server.path) as deaf:
        deaf.sendall(b'{"jsonrpc": "2.0", "method": "m", "id": 1}\n')
        assert asked.wait(PATIENCE)
        while server._clients:
            threading.Event().wait(0.001)
        with deaf.makefile("rb") as lines:
            assert 0 < len(lines.read()) < 8 << 20


def test_too_many_clients_are_turned_away(start: Start) -> None:
    server = start()
    clients = [ControlClient(server.path) for _ in range(MAX_CLIENTS)]
    for client in clients:
        client.call("here")
    with connected(server.path) as late:
        assert line_of(late)["error"]["code"] == int(ErrorCode.BUSY)
        assert late.recv(1) == b""
    for client in clients:
        client.__exit__(None, None, None)


def test_a_slow_method_holds_up_nobody_else(start: Start) -> None:
    going, done = threading.Event(), threading.Event()

    def call(method: str, params: Any) -> Any:
        if method == "slow":
            going.set()
            done.wait(PATIENCE)
        return method

    server = start(call)
    with connected(server.path) as slow, ControlClient(server.path) as quick:
        slow.sendall(b'{"jsonrpc": "2.0", "method": "slow", "id": 1}\n')
        assert going.wait(PATIENCE)
        assert quick.call("quick") == "quick"
        done.set()
        assert line_of(slow)["result"] == "slow"


def test_stopping_hangs_up_after_the_request_under_way(start: Start) -> None:
    going = threading.Event()

    def call(method: str, params: Any) -> Any:
        going.set()
        return method

    server = start(call)
    with connected(server.path) as client, client.makefile("rb") as lines:
        client.sendall(b'{"jsonrpc": "2.0", "method": "m", "id": 1}\n')
        assert going.wait(PATIENCE)
        server.stop()
        assert json.loads(lines.readline())["result"] == "m"
        assert lines.readline() == b""


def test_a_server_that_hangs_up_is_told_of(tmp_path: Path) -> None:
    path = tmp_path / "control"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        with ControlClient(path) as client:
            server.accept()[0].close()
            with pytest.raises(Unreachable):
                client.call("list")
    assert os.path.exists(path)
