"""The completions of multi-phase LUN classes (guide 5.2.2.2): data change hands in pieces, in order and without gaps.

A driver may give phases ahead, while others are on their way, and execute those that came back in any portion. What
the single-phase calls demand, that the driver holds the command, is not demanded here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from chiscsi_target.api.constants import SC_FLAG_XFER_UNDERFLOW
from chiscsi_target.core import data_out, scsi_response
from chiscsi_target.core.buffers import BUFFER_READY, EXECUTION_STATUS
from chiscsi_target.core.task import EXECUTING, INITIALIZED, STATUS, W_BUFFER_READY, W_BUFFER_WAIT, W_XFER, Task
from chiscsi_target.engine.completions import EINVAL, GOOD, OVER_OR_UNDER, Completions

if TYPE_CHECKING:
    from chiscsi_target.api.scsi_command import chiscsi_scsi_command
    from chiscsi_target.api.sgvec import SgList


class PhasedCompletions(Completions):
    """The `CommandStack` of a worker's multi-phase commands."""

    # From any thread

    def buffer_ready(self, scmd: chiscsi_scsi_command, buf: SgList | None, sgcnt: int, offset: int, buflen: int) -> int:
        """See `chiscsi_scsi_cmd_buffer_ready`."""
        assert isinstance(scmd, Task)
        if not scmd.is_write or not _expects_calls(scmd):
            return self._misplaced(scmd, BUFFER_READY, buf, sgcnt, offset, buflen)
        if not scmd.failed_by_driver and not self._take(BUFFER_READY, scmd, buf, sgcnt, offset, buflen):
            return EINVAL
        return self._accepted(scmd, BUFFER_READY, sgcnt, offset, buflen)

    def execution_status(
        self, scmd: chiscsi_scsi_command, buf: SgList | None, sgcnt: int, offset: int, buflen: int
    ) -> int:
        """See `chiscsi_scsi_cmd_execution_status`."""
        assert isinstance(scmd, Task)
        if not _expects_calls(scmd):
            return self._misplaced(scmd, EXECUTION_STATUS, buf, sgcnt, offset, buflen)
        if not scmd.is_write:
            if not scmd.failed_by_driver and not self._take(EXECUTION_STATUS, scmd, buf, sgcnt, offset, buflen):
                return EINVAL
        elif not scmd.sc_status:
            if not self._covers(scmd, offset, buflen):
                return EINVAL
            _note_executed(scmd, offset + buflen)
        return self._accepted(scmd, EXECUTION_STATUS, sgcnt, offset, buflen)

    def _accepted(self, task: Task, function: str, sgcnt: int, offset: int, buflen: int) -> int:
        task.held = False
        self._record(task, function, sgcnt, offset, buflen)
        if function is BUFFER_READY:
            self._post(self._buffers_given, task)
        else:
            self._post(self._write_executed if task.is_write else self._read_executed, task)
        return 0

    # In the worker's thread

    def _read_executed(self, task: Task) -> None:
        # An earlier call's data may have gone out together with this one's, and the command be over.
        if task.state < STATUS:
            super()._read_executed(task)

    def _buffers_given(self, task: Task) -> None:
        if task.state in (W_BUFFER_WAIT, EXECUTING) or task.sc_status or task.failing or task.aborting is not None:
            super()._buffers_given(task)
        elif task.state in (W_BUFFER_READY, W_XFER):
            data_out.go_on(task)

    def _write_executed(self, task: Task) -> None:
        if task.state >= STATUS:
            return
        last = task.given >= task.sc_xfer_len or task.sc_flag & OVER_OR_UNDER
        if task.sc_status != GOOD or task.failing or task.aborting is not None:
            super()._write_executed(task)
        elif last and task.executed >= min(task.given, task.sc_xfer_len):
            scsi_response.send_response(task)
        elif task.executed >= task.given and task.state == EXECUTING:
            # The long path: the driver is asked for buffers again (behaviour file, 3.4).
            task.state = INITIALIZED
            self._worker.call_cdb_rcved(task)


def _note_executed(task: Task, end: int) -> None:
    """Take note of how far a write is executed, or that its driver has no buffer for the rest."""
    if end > task.executed:
        task.executed = end
    elif task.held and task.state == W_BUFFER_WAIT and task.executed < task.sc_xfer_len:
        # Behaviour file, 3.4: that ends the command. To ask again might never end.
        task.sc_flag |= 0 if task.sc_flag & OVER_OR_UNDER else SC_FLAG_XFER_UNDERFLOW


def _expects_calls(task: Task) -> bool:
    """Whether a driver may call for a command: it has seen it, and its status is not known yet."""
    return task.seen and task.state < STATUS
