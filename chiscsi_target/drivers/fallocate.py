"""Storage of a part of a file, given back, reserved and asked about: fallocate(2), and the ioctl FIEMAP."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import struct
from typing import TYPE_CHECKING, Final

from chiscsi_target.drivers.gaps import PAGE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["allocate", "can_beside", "can_punch", "punch_hole", "unwritten", "zero_range"]

_KEEP_SIZE, _PUNCH_HOLE, _ZERO_RANGE = 0x01, 0x02, 0x10
_CANNOT: Final = (errno.EOPNOTSUPP, errno.ENOSYS, errno.ENODEV, errno.EINVAL)
_NO_ROOM: Final = (errno.ENOSPC, errno.EDQUOT)

_FIEMAP: Final = 0xC020660B
_SYNC: Final = 0x1
_LAST, _UNWRITTEN = 0x1, 0x800
_HEAD: Final = struct.Struct("=QQIIII")
"""fm_start, fm_length, fm_flags, fm_mapped_extents, fm_extent_count, fm_reserved."""
_EXTENT: Final = struct.Struct("=Q8xQ16xI12x")
"""fe_logical, fe_length, fe_flags."""
_EXTENTS_AT_ONCE: Final = 256

_fallocate = ctypes.CDLL(None, use_errno=True).fallocate
_fallocate.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64]


def _call(fd: int, mode: int, offset: int, length: int) -> None:
    while _fallocate(fd, mode, offset, length):
        number = ctypes.get_errno()
        if number != errno.EINTR:
            raise OSError(number, os.strerror(number))


def punch_hole(fd: int, offset: int, length: int) -> None:
    """Give back the storage of a part of a file, which then reads as zeros; raises OSError."""
    _call(fd, _PUNCH_HOLE | _KEEP_SIZE, offset, length)


def zero_range(fd: int, offset: int, length: int) -> None:
    """Have a part of a file read as zeros, with storage reserved for all of it; raises OSError."""
    _call(fd, _ZERO_RANGE | _KEEP_SIZE, offset, length)


def allocate(fd: int, offset: int, length: int) -> None:
    """Reserve storage for what has none in a part of a file, which reads as before; raises OSError."""
    _call(fd, _KEEP_SIZE, offset, length)


def can_punch(fd: int) -> bool:
    """Whether storage can be given back: tried behind the file's end, or, if it cannot be longer, in its first hole.

    Raises:
        OSError: that cannot be told.
    """

    def attempt() -> None:
        try:
            punch_hole(fd, os.lseek(fd, 0, os.SEEK_END), PAGE)
        except OSError as error:
            if error.errno != errno.EFBIG:
                raise
            punch_hole(fd, os.lseek(fd, 0, os.SEEK_HOLE), PAGE)

    return _works(attempt)


def can_beside(call: Callable[[int, int, int], None], fd: int, path: str) -> bool:
    """Whether a file's system has one of the calls that reserve storage: tried on a file without a name beside it.

    Args:
        call: `zero_range` or `allocate`.
        fd: the file.
        path: its name.

    Returns:
        False also if there can be no other file beside it.

    Raises:
        OSError: that cannot be told.
    """
    try:
        other = os.open(os.path.dirname(os.path.realpath(path)), os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError:
        return False
    try:
        alike = os.fstat(other).st_dev == os.fstat(fd).st_dev
        return alike and _works(lambda: call(other, 0, PAGE))
    finally:
        os.close(other)


def _works(attempt: Callable[[], None]) -> bool:
    try:
        attempt()
    except OSError as error:
        if error.errno in _NO_ROOM:
            return True
        if error.errno in _CANNOT:
            return False
        raise
    return True


def unwritten(fd: int, size: int) -> Iterator[tuple[int, int]]:
    """The parts of a file's first octets for which storage is reserved, and that nobody has written since.

    Args:
        fd: the file; what was written to it is brought to its place before.
        size: how many octets are looked at.

    Yields:
        First octet of each, and the one behind its last; nothing where the file's system does not tell.

    Raises:
        OSError: it tells, but not now.
    """
    start = 0
    while start < size:
        extents = _extents(fd, start, size - start)
        if not extents:
            return
        for begin, length, flags in extents:
            if flags & _UNWRITTEN and begin < size:
                yield begin, min(begin + length, size)
        begin, length, flags = extents[-1]
        if flags & _LAST:
            return
        start = begin + length


def _extents(fd: int, start: int, length: int) -> list[tuple[int, int, int]]:
    """What storage a part of a file has, as (first octet, length, flags)."""
    request = bytearray(_HEAD.size + _EXTENTS_AT_ONCE * _EXTENT.size)
    _HEAD.pack_into(request, 0, start, length, _SYNC, 0, _EXTENTS_AT_ONCE, 0)
    try:
        fcntl.ioctl(fd, _FIEMAP, request)
    except OSError as error:
        if error.errno in (*_CANNOT, errno.ENOTTY):
            return []
        raise
    count = _HEAD.unpack_from(request)[3]
    return [_EXTENT.unpack_from(request, _HEAD.size + index * _EXTENT.size) for index in range(count)]
