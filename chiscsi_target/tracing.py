"""`TracedHooks`: a LUN class that records every hook call before it passes it on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chiscsi_target.api.lun_class import TmfHandle, chiscsi_target_lun_class
from chiscsi_target.api.struct import take_over
from iscsi_wire.records import HookRecord

if TYPE_CHECKING:
    from chiscsi_target.api.scsi_command import chiscsi_scsi_command
    from chiscsi_target.api.sgvec import SgList
    from chiscsi_target.core.agenda import Agenda


class TracedHooks(chiscsi_target_lun_class):
    """Stands before a LUN class when somebody listens; costs nothing when nobody does."""

    def __init__(self, hooks: chiscsi_target_lun_class, agenda: Agenda) -> None:
        take_over(self, hooks, chiscsi_target_lun_class)
        self._hooks = hooks
        self._agenda = agenda

    def fp_scsi_cmd_cdb_rcved(self, sc: chiscsi_scsi_command) -> int:
        """Record and pass on."""
        self._record("fp_scsi_cmd_cdb_rcved", f"itt 0x{sc.sc_itt:x}, lun {sc.sc_lun}, cdb {sc.sc_cmd.hex()}")
        return self._hooks.fp_scsi_cmd_cdb_rcved(sc)

    def fp_scsi_cmd_data_xfer_status(
        self, sc: chiscsi_scsi_command, buf: SgList | None, sgcnt: int, offset: int, buflen: int
    ) -> int:
        """Record and pass on."""
        self._record("fp_scsi_cmd_data_xfer_status", f"itt 0x{sc.sc_itt:x}, sgcnt {sgcnt}, {offset}+{buflen}")
        return self._hooks.fp_scsi_cmd_data_xfer_status(sc, buf, sgcnt, offset, buflen)

    def fp_scsi_cmd_abort(self, sc: chiscsi_scsi_command) -> int:
        """Record and pass on."""
        self._record("fp_scsi_cmd_abort", f"itt 0x{sc.sc_itt:x}, flag 0x{sc.sc_flag:x}")
        return self._hooks.fp_scsi_cmd_abort(sc)

    def fp_scsi_cmd_abort_status(
        self, sc_lun: int, sc_cmdsn: int, sc_itt: int, sc_xfer_sgcnt: int, buf: SgList | None, sc_sdev_hdl: Any
    ) -> None:
        """Record and pass on."""
        self._record("fp_scsi_cmd_abort_status", f"itt 0x{sc_itt:x}, lun {sc_lun}")
        self._hooks.fp_scsi_cmd_abort_status(sc_lun, sc_cmdsn, sc_itt, sc_xfer_sgcnt, buf, sc_sdev_hdl)

    def fp_scsi_cmd_cleanup(self, sc: chiscsi_scsi_command) -> None:
        """Record and pass on."""
        self._record("fp_scsi_cmd_cleanup", f"itt 0x{sc.sc_itt:x}")
        self._hooks.fp_scsi_cmd_cleanup(sc)

    def fp_tmf_execute(
        self,
        sess_tclass: Any,
        hndl: TmfHandle,
        immediate_cmd: int,
        tmf_func: int,
        lun: int,
        sc: chiscsi_scsi_command | None,
    ) -> int:
        """Record and pass on."""
        task = "" if sc is None else f", itt 0x{sc.sc_itt:x}"
        self._record("fp_tmf_execute", f"function {tmf_func}, lun {lun}, immediate {immediate_cmd}{task}")
        return self._hooks.fp_tmf_execute(sess_tclass, hndl, immediate_cmd, tmf_func, lun, sc)

    def _record(self, name: str, arguments: str) -> None:
        listener = self._agenda.listener
        if listener is not None:
            listener(HookRecord(self._agenda.now, "target", "", name, arguments, ""))
