"""Cutting the inbound stream: whole, split, octet by octet, and up to a fault."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from initiator_sim.evidence import Closed, Silence
from initiator_sim.stream import LOGIN_SEGMENT_LIMIT, Inbound
from iscsi_wire.errors import FramingError
from iscsi_wire.framing import Frame
from iscsi_wire.pdus import LoginResponse, NopIn
from tests.initiator_sim.fakes import FakeClock, FakePeer


def pdu(data: bytes, tag: int = 1) -> bytes:
    header = NopIn.make(initiator_task_tag=tag, data_segment_length=len(data)).encode()
    return header + data + bytes(-len(data) % 4)


def inbound(*pieces: bytes) -> tuple[Inbound, FakePeer]:
    peer = FakePeer(FakeClock())
    for piece in pieces:
        peer.deliver(piece)
    return Inbound(peer, peer.clock), peer


def data_of(stream: Inbound) -> bytes:
    frame = stream.next(1)
    assert isinstance(frame, Frame)
    return bytes(frame.data)


@given(st.lists(st.binary(max_size=30), min_size=1, max_size=4), st.integers(1, 70), st.booleans())
def test_any_split_gives_the_same_frames(payloads: list[bytes], size: int, stepwise: bool) -> None:
    whole = b"".join(map(pdu, payloads))
    stream, _ = inbound(*(whole[start : start + size] for start in range(0, len(whole), size)))
    stream.stepwise = stepwise
    assert [data_of(stream) for _ in payloads] == payloads
    assert isinstance(stream.next(1), Silence)


def test_during_login_nothing_behind_a_pdu_is_cut() -> None:
    """What follows the final login response may carry digests."""
    stream, _ = inbound(LoginResponse().encode() + pdu(b"abcd") + b"\0\0\0\0")
    assert isinstance(stream.next(1), Frame)
    assert stream.take_waiting() == []
    stream.stepwise, stream.framer.data_digest = False, True
    frame = stream.next(1)
    assert isinstance(frame, Frame) and frame.data_digest_error


def test_time_passes_only_in_silence() -> None:
    stream, peer = inbound()
    assert stream.next(2.5) == Silence(2.5)
    assert peer.clock.now == 102.5


def test_a_part_of_a_pdu_does_not_start_the_time_anew() -> None:
    stream, peer = inbound(pdu(b"")[:20])
    assert stream.next(3) == Silence(3)
    assert peer.clock.now == 103


@pytest.mark.parametrize("reset", [False, True])
def test_the_end_lasts(reset: bool) -> None:
    stream, peer = inbound(pdu(b"x"))
    peer.hang_up(reset)
    assert data_of(stream) == b"x"
    assert stream.next(1) == Closed(reset)
    assert stream.next(1) == Closed(reset)


def test_polling_takes_what_is_there_and_does_not_wait() -> None:
    stream, peer = inbound(pdu(b"a"), pdu(b"b"))
    stream.stepwise = False
    stream.poll()
    assert [bytes(frame.data) for frame in stream.take_waiting()] == [b"a", b"b"]
    peer.hang_up()
    stream.poll()
    assert stream.closed == Closed()
    assert peer.clock.now == 100


def test_a_fault_comes_after_the_frames_before_it() -> None:
    bad = NopIn.make(data_segment_length=LOGIN_SEGMENT_LIMIT + 1).encode()
    for stepwise in (True, False):
        stream, _ = inbound(pdu(b"good") + bad)
        stream.stepwise = stepwise
        assert data_of(stream) == b"good"
        for _ in range(2):
            with pytest.raises(FramingError):
                stream.next(1)
