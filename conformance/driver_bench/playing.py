"""What a case has its storage driver do: the API's functions as verbs that have to succeed, and as they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from chiscsi_target.api import (
    chiscsi_scsi_cmd_abort,
    chiscsi_scsi_cmd_abort_status,
    chiscsi_scsi_cmd_buffer_ready,
    chiscsi_scsi_cmd_execution_status,
    chiscsi_tmf_execution_done,
)
from conformance.driver_bench.buffers import Buffers, make_buffers

if TYPE_CHECKING:
    from chiscsi_target.target_module import TargetModule
    from conformance.driver_bench.hooks import HookCall
    from initiator_sim.task import CommandResult, Task

EINVAL = -26
"""The guide's -EINVAL, by the stack's own list (behaviour file, section 0)."""


class Playing:
    """The driver's part of a bench. `sc` is always the command that a hook was given."""

    module: TargetModule
    expect_equal: Callable[[str, object, object], None]

    # Buffers and completions

    def buffer_ready(self, sc: Any, buffers: Buffers) -> int:
        """Call `chiscsi_scsi_cmd_buffer_ready`; returns its result."""
        return chiscsi_scsi_cmd_buffer_ready(sc, *buffers.arguments)

    def execution_status(self, sc: Any, buffers: Buffers) -> int:
        """Call `chiscsi_scsi_cmd_execution_status` with buffers; returns its result."""
        return chiscsi_scsi_cmd_execution_status(sc, *buffers.arguments)

    def give_buffers(self, sc: Any, length: int | None = None, offset: int = 0, pieces: int = 1) -> Buffers:
        """Hand over empty buffers for a write's data: up to the end of the transfer, or `length` octets."""
        size = sc.sc_xfer_len - offset if length is None else length
        buffers = make_buffers(bytes(size), offset, pieces)
        self.expect_equal("result of chiscsi_scsi_cmd_buffer_ready", self.buffer_ready(sc, buffers), 0)
        return buffers

    def execute(self, sc: Any, data: bytes, offset: int = 0, pieces: int = 1) -> Buffers:
        """Hand over a read's data, executed; the status is what the fields of `sc` say."""
        buffers = make_buffers(data, offset, pieces)
        self.expect_equal("result of chiscsi_scsi_cmd_execution_status", self.execution_status(sc, buffers), 0)
        return buffers

    def executed(self, sc: Any, offset: int = 0, length: int | None = None) -> None:
        """Say that a write or a command without data was executed, all of it unless `length` says less."""
        size = sc.sc_xfer_len - offset if length is None else length
        result = chiscsi_scsi_cmd_execution_status(sc, None, 0, offset, size)
        self.expect_equal("result of chiscsi_scsi_cmd_execution_status", result, 0)

    def fail(self, sc: Any, key: int, asc: int, ascq: int = 0) -> None:
        """Complete a command with CHECK CONDITION and these sense data, without buffers."""
        sc.fail(key, asc, ascq)
        result = chiscsi_scsi_cmd_execution_status(sc, None, 0, 0, 0)
        self.expect_equal("result of chiscsi_scsi_cmd_execution_status", result, 0)

    def serve_write(self, task: Task, sc: Any, pieces: int = 1) -> bytes:
        """Carry a write on from its first hook to its status, which has to be GOOD; returns what arrived."""
        buffers = self.give_buffers(sc, pieces=pieces)
        self.wait_for_data(task, sc, buffers)
        self.executed(sc)
        self.expect_equal("status of the write", task.wait().status, 0)
        return buffers.contents

    def wait_for_data(self, task: Task, sc: Any, *phases: Buffers) -> None:
        """Let the initiator answer R2Ts until all the buffers are full and have come back."""
        covered = 0
        target = min(phases[-1].offset + phases[-1].length, len(task.output))
        covered = phases[0].offset
        while covered < target:
            r2t = task.next_r2t()
            task.serve(r2t)
            covered = r2t.header.buffer_offset + r2t.header.desired_data_transfer_length
        self.expect_returned(sc, *phases)

    expect_returned: Callable[..., None]

    def serve_read(self, task: Task, sc: Any, data: bytes) -> CommandResult:
        """Execute a read with `data`, and take in its result."""
        self.execute(sc, data)
        return task.wait()

    # Aborts and task management

    def abort(self, sc: Any) -> None:
        """Call `chiscsi_scsi_cmd_abort`, which has to return 0."""
        self.expect_equal("result of chiscsi_scsi_cmd_abort", chiscsi_scsi_cmd_abort(sc), 0)

    def abort_done(self, sc: Any) -> None:
        """Answer `fp_scsi_cmd_abort` with `chiscsi_scsi_cmd_abort_status`, which has to return 0."""
        self.expect_equal("result of chiscsi_scsi_cmd_abort_status", chiscsi_scsi_cmd_abort_status(sc), 0)

    def answer_tmf(self, call: HookCall, response: int = 0) -> None:
        """Answer `fp_tmf_execute` with `chiscsi_tmf_execution_done`, which has to return 0."""
        result = chiscsi_tmf_execution_done(call.hndl, response, call.sc)
        self.expect_equal("result of chiscsi_tmf_execution_done", result, 0)

    # Logins

    def answer_login(self, call: HookCall, status_class: int = 0, detail: int = 0, max_cmd: int = 0) -> None:
        """Answer `fp_first_login_check` or `fp_login_stage_check`, whichever the call is of."""
        if call.name == "fp_first_login_check":
            self.module.chiscsi_target_first_login_check_done(call.hndl, status_class, detail, max_cmd)
        else:
            self.module.chiscsi_target_login_stage_check_done(call.hndl, status_class, detail)
