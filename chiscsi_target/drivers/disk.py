"""An open file as a disk: reads, writes and flushes, with the errors of a medium."""

from __future__ import annotations

import mmap
import os
import threading
from typing import TYPE_CHECKING, Final

from chiscsi_target.drivers.anchors import Anchors
from chiscsi_target.drivers.buffer_pool import POOLED, BufferPool
from chiscsi_target.drivers.flusher import Flusher
from chiscsi_target.drivers.gaps import Gaps
from chiscsi_target.errors import DriverError

if TYPE_CHECKING:
    from chiscsi_target.api import chiscsi_scsi_command

__all__ = ["Disk"]

_MEDIUM_ERROR: Final = 0x3
_UNRECOVERED_READ_ERROR: Final = 0x11
_WRITE_ERROR: Final = 0x0C


class Disk:
    """An open file: what `chiscsi_lun.priv_data` holds.

    Attributes:
        fd: its descriptor.
        path: its name, for messages.
        dirty: whether something was written since the last flush began.
        durable: whether a write is on stable storage when it returns (O_DSYNC).
        lost: the error of a flush that failed. The kernel reports it once and forgets what it could not write, so no
            later flush may claim that everything is safe.
        flusher: who flushes it.
        lock: held while a waiting command is completed or given up.
        pool: buffers of commands that are over.
        gaps: what was discarded in pages that keep their storage.
        anchors: what was discarded, and keeps its storage because that was asked for.
        waiting: commands that wait for a flush; those given up meanwhile are mapped to False.
        mapped: the file in memory, for reads that nobody looks at on their way; None when that cannot be, or failed.
    """

    __slots__ = (
        "anchors",
        "dirty",
        "durable",
        "fd",
        "flusher",
        "gaps",
        "lock",
        "lost",
        "mapped",
        "path",
        "pool",
        "waiting",
    )

    def __init__(self, fd: int, path: str, size: int) -> None:
        self.fd = fd
        self.path = path
        self.dirty = False
        self.durable = False
        self.lost: OSError | None = None
        self.flusher = Flusher(self.flush, f"flush {os.path.basename(path)}")
        self.lock = threading.Lock()
        self.pool = BufferPool()
        self.gaps = Gaps()
        self.anchors = Anchors()
        self.waiting: dict[chiscsi_scsi_command, bool] = {}
        self.mapped: memoryview | None = None
        self.map(size)

    def map(self, size: int) -> None:
        """Map the first `size` octets, if they can be: not more than address space, nor every device."""
        try:
            self.mapped = memoryview(mmap.mmap(self.fd, size, prot=mmap.PROT_READ))
        except (OSError, OverflowError, ValueError):
            self.mapped = None

    def view(self, length: int, offset: int) -> memoryview | None:
        """The file's own pages with these octets, or None if it has been cut before their end, or is not mapped."""
        end = offset + length
        if self.mapped is None or len(self.mapped) < end or os.lseek(self.fd, 0, os.SEEK_END) < end:
            return None
        return self.mapped[offset:end]

    def read(self, length: int, offset: int) -> bytes | bytearray:
        """Read `length` octets at `offset`; raises DriverError for an unreadable or missing part."""
        data: bytes | bytearray
        try:
            if length <= POOLED:
                data = os.pread(self.fd, length, offset)
                count = len(data)
            else:
                data = self.pool.take(length)
                count = os.preadv(self.fd, (data,), offset)
        except OSError as error:
            raise self._failure(_UNRECOVERED_READ_ERROR, error) from error
        if count != length:
            raise DriverError(
                _MEDIUM_ERROR,
                _UNRECOVERED_READ_ERROR,
                message=f"{self.path} now ends at octet {offset + count}: it was cut under the logical unit",
            )
        return data

    def write(self, data: bytes | bytearray | memoryview, offset: int) -> None:
        """Write `data` at `offset`; raises DriverError."""
        try:
            written = os.pwrite(self.fd, data, offset)
            while written < len(data):
                written += os.pwrite(self.fd, memoryview(data)[written:], offset + written)
        except OSError as error:
            raise self._failure(_WRITE_ERROR, error) from error
        finally:
            self.dirty = True
        self._written(offset, len(data))

    def _written(self, offset: int, length: int) -> None:
        """Take note that octets have data again."""
        if self.gaps:
            self.gaps.close(offset, length)
        if self.anchors:
            self.anchors.remove(offset, offset + length)

    def flush(self) -> None:
        """Bring all that was written to stable storage; raises OSError, and again ever after."""
        if self.lost is not None:
            raise OSError(self.lost.errno, self.lost.strerror)
        self.dirty = False
        try:
            os.fdatasync(self.fd)
        except OSError as error:
            self.lost = error
            raise

    def close(self) -> None:
        """Flush and close; raises DriverError when the last writes did not reach stable storage."""
        self.flusher.close()
        try:
            if self.dirty:
                self.flush()
        except OSError as error:
            raise self._failure(_WRITE_ERROR, error) from error
        finally:
            self.mapped = None
            os.close(self.fd)

    def write_failure(self, error: OSError) -> DriverError:
        """What a command is told whose write, or flush, met `error`."""
        return self._failure(_WRITE_ERROR, error)

    def _failure(self, asc: int, error: OSError) -> DriverError:
        return DriverError(_MEDIUM_ERROR, asc, message=f"{self.path}: {error.strerror}")
