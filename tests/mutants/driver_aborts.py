"""Commands that drivers give up, and those of sessions that end (guide 7.3.5.4; behaviour file, 1.7 and 4.1)."""

from __future__ import annotations

from typing import Any

from chiscsi_target.api.constants import SC_FLAG_SESS_ABORT, SC_FLAG_TMF_ABORT
from chiscsi_target.core.connection import Connection
from chiscsi_target.core.session import Session
from chiscsi_target.core.task import Task
from chiscsi_target.engine.completions import Completions
from chiscsi_target.engine.directory import Directory
from chiscsi_target.engine.hook_calls import HookCalls
from chiscsi_target.engine.inspection import InspectedStack
from chiscsi_target.tracing import TracedHooks
from iscsi_wire.constants import Opcode
from tests.mutants.planting import Original, Plant, mutant
from tests.mutants.seams import before_call, before_hook, skip_hook

ABORT, TMF = "fp_scsi_cmd_abort", "fp_tmf_execute"


@mutant("guide, 7.3.5.4", "drv-abort-01 drv-abort-02 drv-abort-05")
def given_up_commands_end_with_another_sense(plant: Plant) -> None:
    """A command that its driver gives up ends with 04/44/00."""

    def aborted(original: Original, completions: Completions, task: Task) -> None:
        task.fail(4, 0x44)
        original(completions, task)

    plant.wrap(Completions, "_aborted", aborted)


@mutant("guide, 7.3.5.4", "drv-abort-01 drv-abort-03 drv-abort-04 drv-abort-05 drv-abort-08")
def end_of_a_driver_abort_is_not_told(plant: Plant) -> None:
    """fp_scsi_cmd_abort_status is not called."""
    plant.replace(TracedHooks, "fp_scsi_cmd_abort_status", lambda hooks, *arguments: None)


@mutant("behaviour file, 4.1", "drv-abort-03 drv-abort-08")
def given_up_buffers_come_back_twice(plant: Plant) -> None:
    """Buffers of a given up command come back by fp_scsi_cmd_data_xfer_status, too."""

    def tell(original: Original, hooks: HookCalls, task: Task, phases: Any) -> None:
        for buf, sgcnt, offset, length in phases:
            task.session.hooks.fp_scsi_cmd_data_xfer_status(task, buf, sgcnt, offset, length)
        original(hooks, task, phases)
        original(hooks, task, phases)

    plant.wrap(HookCalls, "_tell_of_abort", tell)


@mutant("behaviour file, 4.3", "drv-abort-06")
def finished_commands_are_given_up(plant: Plant) -> None:
    """chiscsi_scsi_cmd_abort returns 0 for a command that is over."""

    def abort(original: Original, stack: InspectedStack, task: Task) -> int:
        original(stack, task)
        return 0

    plant.wrap(InspectedStack, "command_abort", abort)


@mutant("behaviour file, 4.3", "drv-abort-07")
def late_data_get_into_given_up_buffers(plant: Plant) -> None:
    """Data for an aborted write still go into the driver's buffers."""
    kept: dict[int, Any] = {}

    def call(original: Original, stack: InspectedStack, task: Task, *arguments: Any) -> int:
        kept[task.sc_itt] = arguments[0]
        return int(original(stack, task, *arguments))

    def data(original: Original, connection: Connection, frame: Any) -> None:
        for vector in kept.get(int.from_bytes(frame.header[16:20]), ()):
            vector.sg_addr[:1] = b"\xff"
        original(connection, frame)

    plant.wrap(InspectedStack, "buffer_ready", call)
    plant.received(Opcode.DATA_OUT, data)


@mutant("guide, 7.3.5.4", "drv-abort-09")
def giving_one_up_gives_all_up(plant: Plant) -> None:
    """chiscsi_scsi_cmd_abort acts on all commands of the session."""

    def abort(original: Original, stack: InspectedStack, task: Task) -> int:
        for other in list(task.session.tasks.values()):
            if other is not task:
                original(stack, other)
        return int(original(stack, task))

    plant.wrap(InspectedStack, "command_abort", abort)


@mutant("guide, 7.3.5.4", "drv-session-abort-01 drv-session-abort-02 drv-session-abort-14 drv-node-08 drv-tcp-05")
def drivers_are_not_told_to_give_up(plant: Plant) -> None:
    """fp_scsi_cmd_abort is not called."""
    plant.replace(HookCalls, "abort", lambda hooks, task: None)


@mutant("guide, 7.3.5.4", "drv-session-abort-01 drv-task-abort-02")
def reason_of_an_abort_gets_lost(plant: Plant) -> None:
    """fp_scsi_cmd_abort is called with neither SC_FLAG_SESS_ABORT nor SC_FLAG_TMF_ABORT."""

    def change(sc: Any) -> None:
        sc.sc_flag &= ~(SC_FLAG_SESS_ABORT | SC_FLAG_TMF_ABORT)

    before_hook(plant, ABORT, change)


@mutant("behaviour file, 1.7", "drv-session-abort-02 drv-session-abort-03 drv-session-abort-04 drv-task-abort-09")
def held_commands_are_released_at_once(plant: Plant) -> None:
    """A command that ends without a status is released while the driver holds it."""

    def end(original: Original, session: Session, tasks: Any, *arguments: Any, **named: Any) -> Any:
        chosen = list(tasks)
        for task in chosen:
            task.held = False
        return original(session, chosen, *arguments, **named)

    plant.wrap(Session, "end_silently", end)


@mutant("behaviour file, 1.7", "drv-session-abort-03 drv-session-abort-04")
def late_completions_are_refused(plant: Plant) -> None:
    """A driver's call for a command of a session that is gone returns -EINVAL, and changes nothing."""
    plant.replace(Completions, "_misplaced", lambda *arguments: -26)


@mutant("behaviour file, 1.7", "drv-session-abort-05")
def commands_with_the_stack_are_kept(plant: Plant) -> None:
    """A command whose buffers were with the stack when its session ended is not released."""
    skip_hook(plant, "fp_scsi_cmd_cleanup", lambda sc: bool(sc.sc_flag & SC_FLAG_SESS_ABORT and sc.given))


@mutant("behaviour file, 1.7", "drv-session-abort-06")
def commands_are_aborted_backwards(plant: Plant) -> None:
    """The commands of a session are aborted from the newest to the oldest."""

    def end(original: Original, session: Session, tasks: Any, *arguments: Any, **named: Any) -> Any:
        return original(session, list(tasks)[::-1], *arguments, **named)

    plant.wrap(Session, "end_silently", end)


@mutant("guide, 7.3.5.4", "drv-session-abort-07")
def commands_nobody_saw_are_aborted(plant: Plant) -> None:
    """fp_scsi_cmd_abort is called for commands that the driver was never given."""

    def end(original: Original, session: Session, tasks: Any, *arguments: Any, **named: Any) -> Any:
        chosen = list(tasks)
        for task in chosen:
            if not task.seen:
                task.session.hooks.fp_scsi_cmd_abort(task)
        return original(session, chosen, *arguments, **named)

    plant.wrap(Session, "end_silently", end)


@mutant("behaviour file, 1.7", "drv-session-abort-08")
def held_commands_keep_their_session(plant: Plant) -> None:
    """sc_sess and sc_conn of a held command stay when the session is gone."""

    def removed(original: Original, directory: Directory, session: Session) -> None:
        kept = [(task, task.sc_sess, task.sc_conn) for task in session.agenda.orphans]
        original(directory, session)
        for task, sess, conn in kept:
            task.sc_sess, task.sc_conn = sess or 1, conn or 1

    plant.wrap(Directory, "session_removed", removed)


@mutant("behaviour file, 1.7", "drv-session-abort-09")
def lost_connections_take_all_commands(plant: Plant) -> None:
    """When one connection of a session is lost, the commands of all are aborted."""

    def closed(original: Original, session: Session, connection: Connection, event: Any) -> None:
        for task in list(session.tasks.values()):
            task.session.hooks.fp_scsi_cmd_abort(task)
        original(session, connection, event)

    plant.wrap(Session, "connection_closed", closed)


@mutant("behaviour file, 4.1", "drv-session-abort-02 drv-session-abort-11")
def answers_to_aborts_are_ignored(plant: Plant) -> None:
    """chiscsi_scsi_cmd_abort_status has no effect."""
    plant.replace(Completions, "_abort_answered", lambda completions, task: None)


@mutant("behaviour file, 3.9", "drv-session-abort-12")
def each_answer_releases(plant: Plant) -> None:
    """fp_scsi_cmd_cleanup is called for every chiscsi_scsi_cmd_abort_status."""
    before_call(plant, "command_abort_status", lambda task: task.session.hooks.fp_scsi_cmd_cleanup(task))
