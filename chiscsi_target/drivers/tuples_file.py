"""The protection information of a `FILE` unit, in a file beside the disk's: `/disks/a.img` has `/disks/a.img.pi`.

The file begins with a page that says what it is: a line of text with the type and the block size. Behind it come the
tuples, eight octets for every block. Storage that nobody has written takes no room in either file.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from chiscsi_target.drivers.disk import Disk
from chiscsi_target.drivers.file_medium import FileMedium
from chiscsi_target.drivers.gaps import PAGE

if TYPE_CHECKING:
    from chiscsi_target.api import chiscsi_lun

__all__ = ["TuplesFile", "UnusableTuples"]

_TUPLE: Final = 8


class UnusableTuples(Exception):
    """The file cannot be that of a logical unit; the text names it, and says why."""


def _head(lu: chiscsi_lun) -> bytes:
    """The first page for a logical unit."""
    text = f"chiscsi protection information, type {lu.protection}, blocks of {1 << lu.sect_shift}\n"
    return text.encode().ljust(PAGE)


class TuplesFile:
    """A `Medium` for the tuples of a logical unit."""

    thin = True

    def __init__(self, lu: chiscsi_lun) -> None:
        """Open the file of a logical unit whose size is known; make it, if there is none and it may be written.

        Raises:
            UnusableTuples: it cannot be opened, or is that of another type or block size.
        """
        path = f"{os.path.realpath(lu.path)}.pi"
        if not os.path.isfile(lu.path):
            raise UnusableTuples("PI needs a regular file: there is no place for it beside a device")
        flags = os.O_RDONLY if lu.read_only else os.O_RDWR | os.O_CREAT
        try:
            fd = os.open(path, flags | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise UnusableTuples(f"protection information in {path}: {error.strerror}") from error
        try:
            self._begin(fd, path, lu)
        except UnusableTuples:
            os.close(fd)
            raise
        except OSError as error:
            os.close(fd)
            raise UnusableTuples(f"protection information in {path}: {error.strerror}") from error

    def _begin(self, fd: int, path: str, lu: chiscsi_lun) -> None:
        wanted, found = _head(lu), os.pread(fd, PAGE, 0)
        if not found and not lu.read_only:
            os.pwrite(fd, wanted, 0)
        elif found != wanted:
            raise UnusableTuples(
                f"{path} has something else than {wanted.decode().strip()}: "
                "without it, the unit begins with no protection information for any block"
            )
        self._fd = fd
        self.resize(lu)
        self._disk = Disk(fd, path, PAGE)
        self._inner = FileMedium(self._disk, writable=not lu.read_only)

    def resize(self, lu: chiscsi_lun) -> None:
        """Have room for the blocks of a logical unit, and no more: what is cut off has no tuples when it comes back.

        Raises:
            OSError: the file cannot be as long.
        """
        if not lu.read_only:
            os.ftruncate(self._fd, PAGE + lu.block_count * _TUPLE)

    def read(self, offset: int, length: int) -> bytes:
        """See `Medium`."""
        return self._inner.read(PAGE + offset, length)

    def write(self, offset: int, data: bytes | bytearray | memoryview) -> None:
        """See `Medium`."""
        self._inner.write(PAGE + offset, data)

    def discard(self, offset: int, length: int) -> None:
        """See `Medium`."""
        self._inner.discard(PAGE + offset, length)

    def extent(self, offset: int) -> tuple[bool, int]:
        """See `Medium`."""
        return self._inner.extent(PAGE + offset)

    def flush(self) -> None:
        """See `Medium`."""
        self._inner.flush()

    def close(self) -> None:
        """Flush and close; raises DriverError when the last writes did not reach stable storage."""
        self._disk.close()
