"""Connections that begin: the passive open of RFC 9293 section 3.10.7.2, options, and what goes wrong on the way."""

from __future__ import annotations

from typing import Any

import pytest
from scapy.layers.inet import TCP

from chiscsi_target.offload.tcp import messages as cpl
from chiscsi_target.offload.tcp.checksum import checksum, pseudo_header, word_sum
from chiscsi_target.offload.tcp.drops import Drop
from chiscsi_target.offload.tcp.options import Options
from chiscsi_target.offload.tcp.settings import TcpSettings
from chiscsi_target.offload.tcp.state import State
from initiator_sim.segments.packets import ACK, RST, SYN, Parsed
from tests.chiscsi_target.offload.tcp.peer import CARD, ISN, OTHER, PEER_PORT, PORT, STID, Peer

BOTH = pytest.mark.parametrize("version", [4, 6])


def options(answer: Parsed) -> dict[str, Any]:
    return dict(TCP(bytes(TCP(dataofs=5 + len(answer.options) // 4))[:20] + answer.options).options)


@BOTH
def test_three_segments_open_a_connection(version: int) -> None:
    peer = Peer(version=version)
    answer = peer.open(options=[("MSS", 1400), ("WScale", 7), ("SAckOK", b"")])
    assert answer.flags == SYN | ACK
    assert answer.ack == ISN + 1
    assert peer.state() is State.ESTABLISHED
    asked, established = peer.messages
    assert isinstance(asked, cpl.CPL_PASS_ACCEPT_REQ)
    assert asked.options == Options(1400, 7, True)
    assert (asked.peer[1], asked.local[1]) == (PEER_PORT, PORT)
    assert established == cpl.CPL_PASS_ESTABLISH(asked.tid, STID, answer.seq, ISN, 1400, 256 * 1024)


@pytest.mark.parametrize(("version", "mss"), [(4, 1460), (6, 1440)])
def test_the_card_says_what_fits_its_network(version: int, mss: int) -> None:
    peer = Peer(version=version)
    assert options(peer.open())["MSS"] == mss
    assert peer.open(sport=9).window == 65535


def test_windows_are_scaled_only_if_both_offer_it() -> None:
    assert options(Peer().open(options=[("WScale", 2)])) == {"MSS": 1460, "NOP": None, "WScale": 3}
    assert options(Peer().open(options=[("MSS", 1460)])) == {"MSS": 1460}
    scaled, plain = Peer(), Peer()
    scaled.open(options=[("WScale", 2)])
    plain.open()
    assert scaled.connection.sender.shift == 2
    assert [peer.stream(b"x")[0].window for peer in (scaled, plain)] == [256 * 1024 >> 3, 65534]


@pytest.mark.parametrize(("version", "default"), [(4, 536), (6, 1220)])
def test_a_peer_that_says_nothing_gets_small_segments(version: int, default: int) -> None:
    peer = Peer(version=version)
    peer.open(options=[])
    assert {len(segment.data) for segment in peer.give(bytes(2 * default))} == {default}


def test_what_the_card_cannot_do_it_does_not_offer() -> None:
    answer = Peer().open(options=[("Timestamp", (1, 0)), ("SAckOK", b""), (253, b"xx"), ("MSS", 1460)])
    assert options(answer) == {"MSS": 1460}


def test_a_lost_answer_is_given_again_for_the_same_syn() -> None:
    peer = Peer()
    first = peer.send("S")
    assert peer.send("S") == first
    assert peer.state() is State.SYN_RECEIVED


def test_an_answer_that_is_not_acknowledged_is_sent_again_and_then_given_up() -> None:
    """RFC 9293 section 3.8.3: for a SYN, for at least three minutes."""
    peer = Peer()
    (first,) = peer.send("S")
    times = []
    while peer.engine.connections:
        times.append(peer.engine.next_timer)
        last = peer.wait(peer.engine.next_timer - peer.now)
        assert last[0] == first or last[0].flags & RST
    assert times[:7] == [1.0, 3.0, 7.0, 15.0, 31.0, 63.0, 123.0]
    assert times[-1] >= 180.0
    assert peer.heard == ["CPL_PASS_ACCEPT_REQ", "CPL_ABORT_REQ_RSS"]
    assert peer.messages[-1] == cpl.CPL_ABORT_REQ_RSS(0, cpl.CplError.XMIT_TIMEDOUT)


def test_a_third_segment_with_a_wrong_acknowledgement_is_reset() -> None:
    """The RFC: "If the segment acknowledgment is not acceptable, form a reset segment <SEQ=SEG.ACK><CTL=RST>"."""
    peer = Peer()
    (answer,) = peer.send("S")
    for ack in (answer.seq, answer.seq + 2):
        (reset,) = peer.send("A", seq=ISN + 1, ack=ack & 0xFFFFFFFF)
        assert (reset.flags, reset.seq) == (RST, ack & 0xFFFFFFFF)
    assert peer.state() is State.SYN_RECEIVED


def test_octets_with_the_third_segment() -> None:
    peer = Peer()
    (answer,) = peer.send("S")
    (reply,) = peer.send("PA", b"at once", seq=ISN + 1, ack=answer.seq + 1)
    assert reply.ack == ISN + 8
    assert peer.received == b"at once"


def test_octets_with_the_syn_are_not_taken() -> None:
    peer = Peer()
    (answer,) = peer.send("S", b"early")
    assert answer.ack == ISN + 1


@pytest.mark.parametrize(("flags", "seq"), [("R", ISN + 1), ("S", ISN + 5)])
def test_back_to_listen(flags: str, seq: int) -> None:
    """RST, and a SYN in the window (erratum 8710): the connection is forgotten, and another can come."""
    peer = Peer()
    peer.send("S")
    assert peer.send(flags, seq=seq) == []
    assert peer.engine.connections == {}
    assert peer.heard == ["CPL_PASS_ACCEPT_REQ", "CPL_ABORT_REQ_RSS"]
    peer.open()


def test_a_reset_beside_the_window_does_nothing() -> None:
    peer = Peer()
    peer.send("S")
    assert peer.send("R", seq=ISN) == []
    assert peer.state() is State.SYN_RECEIVED


def test_an_answer_that_comes_a_second_late_counts_for_the_timer() -> None:
    peer = Peer()
    (answer,) = peer.send("S")
    peer.wait(0.5)
    peer.snd, peer.rcv = ISN + 1, answer.seq + 1
    peer.send("A")
    peer.give(b"x")
    assert peer.engine.next_timer == 0.5 + (0.5 + 4 * 0.25)


def test_fin_with_the_third_segment() -> None:
    peer = Peer()
    (answer,) = peer.send("S")
    peer.send("FA", seq=ISN + 1, ack=answer.seq + 1)
    assert peer.state() is State.CLOSE_WAIT
    assert peer.heard == ["CPL_PASS_ACCEPT_REQ", "CPL_PASS_ESTABLISH", "CPL_PEER_CLOSE"]


# What the host says


def test_a_host_that_refuses() -> None:
    peer = Peer()
    peer.accepts = False
    assert peer.send("S") == []
    assert peer.send("S") == [], "asked once"
    (reset,) = peer.post(cpl.CPL_ABORT_REQ(0))
    assert (reset.flags, reset.ack) == (RST | ACK, ISN + 1)
    assert peer.heard == ["CPL_PASS_ACCEPT_REQ", "CPL_ABORT_RPL_RSS"]
    assert peer.engine.connections == {}


def test_a_host_that_closes_before_it_hears_of_the_connection() -> None:
    peer = Peer()
    (answer,) = peer.send("S")
    assert peer.post(cpl.CPL_CLOSE_CON_REQ(0)) == []
    (fin,) = peer.send("A", seq=ISN + 1, ack=answer.seq + 1)
    assert fin.flags & 1
    assert peer.state() is State.FIN_WAIT_1


# Nobody, or too many (3.10.7.1)


@BOTH
def test_a_closed_port_is_reset(version: int) -> None:
    peer = Peer(version=version)
    (reset,) = peer.send("S", dport=PORT + 1)
    assert (reset.flags, reset.seq, reset.ack) == (RST | ACK, 0, ISN + 1)
    (reset,) = peer.send("FPU", b"12345", dport=PORT + 1)
    assert (reset.flags, reset.seq, reset.ack) == (RST | ACK, 0, (ISN + 6) & 0xFFFFFFFF)
    (reset,) = peer.send("A", dport=PORT + 1, ack=77)
    assert (reset.flags, reset.seq) == (RST, 77)
    assert peer.send("R", dport=PORT + 1) == []


def test_a_port_that_listens_knows_nothing_but_syn() -> None:
    peer = Peer()
    (reset,) = peer.send("SA", ack=77)
    assert (reset.flags, reset.seq) == (RST, 77)
    assert peer.send("R") == peer.send("F") == peer.send("", b"data") == []
    assert peer.engine.connections == {}


def test_syn_and_fin_together_are_dropped() -> None:
    peer = Peer()
    assert peer.send("SF") == []
    assert peer.engine.dropped == {Drop.SYN_FIN: 1}


def test_an_illegal_option_drops_the_syn() -> None:
    peer = Peer()
    octets = bytes(peer.packet("S", options=[("MSS", 1460)]))
    altered = octets[:41] + b"\1" + octets[42:]  # the length of MSS
    right = checksum(
        pseudo_header(altered[12:16], altered[16:20], 6, 24), word_sum(altered[20:36]), word_sum(altered[38:])
    )
    assert peer.arrive(altered[:36] + right.to_bytes(2) + altered[38:]) == []
    assert peer.engine.dropped == {Drop.TCP_OPTION: 1}


def test_too_many_connections() -> None:
    """The limit holds; one in TIME-WAIT makes room."""
    peer = Peer(TcpSettings(connections=2))
    peer.send("S", sport=1)
    peer.send("S", sport=2)
    assert peer.send("S", sport=3) == []
    assert peer.engine.dropped == {Drop.NO_ROOM: 1}
    peer.send("R", sport=1, seq=ISN + 1)
    peer.open()
    peer.close()
    peer.rcv += 1
    peer.send("FA")
    assert [connection.state for connection in peer.engine.connections.values()][-1] is State.TIME_WAIT
    assert len(peer.send("S", sport=3)) == 1
    assert len(peer.engine.connections) == 2


def test_the_addresses_of_others() -> None:
    peer = Peer()
    packet = peer.packet("S")
    for field, value in (("dst", "192.0.2.9"), ("src", "224.0.0.1"), ("src", "0.0.0.0"), ("src", CARD[4])):
        altered = packet.copy()
        setattr(altered, field, value)
        assert peer.arrive(bytes(altered)) == []
    assert peer.engine.dropped == {Drop.NOT_OURS: 4}
    assert OTHER[4] == packet.src
