"""What the built-in drivers have in common: nothing of theirs has to be stopped when a command is given up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chiscsi_target.api import (
    ISCSI_RESPONSE_TMF_COMPLETE,
    SC_FLAG_WRITE,
    chiscsi_scsi_cmd_abort_status,
    chiscsi_scsi_cmd_execution_status,
    chiscsi_target_lun_class,
    chiscsi_tmf_execution_done,
)

if TYPE_CHECKING:
    from chiscsi_target.api import chiscsi_scsi_command
    from chiscsi_target.api.lun_class import TmfHandle
    from chiscsi_target.api.sgvec import SgList

__all__ = ["LocalLunClass"]


class LocalLunClass(chiscsi_target_lun_class):
    """A LUN class whose commands are either complete, or waiting for data, or soon complete whatever happens."""

    def fp_scsi_cmd_data_xfer_status(
        self, sc: chiscsi_scsi_command, buf: SgList | None, sgcnt: int, offset: int, buflen: int
    ) -> int:
        """Complete a WRITE, whose data is where it belongs, or where nobody wants it."""
        if sc.sc_flag & SC_FLAG_WRITE:
            return chiscsi_scsi_cmd_execution_status(sc, None, 0, offset, buflen)
        return 0

    def fp_scsi_cmd_abort(self, sc: chiscsi_scsi_command) -> int:
        """Give a command up at once."""
        return chiscsi_scsi_cmd_abort_status(sc)

    def fp_tmf_execute(
        self,
        sess_tclass: Any,
        hndl: TmfHandle,
        immediate_cmd: int,
        tmf_func: int,
        lun: int,
        sc: chiscsi_scsi_command | None,
    ) -> int:
        """Answer at once: the stack sees to the commands."""
        return chiscsi_tmf_execution_done(hndl, ISCSI_RESPONSE_TMF_COMPLETE, sc)
