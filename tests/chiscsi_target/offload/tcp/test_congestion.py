"""Congestion control: the steps of RFC 5681 and RFC 6582."""

from __future__ import annotations

import pytest

from chiscsi_target.offload.tcp.congestion import Congestion

MSS = 1000


@pytest.mark.parametrize(("mss", "segments"), [(2191, 2), (2190, 3), (1096, 3), (1095, 4), (536, 4)])
def test_the_initial_window(mss: int, segments: int) -> None:
    """RFC 5681 section 3.1, IW."""
    assert Congestion(mss).window == segments * mss


def test_slow_start_and_congestion_avoidance() -> None:
    tested = Congestion(MSS)
    tested.acknowledged(5000, 5000, 0)
    assert tested.window == 5000, "by a segment for each acknowledgement"
    tested.threshold = tested.window
    tested.acknowledged(1000, 6000, 0)
    assert tested.window == 5200, "by a segment for each round trip"


def test_a_time_out() -> None:
    tested = Congestion(MSS)
    tested.timed_out(8000, 9000)
    assert (tested.threshold, tested.window) == (4000, MSS)
    tested.timed_out(1000, 9000)
    assert tested.threshold == 2 * MSS


def test_fast_retransmit_and_recovery() -> None:
    """The third duplicate sends again; each further one lets a segment leave; the end deflates the window."""
    tested = Congestion(MSS)
    assert [tested.duplicate(10_000, 1, 10_001) for _ in range(3)] == [False, False, True]
    assert (tested.threshold, tested.window) == (5000, 8000)
    assert not tested.duplicate(10_000, 1, 10_001)
    assert tested.window == 9000
    assert tested.acknowledged(3000, 3001, 7000), "a partial acknowledgement: the next one is lost, too"
    assert tested.window == 9000 - 3000 + 1000
    assert not tested.acknowledged(7000, 10_001, 0)
    assert not tested.recovering
    assert tested.window == 2000, "RFC 6582 section 3.2, step 3: min (ssthresh, max (FlightSize, SMSS) + SMSS)"


def test_duplicates_of_what_was_dealt_with_do_nothing() -> None:
    tested = Congestion(MSS)
    tested.timed_out(10_000, 10_001)
    assert [tested.duplicate(5000, 5000, 10_001) for _ in range(5)] == [False] * 5


def test_an_acknowledgement_between_them_ends_the_count() -> None:
    tested = Congestion(MSS)
    tested.duplicate(5000, 1, 5001)
    tested.duplicate(5000, 1, 5001)
    tested.acknowledged(1000, 1001, 4000)
    assert [tested.duplicate(4000, 1001, 5001) for _ in range(3)] == [False, False, True]
