"""TCP as scripts see it, against a listening socket in this process."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator

import pytest

from initiator_sim import HarnessFault, TcpTransport

HOSTS = ["127.0.0.1", "::1"]


@pytest.fixture(params=HOSTS)
def listener(request: pytest.FixtureRequest) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in request.param else socket.AF_INET
    with socket.create_server((request.param, 0), family=family) as server:
        server.settimeout(5)
        yield server


@pytest.fixture
def pair(listener: socket.socket) -> Iterator[tuple[TcpTransport, socket.socket]]:
    host, port = listener.getsockname()[:2]
    transport = TcpTransport.connect(host, port)
    accepted, _ = listener.accept()
    accepted.settimeout(5)
    with accepted:
        yield transport, accepted
    transport.close()


Pair = tuple[TcpTransport, socket.socket]


def test_octets_go_both_ways(pair: Pair) -> None:
    transport, accepted = pair
    transport.send(b"to the target")
    assert accepted.recv(100) == b"to the target"
    accepted.sendall(b"and back")
    assert transport.receive(5) == b"and back"


def test_nothing_within_the_time_is_none(pair: Pair) -> None:
    transport, accepted = pair
    assert transport.receive(0) is None
    accepted.sendall(b"x")
    assert transport.receive(5) == b"x"


def test_a_close_is_an_empty_receive(pair: Pair) -> None:
    transport, accepted = pair
    accepted.close()
    assert transport.receive(5) == b""
    assert not transport.was_reset


def test_a_reset_is_told_apart(pair: Pair) -> None:
    transport, accepted = pair
    accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    accepted.close()
    assert transport.receive(5) == b""
    assert transport.was_reset


def test_closing_reaches_the_peer_as_fin(pair: Pair) -> None:
    transport, accepted = pair
    transport.close()
    assert accepted.recv(100) == b""


def test_resetting_reaches_the_peer_as_rst(pair: Pair) -> None:
    transport, accepted = pair
    transport.reset()
    with pytest.raises(ConnectionResetError):
        accepted.recv(100)


def test_small_sends_are_not_held_back(pair: Pair) -> None:
    transport, _ = pair
    assert transport._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_addresses_name_host_and_port(listener: socket.socket, pair: Pair) -> None:
    host, port = listener.getsockname()[:2]
    assert pair[0].peer == (f"[{host}]:{port}" if ":" in host else f"{host}:{port}")
    assert pair[0].local.rpartition(":")[2] == str(pair[1].getpeername()[1])


def test_a_peer_that_takes_nothing_counts_as_gone(listener: socket.socket) -> None:
    host, port = listener.getsockname()[:2]
    transport = TcpTransport.connect(host, port, timeout=0.05)
    accepted, _ = listener.accept()
    with accepted, pytest.raises(ConnectionAbortedError, match="takes no more"):
        transport.send(bytes(64 << 20))
    transport.reset()


def test_nobody_there_is_the_harness_fault() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(HarnessFault, match=f"cannot connect to 127.0.0.1 port {port}"):
        TcpTransport.connect("127.0.0.1", port, timeout=1)
