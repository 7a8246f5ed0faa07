"""The time limit of a case."""

from __future__ import annotations

import signal
import threading

import pytest

from conformance.harness.clockwork import time_limit
from conformance.harness.interruptions import TimeLimit


def test_a_block_that_takes_too_long_is_interrupted() -> None:
    def endless() -> None:
        with time_limit(0.02):
            while True:
                pass

    with pytest.raises(TimeLimit, match=r"time limit of 0\.02 s"):
        endless()


def test_the_timer_and_the_signal_are_given_back() -> None:
    before = signal.getsignal(signal.SIGALRM)
    outer = signal.setitimer(signal.ITIMER_REAL, 50)
    try:
        with time_limit(10):
            assert signal.getsignal(signal.SIGALRM) is not before
            assert signal.getitimer(signal.ITIMER_REAL)[0] <= 10
        assert signal.getsignal(signal.SIGALRM) is before
        assert 10 < signal.getitimer(signal.ITIMER_REAL)[0] <= 50
    finally:
        signal.setitimer(signal.ITIMER_REAL, *outer)


def test_without_anybody_around_no_timer_is_left_running() -> None:
    outer = signal.setitimer(signal.ITIMER_REAL, 0)
    try:
        with time_limit(10):
            pass
        assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    finally:
        signal.setitimer(signal.ITIMER_REAL, *outer)


@pytest.mark.parametrize("seconds", [0, -1])
def test_no_limit_sets_no_timer(seconds: float) -> None:
    before = signal.getsignal(signal.SIGALRM)
    with time_limit(seconds):
        assert signal.getsignal(signal.SIGALRM) is before


def test_outside_the_main_thread_there_is_none() -> None:
    before = signal.getsignal(signal.SIGALRM)
    seen = []

    def work() -> None:
        with time_limit(60):
            seen.append(signal.getsignal(signal.SIGALRM))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [before]
