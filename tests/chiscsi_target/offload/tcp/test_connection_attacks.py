"""Blind attacks (RFC 5961) and whatever else may come: nothing ends but by what is exactly in place."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chiscsi_target.offload.tcp import messages as cpl
from chiscsi_target.offload.tcp.settings import TcpSettings
from chiscsi_target.offload.tcp.state import State
from initiator_sim.segments.packets import ACK
from tests.chiscsi_target.offload.tcp.peer import Peer


def opened(settings: TcpSettings | None = None) -> Peer:
    peer = Peer(settings)
    peer.open()
    peer.messages = peer.messages[-1:]
    return peer


def test_a_reset_that_is_in_place_resets() -> None:
    peer = opened()
    assert peer.send("R") == []
    assert peer.messages[-1] == cpl.CPL_ABORT_REQ_RSS(peer.tid, cpl.CplError.CONN_RESET)
    assert peer.engine.connections == {}
    assert peer.engine.tids == peer.engine.timers == 0


@pytest.mark.parametrize("ahead", [1, 1000, 65534])
def test_a_reset_elsewhere_in_the_window_is_challenged(ahead: int) -> None:
    """RFC 5961 section 3.2."""
    peer = opened()
    (challenge,) = peer.send("R", seq=peer.snd + ahead & 0xFFFFFFFF)
    assert (challenge.flags, challenge.seq, challenge.ack) == (ACK, peer.rcv, peer.snd)
    assert peer.state() is State.ESTABLISHED


@pytest.mark.parametrize("ahead", [-1, 65535, 1 << 31])
def test_a_reset_outside_the_window_is_nothing(ahead: int) -> None:
    peer = opened()
    assert peer.send("R", seq=peer.snd + ahead & 0xFFFFFFFF) == []
    assert peer.state() is State.ESTABLISHED


@pytest.mark.parametrize("ahead", [-5000, 0, 1000, 1 << 31])
@pytest.mark.parametrize("flags", ["S", "SA"])
def test_a_syn_is_challenged_wherever_it_is(flags: str, ahead: int) -> None:
    """RFC 5961 section 4.2: "irrespective of the sequence number"."""
    peer = opened()
    (challenge,) = peer.send(flags, seq=peer.snd + ahead & 0xFFFFFFFF)
    assert (challenge.flags, challenge.seq, challenge.ack) == (ACK, peer.rcv, peer.snd)
    assert peer.state() is State.ESTABLISHED


@pytest.mark.parametrize("ahead", [1, 1 << 30, -70_000])
def test_octets_with_an_impossible_acknowledgement_are_challenged(ahead: int) -> None:
    """RFC 5961 section 5.2."""
    peer = opened()
    (challenge,) = peer.send("A", b"injected", ack=peer.rcv + ahead & 0xFFFFFFFF)
    assert (challenge.flags, challenge.ack) == (ACK, peer.snd)
    assert peer.received == b""


def test_octets_with_an_old_acknowledgement_are_taken() -> None:
    peer = opened()
    peer.send("A", b"taken", ack=peer.rcv - 100 & 0xFFFFFFFF)
    assert peer.received == b"taken"


def test_challenges_are_limited() -> None:
    """RFC 5961 section 7."""
    peer = opened()
    answers = [len(peer.send("S")) for _ in range(20)]
    assert answers == [1] * 10 + [0] * 10
    peer.wait(5.1)
    assert len(peer.send("S")) == 1


def test_an_old_segment_without_octets_is_answered_a_limited_number_of_times() -> None:
    peer = opened()
    answers = [len(peer.send("A", seq=peer.snd - 1 & 0xFFFFFFFF)) for _ in range(12)]
    assert sum(answers) == 10


def test_small_pieces_do_not_fill_the_memory() -> None:
    peer = opened(TcpSettings(out_of_order=1000, out_of_order_pieces=20))
    for number in range(100):
        peer.send("A", b"x", seq=peer.snd + 1 + 2 * number & 0xFFFFFFFF)
    assert peer.connection.receiver.waiting == 20
    assert peer.connection.receiver.refused == 80


near = st.integers(-3000, 3000)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["", "A", "PA", "FA", "R", "RA", "S", "SA", "U", "FSRPAU"]),
            near,
            near,
            st.binary(max_size=20),
        ),
        max_size=20,
    ),
    st.sampled_from(["listen", "open", "closing", "closed by the peer"]),
)
def test_whatever_comes_nothing_breaks(segments: list[tuple[str, int, int, bytes]], begin: str) -> None:
    peer = Peer()
    if begin != "listen":
        peer.open()
    if begin == "closing":
        peer.close()
    elif begin == "closed by the peer":
        peer.send("FA")
    for flags, ahead, acknowledges, data in segments:
        seq, ack = peer.snd + ahead & 0xFFFFFFFF, peer.rcv + acknowledges & 0xFFFFFFFF
        assert len(peer.send(flags, data, seq=seq, ack=ack)) <= 2
    for message in peer.messages:
        if isinstance(message, cpl.CPL_PASS_ESTABLISH):
            peer.post(cpl.CPL_ABORT_REQ(message.tid))
    peer.wait(1000.0)
    assert peer.engine.connections == {}
    assert peer.engine.timers == peer.engine.tids == 0


@pytest.mark.parametrize("seed", range(3))
def test_packets_with_wrong_octets_change_nothing(seed: int) -> None:
    """Some of the header is altered, and no checksum made right again."""
    chance = random.Random(seed)
    peer = opened()
    packet = bytes(peer.packet("A", b"data"))
    for _ in range(500):
        octets = bytearray(packet)
        for place in chance.sample(range(len(octets)), chance.randint(1, 3)):
            octets[place] ^= chance.randint(1, 255)
        peer.engine.packet_arrived(bytes(octets)[: chance.randint(0, 60)], 0.0)
    assert peer.received == b""
    assert peer.state() is State.ESTABLISHED
    assert sum(peer.engine.dropped.values()) == 500
