"""Taking turns at a foreign target: workers share it, but a case that disturbs other sessions needs it alone."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Turns:
    """A lock between processes: any number of ordinary cases at a time, or one disturbing case.

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


def meeting_place(run: str) -> Path:
    """The directory where the workers of one run meet; the first makes it."""
    directory = Path(tempfile.gettempdir()) / f"chiscsi-{os.getuid()}-{run}"
    directory.mkdir(mode=0o700, exist_ok=True)
    return directory
