"""What is called of somebody's driver has to come back: a call that does not is broken off."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from conformance.harness.clockwork import time_limit

HANGS: Final = 5.0
"""Seconds after which a call is taken for one that never returns."""
ENDING: Final = 10.0
"""Seconds after which the end of a target that somebody's driver is in is not waited for any more."""


class BrokenOff(Exception):
    """A call did not come back by itself, or wanted to end the program; the message says which."""


@contextmanager
def coming_back(name: str, seconds: float = 0.0) -> Iterator[None]:
    """Break the block off when it takes too long, or ends the program.

    Outside the main thread, which alone can be interrupted, nothing is broken off.

    Args:
        name: of what is called.
        seconds: how long it may take; `HANGS` if 0.

    Raises:
        BrokenOff: it was.
    """

    def hangs(limit: float) -> BrokenOff:
        return BrokenOff(f"{name} had not returned after {limit:g} s, and was broken off")

    try:
        with time_limit(seconds or HANGS, hangs):
            yield
    except SystemExit as end:
        raise BrokenOff(f"{name} wanted to end the program: SystemExit {end}") from end


def told(error: Exception) -> str:
    """What went wrong in a call, in words."""
    return str(error) if isinstance(error, BrokenOff) else f"{type(error).__name__}: {error}"
