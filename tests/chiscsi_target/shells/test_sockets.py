"""The target over TCP: addresses, shared portals, slow and vanishing initiators, start and stop."""

from __future__ import annotations

import socket

import pytest

from chiscsi_target.errors import ConfigurationError
from chiscsi_target.shells import stream
from iscsi_wire.constants import LoginStatus
from iscsi_wire.pdus import DataIn, LoginResponse, NopIn, Reject, ScsiResponse, TextResponse
from iscsi_wire.text import parse_pairs
from tests.chiscsi_target.peer import Peer, read10, write10
from tests.chiscsi_target.scripted import RamDriver
from tests.chiscsi_target.shells.server import MIB, NAME, OTHER, PATIENCE, Server, until

# Addresses


@pytest.mark.parametrize("address", ["127.0.0.1:0", "[::1]:0"])
def test_it_serves_ipv4_and_ipv6(server: Server, address: str) -> None:
    node = server.add(NAME, address)
    assert node.portals[0].address.port != 0
    peer = server.login(node)
    assert peer.ping(b"abc")[1] == b"abc"
    (session,) = server.module.directory.registry.sessions.values()
    ends = session.connections[0].endpoints
    assert ends.f_ipv6 == address.startswith("[")
    assert str(ends.taddr) == str(node.portals[0].address)


def test_an_ipv6_wildcard_leaves_ipv4_alone(server: Server) -> None:
    node = server.add(NAME, "[::]:0")
    other = server.add(OTHER, f"0.0.0.0:{node.portals[0].address.port}")
    assert server.login(node, number=1).ping(b"6")[1] == b"6"
    assert server.login(other, number=2).ping(b"4")[1] == b"4"


def test_several_portals_of_one_node(server: Server) -> None:
    node = server.add(NAME, "127.0.0.1:0", "127.0.0.1:0", "[::1]:0")
    assert len({str(portal.address) for portal in node.portals}) == 3
    for number in range(3):
        peer = server.connect(node, number, isid=bytes((0x40, 0, 0, 0, 1, number)))
        peer.login(NAME)
        assert peer.ping()[0].initiator_task_tag


def test_a_port_in_use_is_reported(server: Server) -> None:
    """Behaviour file, 1.3: the target starts on its other portals; it is an error only if there is none."""
    lines: list[str] = []
    server.module.directory.login_worker.complain = lines.append
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        node = server.add(NAME, "127.0.0.1:0", address)
        with pytest.raises(ConfigurationError, match="No valid portal started!"):
            server.add(OTHER, address)
    assert lines == [f"chiscsi: ERR! failed to start {address}: Address already in use."] * 2
    assert len(node.portals) == 1 and server.login(node).ping(b"here")[1] == b"here"
    assert list(server.module.directory.registry.nodes) == [NAME] and len(server.shell._listeners) == 1


def test_two_nodes_share_a_portal(server: Server) -> None:
    """Behaviour file, 6.4: a portal may serve several nodes; a login says which one it means."""
    first = server.add(NAME)
    address = str(first.portals[0].address)
    second = server.add(OTHER, address)
    one = server.login(first, number=1)
    two = server.login(second, number=2)
    assert one.ping(b"1")[1] == b"1" and two.ping(b"2")[1] == b"2"
    discovery = server.connect(second)
    discovery.login("", session_type="Discovery")
    discovery.text([("SendTargets", "All")])
    pairs = parse_pairs(discovery.take(TextResponse)[1])
    assert pairs == [
        ("TargetName", NAME),
        ("TargetAddress", f"{address},1"),
        ("TargetName", OTHER),
        ("TargetAddress", f"{address},1"),
    ]


def test_a_shared_portal_is_closed_with_its_last_node(server: Server) -> None:
    first = server.add(NAME)
    address = first.portals[0].address
    second = server.add(OTHER, str(address))
    assert server.module.chiscsi_target_remove(None, NAME) == 0
    assert server.login(second, number=1).ping(b"still")[1] == b"still"
    late = server.connect(second)
    response, _ = late.ask(late.names(NAME))
    assert response.status_class << 8 | response.status_detail == LoginStatus.NOT_FOUND
    assert server.module.chiscsi_target_remove(None, OTHER) == 0
    with pytest.raises(ConnectionRefusedError):
        server.connect(second)


def test_an_address_is_free_again_at_once(server: Server) -> None:
    node = server.add(NAME)
    address = str(node.portals[0].address)
    for _ in range(5):
        assert server.module.chiscsi_target_remove(None, NAME) == 0
        node = server.add(NAME, address)
    assert server.login(node).ping(b"x")[1] == b"x"


# Transport


def test_octet_by_octet(server: Server) -> None:
    peer = server.login(server.add(), ("HeaderDigest", "None"))
    octets = peer.octets(peer.nop_out(), b"slowly")
    for position in range(len(octets)):
        peer.pipe.send(octets[position : position + 1])
    assert peer.take(NopIn)[1] == b"slowly"


def test_data_are_right_over_tcp(server: Server) -> None:
    """Long segments, which are received in place, and their way back."""
    keys = {"MaxRecvDataSegmentLength": "262144", "InitialR2T": "No", "FirstBurstLength": "262144"}
    node = server.add(NAME, **keys)
    peer = server.login(
        node, ("MaxRecvDataSegmentLength", "262144"), ("InitialR2T", "No"), ("FirstBurstLength", "262144")
    )
    peer.execute("00")
    data = bytes(number % 251 for number in range(256 * 1024))
    peer.command(write10(0, 512), len(data), data, write=True)
    assert peer.take(ScsiResponse)[0].status == 0
    peer.command(read10(0, 512), len(data))
    assert received(peer, len(data)) == data


def received(peer: Peer, length: int) -> bytes:
    """The data of a read."""
    data = b""
    while len(data) < length:
        for pdu, piece in peer.receive(PATIENCE):
            assert isinstance(pdu, DataIn) and pdu.buffer_offset == len(data)
            data += piece
    return data


def test_a_slow_reader_does_not_stop_others(server: Server) -> None:
    node = server.add(NAME, MaxConnections="1")
    slow = server.login(node, ("MaxRecvDataSegmentLength", "65536"), number=1, receive_buffer=4096)
    slow.execute("00")
    commands = 50
    for _ in range(commands):
        slow.command(read10(0, 8), 4096)
        slow.command(read10(0, 2048), MIB)
    quick = server.login(node, number=2)
    for turn in range(20):
        assert quick.ping(bytes((turn,)))[1] == bytes((turn,))
    # The slow one gets everything in the end.
    total = 0
    while total < commands * (4096 + MIB):
        for pdu, piece in slow.receive(PATIENCE):
            assert isinstance(pdu, DataIn)
            total += len(piece)
    assert total == commands * (4096 + MIB)


@pytest.mark.parametrize("reset", [False, True])
def test_an_initiator_that_goes_away_takes_its_session_along(server: Server, reset: bool) -> None:
    node = server.add()
    peer = server.login(node)
    pipe = server.pipes[-1]
    assert len(server.module.directory.registry.sessions) == 1
    if reset:
        pipe.reset()
    else:
        pipe.sock.close()
    until(lambda: not server.module.directory.registry.sessions)
    assert peer.tsih
    assert server.login(node, number=2).ping(b"next")[1] == b"next"


def test_a_driver_learns_of_the_end_of_every_command(server: Server) -> None:
    """Those too whose data had not all been sent, or not begun to be, when the initiator went away."""
    driver = RamDriver()
    server.register(driver)
    node = server.add(NAME, TargetClass="DRIVER")
    peer = server.login(node, receive_buffer=4096)
    for _ in range(8):
        peer.command(read10(0, 2048), MIB)
    until(lambda: driver.calls.count("cdb_rcved") == 8)
    assert driver.calls.count("cleanup") < 8
    server.pipes[-1].reset()
    until(lambda: driver.calls.count("cleanup") == 8)
    assert driver.calls.count("data_xfer_status") + driver.calls.count("abort") == 8


def test_the_last_response_is_not_overtaken_by_a_reset(server: Server) -> None:
    """The target closes, but what the initiator still sends must not cost it the answer."""
    node = server.add()
    for _ in range(20):
        peer = server.connect(node)
        wrong = peer.octets(peer.login_request(), b"InitiatorName=iqn.2026-11.org.example:host\0")
        peer.pipe.send(wrong + bytes(100_000))
        response, _ = peer.take(LoginResponse)
        assert response.status_class << 8 | response.status_detail == LoginStatus.MISSING_PARAMETER


def test_a_closed_connection_does_not_linger_for_ever(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """An initiator that never closes its side is cut off."""
    monkeypatch.setattr(stream, "LINGER", 0.05)
    node = server.add()
    peer = server.connect(node)
    response, _ = peer.ask([])
    assert response.status_class == 2
    until(lambda: not server.shell._login_loop._streams)


def test_login_time_out_over_tcp(server: Server) -> None:
    server.module.directory.registry.globals.login_complete_time = 0
    node = server.add()
    idle = server.connect(node)
    server.module.directory.registry.globals.login_complete_time = 300
    until(lambda: len(server.module.directory.login_worker.connections) == 1)
    (connection,) = server.module.directory.login_worker.connections
    assert connection.state.value == "S3"
    assert connection._login is not None
    connection._login.deadline = 0.0
    server.module.directory.login_worker.post(lambda _: server.module.directory.login_worker.timer_due(0.0), None)
    with pytest.raises(ConnectionResetError):
        idle.receive(PATIENCE)


def test_a_rejected_pdu_over_tcp(server: Server) -> None:
    peer = server.login(server.add())
    peer.send(peer.nop_out(initiator_task_tag=0xFFFFFFFF, immediate=0))
    assert peer.take(Reject)[0].reason == 4
