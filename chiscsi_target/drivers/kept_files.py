"""What has to survive a restart beside the medium, in small files next to a disk's file.

`/disks/a.img` has `/disks/a.img.mode_pages` and `/disks/a.img.reservations`. A file is replaced as a whole, so that
after a crash there is the old state or the new one.
"""

from __future__ import annotations

import os
import stat
from typing import Final

from chiscsi_target.errors import DriverError

__all__ = ["KeptFiles", "keeps_files"]

_HARDWARE_ERROR: Final = 0x4
_INTERNAL_TARGET_FAILURE: Final = 0x44


def keeps_files(path: str) -> bool:
    """Whether there can be files next to a disk's: it is no device, and its directory can be written."""
    real = os.path.realpath(path)
    return stat.S_ISREG(os.stat(real).st_mode) and os.access(os.path.dirname(real), os.W_OK | os.X_OK)


class KeptFiles:
    """A `KeptState` in files.

    Args:
        path: the disk's file; a symbolic link stands for what it points to.
    """

    def __init__(self, path: str) -> None:
        self._path = os.path.realpath(path)

    def where(self, name: str) -> str:
        """The path of the file for a name."""
        return f"{self._path}.{name}"

    def load(self, name: str) -> bytes | None:
        """See `KeptState`."""
        try:
            with open(self.where(name), "rb") as file:
                return file.read()
        except FileNotFoundError:
            return None

    def save(self, name: str, data: bytes | None) -> None:
        """See `KeptState`."""
        path = self.where(name)
        try:
            if data is None:
                if not _remove(path):
                    return
            else:
                _write(f"{path}.new", data)
                os.replace(f"{path}.new", path)
            _sync_directory(os.path.dirname(path))
        except OSError as error:
            message = f"{path}: {error.strerror}"
            raise DriverError(_HARDWARE_ERROR, _INTERNAL_TARGET_FAILURE, message=message) from error


def _write(path: str, data: bytes) -> None:
    """Write a file, through to the disk."""
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _remove(path: str) -> bool:
    try:
        os.unlink(path)
    except FileNotFoundError:
        return False
    return True


def _sync_directory(path: str) -> None:
    """Have a new name in a directory survive a crash."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
