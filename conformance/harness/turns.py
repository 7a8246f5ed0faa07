"""Taking turns at a foreign target: workers share it, but a case that disturbs other sessions needs it alone."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Turns:
    """A lock between processes that meet in a directory: any number of ordinary cases at a time, or one disturbing.

    Two files. Everybody passes through `gate` to get `field`, so that a disturbing case that waits for the field
    is not overtaken for ever.
    """

    def __init__(self, directory: Path) -> None:
        self._gate = os.open(directory / "gate", os.O_RDWR | os.O_CREAT, 0o600)
        self._field = os.open(directory / "field", os.O_RDWR | os.O_CREAT, 0o600)

    @contextmanager
    def turn(self, alone: bool) -> Iterator[None]:
        """Run the block together with other ordinary cases, or `alone`."""
        fcntl.flock(self._gate, fcntl.LOCK_EX)
        try:
            fcntl.flock(self._field, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        finally:
            fcntl.flock(self._gate, fcntl.LOCK_UN)
        try:
            yield
        finally:
            fcntl.flock(self._field, fcntl.LOCK_UN)

    def close(self) -> None:
        """Give up both files."""
        os.close(self._gate)
        os.close(self._field)
