"""Ways in which a write ends before all its data are in."""

from __future__ import annotations

from conformance.api import LogoutReason, TaskManagementFunction, expect
from conformance.suites.exchanges import send_function
from conformance.suites.offload.rig import Rig, Write

ABORTS = ["tmf", "reset", "driver"]
SESSION_ENDS = ["closed", "reset", "logout", "removal"]


def abort(rig: Rig, write: Write, how: str) -> None:
    """End a write: by ABORT TASK, by a reset of the logical unit from another session, or by its driver."""
    bench = rig.bench
    bench.when("fp_tmf_execute", bench.answer_tmf)
    bench.when("fp_scsi_cmd_abort", lambda call: bench.abort_done(call.sc))
    if how == "tmf":
        rig.session.task_management(TaskManagementFunction.ABORT_TASK, task=write.task)
    elif how == "reset":
        send_function(rig.other_session, TaskManagementFunction.LOGICAL_UNIT_RESET, write.task.lun)
    else:
        bench.abort(write.sc)
        write.task.expect(expect.check_condition(key=0x0B))
    bench.stage.settle()
    bench.forget()


def end_session(rig: Rig, how: str) -> None:
    """End the rig's session, with its writes."""
    if how == "removal":
        result = rig.bench.module.chiscsi_target_remove(None, rig.bench.name)
        rig.bench.expect_equal("result of chiscsi_target_remove", result, 0)
    elif how == "logout":
        rig.session.logout(LogoutReason.CLOSE_SESSION)
    elif how == "reset":
        rig.session.connection.reset()
    rig.session.connection.close()
    rig.bench.stage.settle()
