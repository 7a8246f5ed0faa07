"""Octets in both directions: order, duplicates, acknowledgements, windows, loss (RFC 9293 sections 3.8 and 3.10)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chiscsi_target.offload.tcp import messages as cpl
from chiscsi_target.offload.tcp.sender import OutOfCredits
from chiscsi_target.offload.tcp.settings import TcpSettings
from chiscsi_target.offload.tcp.state import State
from initiator_sim.segments.packets import ACK, PSH, RST
from tests.chiscsi_target.offload.tcp.peer import ISN, Peer

DATA = bytes(range(256)) * 40


def opened(settings: TcpSettings | None = None, version: int = 4, isn: int = ISN) -> Peer:
    peer = Peer(settings, version, isn)
    peer.open()
    peer.messages = peer.messages[-1:]
    return peer


@pytest.mark.parametrize("version", [4, 6])
def test_octets_in_order(version: int) -> None:
    peer = opened(version=version)
    for size in (1, 300, 1440):
        (answer,) = peer.stream(bytes(size))
        assert (answer.flags, answer.ack) == (ACK, peer.snd)
    assert [len(message.data) for message in peer.messages if isinstance(message, cpl.CPL_RX_DATA)] == [1, 300, 1440]


def test_octets_out_of_order_are_acknowledged_each_and_kept() -> None:
    """RFC 5681 section 4.2: a duplicate ACK for each, at once."""
    peer = opened()
    start = peer.snd
    for number in (3, 1, 2):
        (answer,) = peer.send("A", DATA[number * 100 : number * 100 + 100], seq=start + number * 100 & 0xFFFFFFFF)
        assert answer.ack == start
    (answer,) = peer.send("A", DATA[:100])
    assert answer.ack == start + 400 & 0xFFFFFFFF
    assert peer.received == DATA[:400]


def test_duplicates_are_acknowledged_and_bring_nothing() -> None:
    peer = opened()
    peer.stream(b"once")
    (answer,) = peer.send("A", b"once", seq=peer.snd - 4 & 0xFFFFFFFF)
    assert answer.ack == peer.snd
    assert peer.received == b"once"


def test_of_overlapping_segments_the_first_copy_counts() -> None:
    peer = opened()
    start = peer.snd
    peer.send("A", b"XX", seq=start + 2 & 0xFFFFFFFF)
    peer.send("A", b"abcdef", seq=start)
    assert peer.received == b"abXXef"
    peer.send("A", b"ABCDEFgh", seq=start)
    assert peer.received == b"abXXefgh"


def test_segments_without_ack_are_dropped() -> None:
    peer = opened()
    assert peer.send("P", b"data") == []
    assert peer.received == b""


def test_urgent_octets_are_octets() -> None:
    peer = opened()
    peer.send("AU", b"urgent", urgptr=3)
    assert peer.received == b"urgent"


def test_the_answer_takes_the_acknowledgement_along() -> None:
    peer = opened()
    peer.reads = False
    peer.engine.packet_arrived(bytes(peer.packet("A", b"question")), 0.0)
    peer.engine.take_messages()
    peer.engine.post(cpl.CPL_TX_DATA(peer.tid, b"answer"), 0.0)
    (answer,) = peer.collect()
    assert (answer.data, answer.ack) == (b"answer", peer.snd + 8 & 0xFFFFFFFF)


def test_delayed_acknowledgements() -> None:
    peer = opened(TcpSettings(ack_delay=0.2))
    assert peer.stream(bytes(1000)) == []
    (answer,) = peer.wait(0.2)
    assert answer.ack == peer.snd
    assert peer.stream(bytes(1460)) == []
    assert len(peer.stream(bytes(1460))) == 1, "every second full-sized segment"
    assert peer.engine.timers == 0


# Windows


def test_the_window_closes_and_opens_again() -> None:
    peer = opened(TcpSettings(receive_buffer=4000))
    peer.reads = False
    (answer,) = peer.stream(bytes(1000))
    assert answer.window == 3000
    peer.stream(bytes(1400))
    (answer,) = peer.stream(bytes(1600))
    assert answer.window == 0
    (answer,) = peer.send("A", b"!")  # a probe
    assert (answer.ack, answer.window) == (peer.snd, 0)
    assert peer.post(cpl.CPL_RX_DATA_ACK(peer.tid, 1000)) == [], "too little to tell"
    (update,) = peer.post(cpl.CPL_RX_DATA_ACK(peer.tid, 1000))
    assert (update.flags, update.window) == (ACK, 2000)


def test_with_a_closed_window_acknowledgements_are_let_through() -> None:
    """The RFC: "special allowance should be made to accept valid ACKs, URGs, and RSTs"."""
    peer = opened(TcpSettings(receive_buffer=1000))
    peer.reads = False
    peer.stream(bytes(1000))
    peer.take(peer.give(b"data"))
    peer.send("A", b"!")
    assert peer.messages[-1] == cpl.CPL_FW4_ACK(peer.tid, 4, peer.rcv)
    peer.send("R")
    assert peer.state() is State.CLOSED


def test_the_peers_window_is_kept_to() -> None:
    peer = opened()
    peer.window = 3000
    peer.send("A")
    assert sum(len(segment.data) for segment in peer.give(DATA)) == 2920
    peer.rcv = peer.rcv + 2920 & 0xFFFFFFFF
    peer.window = 1460
    assert [len(segment.data) for segment in peer.send("A")] == [1460]


def test_a_closed_window_is_probed_for_as_long_as_the_peer_answers() -> None:
    """RFC 9293 section 3.8.6.1: the interval grows; "the TCP implementation MUST NOT" give up."""
    peer = opened()
    peer.window = 0
    peer.send("A")
    assert peer.give(b"abc") == []
    times = []
    for _ in range(12):
        times.append(peer.engine.next_timer)
        (probe,) = peer.wait(peer.engine.next_timer - peer.now)
        assert probe.data == b"a"
        assert peer.send("A") == []
    assert times[:5] == [1.0, 3.0, 7.0, 15.0, 31.0]
    assert times[-1] - times[-2] == 60.0
    peer.window = 1000
    peer.rcv += 1
    (rest,) = peer.send("A")
    assert rest.data == b"bc"


def test_a_probe_that_nobody_answers_ends_the_connection() -> None:
    peer = opened()
    peer.window = 0
    peer.send("A")
    peer.give(b"abc")
    sent = peer.wait(300.0)
    assert sent[-1].flags & RST
    assert peer.messages[-1] == cpl.CPL_ABORT_REQ_RSS(peer.tid, cpl.CplError.PERSIST_TIMEDOUT)


def test_a_window_that_stays_small_is_used_after_a_second() -> None:
    """Section 3.8.6.2.1, the override time-out; it does not grow."""
    peer = opened()
    peer.window = 100
    peer.send("A")
    assert peer.give(bytes(1000)) == []
    for number in (1, 2, 3):
        (piece,) = peer.wait(1.0)
        assert (len(piece.data), peer.now) == (100, number)
        peer.rcv = peer.rcv + 100 & 0xFFFFFFFF
        assert peer.send("A") == []


# Sending


def test_what_the_host_gives_is_cut_into_the_peers_segments() -> None:
    peer = opened()
    sent = peer.give(DATA[:3000])
    assert [len(segment.data) for segment in sent] == [1460, 1460, 80]
    assert [segment.flags for segment in sent] == [ACK, ACK, ACK | PSH]
    assert peer.take(sent) == DATA[:3000]
    peer.send("A")
    assert peer.messages[-1] == cpl.CPL_FW4_ACK(peer.tid, 3000, peer.rcv)
    assert peer.engine.next_timer == float("inf")


def test_credits() -> None:
    peer = opened(TcpSettings(send_buffer=1000))
    peer.take(peer.give(bytes(600)))
    with pytest.raises(OutOfCredits, match="401 octets, and credits for 400"):
        peer.give(bytes(401))
    peer.send("A")
    peer.give(bytes(1000))


def test_a_lost_segment_is_sent_again_by_the_timer_which_backs_off() -> None:
    peer = opened()
    first = peer.give(b"lost")
    times = []
    for _ in range(5):
        times.append(peer.engine.next_timer)
        assert [segment.data for segment in peer.wait(peer.engine.next_timer - peer.now)] == [b"lost"]
    assert times == [1.0, 3.0, 7.0, 15.0, 31.0]
    peer.take(first)
    assert peer.send("A") == []
    assert peer.engine.next_timer == float("inf")


def test_a_peer_that_answers_nothing_is_given_up() -> None:
    """RFC 9293 section 3.8.3: R2 is "at least 100 seconds"."""
    peer = opened()
    peer.give(b"lost")
    sent = peer.wait(99.0)
    assert peer.state() is State.ESTABLISHED
    sent = peer.wait(60.0)
    assert sent[-1].flags & RST
    assert peer.messages[-1] == cpl.CPL_ABORT_REQ_RSS(peer.tid, cpl.CplError.XMIT_TIMEDOUT)
    assert peer.engine.connections == {}
    assert peer.engine.timers == 0


def test_three_duplicate_acknowledgements_send_again_at_once() -> None:
    peer = opened()
    sent = peer.give(bytes(4000))
    peer.take(sent[:1])
    assert peer.send("A") == []
    assert peer.send("A") == peer.send("A") == []
    (again,) = peer.send("A")
    assert again.seq == sent[1].seq
    peer.take(sent)
    assert peer.send("A") == []
    assert peer.messages[-1] == cpl.CPL_FW4_ACK(peer.tid, 2540, peer.rcv)


def test_two_losses_of_one_window_are_both_made_good_without_the_timer() -> None:
    """RFC 6582: a partial acknowledgement says that the next one is lost, too."""
    peer = opened()
    sent = peer.give(bytes(4380))
    peer.send("A")
    peer.send("A")
    (first,) = peer.send("A")
    assert first == sent[0]
    peer.take(sent[:1])
    (second,) = peer.send("A")
    assert second.seq == sent[1].seq
    assert peer.connection.sender.congestion.window == 2 * 1460 + 3 * 1460, "less what was acknowledged, and a segment"
    peer.take(sent)
    assert peer.send("A") == []
    assert peer.engine.next_timer == float("inf")


def test_what_is_no_duplicate_acknowledgement() -> None:
    """RFC 5681 section 2: without octets, and with the same window."""
    peer = opened()
    peer.give(bytes(4000))
    for number in range(6):
        assert len(peer.stream(b"x")) == 1, "just its acknowledgement"
        peer.window = 60000 + number
        assert peer.send("A") == []


def test_after_a_time_out_everything_is_sent_again_as_the_windows_allow() -> None:
    peer = opened()
    sent = peer.give(bytes(4000))
    (first,) = peer.wait(1.0)
    assert first == sent[0]
    peer.take(sent[:1])
    again = peer.send("A")
    assert [segment.seq for segment in again] == [segment.seq for segment in sent[1:]]


# Anything


@given(
    st.integers(0, 0xFFFFFFFF),
    st.lists(st.tuples(st.integers(-40, 140), st.binary(max_size=50), st.booleans()), max_size=25),
)
def test_what_the_host_gets_is_the_first_copy_of_each_octet_in_order(
    isn: int, arriving: list[tuple[int, bytes, bool]]
) -> None:
    peer = opened(TcpSettings(receive_buffer=150), isn=isn)
    copies: dict[int, int] = {}
    have, edge = 0, 150
    for start, data, reads in arriving:
        peer.reads = reads
        # Table 6, and only what is in the window.
        taken = have <= start < edge or have <= start + len(data) - 1 < edge
        if data and edge > have and taken:
            for position, octet in enumerate(data, start):
                if have <= position < edge:
                    copies.setdefault(position, octet)
        answers = peer.send("A", data, seq=isn + 1 + start & 0xFFFFFFFF)
        while have in copies:
            have += 1
        if answers:
            assert answers[-1].ack == isn + 1 + have & 0xFFFFFFFF
            edge = have + answers[-1].window
        assert peer.received == bytes(copies[position] for position in range(have))
