"""Calling the command hooks of a LUN class (guide 5.2.4): made from a worker's queue, one at a time.

A hook that raises fails its own command and nothing else.
"""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING, Final

from chiscsi_target.api.constants import (
    ISCSI_RESPONSE_TMF_FUNCTION_REJECTED,
    SC_FLAG_CMD_ABORT,
    SC_FLAG_SESS_ABORT,
    SC_FLAG_TMF_ABORT,
)
from chiscsi_target.api.findings import FindingKind
from chiscsi_target.core import data_out, scsi_response
from chiscsi_target.core.agenda import ERROR, INFORMATION, WARNING
from chiscsi_target.core.buffers import vectors
from chiscsi_target.core.task import CLOSED, EXE_READY, EXECUTING, STATUS, W_BUFFER_READY, W_BUFFER_WAIT, Phase, Task
from chiscsi_target.engine.release import park
from chiscsi_target.errors import DriverError

if TYPE_CHECKING:
    from chiscsi_target.core.agenda import Agenda
    from chiscsi_target.core.task_management import TaskManagement

# Sense data made here (SPC-4 annex F): key, additional sense code, qualifier.
INTERNAL_TARGET_FAILURE: Final = (0x04, 0x44, 0x00)
WRITE_ERROR: Final = (0x03, 0x0C, 0x00)
UNRECOVERED_READ_ERROR: Final = (0x03, 0x11, 0x00)
_GOOD: Final = 0
_ABORTS: Final = SC_FLAG_CMD_ABORT | SC_FLAG_SESS_ABORT | SC_FLAG_TMF_ABORT


class HookCalls:
    """The calls of one worker."""

    def __init__(self, agenda: Agenda) -> None:
        self._agenda = agenda

    def cdb_rcved(self, task: Task) -> None:
        """Give a command to the driver, which holds it until it calls back."""
        if task.state >= STATUS or task.aborting is not None or task.failing:
            return
        task.held = task.seen = True
        task.state = W_BUFFER_WAIT if task.is_write else EXECUTING
        try:
            refused = task.session.hooks.fp_scsi_cmd_cdb_rcved(task) < 0  # here, since it may be no number
        except Exception as error:
            self._failed(task, "fp_scsi_cmd_cdb_rcved", error)
        else:
            if refused:
                self._refused(task)

    def data_xfer_status(self, task: Task) -> None:
        """Give a write's full buffers to the driver, phase by phase.

        A write that goes on after a refused function may have been queued for this twice.
        """
        if task.state != EXE_READY or task.aborting is not None or task.failing:
            return
        task.state = EXECUTING
        for buf, sgcnt, offset, length in self._in_portions(_take_filled(task)):
            if task.state >= STATUS:
                return
            task.held = True
            task.returned = offset + length
            if task.connection.ulp is not None:
                task.connection.ulp.returned(task)
            try:
                task.session.hooks.fp_scsi_cmd_data_xfer_status(task, buf, sgcnt, offset, length)
            except Exception as error:
                self._failed(task, "fp_scsi_cmd_data_xfer_status", error)
                return
        if task.phases and task.state == EXECUTING:
            # Multi-phase: the driver gave more while these were on their way.
            task.state = W_BUFFER_READY
            data_out.go_on(task)

    def phases_sent(self, sent: tuple[Task, int]) -> None:
        """Give those phases of a multi-phase read back that the transport has taken, which end at an offset."""
        task, end = sent
        if task.state >= STATUS:
            return
        phases = task.phases
        count = sum(1 for _, _, offset, length in phases if offset + length <= end)
        going = phases[:count]
        del phases[:count]
        for buf, sgcnt, offset, length in self._in_portions(going):
            task.returned = offset + length
            try:
                task.session.hooks.fp_scsi_cmd_data_xfer_status(task, buf, sgcnt, offset, length)
            except Exception as error:
                self._log(task, "fp_scsi_cmd_data_xfer_status", error)

    def _in_portions(self, phases: list[Phase]) -> list[Phase]:
        """Phases as they go back: one by one or, which drivers have to cope with too, merged (behaviour file, 3.5)."""
        if not self._agenda.merge_returns or len(phases) < 2:
            return phases
        together = [vector for buf, sgcnt, _, _ in phases for vector in vectors(buf, sgcnt)]
        return [(together, len(together), phases[0][2], sum(length for _, _, _, length in phases))]

    def abort(self, task: Task) -> None:
        """Tell the driver to give a command up, once: its buffers are the driver's again (guide 7.3.5.4)."""
        if task.abort_asked is not None:
            return
        task.abort_asked = True
        if task.is_write:
            task.connection.take_place_away(task)
        try:
            task.session.hooks.fp_scsi_cmd_abort(task)
        except Exception as error:
            self._log(task, "fp_scsi_cmd_abort", error)
            if task.held and task.state < STATUS:
                # Nobody will answer.
                task.held = False
                self._conclude(task)

    def release(self, task: Task) -> None:
        """Give the buffers back that are left and have the driver clean up: the last it hears of the command."""
        if task.state == CLOSED:
            return
        task.state = CLOSED
        session = task.session
        if task.is_write:
            task.connection.take_place_away(task)
        phases, task.phases = task.phases, []
        try:
            if phases or task.given_up:
                self._return_rest(task, phases)
            elif (
                session.pass_through
                and task.edtl == 0
                and not (task.is_write or session.multi_phase or task.sc_flag & _ABORTS)
            ):
                # Behaviour file, 3.3: what was sent here is the status alone.
                session.hooks.fp_scsi_cmd_data_xfer_status(task, None, 0, 0, 0)
        except Exception as error:
            self._log(task, "release", error)
        try:
            if task.seen:
                session.hooks.fp_scsi_cmd_cleanup(task)
        except Exception as error:
            self._log(task, "fp_scsi_cmd_cleanup", error)
        if session.keeps_released:
            park(task)

    def _return_rest(self, task: Task, phases: list[Phase]) -> None:
        """Return what the stack still has at the end of a command, unless `fp_scsi_cmd_abort` has done so."""
        if task.given_up:
            self._tell_of_abort(task, phases)
        elif not (task.sc_flag & _ABORTS and task.abort_asked is not None):
            for buf, sgcnt, offset, length in self._in_portions(phases):
                task.session.hooks.fp_scsi_cmd_data_xfer_status(task, buf, sgcnt, offset, length)
        elif not task.session.has_cleanup:
            text = f"{task.name}, {len(phases)} buffer list(s) with the stack, memory leak?"
            self._agenda.log(WARNING, text, task.connection.name)
            self._agenda.find(FindingKind.MEMORY_LEAK, text, task.connection.name, task.itt)

    def _tell_of_abort(self, task: Task, phases: list[Phase]) -> None:
        """Return the buffers of a command whose abort the driver asked for (guide 7.3.5.4); there may be none."""
        tell, names = task.session.hooks.fp_scsi_cmd_abort_status, (task.sc_lun, task.sc_CmdSN, task.itt)
        for buf, sgcnt, _, _ in self._in_portions(phases):
            tell(*names, sgcnt, buf, task.sc_sdev_hdl)
        if not phases:
            tell(*names, 0, None, task.sc_sdev_hdl)

    def tmf_execute(self, request: TaskManagement) -> None:
        """Have the driver execute a task management function; a refusal is the answer `Function rejected`."""
        session = request.session
        try:
            result = session.hooks.fp_tmf_execute(
                session.tclass_priv, request, int(request.immediate), request.function, request.lun, request.task
            )
            refused = result < 0
        except Exception as error:
            self._agenda.log(ERROR, _describe("fp_tmf_execute", error), request.connection.name)
            refused = True
        if refused:
            request.finish(ISCSI_RESPONSE_TMF_FUNCTION_REJECTED)

    def _failed(self, task: Task, hook: str, error: Exception) -> None:
        """Fail the command of a hook that raised, unless the hook had called back before."""
        sense = INTERNAL_TARGET_FAILURE
        if isinstance(error, DriverError):
            sense = (error.key, error.asc, error.ascq)
            self._agenda.log(INFORMATION, f"{task.name}: {hook}: {error}", task.connection.name)
        else:
            self._log(task, hook, error)
        if task.held:
            task.held = False
            task.doom(sense)
            self._conclude(task)

    def _refused(self, task: Task) -> None:
        """Fail a command that the driver refused, with the status that it set, if any (behaviour file, 3.3 and 3.4)."""
        if not task.held:
            return
        task.held = False
        if task.sc_status == _GOOD:
            task.fail(*(WRITE_ERROR if task.is_write else UNRECOVERED_READ_ERROR))
        task.take_no_more_data()
        self._conclude(task)

    def _conclude(self, task: Task) -> None:
        if task.aborting is None:
            scsi_response.conclude_when_data_is_in(task)

    def _log(self, task: Task, hook: str, error: Exception) -> None:
        self._agenda.log(ERROR, f"{task.name}: {_describe(hook, error)}", task.connection.name)


def _take_filled(task: Task) -> list[Phase]:
    """Take those buffers of a write that are full; a driver may give more at any time, from any thread."""
    phases = task.phases
    if not task.session.multi_phase:
        task.phases = []
        return phases
    count = sum(1 for _, _, offset, length in phases if min(offset + length, task.sc_xfer_len) <= task.landed)
    filled = phases[:count]
    del phases[:count]
    return filled


def _describe(hook: str, error: Exception) -> str:
    return f"{hook} raised: " + "".join(traceback.format_exception(error)).rstrip()
