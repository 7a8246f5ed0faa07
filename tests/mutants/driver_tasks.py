"""Task management between stack and driver (guide 7.3.6; behaviour file, 4)."""

from __future__ import annotations

from typing import Any

from chiscsi_target.api.constants import SC_FLAG_TMF_ABORT
from chiscsi_target.core import task_management
from chiscsi_target.core.agenda import Agenda
from chiscsi_target.core.command_window import CommandWindow
from chiscsi_target.core.session import Session
from chiscsi_target.core.task import STATUS, Task
from chiscsi_target.core.task_management import TaskManagement
from chiscsi_target.engine.directory import Directory
from chiscsi_target.engine.hook_calls import HookCalls
from chiscsi_target.tracing import TracedHooks
from iscsi_wire.constants import TaskManagementFunction as Function
from iscsi_wire.pdus import TaskManagementResponse
from tests.mutants.planting import Original, Plant, mutant
from tests.mutants.seams import before_call, skip_hook

ABORT, TMF = "fp_scsi_cmd_abort", "fp_tmf_execute"


@mutant("guide, 7.3.6", "drv-task-abort-01 drv-task-abort-06")
def aborted_commands_are_not_marked(plant: Plant) -> None:
    """Commands that a function ends do not bear SC_FLAG_TMF_ABORT."""

    def take(original: Original, request: TaskManagement, tasks: list[Task]) -> None:
        original(request, tasks)
        for task in tasks:
            task.sc_flag &= ~SC_FLAG_TMF_ABORT

    plant.wrap(TaskManagement, "_take_over", take)


@mutant("guide, 7.3.6", "drv-task-abort-02")
def commands_in_data_transfer_get_no_abort_hook(plant: Plant) -> None:
    """Task management never calls fp_scsi_cmd_abort."""
    skip_hook(plant, ABORT, lambda sc: bool(sc.sc_flag & SC_FLAG_TMF_ABORT))


@mutant("guide, 7.3.6", "drv-task-abort-03")
def held_commands_get_the_abort_hook(plant: Plant) -> None:
    """ABORT TASK calls fp_scsi_cmd_abort for every command."""

    def execute(original: Original, hooks: TracedHooks, *arguments: Any) -> int:
        if arguments[-1] is not None:
            hooks.fp_scsi_cmd_abort(arguments[-1])
        return int(original(hooks, *arguments))

    plant.wrap(TracedHooks, TMF, execute)


@mutant("guide, 7.3.6", "drv-task-abort-04 drv-other-04")
def refused_functions_end_the_commands(plant: Plant) -> None:
    """The commands of a function that the driver refuses end all the same, those of other sessions too."""

    def give_back(request: TaskManagement) -> None:
        request._end(request._unfinished())
        request.connection.agenda.reset_tasks_of_others(request)

    plant.replace(TaskManagement, "_give_back", give_back)


@mutant("guide, 7.3.6", "drv-task-abort-05")
def aborted_commands_are_completed(plant: Plant) -> None:
    """A completion of a command that is being aborted is sent."""

    def change(task: Task) -> None:
        if task.state < STATUS:
            task.aborting = None

    before_call(plant, "execution_status", change)


@mutant("7143-4.2.3.2", "drv-task-abort-07 drv-other-03")
def functions_for_one_lun_act_on_all(plant: Plant) -> None:
    """A function for one LUN ends the commands of all."""

    def affects(original: Original, request: TaskManagement, task: Task) -> bool:
        lun, request.lun = request.lun, task.sc_lun
        try:
            return bool(original(request, task))
        finally:
            request.lun = lun

    plant.wrap(TaskManagement, "affects", affects)
    plant.wrap(Session, "end_by_reset", lambda original, session, lun, sense: original(session, None, sense))


@mutant("7143-11.5.1", "drv-task-abort-08")
def functions_end_later_commands(plant: Plant) -> None:
    """A function ends what came behind it, too."""

    def unfinished(original: Original, request: TaskManagement) -> list[Task]:
        return [task for task in request.session.tasks.values() if request.lun in (task.sc_lun, 0xFFFFFFFF)]

    def end(original: Original, request: TaskManagement, tasks: list[Task]) -> None:
        for task in tasks:
            task.sc_flag |= SC_FLAG_TMF_ABORT
        original(request, tasks)

    plant.wrap(TaskManagement, "_unfinished", unfinished)
    plant.wrap(TaskManagement, "_end", end)


@mutant("guide, 7.3.6", "drv-task-abort-09")
def held_commands_are_not_reported(plant: Plant) -> None:
    """There is no line that a command is held by the storage driver."""

    def log(original: Original, agenda: Agenda, level: int, text: str, *rest: str) -> None:
        if "held by storage driver" not in text:
            original(agenda, level, text, *rest)

    plant.wrap(Agenda, "log", log)


@mutant("7143-4.2.3.3", "drv-task-abort-10")
def functions_do_not_wait_for_data(plant: Plant) -> None:
    """The driver is asked although R2Ts of the commands are unanswered."""

    def proceed(original: Original, request: TaskManagement) -> None:
        if not request._forwarded:
            request._forward()

    plant.wrap(TaskManagement, "proceed", proceed)


@mutant("behaviour file, 4.3", "drv-task-abort-11 drv-task-abort-12")
def aborted_reads_send_on(plant: Plant) -> None:
    """Phases of a read that come behind its abort are sent, and the read is answered."""

    def end(original: Original, session: Session, tasks: Any, *arguments: Any, **named: Any) -> Any:
        return []

    plant.wrap(Session, "end_silently", end)


@mutant("behaviour file, 4.2", "drv-task-abort-13")
def tags_of_aborted_commands_stay_in_use(plant: Plant) -> None:
    """The tag of an aborted command cannot be used again."""

    def end(original: Original, session: Session, tasks: Any, *arguments: Any, **named: Any) -> Any:
        chosen = list(tasks)
        released = original(session, chosen, *arguments, **named)
        session.tasks.update({task.sc_itt: task for task in chosen if task.sc_flag & SC_FLAG_TMF_ABORT})
        return released

    plant.wrap(Session, "end_silently", end)


@mutant("behaviour file, 4.2", "drv-task-abort-14")
def named_commands_stay_held(plant: Plant) -> None:
    """A command that the answer to a function names is held all the same."""

    def done(original: Original, request: TaskManagement, response: int, scmd: object) -> int:
        return int(original(request, response, None))

    plant.wrap(TaskManagement, "execution_done", done)


@mutant("guide, 7.3.6", "drv-tmf-01")
def local_functions_are_forwarded(plant: Plant) -> None:
    """CLEAR ACA and TASK REASSIGN, and all functions, are the driver's."""
    plant.replace(TaskManagement, "start", lambda request: request._forward())


@mutant("guide, 7.3.6", "drv-tmf-02 drv-tmf-03 drv-tmf-06 drv-tmf-18 drv-task-abort-06")
def functions_are_not_forwarded(plant: Plant) -> None:
    """Every function is answered 0 without the driver."""
    plant.replace(TaskManagement, "_forward", lambda request: request.finish(0))


@mutant("guide, 7.3.6", "drv-tmf-03 drv-tmf-04")
def arguments_of_functions_get_lost(plant: Plant) -> None:
    """fp_tmf_execute gets the LUN 77 and the I bit turned round."""

    def execute(original: Original, hooks: TracedHooks, value: Any, handle: Any, bit: int, *rest: Any) -> int:
        return int(original(hooks, value, handle, 1 - bit, rest[0], 77, rest[2]))

    plant.wrap(TracedHooks, TMF, execute)


@mutant("guide, 7.3.6", "drv-tmf-05 drv-tmf-07 drv-tmf-08 drv-tmf-12 drv-tmf-13 drv-tmf-14 drv-tmf-16 drv-tcp-07")
def responses_of_drivers_get_lost(plant: Plant) -> None:
    """Every task management response says 7."""

    def edit(pdu: TaskManagementResponse, _: Any) -> None:
        pdu.response = 7

    plant.sent(TaskManagementResponse, edit)


@mutant("guide, 7.3.6", "drv-tmf-06")
def functions_are_answered_ahead(plant: Plant) -> None:
    """The response goes out when the driver has been asked."""

    def forward(original: Original, request: TaskManagement) -> None:
        original(request)
        request.finish(0)

    plant.wrap(TaskManagement, "_forward", forward)


@mutant("behaviour file, 4.2", "drv-tmf-09")
def functions_are_answered_again(plant: Plant) -> None:
    """Each answer of the driver brings a response."""

    def done(original: Original, request: TaskManagement, response: int, scmd: object) -> int:
        if request._finished:
            request.respond(response)
            return 0
        return int(original(request, response, scmd))

    plant.wrap(TaskManagement, "execution_done", done)


@mutant("behaviour file, 4.2", "drv-tmf-11")
def tags_of_functions_are_cut(plant: Plant) -> None:
    """A task management response bears the low octet of its tag."""

    def edit(pdu: TaskManagementResponse, _: Any) -> None:
        pdu.initiator_task_tag &= 0xFF

    plant.sent(TaskManagementResponse, edit)


@mutant("guide, 7.3.6", "drv-tmf-12 drv-tmf-13 drv-tmf-14")
def unknown_tasks_are_the_drivers(plant: Plant) -> None:
    """ABORT TASK of a task that does not exist is forwarded."""

    def answer(original: Original, request: TaskManagement) -> Any:
        request.session.hooks.fp_tmf_execute(None, request, 1, 1, 0, None)
        return original(request)

    plant.wrap(TaskManagement, "_answer_for_missing_task", answer)


@mutant("behaviour file, 4.2", "drv-tmf-15")
def numbered_functions_act_at_once(plant: Plant) -> None:
    """A function with I=0 does not wait for its turn."""

    def arrived(original: Original, window: CommandWindow, number: int, connection: Any, act: Any, *what: Any) -> None:
        act(*what)
        original(window, number, connection, lambda *_: None, *what)

    plant.wrap(CommandWindow, "arrived", arrived)


@mutant("behaviour file, 1.7", "drv-tmf-17")
def late_answers_close_all_sessions(plant: Plant) -> None:
    """A function that is answered when its session is gone closes the others of the node."""

    def done(original: Original, request: TaskManagement, *arguments: Any) -> int:
        if request.connection.closing:
            request.connection.agenda.close_all_sessions(request.session)
        return int(original(request, *arguments))

    plant.wrap(TaskManagement, "execution_done", done)


@mutant("behaviour file, 4.2", "drv-tmf-18")
def pending_functions_hold_up_the_target(plant: Plant) -> None:
    """While a function is with the driver, no session of the node gets a command through."""

    def received(original: Original, hooks: HookCalls, task: Task) -> None:
        sessions = task.connection.agenda.directory.registry.sessions.values()  # type: ignore[attr-defined]
        if not any(session.requests for session in sessions if session.node is task.session.node):
            original(hooks, task)

    plant.wrap(HookCalls, "cdb_rcved", received)


@mutant("7143-4.2.3.2", "drv-other-01")
def abort_task_set_acts_on_other_sessions(plant: Plant) -> None:
    """ABORT TASK SET ends the commands of other sessions."""
    plant.replace(task_management, "CROSSES_SESSIONS", (*task_management.CROSSES_SESSIONS, Function.ABORT_TASK_SET))


@mutant("7143-4.2.3.2", "drv-other-02")
def resets_spare_other_sessions(plant: Plant) -> None:
    """A reset ends no command of another session."""
    plant.replace(Directory, "reset_tasks_of_others", lambda directory, request: None)


@mutant("7143-11.5.1", "drv-other-05 drv-session-08.cold-reset")
def cold_resets_close_nothing(plant: Plant) -> None:
    """TARGET COLD RESET leaves all sessions open."""
    plant.replace(Directory, "close_all_sessions", lambda directory, session: None)


@mutant("behaviour file, 4.4", "drv-other-07")
def resets_act_on_all_targets(plant: Plant) -> None:
    """A reset acts on the sessions of every node."""
    plant.replace(Directory, "sessions_of", lambda directory, node: list(directory.registry.sessions.values()))


@mutant("behaviour file, 4.2", "drv-other-06")
def refused_cold_resets_close_all(plant: Plant) -> None:
    """TARGET COLD RESET closes the sessions whatever the driver says."""

    def finish(original: Original, request: TaskManagement, response: int) -> None:
        original(request, response)
        if request.function == Function.TARGET_COLD_RESET:
            request.connection.agenda.close_all_sessions(request.session)

    plant.wrap(TaskManagement, "finish", finish)


@mutant("guide, 7.3.6", "drv-tmf-07")
def refusing_hooks_are_overheard(plant: Plant) -> None:
    """fp_tmf_execute below 0 is taken for 0, and what it raises is not logged."""

    def execute(hooks: HookCalls, request: TaskManagement) -> None:
        request.session.hooks.fp_tmf_execute(
            None, request, int(request.immediate), request.function, request.lun, request.task
        )

    plant.replace(HookCalls, "tmf_execute", execute)
