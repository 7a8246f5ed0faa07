"""A disk in memory whose buffers change hands in one piece: `apidriver` (behaviour file, 9.1).

`chiscsi serve --driver chiscsi_target.drivers.samples.single_phase:ApiDisk` serves it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chiscsi_target.api import (
    ISCSI_RESPONSE_TMF_COMPLETE,
    ISCSI_RESPONSE_TMF_INVALID_LUN,
    ISCSI_TMF_FUNCTION_LOGICAL_UNIT_RESET,
    ISCSI_TMF_FUNCTION_TARGET_WARM_RESET,
    LUN_CLASS_HAS_CMD_QUEUE_BIT,
    LUN_CLASS_SCSI_PASS_THRU_BIT,
    SC_FLAG_SESS_ABORT,
    SC_FLAG_WRITE,
    chiscsi_scsi_cmd_abort_status,
    chiscsi_scsi_cmd_buffer_ready,
    chiscsi_scsi_cmd_execution_status,
    chiscsi_target_lun_class,
    chiscsi_tmf_execution_done,
)
from chiscsi_target.drivers.samples.command_order import CommandOrder
from chiscsi_target.drivers.samples.lun_queue import LunQueue
from chiscsi_target.drivers.samples.pages import allocate, collect, fill
from chiscsi_target.drivers.samples.scsi_answers import BLOCK, Plan, Refused, make_plan, settle
from chiscsi_target.drivers.samples.unit_attentions import CLEARED_BY_ISCSI, RESET_OCCURRED, UnitAttentions

if TYPE_CHECKING:
    from chiscsi_target.api import chiscsi_scsi_command, chiscsi_sgvec
    from chiscsi_target.api.lun_class import TmfHandle
    from chiscsi_target.api.sgvec import SgList

__all__ = ["ApiDisk", "Request"]


class Request:
    """What the driver keeps for a command while it is under way: the plan for it, and its buffers."""

    def __init__(self, plan: Plan, pages: list[chiscsi_sgvec]) -> None:
        self.plan = plan
        self.pages = pages


class ApiDisk(chiscsi_target_lun_class):
    """Disks in memory, numbered from 0.

    Args:
        size_mb: size of each disk, in units of 2^20 octets.
        luns: how many there are.
        threads: whether each LUN has a thread that executes its commands; otherwise they are executed in the hooks.
    """

    class_name = "TESTDISK"
    property = 1 << LUN_CLASS_SCSI_PASS_THRU_BIT | 1 << LUN_CLASS_HAS_CMD_QUEUE_BIT

    def __init__(self, size_mb: int = 64, luns: int = 1, threads: bool = False) -> None:
        self._media = [bytearray(size_mb << 20) for _ in range(luns)]
        self._sizes = [len(medium) for medium in self._media]
        self._queues = [LunQueue(threaded=threads) for _ in range(luns)]
        self._orders = [CommandOrder(self._begin) for _ in range(luns)]
        self._attentions = UnitAttentions()

    def _number(self, sc: chiscsi_scsi_command) -> int:
        return min(sc.sc_lun, len(self._media) - 1)  # what is asked of no disk, the last one's queue answers

    def fp_scsi_cmd_cdb_rcved(self, sc: chiscsi_scsi_command) -> int:
        """Begin a command when its turn has come."""
        if self._orders[self._number(sc)].enter(sc):
            self._begin(sc)
        return 0

    def _plan(self, sc: chiscsi_scsi_command) -> Plan:
        """Understand a command; one that cannot be executed has its status set, and moves nothing."""
        try:
            attention = self._attentions.take(sc)
            if attention is not None:
                raise Refused(*attention)
            plan = make_plan(sc, self._sizes)
            if plan.start is not None:  # release 3.14 of the module goes by these (behaviour file, 3.6)
                sc.sc_lba, sc.sc_blk_cnt = plan.start // BLOCK, plan.length // BLOCK
            return plan
        except Refused as refusal:
            sc.fail(refusal.key, refusal.asc, refusal.ascq)
            return Plan()

    def _begin(self, sc: chiscsi_scsi_command) -> int:
        """Queue a read; give the buffers of a write; complete at once what moves no data."""
        plan = self._plan(sc)
        length = settle(sc, plan.length)
        if not length:
            return chiscsi_scsi_cmd_execution_status(sc, None, 0, 0, 0)
        pages = allocate(length)
        sc.sc_sdev_hdl = Request(plan, pages)
        if sc.sc_flag & SC_FLAG_WRITE:
            return chiscsi_scsi_cmd_buffer_ready(sc, pages, len(pages), 0, length)
        self._queues[self._number(sc)].put(sc, self._execute_read)
        return 0

    def _execute_read(self, sc: chiscsi_scsi_command) -> None:
        """Fill the pages, from the medium or with an answer, and hand them over to be sent."""
        plan, pages = sc.sc_sdev_hdl.plan, sc.sc_sdev_hdl.pages
        length = sc.sc_xfer_len
        if plan.start is None:
            fill(pages, plan.data[:length])
        else:
            fill(pages, memoryview(self._media[sc.sc_lun])[plan.start : plan.start + length])
        chiscsi_scsi_cmd_execution_status(sc, pages, len(pages), 0, length)

    def fp_scsi_cmd_data_xfer_status(
        self, sc: chiscsi_scsi_command, buf: SgList | None, sgcnt: int, offset: int, buflen: int
    ) -> int:
        """Free the pages of a read, which has been sent; queue a write, whose data are here."""
        if sc.sc_flag & SC_FLAG_WRITE:
            self._queues[self._number(sc)].put(sc, self._execute_write)
        else:
            sc.sc_sdev_hdl = None
        return 0

    def _execute_write(self, sc: chiscsi_scsi_command) -> None:
        """Copy the pages to the medium, free them, and tell how it went."""
        plan, data = sc.sc_sdev_hdl.plan, collect(sc.sc_sdev_hdl.pages)
        self._media[sc.sc_lun][plan.start : plan.start + len(data)] = data
        sc.sc_sdev_hdl = None
        chiscsi_scsi_cmd_execution_status(sc, None, 0, 0, len(data))

    def fp_scsi_cmd_abort(self, sc: chiscsi_scsi_command) -> int:
        """Give a command up, unless it is being executed: then its completion is the answer."""
        if sc.sc_flag & SC_FLAG_SESS_ABORT and sc.sc_sess is not None:
            self._attentions.establish(sc.sc_sess, sc.sc_lun, CLEARED_BY_ISCSI)
        if not self._queues[self._number(sc)].give_up(sc):
            return 0
        sc.fail(0x0B, 0x44)
        sc.sc_response = 1
        return chiscsi_scsi_cmd_abort_status(sc)

    def fp_scsi_cmd_abort_status(
        self, sc_lun: int, sc_cmdsn: int, sc_itt: int, sc_xfer_sgcnt: int, buf: SgList | None, sc_sdev_hdl: Any
    ) -> None:
        """Take the buffers of an aborted command back; the cleanup that follows frees them."""

    def fp_scsi_cmd_cleanup(self, sc: chiscsi_scsi_command) -> None:
        """Free what the driver still keeps for a command, and let the commands begin that waited for it."""
        sc.sc_sdev_hdl = None
        self._orders[self._number(sc)].leave(sc)

    def fp_tmf_execute(
        self,
        sess_tclass: Any,
        hndl: TmfHandle,
        immediate_cmd: int,
        tmf_func: int,
        lun: int,
        sc: chiscsi_scsi_command | None,
    ) -> int:
        """Answer at once: the stack waits for commands that are still executed, and sees to all others."""
        whole_target = tmf_func >= ISCSI_TMF_FUNCTION_TARGET_WARM_RESET
        if not whole_target and lun >= len(self._sizes):
            return chiscsi_tmf_execution_done(hndl, ISCSI_RESPONSE_TMF_INVALID_LUN, None)
        if tmf_func >= ISCSI_TMF_FUNCTION_LOGICAL_UNIT_RESET:
            luns = range(len(self._sizes)) if whole_target else range(lun, lun + 1)
            self._attentions.tell_others(sess_tclass, luns, RESET_OCCURRED)
        if sc is not None and not self._queues[self._number(sc)].give_up(sc):
            sc = None  # its own completion will say that the driver has done with it
        return chiscsi_tmf_execution_done(hndl, ISCSI_RESPONSE_TMF_COMPLETE, sc)
