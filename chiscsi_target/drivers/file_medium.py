"""The storage of a `FILE` unit, for the commands that the device server executes itself."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Final

from chiscsi_target.drivers.fallocate import allocate, can_beside, can_punch, punch_hole, unwritten, zero_range
from chiscsi_target.drivers.gaps import PAGE, whole_pages
from chiscsi_target.errors import DriverError

if TYPE_CHECKING:
    from chiscsi_target.drivers.disk import Disk

__all__ = ["FileMedium"]

_ZEROS: Final = bytes(1 << 20)
_DATA_PROTECT: Final = 0x7
_SPACE_ALLOCATION_FAILED: Final = (0x27, 0x07)
_NO_ROOM: Final = (errno.ENOSPC, errno.EDQUOT)


class FileMedium:
    """A `Medium` in a file.

    What is anchored is known from then on. Where the file's system tells which storage is reserved and unwritten (ext4,
    XFS and Btrfs do), it is known after a restart, too; elsewhere it is mapped then, as its storage is there all the
    same. SBC-3 allows that change at any time, since it leaves the data as they are (autonomous transitions).

    Attributes:
        thin: whether the file's system can give storage back, and is to.
        anchors: whether it can also keep storage for what was discarded, and is to.
    """

    def __init__(self, disk: Disk, *, writable: bool, thick: bool = False, anchoring: bool = False) -> None:
        """Make a medium of an open file.

        Args:
            disk: the file.
            writable: it was opened for writing.
            thick: it is not to say that it can give storage back.
            anchoring: it may keep storage for what was discarded, as nobody else writes to the file.
        """
        self._disk = disk
        self._punches = writable and can_punch(disk.fd)
        self._reserves = self._punches and anchoring and can_beside(allocate, disk.fd, disk.path)
        self._zeroes = self._reserves and can_beside(zero_range, disk.fd, disk.path)
        if self._reserves:
            for start, end in unwritten(disk.fd, os.lseek(disk.fd, 0, os.SEEK_END)):
                disk.anchors.add(start, end)
        self.keep(thick=thick)

    def keep(self, *, thick: bool) -> None:
        """Pass for a medium that keeps its storage, or not."""
        self.thin = self._punches and not thick
        self.anchors = self._reserves and not thick

    def read(self, offset: int, length: int) -> bytes:
        """See `Medium`."""
        return bytes(self._disk.read(length, offset))

    def write(self, offset: int, data: bytes | bytearray | memoryview) -> None:
        """See `Medium`."""
        self._disk.write(data, offset)

    def discard(self, offset: int, length: int) -> None:
        """See `Medium`; where the storage cannot be given back, zeros are written."""
        if not self._punches:
            self._write_zeros(offset, length)
            return
        try:
            punch_hole(self._disk.fd, offset, length)
        except OSError as error:
            raise self._disk.write_failure(error) from error
        self._disk.dirty = True
        self._disk.anchors.remove(offset, offset + length)
        first, end = whole_pages(offset, length)
        if first == end:
            self._disk.gaps.open(offset, length)
            return
        self._disk.gaps.open(offset, first * PAGE - offset)
        self._disk.gaps.close(first * PAGE, (end - first) * PAGE)
        self._disk.gaps.open(end * PAGE, offset + length - end * PAGE)

    def anchor(self, offset: int, length: int) -> None:
        """See `AnchoringMedium`; where storage cannot be zeroed as it is, zeros are written into it."""
        try:
            if self._zeroes:
                zero_range(self._disk.fd, offset, length)
            else:
                allocate(self._disk.fd, offset, length)
        except OSError as error:
            if error.errno in _NO_ROOM:
                message = f"{self._disk.path}: {error.strerror}"
                raise DriverError(_DATA_PROTECT, *_SPACE_ALLOCATION_FAILED, message=message) from error
            raise self._disk.write_failure(error) from error
        if not self._zeroes:
            self._write_zeros(offset, length)
        self._disk.dirty = True
        self._disk.gaps.close(offset, length)
        self._disk.anchors.add(offset, offset + length)

    def anchored(self, offset: int) -> tuple[bool, int]:
        """See `AnchoringMedium`."""
        return self._disk.anchors.extent(offset)

    def _write_zeros(self, offset: int, length: int) -> None:
        for start in range(offset, offset + length, len(_ZEROS)):
            self._disk.write(_ZEROS[: offset + length - start], start)

    def extent(self, offset: int) -> tuple[bool, int]:
        """See `Medium`; the file's system knows where there are data (lseek(2), SEEK_DATA)."""
        fd = self._disk.fd
        size = os.lseek(fd, 0, os.SEEK_END)
        try:
            data = os.lseek(fd, offset, os.SEEK_DATA)
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise DriverError(0x3, 0x11, message=f"{self._disk.path}: {error.strerror}") from error
            return False, max(size - offset, 1)
        if data > offset:
            return False, data - offset
        return self._disk.gaps.extent(offset, os.lseek(fd, offset, os.SEEK_HOLE))

    def flush(self) -> None:
        """See `Medium`."""
        try:
            self._disk.flush()
        except OSError as error:
            raise self._disk.write_failure(error) from error
