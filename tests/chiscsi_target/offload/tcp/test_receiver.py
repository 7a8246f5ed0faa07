"""The receiving half: table 6 of RFC 9293 section 3.4 against octets counted one by one, windows, FIN."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chiscsi_target.offload.tcp.receiver import Receiver
from chiscsi_target.offload.tcp.segment import ACK, FIN, Segment
from chiscsi_target.offload.tcp.settings import TcpSettings

IRS = 0xFFFFFFF0
MSS = 100


def make(buffer: int = 1000, irs: int = IRS, **settings: int) -> Receiver:
    receiver = Receiver(irs, TcpSettings(receive_buffer=buffer, **settings), MSS)
    receiver.window_field()
    return receiver


def segment(receiver: Receiver, ahead: int, data: bytes = b"", flags: int = ACK) -> Segment:
    return Segment(1, 2, receiver.next_seq + ahead & 0xFFFFFFFF, 0, flags, 0, data)


@given(st.integers(0, 0xFFFFFFFF), st.integers(-30, 30), st.integers(0, 30), st.integers(0, 20))
def test_the_acceptance_test(irs: int, ahead: int, length: int, window: int) -> None:
    """Table 6: of an empty segment the place counts, of another the first octet or the last."""
    receiver = make(window, irs) if window else make(20, irs)
    if not window:
        receiver.take(segment(receiver, 0, bytes(20)))
        assert receiver.window_field() == 0
    places = range(window)
    expected = {
        (False, False): ahead == 0,
        (False, True): ahead in places,
        (True, False): False,
        (True, True): ahead in places or ahead + length - 1 in places,
    }[length > 0, window > 0]
    assert receiver.is_acceptable(receiver.next_seq + ahead & 0xFFFFFFFF, length) == expected


def test_what_reaches_beyond_the_window_is_cut() -> None:
    receiver = make(10)
    assert receiver.take(segment(receiver, -0, b"0123456789abc", ACK | FIN)) == [b"0123456789"]
    assert receiver.fin is None, "FIN lay beyond the window"
    assert receiver.window_field() == 0


def test_the_window_opens_when_the_host_has_used_octets_up() -> None:
    receiver = make(1000)
    receiver.take(segment(receiver, 0, bytes(1000)))
    assert receiver.window_field() == 0
    assert not receiver.used(99), "less than a segment, and less than half of the buffer"
    assert receiver.window_field() == 0
    assert receiver.used(1)
    assert receiver.window_field() == 100


def test_a_window_never_shrinks() -> None:
    receiver = make(1000)
    edge = receiver.edge
    for size in (10, 500, 1, 489):
        receiver.take(segment(receiver, 0, bytes(size)))
        receiver.window_field()
        assert receiver.edge >= edge
        edge = receiver.edge


@given(st.lists(st.tuples(st.integers(1, 3000), st.integers(0, 3000)), max_size=30), st.booleans())
def test_windows_are_kept_whatever_comes_and_goes(steps: list[tuple[int, int]], scaled: bool) -> None:
    receiver = Receiver(IRS, TcpSettings(receive_buffer=200_000), MSS)
    if scaled:
        assert receiver.scale() == 2
    field, unused = receiver.window_field(scaled=False), 0
    edge = receiver.next + field
    for size, wanted in steps:
        taken = receiver.take(segment(receiver, 0, bytes(size)))
        unused += sum(map(len, taken))
        used = min(wanted, unused)
        receiver.used(used)
        unused -= used
        said = receiver.next + (receiver.window_field() << receiver.shift)
        assert said >= edge, "it shrank"
        assert said == receiver.edge
        assert said - receiver.next <= 200_000 - unused + (1 << receiver.shift), "more than there is room for"
        edge = said


@pytest.mark.parametrize(("buffer", "shift"), [(1000, 0), (65535, 0), (65536, 1), (1 << 20, 5), (1 << 30, 14)])
def test_shift_counts(buffer: int, shift: int) -> None:
    assert make(buffer).scale() == shift


def test_fin_waits_for_what_is_before_it() -> None:
    receiver = make()
    assert receiver.take(segment(receiver, 3, b"def", ACK | FIN)) == []
    before = receiver.next
    assert receiver.take(segment(receiver, 0, b"abc")) == [b"abc", b"def"]
    assert receiver.complete
    assert receiver.next == before + 7


def test_behind_fin_there_is_nothing() -> None:
    receiver = make()
    receiver.take(segment(receiver, 3, b"", ACK | FIN))
    assert receiver.take(segment(receiver, 0, b"abcdef")) == [b"abc"]
    assert receiver.complete


def test_fin_before_octets_that_came_is_none() -> None:
    receiver = make()
    receiver.take(segment(receiver, 3, b"def"))
    receiver.take(segment(receiver, 2, b"", ACK | FIN))
    assert receiver.fin is None
    assert receiver.take(segment(receiver, 0, b"abc")) == [b"abc", b"def"]


def test_limits_of_what_waits() -> None:
    receiver = make(1000, out_of_order=5, out_of_order_pieces=9)
    receiver.take(segment(receiver, 10, b"12345"))
    receiver.take(segment(receiver, 20, b"6"))
    assert (receiver.waiting, receiver.refused) == (5, 1)
