"""When acknowledgements leave: at once, or every second one, or when the time is over; and challenges, not too many."""

from __future__ import annotations

from chiscsi_target.offload.tcp.acknowledging import Acknowledging
from chiscsi_target.offload.tcp.settings import TcpSettings
from chiscsi_target.offload.tcp.timers import NEVER

MSS = 1000


def test_at_once() -> None:
    tested = Acknowledging(TcpSettings(), MSS)
    tested.received(1, 0.0)
    assert (tested.due, tested.deadline) == (True, NEVER)
    tested.sent()
    assert not tested.due


def test_delayed() -> None:
    """RFC 9293 section 3.8.6.3: "within 0.5 seconds", and "at least every second full-sized segment"."""
    tested = Acknowledging(TcpSettings(ack_delay=0.5), MSS)
    tested.received(MSS, 10.0)
    assert (tested.due, tested.deadline) == (False, 10.5)
    tested.received(MSS - 1, 10.2)
    assert (tested.due, tested.deadline) == (False, 10.5)
    tested.received(1, 10.3)
    assert tested.due
    tested.sent()
    assert (tested.due, tested.deadline) == (False, NEVER)
    tested.received(1, 11.0)
    tested.expired()
    assert (tested.due, tested.deadline) == (True, NEVER)


def test_challenges_are_limited() -> None:
    tested = Acknowledging(TcpSettings(challenges=2, challenge_time=5.0), MSS)
    assert [tested.may_challenge(now) for now in (0.0, 1.0, 2.0, 4.9, 5.0, 5.1, 6.0)] == [
        True,
        True,
        False,
        False,
        True,
        False,
        True,
    ]
