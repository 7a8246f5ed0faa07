"""The engine's table: servers, several connections, messages, time."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from chiscsi_target.offload.tcp import messages as cpl
from chiscsi_target.offload.tcp.drops import Drop
from chiscsi_target.offload.tcp.settings import TcpSettings
from tests.chiscsi_target.offload.tcp.peer import CARD, PORT, STID, Peer

ANY = {4: bytes(4), 6: bytes(16)}


def test_an_address_is_listened_on_once() -> None:
    peer = Peer()
    address = ip_address(CARD[4]).packed
    peer.post(cpl.CPL_PASS_OPEN_REQ(9, address, PORT))
    assert peer.messages == [cpl.CPL_PASS_OPEN_RPL(9, cpl.CplError.CONN_EXIST)]
    peer.open()
    assert peer.messages[-1].stid == STID  # type: ignore[union-attr]


def test_nobody_listens_any_more() -> None:
    peer = Peer()
    peer.open()
    peer.post(cpl.CPL_CLOSE_LISTSRV_REQ(STID))
    assert peer.messages[-1] == cpl.CPL_CLOSE_LISTSRV_RPL(STID)
    (reset,) = peer.send("S", sport=1)
    assert reset.flags & 4
    assert len(peer.stream(b"goes on")) == 1


@pytest.mark.parametrize("version", [4, 6])
def test_any_address_of_a_family(version: int) -> None:
    peer = Peer(version=version)
    peer.post(cpl.CPL_CLOSE_LISTSRV_REQ(STID))
    peer.post(cpl.CPL_PASS_OPEN_REQ(9, ANY[10 - version], PORT))
    (reset,) = peer.send("S")
    assert reset.flags & 4
    peer.post(cpl.CPL_PASS_OPEN_REQ(10, ANY[version], PORT))
    peer.open()
    assert peer.messages[-1].stid == 10  # type: ignore[union-attr]


def test_connections_are_told_apart_by_all_four() -> None:
    peer = Peer()
    for port in (1, 2, 3):
        (answer,) = peer.send("S", sport=port)
        peer.send("A", sport=port, seq=peer.isn + 1, ack=answer.seq + 1)
        peer.send("A", bytes([port]), sport=port, seq=peer.isn + 1, ack=answer.seq + 1)
    data = {message.tid: message.data for message in peer.messages if isinstance(message, cpl.CPL_RX_DATA)}
    assert data == {0: b"\1", 1: b"\2", 2: b"\3"}


def test_initial_sequence_numbers_come_from_the_seed() -> None:
    assert Peer(seed=1).open().seq == Peer(seed=1).open().seq
    assert Peer(seed=1).open().seq != Peer(seed=2).open().seq


def test_everything_is_told_to_the_listener() -> None:
    peer = Peer()
    heard: list[cpl.ToCard | cpl.ToHost] = []
    peer.engine.listener = heard.append
    peer.open()
    peer.stream(b"abc")
    assert [type(message).__name__ for message in heard] == [
        "CPL_PASS_ACCEPT_REQ",
        "CPL_PASS_ACCEPT_RPL",
        "CPL_PASS_ESTABLISH",
        "CPL_RX_DATA",
        "CPL_RX_DATA_ACK",
    ]
    assert heard[3] == cpl.CPL_RX_DATA(0, peer.isn + 1, b"abc")


def test_the_earliest_timer_of_all() -> None:
    peer = Peer(TcpSettings(msl=5.0))
    assert peer.engine.next_timer == float("inf")
    peer.send("S", sport=1)
    peer.now = 0.25
    peer.send("S", sport=2)
    assert peer.engine.next_timer == 1.0
    assert peer.engine.timers == 2
    assert [segment.destination_port for segment in peer.wait(1.0)] == [1, 2]


def test_what_is_dropped_is_counted() -> None:
    peer = Peer()
    packet = peer.packet("S")
    packet.payload.chksum = 1
    peer.arrive(bytes(packet))
    peer.arrive(b"")
    peer.arrive(bytes(peer.packet("S"))[:30])
    assert peer.engine.dropped == {Drop.TCP_CHECKSUM: 1, Drop.IP_VERSION: 1, Drop.IP_LENGTH: 1}
