"""LUN classes with one mistake each, named for it: the samples, gone wrong."""

from __future__ import annotations

import sys
from threading import Event
from typing import Any

from chiscsi_target.api import (
    SC_FLAG_WRITE,
    SC_FLAG_XFER_UNDERFLOW,
    chiscsi_scsi_cmd_abort_status,
    chiscsi_scsi_cmd_buffer_ready,
    chiscsi_scsi_cmd_execution_status,
    chiscsi_scsi_command,
    chiscsi_sgvec,
    chiscsi_tmf_execution_done,
)
from chiscsi_target.api.lun_class import TmfHandle
from chiscsi_target.api.sgvec import SgList
from chiscsi_target.drivers.samples.multi_phase import PhasedDisk, PhasedRequest
from chiscsi_target.drivers.samples.pages import allocate, collect, fill
from chiscsi_target.drivers.samples.scsi_answers import Plan
from chiscsi_target.drivers.samples.single_phase import ApiDisk

Command = chiscsi_scsi_command
READ_10, WRITE_10, READ_CAPACITY_16 = 0x28, 0x2A, 0x9E


class Two(ApiDisk):
    """Two small disks: what most mistakes are made on."""

    def __init__(self) -> None:
        super().__init__(size_mb=4, luns=2)


class NeverCompletes(Two):
    def _execute_read(self, sc: Command) -> None:
        if sc.sc_cmd[0] != READ_10:
            super()._execute_read(sc)


class CompletesTwice(Two):
    def _execute_read(self, sc: Command) -> None:
        super()._execute_read(sc)
        super()._execute_read(sc)


class OneOctetShort(Two):
    def _execute_read(self, sc: Command) -> None:
        if sc.sc_cmd[0] != READ_10:
            return super()._execute_read(sc)
        pages = sc.sc_sdev_hdl.pages
        pages[-1].sg_length -= 1
        chiscsi_scsi_cmd_execution_status(sc, pages, len(pages), 0, sc.sc_xfer_len - 1)
        return None


class WrongNumberOfOctets(Two):
    """The vectors are right, the number beside them is not."""

    def _execute_write(self, sc: Command) -> None:
        length = len(collect(sc.sc_sdev_hdl.pages))
        if chiscsi_scsi_cmd_execution_status(sc, None, 0, 0, length + 512) < 0:
            super()._execute_write(sc)


class GivesBuffersForAReadLikeForAWrite(Two):
    def _execute_read(self, sc: Command) -> None:
        if sc.sc_cmd[0] == READ_10:
            pages = sc.sc_sdev_hdl.pages
            chiscsi_scsi_cmd_buffer_ready(sc, pages, len(pages), 0, sc.sc_xfer_len)
        super()._execute_read(sc)


class ExecutesBeforeTheDataCame(Two):
    def fp_scsi_cmd_cdb_rcved(self, sc: Command) -> int:
        result = super().fp_scsi_cmd_cdb_rcved(sc)
        if sc.sc_cmd[0] == WRITE_10 and sc.sc_xfer_len:
            chiscsi_scsi_cmd_execution_status(sc, None, 0, 0, sc.sc_xfer_len)
        return result


class CallsAfterCleanup(Two):
    def fp_scsi_cmd_cleanup(self, sc: Command) -> None:
        super().fp_scsi_cmd_cleanup(sc)
        self._late = [*getattr(self, "_late", []), sc][-1:]

    def fp_scsi_cmd_cdb_rcved(self, sc: Command) -> int:
        for late in getattr(self, "_late", []):
            chiscsi_scsi_cmd_execution_status(late, None, 0, 0, 0)
        return super().fp_scsi_cmd_cdb_rcved(sc)


class ForgetsToAnswerAborts(Two):
    def fp_scsi_cmd_abort(self, sc: Command) -> int:
        return 0


class AnswersAbortsTwice(Two):
    def fp_scsi_cmd_cleanup(self, sc: Command) -> None:
        aborted = sc.sc_flag & 0x38
        super().fp_scsi_cmd_cleanup(sc)
        if aborted:
            self.aborted = sc

    def fp_scsi_cmd_cdb_rcved(self, sc: Command) -> int:
        if hasattr(self, "aborted"):
            chiscsi_scsi_cmd_abort_status(self.aborted)
            chiscsi_scsi_cmd_execution_status(self.aborted, None, 0, 0, 0)
        return super().fp_scsi_cmd_cdb_rcved(sc)


class ForgetsToAnswerTaskManagement(Two):
    def fp_tmf_execute(self, *_: Any) -> int:
        return 0


class AnswersTaskManagementTwice(Two):
    def fp_tmf_execute(
        self, sess_tclass: Any, hndl: TmfHandle, immediate_cmd: int, tmf_func: int, lun: int, sc: Command | None
    ) -> int:
        chiscsi_tmf_execution_done(hndl, 0, None)
        return chiscsi_tmf_execution_done(hndl, 0, sc)


class InventsATaskManagementResponse(Two):
    def fp_tmf_execute(
        self, sess_tclass: Any, hndl: TmfHandle, immediate_cmd: int, tmf_func: int, lun: int, sc: Command | None
    ) -> int:
        return chiscsi_tmf_execution_done(hndl, 77, sc)


class LosesTheLastPage(Two):
    def _execute_write(self, sc: Command) -> None:
        pages = sc.sc_sdev_hdl.pages
        if len(pages) > 1:
            fill(pages[-1:], bytes(pages[-1].sg_length))
        super()._execute_write(sc)


class KeepsAllUnitsInOne(Two):
    def __init__(self) -> None:
        super().__init__()
        self._media[1] = self._media[0]


class KeepsEveryBuffer(Two):
    def __init__(self) -> None:
        super().__init__()
        self.kept: list[chiscsi_sgvec] = []

    def fp_scsi_cmd_data_xfer_status(
        self, sc: Command, buf: SgList | None, sgcnt: int, offset: int, buflen: int
    ) -> int:
        if isinstance(buf, list):
            self.kept += buf
        return super().fp_scsi_cmd_data_xfer_status(sc, buf, sgcnt, offset, buflen)


class RaisesAtLargeTransfers(Two):
    def fp_scsi_cmd_cdb_rcved(self, sc: Command) -> int:
        if sc.sc_xfer_len > 65536:
            raise MemoryError("too large")
        return super().fp_scsi_cmd_cdb_rcved(sc)


class ForgetsSenseData(Two):
    def fp_scsi_cmd_cdb_rcved(self, sc: Command) -> int:
        if sc.sc_cmd[0] == 0xFF:
            sc.sc_status = 2
            return chiscsi_scsi_cmd_execution_status(sc, None, 0, 0, 0)
        return super().fp_scsi_cmd_cdb_rcved(sc)


class ReadsBeyondTheEnd(Two):
    def __init__(self) -> None:
        super().__init__()
        self._media = [medium + bytes(1 << 20) for medium in self._media]

    def fp_scsi_cmd_cdb_rcved(self, sc: Command) -> int:
        sizes = self._sizes
        if sc.sc_cmd[0] == READ_10:
            self._sizes = [len(medium) for medium in self._media]
        try:
            return super().fp_scsi_cmd_cdb_rcved(sc)
        finally:
            self._sizes = sizes


class TellsAResidualOfOne(Two):
    def fp_scsi_cmd_cdb_rcved(self, sc: Command) -> int:
        blocks = int.from_bytes(sc.sc_cmd[7:9]) * 512
        if sc.sc_cmd[0] == READ_10 and blocks < sc.sc_xfer_len:
            sc.sc_flag |= SC_FLAG_XFER_UNDERFLOW
            sc.sc_xfer_residualcount = 1
            sc.sc_xfer_len = blocks
        return super().fp_scsi_cmd_cdb_rcved(sc)


class WritesToFieldsOfTheStack(Two):
    def fp_scsi_cmd_cdb_rcved(self, sc: Command) -> int:
        sc.sc_attribute = 3
        return super().fp_scsi_cmd_cdb_rcved(sc)


class RefusesEverythingAfterAnAbort(Two):
    broken = False

    def fp_scsi_cmd_abort(self, sc: Command) -> int:
        self.broken = True
        return super().fp_scsi_cmd_abort(sc)

    def fp_scsi_cmd_cdb_rcved(self, sc: Command) -> int:
        if self.broken:
            sc.fail(0x04, 0x44)
            return chiscsi_scsi_cmd_execution_status(sc, None, 0, 0, 0)
        return super().fp_scsi_cmd_cdb_rcved(sc)


class ReturnsNothing(Two):
    def fp_scsi_cmd_cdb_rcved(self, sc: Command) -> int:
        super().fp_scsi_cmd_cdb_rcved(sc)
        return None  # type: ignore[return-value]  # that is the mistake


class RefusesTaskManagement(Two):
    def fp_tmf_execute(self, *_: Any) -> int:
        return -1


class Hangs(Two):
    def fp_scsi_cmd_data_xfer_status(self, sc: Command, *_: Any) -> int:
        Event().wait()
        return 0


class Spins(Two):
    def fp_scsi_cmd_cdb_rcved(self, sc: Command) -> int:
        while sc.sc_cmd[0] == WRITE_10:
            pass
        return super().fp_scsi_cmd_cdb_rcved(sc)


class HangsWhenItIsMade(Two):
    def __init__(self) -> None:
        Event().wait()


class EndsTheProgram(Two):
    def fp_scsi_cmd_cdb_rcved(self, sc: Command) -> int:
        sys.exit("no medium")


class ForgetsWhatSenseDataAre(Two):
    def fp_scsi_cmd_cdb_rcved(self, sc: Command) -> int:
        if sc.sc_cmd[0] == 0xFF:
            sc.fail(0x520, 0)
            return chiscsi_scsi_cmd_execution_status(sc, None, 0, 0, 0)
        return super().fp_scsi_cmd_cdb_rcved(sc)


class HasTooMuchSenseData(Two):
    def fp_scsi_cmd_cdb_rcved(self, sc: Command) -> int:
        sc.sc_sense_buf = bytes(97)
        return super().fp_scsi_cmd_cdb_rcved(sc)


class CountsVectorsThatAreNotThere(Two):
    def _execute_read(self, sc: Command) -> None:
        pages = sc.sc_sdev_hdl.pages
        chiscsi_scsi_cmd_execution_status(sc, pages, len(pages) + 1, 0, sc.sc_xfer_len)


class InventsABlockLength(Two):
    def _execute_read(self, sc: Command) -> None:
        if sc.sc_cmd[0] == READ_CAPACITY_16:
            sc.sc_sdev_hdl.plan = Plan(32, data=b"\xff" * 32)
        super()._execute_read(sc)


class UsesOneBufferForEverything(Two):
    """All writes get the same pages, whether or not the stack has them."""

    def fp_scsi_cmd_cdb_rcved(self, sc: Command) -> int:
        if sc.sc_cmd[0] != WRITE_10 or not 0 < sc.sc_xfer_len <= 8192 or not sc.sc_flag & SC_FLAG_WRITE:
            return super().fp_scsi_cmd_cdb_rcved(sc)
        from chiscsi_target.drivers.samples.scsi_answers import make_plan
        from chiscsi_target.drivers.samples.single_phase import Request

        self.pages = getattr(self, "pages", None) or allocate(8192)
        length, pages = sc.sc_xfer_len, []
        for page in self.pages:
            page.sg_length = min(4096, length)
            length -= page.sg_length
            pages += [page] if page.sg_length else []
        sc.sc_sdev_hdl = Request(make_plan(sc, self._sizes), pages)
        return chiscsi_scsi_cmd_buffer_ready(sc, pages, len(pages), 0, sc.sc_xfer_len)


class SkipsAPhase(PhasedDisk):
    """The second phase is given where the third belongs."""

    def __init__(self) -> None:
        super().__init__(size_mb=4)

    def _give_phase(self, sc: Command, request: PhasedRequest) -> int:
        if request.given == 4096 and request.length > 8192:
            pages = allocate(4096)
            if sc.sc_flag & SC_FLAG_WRITE:
                chiscsi_scsi_cmd_buffer_ready(sc, pages, 1, 8192, 4096)
            else:
                chiscsi_scsi_cmd_execution_status(sc, pages, 1, 8192, 4096)
        return super()._give_phase(sc, request)


class ForgetsTheLastPhase(PhasedDisk):
    def __init__(self) -> None:
        super().__init__(size_mb=4)

    def _give_phase(self, sc: Command, request: PhasedRequest) -> int:
        if request.given and request.given + 4096 >= request.length:
            return -1
        return super()._give_phase(sc, request)
