"""The time limit of a case: the last resort against an exchange that hangs.

Expectations have their own deadlines, which are the target's; this one is the harness's, so that passing it is
inconclusive. A signal of the interval timer raises in the main thread, where pytest (and each worker of pytest-xdist)
runs cases. pytest-timeout, which does the same, prints every thread's stack and fails the test.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from conformance.harness.interruptions import TimeLimit


@contextmanager
def time_limit(seconds: float, struck: Callable[[float], Exception] = TimeLimit) -> Iterator[None]:
    """Raise :class:`TimeLimit`, or what `struck` makes of the limit, in the block when it takes longer than `seconds`.

    0 sets no limit, and outside the main thread, where no signal arrives, there is none.
    """
    if seconds <= 0 or threading.current_thread() is not threading.main_thread():
        yield
        return

    def strike(_number: int, _frame: FrameType | None) -> None:
        raise struck(seconds)

    handler = signal.signal(signal.SIGALRM, strike)
    remaining, interval = signal.setitimer(signal.ITIMER_REAL, seconds)
    start = time.monotonic()
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
        if remaining:  # somebody around us, pytest-timeout for one, waits for the same timer
            signal.setitimer(signal.ITIMER_REAL, max(remaining - time.monotonic() + start, 1e-3), interval)
