"""The retransmission timer: the numbers of RFC 6298."""

from __future__ import annotations

import pytest

from chiscsi_target.offload.tcp.retransmission import RetransmissionTimer
from chiscsi_target.offload.tcp.settings import TcpSettings
from chiscsi_target.offload.tcp.timers import NEVER


def timer(**settings: float) -> RetransmissionTimer:
    return RetransmissionTimer(TcpSettings(**({"min_rto": 0.0} | settings)))  # type: ignore[arg-type]


def measure(tested: RetransmissionTimer, *round_trips: float) -> None:
    for end, round_trip in enumerate(round_trips):
        tested.sent(end, 100.0)
        tested.acknowledged(end, 100.0 + round_trip, all_of_it=True)


def test_the_first_measurement() -> None:
    """(2.2): SRTT is R, RTTVAR R/2, RTO SRTT + 4 RTTVAR."""
    tested = timer()
    assert tested.rto == 1.0
    measure(tested, 0.4)
    assert tested.srtt == pytest.approx(0.4)
    assert tested.rto == pytest.approx(0.4 + 4 * 0.2)


def test_later_measurements() -> None:
    """(2.3): RTTVAR is 3/4 RTTVAR + 1/4 |SRTT - R'|, then SRTT 7/8 SRTT + 1/8 R'."""
    tested = timer()
    measure(tested, 0.4, 0.8)
    variance = 0.75 * 0.2 + 0.25 * 0.4
    assert tested.srtt == pytest.approx(0.875 * 0.4 + 0.125 * 0.8)
    assert tested.rto == pytest.approx(0.45 + 4 * variance)


def test_bounds() -> None:
    """(2.4): at least a second; (2.5): a maximum."""
    tested = timer(min_rto=1.0)
    measure(tested, 0.001)
    assert tested.rto == 1.0
    for _ in range(10):
        tested.back_off(0.0)
    assert tested.rto == 60.0


def test_back_off() -> None:
    """(5.5) and (5.6)."""
    tested = timer()
    tested.start(10.0)
    assert tested.deadline == 11.0
    tested.back_off(11.0)
    assert (tested.rto, tested.deadline) == (2.0, 13.0)
    assert tested.waiting(13.0) == 3.0


def test_what_was_sent_twice_is_not_measured() -> None:
    tested = timer()
    tested.sent(10, 0.0)
    tested.sent_again()
    tested.acknowledged(10, 9.0, all_of_it=False)
    assert tested.srtt is None
    assert tested.deadline == 10.0


def test_one_round_trip_is_measured_at_a_time() -> None:
    tested = timer()
    tested.sent(10, 0.0)
    tested.sent(20, 1.0)
    tested.acknowledged(10, 2.0, all_of_it=False)
    assert tested.srtt == 2.0
    tested.acknowledged(20, 99.0, all_of_it=True)
    assert tested.srtt == 2.0
    assert tested.deadline == NEVER


def test_a_syn_that_was_repeated() -> None:
    """(5.7): begin with 3 s."""
    tested = timer()
    tested.start(0.0)
    tested.back_off(1.0)
    tested.syn_acknowledged(1.5, repeated=True)
    assert tested.rto == 3.0
    assert tested.deadline == NEVER
    other = timer()
    other.start(0.0)
    other.syn_acknowledged(0.5, repeated=False)
    assert other.rto == pytest.approx(0.5 + 4 * 0.25)
