"""A disk without the page cache: O_DIRECT wants whole pages of memory, and whole pages of the file."""

from __future__ import annotations

import mmap
import os
import threading
from typing import TYPE_CHECKING, Final

from chiscsi_target.drivers.disk import Disk
from chiscsi_target.drivers.gaps import PAGE
from chiscsi_target.errors import DriverError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["DirectDisk"]

_CHUNK: Final = 1 << 20
_MEDIUM_ERROR: Final = 0x3
_UNRECOVERED_READ_ERROR: Final = 0x11


class DirectDisk(Disk):
    """An open file whose data go past the page cache, by way of a buffer of whole pages.

    A write that begins or ends within a page has the page read before: units with blocks of 4096 octets never do.
    """

    __slots__ = ("_buffer", "_busy")

    def __init__(self, fd: int, path: str, size: int) -> None:
        self._buffer = memoryview(mmap.mmap(-1, _CHUNK))
        self._busy = threading.Lock()  # since the flusher's thread reads, too
        super().__init__(fd, path, size)

    def map(self, size: int) -> None:
        """Map nothing: that would be the page cache."""
        self.mapped = None

    def read(self, length: int, offset: int) -> bytes | bytearray:
        """Read `length` octets at `offset`; raises DriverError for an unreadable or missing part."""
        data = self.pool.take(length)
        done = 0
        with self._busy:
            for base, window in _windows(offset, length):
                try:
                    count = os.preadv(self.fd, (self._buffer[:window],), base)
                except OSError as error:
                    raise self._failure(_UNRECOVERED_READ_ERROR, error) from error
                start = offset + done - base
                part = min(window - start, length - done)
                if count < start + part:
                    text = f"{self.path} now ends at octet {base + count}: it was cut under the logical unit"
                    raise DriverError(_MEDIUM_ERROR, _UNRECOVERED_READ_ERROR, message=text)
                data[done : done + part] = self._buffer[start : start + part]
                done += part
        return data

    def write(self, data: bytes | bytearray | memoryview, offset: int) -> None:
        """Write `data` at `offset`; raises DriverError."""
        done, end = 0, offset + len(data)
        size = os.lseek(self.fd, 0, os.SEEK_END)
        with self._busy:
            for base, whole in _windows(offset, len(data)):
                window = min(whole, max(size, end) - base)
                start = offset + done - base
                part = min(window - start, len(data) - done)
                self._fill(base, window, partly=start > 0 or start + part < window)
                self._buffer[start : start + part] = memoryview(data)[done : done + part]
                self._put(base, window)
                done += part
        self._written(offset, len(data))

    def _fill(self, base: int, window: int, *, partly: bool) -> None:
        """Have the buffer hold what a window of the file does, if not all of it is going to be written."""
        if not partly:
            return
        try:
            os.preadv(self.fd, (self._buffer[:window],), base)
        except OSError as error:
            raise self.write_failure(error) from error

    def _put(self, base: int, window: int) -> None:
        written = 0
        try:
            while written < window:
                written += os.pwrite(self.fd, self._buffer[written:window], base + written)
        except OSError as error:
            raise self.write_failure(error) from error
        finally:
            self.dirty = True


def _windows(offset: int, length: int) -> Iterator[tuple[int, int]]:
    """The pieces of whole pages that a range of octets lies in, as (offset, length)."""
    base, end = offset // PAGE * PAGE, -(-(offset + length) // PAGE) * PAGE
    for start in range(base, end, _CHUNK):
        yield start, min(_CHUNK, end - start)
