"""`MEM`: a logical unit in memory, as sparse as the pages that were ever written."""

from __future__ import annotations

import mmap
from typing import TYPE_CHECKING, Final

from chiscsi_target.api import (
    ISCSI_SG_SBUF_DMABLE,
    LU_FLAG_SYNC,
    LU_FLAG_THICK,
    SC_FLAG_WRITE,
    ReturnCode,
    chiscsi_scsi_cmd_buffer_ready,
    chiscsi_scsi_cmd_execution_status,
    chiscsi_sgvec,
)
from chiscsi_target.drivers.local import LocalLunClass
from chiscsi_target.drivers.memory_medium import MemoryMedium
from chiscsi_target.drivers.null import real_medium, real_tuples
from chiscsi_target.drivers.options import (
    DEFAULT_SIZE,
    Option,
    kept_protection,
    parse_options,
    protection_information,
    settle_size,
    size_of_unit,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chiscsi_target.api import chiscsi_lun, chiscsi_scsi_command

__all__ = ["MemoryLunClass"]

_MAP_NORESERVE: Final = 0x4000
"""Linux's flag for address space without a claim on memory; Python 3.11 does not name it."""

_GROWTH: Final = 16
"""How many times its size a unit may have after a reconfiguration; address space that is not used costs nothing."""
_ROOM: Final = 4 << 40
"""Address space up to which that is true: a process has 128 TiB for all."""


def _reserve(size: int) -> memoryview:
    """Address space for `size` octets."""
    return memoryview(mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _MAP_NORESERVE))


def _kind(lu: chiscsi_lun, value: str) -> None:
    """The module's kinds of memory, which are all the same here."""
    if value not in ("1", "2", "3"):
        raise ValueError("takes 1, 2 or 3")


_OPTIONS: Final[Mapping[str, Option]] = {"SIZE": size_of_unit, "TYPE": _kind, "PI": protection_information}
_TUPLE: Final = 8
"""Octets of a block's protection information."""


class MemoryLunClass(LocalLunClass):
    """Keeps its blocks in anonymous memory.

    Nothing is copied: a write is received into the medium's own memory, and a read is sent from it. A write that is
    aborted may therefore leave its blocks partly written, and a read beside a write of the same blocks may see old or
    new ones, as SBC-3 allows for commands without an order between them.
    """

    class_name = "MEM"

    def fp_config_parse_options(self, lu: chiscsi_lun, buf: str, buflen: int, ebuf: bytearray) -> int:
        """Take `size=` (16MB by default), `type=` and the common options."""
        return parse_options(lu, buf, ebuf, _OPTIONS)

    def fp_attach(self, lu: chiscsi_lun, ebuf: bytearray, ebuflen: int) -> int:
        """Reserve the address space; memory is only used for blocks that are written. There is no cache before it."""
        lu.flags |= LU_FLAG_SYNC
        if refused := settle_size(lu, ebuf):
            return refused
        try:
            lu.priv_data = _reserve(max(lu.size, min(_GROWTH * lu.size, _ROOM)))
        except (OSError, OverflowError, ValueError):
            try:
                lu.priv_data = _reserve(lu.size)
            except (OSError, OverflowError, ValueError) as error:
                ebuf += f"cannot reserve {lu.size} octets of memory: {error}".encode()
                return -ReturnCode.ENOMEM
        lu.medium = MemoryMedium(lu.priv_data, thin=not lu.flags & LU_FLAG_THICK)
        if lu.protection:
            lu.tuples = MemoryMedium(_reserve((len(lu.priv_data) >> lu.sect_shift) * _TUPLE))
        return 0

    def fp_reattach(self, lu: chiscsi_lun, lu_new: chiscsi_lun, ebuf: bytearray, ebuflen: int) -> int:
        """Keep the blocks; the size may change within the address space that was reserved."""
        lu_new.size = lu_new.size or DEFAULT_SIZE
        if lu_new.size % (1 << lu_new.sect_shift) or lu_new.size > len(lu.priv_data):
            ebuf += f"size {lu_new.size} cannot follow {lu.size}: there is room for {len(lu.priv_data)} octets".encode()
            return -ReturnCode.EINVAL
        if reason := kept_protection(lu, lu_new):
            ebuf += reason.encode()
            return -ReturnCode.EINVAL
        lu_new.flags |= LU_FLAG_SYNC
        lu_new.priv_data, lu_new.medium, lu_new.tuples = lu.priv_data, real_medium(lu), real_tuples(lu)
        if isinstance(lu_new.medium, MemoryMedium):
            lu_new.medium.thin = not lu_new.flags & LU_FLAG_THICK
        return 0

    def fp_detach(self, lu: chiscsi_lun) -> None:
        """Give the memory back."""
        lu.priv_data = lu.medium = lu.tuples = None

    def fp_scsi_cmd_cdb_rcved(self, sc: chiscsi_scsi_command) -> int:
        """Execute a READ, provide the buffer of a WRITE, and complete SYNCHRONIZE CACHE: there is no cache."""
        lu = sc.sc_lu
        assert lu is not None
        length = sc.sc_xfer_len
        if not length:
            return chiscsi_scsi_cmd_execution_status(sc, None, 0, 0, 0)
        start = sc.sc_lba << lu.sect_shift
        blocks = lu.priv_data[start : start + length]
        if sc.sc_flag & SC_FLAG_WRITE:
            lu.medium.fill(start, length)  # type: ignore[union-attr]  # it is a MemoryMedium
            vector = chiscsi_sgvec(blocks, length, sg_flag=ISCSI_SG_SBUF_DMABLE)
            return chiscsi_scsi_cmd_buffer_ready(sc, [vector], 1, 0, length)
        return chiscsi_scsi_cmd_execution_status(sc, blocks, 0, 0, length)
