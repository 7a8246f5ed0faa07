"""What storage drivers call for a command (guide 7.3.5), from any thread, and what comes of it in the worker's own.

The calls judge and take note; all else is posted to the worker's queue.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from chiscsi_target.api.constants import SC_FLAG_CMD_ABORT, ReturnCode
from chiscsi_target.core import data_in, data_out, scsi_response
from chiscsi_target.core.agenda import INFORMATION, WARNING
from chiscsi_target.core.buffers import BUFFER_READY, EXECUTION_STATUS, check_given, plainly_right
from chiscsi_target.core.task import DONE, STATE_NAMES, W_BUFFER_READY, W_XFER, Task
from iscsi_wire.records import CompletionRecord

if TYPE_CHECKING:
    from chiscsi_target.api.scsi_command import chiscsi_scsi_command
    from chiscsi_target.api.sgvec import SgList
    from chiscsi_target.engine.worker import Worker

_ABORT: Final = "chiscsi_scsi_cmd_abort"
_ABORT_STATUS: Final = "chiscsi_scsi_cmd_abort_status"
_GOOD: Final = 0
_EINVAL: Final = -int(ReturnCode.EINVAL)


class Completions:
    """The `CommandStack` of a worker's commands."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._post = worker.post
        # Bound once, since they are posted for every command.
        self._on_read_executed, self._on_write_executed = self._read_executed, self._write_executed
        self._on_buffers_given = self._buffers_given

    # From any thread

    def buffer_ready(self, scmd: chiscsi_scsi_command, buf: SgList | None, sgcnt: int, offset: int, buflen: int) -> int:
        """See `chiscsi_scsi_cmd_buffer_ready`."""
        assert isinstance(scmd, Task)
        if scmd.state >= DONE or not scmd.held or not scmd.is_write:
            return self._misplaced(scmd, BUFFER_READY)
        if plainly_right(scmd, buf, sgcnt, offset, buflen):
            scmd.phases.append((buf, sgcnt, offset, buflen))  # type: ignore[arg-type]  # it is no None then
            scmd.given = buflen
        elif not scmd.sc_status and not self._take(BUFFER_READY, scmd, buf, sgcnt, offset, buflen):
            return _EINVAL
        scmd.held = False
        if self._worker.listener is not None:
            self._record(scmd, BUFFER_READY, sgcnt, offset, buflen)
        self._post(self._on_buffers_given, scmd)
        return 0

    def execution_status(
        self, scmd: chiscsi_scsi_command, buf: SgList | None, sgcnt: int, offset: int, buflen: int
    ) -> int:
        """See `chiscsi_scsi_cmd_execution_status`."""
        assert isinstance(scmd, Task)
        if scmd.state >= DONE or not scmd.held:
            return self._misplaced(scmd, EXECUTION_STATUS)
        if scmd.is_write:
            executed = self._on_write_executed
        else:
            executed = self._on_read_executed
            if plainly_right(scmd, buf, sgcnt, offset, buflen):
                scmd.phases.append((buf, sgcnt, offset, buflen))  # type: ignore[arg-type]  # it is no None then
                scmd.given = buflen
            elif not scmd.sc_status and not self._take(EXECUTION_STATUS, scmd, buf, sgcnt, offset, buflen):
                return _EINVAL
        scmd.held = False
        if self._worker.listener is not None:
            self._record(scmd, EXECUTION_STATUS, sgcnt, offset, buflen)
        self._post(executed, scmd)
        return 0

    def command_abort(self, scmd: chiscsi_scsi_command) -> int:
        """See `chiscsi_scsi_cmd_abort`."""
        assert isinstance(scmd, Task)
        if scmd.state >= DONE:
            return self._misplaced(scmd, _ABORT)
        scmd.sc_flag |= SC_FLAG_CMD_ABORT
        self._record(scmd, _ABORT, 0, 0, 0)
        self._post(self._aborted, scmd)
        return 0

    def command_abort_status(self, scmd: chiscsi_scsi_command) -> int:
        """See `chiscsi_scsi_cmd_abort_status`."""
        assert isinstance(scmd, Task)
        self._record(scmd, _ABORT_STATUS, 0, 0, 0)
        self._post(self._abort_answered, scmd)
        return 0

    def _take(self, function: str, task: Task, buf: SgList | None, sgcnt: int, offset: int, buflen: int) -> bool:
        """Take buffers over, if they are in order."""
        if task.sc_xfer_len == 0:
            return True
        complaint = check_given(function, task, buf, sgcnt, offset, buflen, task.session.multi_phase)
        if complaint:
            self._worker.log(INFORMATION, complaint, task.connection.name)
            return False
        assert buf is not None
        task.phases.append((buf, sgcnt, offset, buflen))
        task.given = offset + buflen
        return True

    def _misplaced(self, task: Task, function: str) -> int:
        """Judge a call that the command's state does not expect: it may let an aborted command go, else it is wrong."""
        if task.state >= DONE and task.held:
            task.held = False
            self._post(self._let_go, task)
            return 0
        state = STATE_NAMES[task.state]
        self._worker.log(WARNING, f"{function}: {task.name}, not expected in state {state}.", task.connection.name)
        return _EINVAL

    def _record(self, task: Task, function: str, sgcnt: int, offset: int, buflen: int) -> None:
        worker = self._worker
        if worker.listener is not None:
            arguments = f"{task.name}, sgcnt {sgcnt}, {offset}+{buflen}, status 0x{task.sc_status:02x}"
            worker.listener(CompletionRecord(worker.now, "target", task.connection.name, function, arguments, "0"))

    # In the worker's thread

    def _read_executed(self, task: Task) -> None:
        if task.state >= DONE or task.aborting is not None or task.failing:
            self._let_go(task)
        else:
            data_in.send_data(task)

    def _buffers_given(self, task: Task) -> None:
        if task.state >= DONE or task.aborting is not None or task.failing:
            self._let_go(task)
        elif task.sc_status != _GOOD:
            self._write_executed(task)
        elif task.sc_xfer_len == 0:
            # Nothing to transfer: the driver still has to say how the execution went (behaviour file, 3.7).
            task.held = True
        else:
            task.state = W_BUFFER_READY
            data_out.take_unsolicited(task)
            data_out.continue_write(task)

    def _write_executed(self, task: Task) -> None:
        if task.state >= DONE or task.aborting is not None or task.failing:
            self._let_go(task)
        elif task.sc_status != _GOOD and task.data_due:
            task.failing = True
        elif task.sc_status != _GOOD or task.returned >= task.sc_xfer_len:
            scsi_response.send_response(task)
        else:
            # Multi-phase, the long path: the driver is asked for buffers again (behaviour file, 3.4).
            self._worker.call_cdb_rcved(task)

    def _let_go(self, task: Task) -> None:
        """Go on with a command that had to wait for the driver's call."""
        if task.state >= DONE:
            self._worker.call_release(task)
        elif task.aborting is not None:
            task.aborting.proceed()
        else:
            scsi_response.conclude_when_data_is_in(task)

    def _aborted(self, task: Task) -> None:
        """End a command that its driver gives up, with CHECK CONDITION (behaviour file, 4.3)."""
        if task.state >= DONE:
            return
        task.held = False
        if task.sc_status == _GOOD:
            task.fail(0x0B, 0x0C if task.is_write else 0x11, 0x00)
        scsi_response.send_response(task)
        hooks = task.session.hooks
        hooks.fp_scsi_cmd_abort_status(task.sc_lun, task.sc_CmdSN, task.sc_itt, 0, None, task.sc_sdev_hdl)

    def _abort_answered(self, task: Task) -> None:
        if task.held:
            task.held = False
            self._let_go(task)

    def resume(self, task: Task) -> None:
        """Go on with a command that a task management function did not end after all."""
        if task.held or task.state >= DONE:
            return
        if not task.seen:
            self._worker.call_cdb_rcved(task)
        elif not task.is_write:
            self._read_executed(task)
        elif task.state in (W_BUFFER_READY, W_XFER):
            data_out.continue_write(task)
        else:
            self._write_executed(task)
