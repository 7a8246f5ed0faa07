"""What storage drivers call for a command (guide 7.3.5), from any thread, and what comes of it in the worker's own.

The calls judge and take note; all else is posted to the worker's queue.
"""

from __future__ import annotations

from threading import get_ident
from typing import TYPE_CHECKING, Final

from chiscsi_target.api.command_dump import command_lines
from chiscsi_target.api.constants import (
    SC_FLAG_CMD_ABORT,
    SC_FLAG_SESS_ABORT,
    SC_FLAG_TMF_ABORT,
    SC_FLAG_XFER_OVERFLOW,
    SC_FLAG_XFER_UNDERFLOW,
    ReturnCode,
)
from chiscsi_target.core import data_in, data_out, data_path, scsi_response
from chiscsi_target.core.agenda import INFORMATION, WARNING
from chiscsi_target.core.buffers import (
    BUFFER_READY,
    CHANGED,
    EXECUTION_STATUS,
    check_executed,
    check_given,
    find_unusable,
    plainly_right,
)
from chiscsi_target.core.data_path import INTERNAL_FAILURE, READ_ERROR, WRITE_ERROR
from chiscsi_target.core.full_pages import not_full_pages
from chiscsi_target.core.task import (
    DONE,
    EXE_READY,
    EXECUTING,
    INITIALIZED,
    STATE_NAMES,
    W_BUFFER_READY,
    W_BUFFER_WAIT,
    W_XFER,
    Task,
)
from chiscsi_target.core.vector_links import link, plainly_right_and_linked
from chiscsi_target.engine import release
from chiscsi_target.engine.misplaced import kind_of_misplaced
from iscsi_wire.constants import ScsiStatus
from iscsi_wire.records import CompletionRecord

if TYPE_CHECKING:
    from chiscsi_target.api.scsi_command import chiscsi_scsi_command
    from chiscsi_target.api.sgvec import SgList
    from chiscsi_target.engine.worker import Worker

_ABORT: Final = "chiscsi_scsi_cmd_abort"
_ABORT_STATUS: Final = "chiscsi_scsi_cmd_abort_status"
GOOD: Final = 0
OVER_OR_UNDER: Final = SC_FLAG_XFER_OVERFLOW | SC_FLAG_XFER_UNDERFLOW
_ABORTED_COMMAND: Final = 0x0B
_ABORTS: Final = SC_FLAG_CMD_ABORT | SC_FLAG_SESS_ABORT | SC_FLAG_TMF_ABORT
EINVAL: Final = -int(ReturnCode.EINVAL)


class Completions:
    """The `CommandStack` of a worker's commands."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._post = worker.post
        self._plainly_right = plainly_right
        # Bound once, since they are posted for every command.
        self._on_read_executed, self._on_write_executed = self._read_executed, self._write_executed
        self._on_buffers_given = self._buffers_given

    # From any thread

    def buffer_ready(self, scmd: chiscsi_scsi_command, buf: SgList | None, sgcnt: int, offset: int, buflen: int) -> int:
        """See `chiscsi_scsi_cmd_buffer_ready`."""
        assert isinstance(scmd, Task)
        if scmd.state >= DONE or not scmd.held or not scmd.is_write:
            return self._misplaced(scmd, BUFFER_READY, buf, sgcnt, offset, buflen)
        if self._plainly_right(scmd, buf, sgcnt, offset, buflen):
            scmd.phases.append((buf, sgcnt, offset, buflen))  # type: ignore[arg-type]  # it is no None then
            scmd.given = buflen
        elif not scmd.failed_by_driver and not self._take(BUFFER_READY, scmd, buf, sgcnt, offset, buflen):
            return EINVAL
        # With nothing to transfer the driver still has to say how the execution went (behaviour file, 3.7).
        scmd.held = not scmd.sc_status and scmd.sc_xfer_len == 0
        worker = self._worker
        if worker.listener is not None:
            self._record(scmd, BUFFER_READY, sgcnt, offset, buflen)
        worker.queue.append((self._on_buffers_given, scmd))
        if get_ident() != worker.thread:
            worker.wake()
        return 0

    def execution_status(
        self, scmd: chiscsi_scsi_command, buf: SgList | None, sgcnt: int, offset: int, buflen: int
    ) -> int:
        """See `chiscsi_scsi_cmd_execution_status`."""
        assert isinstance(scmd, Task)
        if scmd.state >= DONE or not scmd.held:
            return self._misplaced(scmd, EXECUTION_STATUS, buf, sgcnt, offset, buflen)
        if scmd.is_write:
            executed = self._on_write_executed
            if not scmd.sc_status and not self._covers(scmd, offset, buflen):
                return EINVAL
        else:
            executed = self._on_read_executed
            if self._plainly_right(scmd, buf, sgcnt, offset, buflen):
                scmd.phases.append((buf, sgcnt, offset, buflen))  # type: ignore[arg-type]  # it is no None then
                scmd.given = buflen
            elif not scmd.failed_by_driver and not self._take(EXECUTION_STATUS, scmd, buf, sgcnt, offset, buflen):
                return EINVAL
        scmd.held = False
        worker = self._worker
        if worker.listener is not None:
            self._record(scmd, EXECUTION_STATUS, sgcnt, offset, buflen)
        # As `post`, without the call.
        worker.queue.append((executed, scmd))
        if get_ident() != worker.thread:
            worker.wake()
        return 0

    def command_abort(self, scmd: chiscsi_scsi_command) -> int:
        """See `chiscsi_scsi_cmd_abort`."""
        assert isinstance(scmd, Task)
        if scmd.state >= DONE:
            return self._misplaced(scmd, _ABORT)
        scmd.sc_flag |= SC_FLAG_CMD_ABORT
        scmd.given_up = True
        self._record(scmd, _ABORT, 0, 0, 0)
        self._post(self._aborted, scmd)
        return 0

    def command_abort_status(self, scmd: chiscsi_scsi_command) -> int:
        """See `chiscsi_scsi_cmd_abort_status`."""
        assert isinstance(scmd, Task)
        if not scmd.abort_asked and not (scmd.held and scmd.sc_flag & _ABORTS):
            return self._refuse(scmd, _ABORT_STATUS)
        self._record(scmd, _ABORT_STATUS, 0, 0, 0)
        # Even if nobody asks any more: a driver that says so has given the command up, so it cannot go on.
        self._note_answer(scmd)
        self._post(self._abort_answered, scmd)
        return 0

    def ready_to_release(self, scmd: chiscsi_scsi_command) -> int:
        """See `chiscsi_scsi_cmd_ready_to_release`."""
        assert isinstance(scmd, Task)
        return release.let_go(self._worker, scmd)

    def command_dump(self, scmd: chiscsi_scsi_command) -> None:
        """See `chiscsi_iscsi_command_dump`."""
        assert isinstance(scmd, Task)
        for line in (*command_lines(scmd), f"  in state {STATE_NAMES[scmd.state]}"):
            self._worker.log(INFORMATION, line)

    def _take(self, function: str, task: Task, buf: SgList | None, sgcnt: int, offset: int, buflen: int) -> bool:
        """Take buffers over, if they are in order."""
        _keep_length(task)
        if task.sc_xfer_len == 0:
            return True
        complaint = check_given(function, task, buf, sgcnt, offset, buflen, self._in_phases(task))
        if task.failing or (complaint and task.aborting is not None):
            # Nothing is checked of a command that is being aborted (behaviour file, 4.3); it cannot go on, though. Nor
            # of one that the stack has ended: its driver need not know that yet.
            task.doom(WRITE_ERROR if task.is_write else READ_ERROR)
            if buf is not None:
                # They go back like others.
                task.phases.append((buf, sgcnt, offset, buflen))
            return True
        if complaint:
            self._complain(task, complaint)
            if function is EXECUTION_STATUS:
                self._complain_of_state(task)
            return False
        assert buf is not None
        trouble = find_unusable(task, buf, sgcnt)
        if trouble:
            # The call was right; the data path fails, and the command with it (behaviour file, 5.3).
            data_path.fail(task, trouble)
        link(task, buf, sgcnt, offset)
        if task.is_write and task.session.pass_through:
            for line in not_full_pages(buf, sgcnt, offset, task.sc_xfer_len):
                self._complain(task, line)
        # In this order: the worker may look at any time, and what `given` says has to be there.
        task.phases.append((buf, sgcnt, offset, buflen))
        task.given = offset + buflen
        return True

    def _in_phases(self, task: Task) -> bool:
        """Whether the buffers may be less than the whole without saying so."""
        return task.session.multi_phase

    def _covers(self, task: Task, offset: int, buflen: int) -> bool:
        """Judge what a write says it has executed; an over- or underflow that is found is noted in the command."""
        if (offset == 0 and buflen == task.sc_xfer_len == task.returned) or task.aborting is not None:
            return True
        _keep_length(task)
        messages, flags = check_executed(task, offset, buflen, task.session.multi_phase)
        for message in messages:
            self._complain(task, message)
        if flags is None:
            self._complain_of_state(task)
            return False
        if flags and not task.sc_flag & OVER_OR_UNDER:
            task.sc_flag |= flags
            task.sc_xfer_residualcount = task.sc_xfer_residualcount or abs(task.sc_xfer_len - offset - buflen)
        return True

    def _complain(self, task: Task, text: str) -> None:
        self._worker.log(INFORMATION, text, task.connection.name)

    def _complain_of_state(self, task: Task) -> None:
        self._complain(task, f"{task.name}, flag 0x{task.sc_flag:x}, state {task.state}, check buffer {EINVAL}.")
        self._complain(task, repr(task))

    def _misplaced(
        self, task: Task, function: str, buf: SgList | None = None, sgcnt: int = 0, offset: int = 0, buflen: int = 0
    ) -> int:
        """Judge a call that the command's state does not expect: it may let an aborted command go, else it is wrong."""
        if task.state >= DONE and task.held:
            task.held = False
            self._note_answer(task)
            lent = function is BUFFER_READY or not task.is_write
            if buf is not None and lent and task.sc_xfer_len and not task.failed_by_driver:
                # They go back like others.
                task.phases.append((buf, sgcnt, offset, buflen))
            self._post(self._let_go, task)
            return 0
        if task.sc_flag & SC_FLAG_TMF_ABORT and task.abort_asked:
            # Guide 7.3.6: so the driver may answer the hook, even if nobody waits for it.
            self._note_answer(task)
            return 0
        return self._refuse(task, function)

    def _note_answer(self, task: Task) -> None:
        """Take note that a driver has answered `fp_scsi_cmd_abort`, if it was called: it has its buffers back."""
        if task.abort_asked is not None:
            task.abort_asked = False
            if task.is_write:
                # Data go on coming in until then, since the function may be refused (RFC 7143 section 11.6.1).
                self._worker.take_place_away(task)

    def _refuse(self, task: Task, function: str) -> int:
        state = STATE_NAMES[task.state]
        text = f"{function}: {task.name}, not expected in state {state}."
        self._worker.find(kind_of_misplaced(task, function), text, task.connection.name, task.itt)
        self._worker.log(WARNING, text, task.connection.name)
        return EINVAL

    def _record(self, task: Task, function: str, sgcnt: int, offset: int, buflen: int) -> None:
        worker = self._worker
        if worker.listener is not None:
            arguments = f"{task.name}, sgcnt {sgcnt}, {offset}+{buflen}, status 0x{task.sc_status:02x}"
            worker.listener(CompletionRecord(worker.now, "target", task.connection.name, function, arguments, "0"))

    # In the worker's thread

    def _read_executed(self, task: Task) -> None:
        if task.state >= DONE or task.aborting is not None or task.failing:
            self._let_go(task)
            return
        try:
            data_in.send_data(task)
        except CHANGED as error:
            data_path.fail(task, f"{task.name}, {error}.")
            scsi_response.conclude_when_data_is_in(task)

    def _buffers_given(self, task: Task) -> None:
        if task.state >= DONE or task.aborting is not None or task.failing:
            self._let_go(task)
        elif task.sc_status != GOOD:
            self._write_executed(task)
        elif task.sc_xfer_len and task.state in (W_BUFFER_WAIT, EXECUTING):
            # Else `resume` has seen to them, behind a function that was refused.
            data_out.begin_transfer(task)

    def _write_executed(self, task: Task) -> None:
        if task.state >= DONE or task.aborting is not None or task.failing:
            self._let_go(task)
        elif task.data_due:
            # A driver without a buffer to give: what the initiator sends unasked is awaited, and thrown away.
            task.take_no_more_data()
        else:
            scsi_response.send_response(task)

    def _let_go(self, task: Task) -> None:
        """Go on with a command that had to wait for the driver's call."""
        if task.state >= DONE:
            self._worker.orphans.pop(task, None)
            task.connection.release(task)
        elif task.aborting is not None:
            task.aborting.proceed()
        else:
            scsi_response.conclude_when_data_is_in(task)

    def _aborted(self, task: Task) -> None:
        """End a command that its driver gives up, with CHECK CONDITION (behaviour file, 4.3)."""
        if task.state >= DONE:
            if task.held:
                # A task management function has ended it meanwhile.
                task.held = False
                self._let_go(task)
            return
        task.held = False
        if not scsi_response.has_sense(task) and task.sc_status in (GOOD, ScsiStatus.CHECK_CONDITION):
            _, task.sc_sense_asc, task.sc_sense_ascq = WRITE_ERROR if task.is_write else READ_ERROR
            task.sc_sense_key = _ABORTED_COMMAND
        task.sc_status = task.sc_status or ScsiStatus.CHECK_CONDITION
        task.take_no_more_data()
        if task.aborting is None:
            scsi_response.send_response(task)

    def _abort_answered(self, task: Task) -> None:
        if task.held:
            task.held = False
            if not task.sc_status:
                # In case that the function which ends it is refused after all: it cannot go on.
                task.doom(INTERNAL_FAILURE)
            task.take_no_more_data()
            self._let_go(task)

    def resume(self, task: Task) -> None:
        """Go on with a command that a task management function did not end after all."""
        if task.held or task.state >= DONE:
            return
        if task.failing:
            scsi_response.conclude_when_data_is_in(task)
        elif not task.seen:
            # One that waits for its turn is delivered when that comes.
            if task.is_immediate or not task.session.window.holds(task.sc_CmdSN):
                self._worker.call_cdb_rcved(task)
        elif task.is_write:
            self._resume_write(task)
        else:
            self._read_executed(task)

    def _resume_write(self, task: Task) -> None:
        state = task.state
        if state == W_BUFFER_WAIT and task.phases:
            self._buffers_given(task)
        elif state in (W_BUFFER_READY, W_XFER):
            data_out.continue_write(task)
        elif state == EXE_READY:
            self._worker.call_data_xfer_status(task)
        elif state == INITIALIZED:
            self._worker.call_cdb_rcved(task)
        else:
            self._write_executed(task)


def _keep_length(task: Task) -> None:
    """Hold a driver to the initiator's transfer length: it may be lowered for an underflow, and never be raised."""
    task.sc_xfer_len = min(task.sc_xfer_len, task.edtl)


class LinkingCompletions(Completions):
    """The `CommandStack` of a worker's pass-through commands, whose drivers see their vectors numbered and chained."""

    def __init__(self, worker: Worker) -> None:
        super().__init__(worker)
        self._plainly_right = plainly_right_and_linked
