"""`MEM`: a logical unit in memory, as sparse as the pages that were ever written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from chiscsi_target.api import (
    LU_FLAG_SYNC,
    SC_FLAG_WRITE,
    ReturnCode,
    chiscsi_scsi_cmd_buffer_ready,
    chiscsi_scsi_cmd_execution_status,
    chiscsi_sgvec,
)
from chiscsi_target.drivers.in_place import InPlaceMedium
from chiscsi_target.drivers.local import LocalLunClass
from chiscsi_target.drivers.options import Option, parse_options, parse_size

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chiscsi_target.api import chiscsi_lun, chiscsi_scsi_command
    from chiscsi_target.api.sgvec import SgList

__all__ = ["MemoryLunClass"]

DEFAULT_SIZE: Final = 16 << 20


def _size(lu: chiscsi_lun, value: str) -> None:
    lu.size = parse_size(value)


_OPTIONS: Final[Mapping[str, Option]] = {"SIZE": _size}


class MemoryLunClass(LocalLunClass):
    """Keeps its blocks in anonymous memory.

    A write lands in place: the stack gets the medium's own memory as buffer. A write that is aborted may therefore
    leave its blocks partly written, as on any disk. A long read hands the medium's own memory over, too, and what it
    shows does not change before the initiator has it.
    """

    class_name = "MEM"

    def fp_config_parse_options(self, lu: chiscsi_lun, buf: str, buflen: int, ebuf: bytearray) -> int:
        """Take `size=` (16MB by default) and the common options."""
        return parse_options(lu, buf, ebuf, _OPTIONS)

    def fp_attach(self, lu: chiscsi_lun, ebuf: bytearray, ebuflen: int) -> int:
        """Reserve the address space; memory is only used for blocks that are written. There is no cache before it."""
        lu.flags |= LU_FLAG_SYNC
        lu.size = lu.size or DEFAULT_SIZE
        if lu.size % (1 << lu.sect_shift):
            ebuf += f"size {lu.size} is not a multiple of the block size {1 << lu.sect_shift}".encode()
            return -ReturnCode.EINVAL
        try:
            lu.priv_data = InPlaceMedium(lu.size)
        except (OSError, OverflowError, ValueError) as error:
            ebuf += f"cannot reserve {lu.size} octets of memory: {error}".encode()
            return -ReturnCode.ENOMEM
        return 0

    def fp_detach(self, lu: chiscsi_lun) -> None:
        """Give the memory back."""
        lu.priv_data = None

    def fp_scsi_cmd_cdb_rcved(self, sc: chiscsi_scsi_command) -> int:
        """Execute a READ, provide the buffer of a WRITE, and complete SYNCHRONIZE CACHE: there is no cache."""
        lu = sc.sc_lu
        assert lu is not None
        medium: InPlaceMedium = lu.priv_data
        length = sc.sc_xfer_len
        start = sc.sc_lba << lu.sect_shift
        if sc.sc_flag & SC_FLAG_WRITE:
            sc.sc_sdev_hdl = buffer = medium.buffer(sc, start, start + length)
            return chiscsi_scsi_cmd_buffer_ready(sc, [chiscsi_sgvec(buffer, length)], 1, 0, length)
        if length:
            return chiscsi_scsi_cmd_execution_status(sc, medium.read(sc, start, start + length), 0, 0, length)
        return chiscsi_scsi_cmd_execution_status(sc, None, 0, 0, 0)

    def fp_scsi_cmd_data_xfer_status(
        self, sc: chiscsi_scsi_command, buf: SgList | None, sgcnt: int, offset: int, buflen: int
    ) -> int:
        """Complete a WRITE."""
        if sc.sc_flag & SC_FLAG_WRITE:
            lu = sc.sc_lu
            assert lu is not None
            lu.priv_data.written(sc.sc_lba << lu.sect_shift, sc.sc_sdev_hdl)
            return chiscsi_scsi_cmd_execution_status(sc, None, 0, offset, buflen)
        return 0

    def fp_scsi_cmd_cleanup(self, sc: chiscsi_scsi_command) -> None:
        """End what a command claims of the medium."""
        lu = sc.sc_lu
        assert lu is not None
        lu.priv_data.release(sc)
