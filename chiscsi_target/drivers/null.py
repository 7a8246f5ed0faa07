"""The option NULLRW: a logical unit that drops what is written and reads as zeros (behaviour file, 8.1).

It shows what everything but the medium costs.
"""

from __future__ import annotations

import mmap
from typing import TYPE_CHECKING, Final

from chiscsi_target.api import (
    ISCSI_SG_SBUF_DMABLE,
    LU_FLAG_NULLRW,
    SC_FLAG_WRITE,
    chiscsi_scsi_cmd_buffer_ready,
    chiscsi_scsi_cmd_execution_status,
    chiscsi_sgvec,
    chiscsi_target_lun_class,
)
from chiscsi_target.drivers.buffer_pool import BufferPool
from chiscsi_target.drivers.local import LocalLunClass

if TYPE_CHECKING:
    from chiscsi_target.api import chiscsi_lun, chiscsi_scsi_command
    from chiscsi_target.api.medium import Medium

__all__ = ["NullMedium", "NullReadWrite", "drop_data", "real_medium", "real_tuples"]

_LONGEST: Final = 64 << 20
_BEYOND: Final = 1 << 63
_ZEROS: Final = memoryview(mmap.mmap(-1, _LONGEST, prot=mmap.PROT_READ))
"""Pages that were never written, so that all of them are one page of zeros."""


class NullMedium:
    """A `Medium` without data, for the commands that the device server executes.

    Attributes:
        inner: the medium that is there, and is not touched; None when there is none.
    """

    thin = False

    def __init__(self, inner: Medium | None = None) -> None:
        self.inner = inner

    def read(self, offset: int, length: int) -> bytes:
        """Zeros."""
        return bytes(length)

    def write(self, offset: int, data: bytes | bytearray | memoryview) -> None:
        """Drop the octets."""

    def discard(self, offset: int, length: int) -> None:
        """Forget nothing: there is nothing."""

    def extent(self, offset: int) -> tuple[bool, int]:
        """All is alike."""
        return (True, _BEYOND) if self.inner is None else self.inner.extent(offset)

    def flush(self) -> None:
        """Bring to stable storage what was written before the option came."""
        if self.inner is not None:
            self.inner.flush()


def real_medium(lu: chiscsi_lun) -> Medium | None:
    """The medium of a unit that may have been without data so far."""
    return lu.medium.inner if isinstance(lu.medium, NullMedium) else lu.medium


def real_tuples(lu: chiscsi_lun) -> Medium | None:
    """Where such a unit has its protection information."""
    return lu.tuples.inner if isinstance(lu.tuples, NullMedium) else lu.tuples


def _hide_medium(lu: chiscsi_lun) -> None:
    lu.medium, lu.tuples = _hidden(lu.medium), _hidden(lu.tuples)


def _hidden(medium: Medium | None) -> Medium | None:
    return medium if medium is None or isinstance(medium, NullMedium) else NullMedium(medium)


def drop_data(lu: chiscsi_lun, value: str) -> None:
    """The option: from now on the unit's class has the medium measured and claimed, and nothing more.

    Raises:
        ValueError: it was given a value.
    """
    if value:
        raise ValueError("takes no value")
    if not lu.flags & LU_FLAG_NULLRW:
        lu.flags |= LU_FLAG_NULLRW
        lu.lun_class = NullReadWrite(lu.lun_class)


class NullReadWrite(LocalLunClass):
    """A LUN class whose units have their size from another class, and no data.

    Args:
        inner: the class that attaches them, flushes and detaches them.
    """

    def __init__(self, inner: chiscsi_target_lun_class) -> None:
        self._inner = inner
        self._pool = BufferPool()
        self.class_name = inner.class_name
        self.property = inner.property

    def fp_config_parse_options(self, lu: chiscsi_lun, buf: str, buflen: int, ebuf: bytearray) -> int:
        """Leave the options to the other class."""
        return self._inner.fp_config_parse_options(lu, buf, buflen, ebuf)

    def fp_attach(self, lu: chiscsi_lun, ebuf: bytearray, ebuflen: int) -> int:
        """Attach the unit."""
        result = self._inner.fp_attach(lu, ebuf, ebuflen)
        _hide_medium(lu)
        return result

    def fp_reattach(self, lu: chiscsi_lun, lu_new: chiscsi_lun, ebuf: bytearray, ebuflen: int) -> int:
        """Take the unit over."""
        result = self._inner.fp_reattach(lu, lu_new, ebuf, ebuflen)
        _hide_medium(lu_new)
        return result

    def fp_detach(self, lu: chiscsi_lun) -> None:
        """Detach the unit."""
        self._inner.fp_detach(lu)

    def fp_flush(self, lu: chiscsi_lun) -> int:
        """Flush what was written before the option came."""
        return self._inner.fp_flush(lu)

    def fp_scsi_cmd_cdb_rcved(self, sc: chiscsi_scsi_command) -> int:
        """Send zeros for a READ, provide any buffer for a WRITE, and complete all else."""
        length = sc.sc_xfer_len
        if sc.sc_flag & SC_FLAG_WRITE and length:
            sc.sc_sdev_hdl = buffer = self._pool.take(length)
            vector = chiscsi_sgvec(buffer, length, sg_flag=ISCSI_SG_SBUF_DMABLE)
            return chiscsi_scsi_cmd_buffer_ready(sc, [vector], 1, 0, length)
        if not length:
            return chiscsi_scsi_cmd_execution_status(sc, None, 0, 0, 0)
        zeros = _ZEROS[:length] if length <= _LONGEST else bytes(length)
        return chiscsi_scsi_cmd_execution_status(sc, zeros, 0, 0, length)

    def fp_scsi_cmd_cleanup(self, sc: chiscsi_scsi_command) -> None:
        """Keep the command's buffer for another one."""
        if sc.sc_sdev_hdl is not None:
            self._pool.give(sc.sc_sdev_hdl)
