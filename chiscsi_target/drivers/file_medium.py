"""The storage of a `FILE` unit, for the commands that the device server executes itself."""

from __future__ import annotations

import ctypes
import errno
import os
from typing import TYPE_CHECKING, Final

from chiscsi_target.drivers.gaps import PAGE, whole_pages
from chiscsi_target.errors import DriverError

if TYPE_CHECKING:
    from chiscsi_target.drivers.disk import Disk

__all__ = ["FileMedium", "punch_hole"]

_KEEP_SIZE, _PUNCH_HOLE = 0x01, 0x02
_CANNOT: Final = (errno.EOPNOTSUPP, errno.ENOSYS, errno.ENODEV, errno.EINVAL)
_ZEROS: Final = bytes(1 << 20)

_fallocate = ctypes.CDLL(None, use_errno=True).fallocate
_fallocate.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64]


def punch_hole(fd: int, offset: int, length: int) -> None:
    """Give back the storage of a part of a file, which then reads as zeros (fallocate(2)); raises OSError."""
    while _fallocate(fd, _PUNCH_HOLE | _KEEP_SIZE, offset, length):
        number = ctypes.get_errno()
        if number != errno.EINTR:
            raise OSError(number, os.strerror(number))


class FileMedium:
    """A `Medium` in a file.

    Attributes:
        thin: whether the file's system can give storage back, and is to.
    """

    def __init__(self, disk: Disk, *, writable: bool, thick: bool = False) -> None:
        """Make a medium of an open file; a `thick` one does not say that it can give storage back."""
        self._disk = disk
        self._punches = writable and _can_punch(disk.fd)
        self.keep(thick=thick)

    def keep(self, *, thick: bool) -> None:
        """Pass for a medium that keeps its storage, or not."""
        self.thin = self._punches and not thick

    def read(self, offset: int, length: int) -> bytes:
        """See `Medium`."""
        return bytes(self._disk.read(length, offset))

    def write(self, offset: int, data: bytes | bytearray | memoryview) -> None:
        """See `Medium`."""
        self._disk.write(data, offset)

    def discard(self, offset: int, length: int) -> None:
        """See `Medium`; where the storage cannot be given back, zeros are written."""
        if not self._punches:
            for start in range(offset, offset + length, len(_ZEROS)):
                self._disk.write(_ZEROS[: offset + length - start], start)
            return
        try:
            punch_hole(self._disk.fd, offset, length)
        except OSError as error:
            raise self._disk.write_failure(error) from error
        self._disk.dirty = True
        first, end = whole_pages(offset, length)
        if first == end:
            self._disk.gaps.open(offset, length)
            return
        self._disk.gaps.open(offset, first * PAGE - offset)
        self._disk.gaps.close(first * PAGE, (end - first) * PAGE)
        self._disk.gaps.open(end * PAGE, offset + length - end * PAGE)

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


def _can_punch(fd: int) -> bool:
    """Whether storage can be given back: tried behind the file's end, or, if it cannot be longer, in its first hole."""
    try:
        try:
            punch_hole(fd, os.lseek(fd, 0, os.SEEK_END), PAGE)
        except OSError as error:
            if error.errno != errno.EFBIG:
                raise
            punch_hole(fd, os.lseek(fd, 0, os.SEEK_HOLE), PAGE)
    except OSError as error:
        if error.errno in _CANNOT:
            return False
        raise
    return True
