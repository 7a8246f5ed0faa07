"""Faulty engines for the race explorer: each breaks one invariant, in some orders of events only as a rule.

The style is that of `tests.mutants.planting`, whose `Plant` patches the target and takes everything out again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from chiscsi_target.core import data_in, data_out, scsi_response
from chiscsi_target.core.connection import Connection
from chiscsi_target.core.session import Session
from chiscsi_target.core.task import EXECUTING, Phase, Task
from chiscsi_target.core.task_management import TaskManagement
from chiscsi_target.engine.completions import LinkingCompletions
from chiscsi_target.engine.directory import Directory
from chiscsi_target.engine.hook_calls import HookCalls
from chiscsi_target.offload.page_pods import PagePods, Reservation
from chiscsi_target.offload.transfer import Transfer
from chiscsi_target.offload.ulp_connection import UlpConnection
from iscsi_wire.constants import TaskManagementFunction as Function
from iscsi_wire.framing import Framer
from tests.mutants.planting import Original, Plant
from tests.mutants.tasks import send_status

__all__ = ["PLANTS", "Planted"]


@dataclass(frozen=True)
class Planted:
    """A fault: the scenario that shows it, the invariant that it breaks, and how it is planted."""

    scenario: str
    invariant: str
    plant: Callable[[Plant], None]


PLANTS: dict[str, Planted] = {}


def planted(scenario: str, invariant: str) -> Callable[[Callable[[Plant], None]], Callable[[Plant], None]]:
    def note(plant: Callable[[Plant], None]) -> Callable[[Plant], None]:
        PLANTS[plant.__name__] = Planted(scenario, invariant, plant)
        return plant

    return note


# Hooks


@planted("abort-task-write", "cleanup last")
def cleanup_comes_twice(plant: Plant) -> None:
    def release(original: Original, calls: HookCalls, task: Task) -> None:
        original(calls, task)
        if task.seen and task.sc_flag & 0x8:
            task.session.hooks.fp_scsi_cmd_cleanup(task)

    plant.wrap(HookCalls, "release", release)


@planted("connection-lost", "held")
def held_commands_are_released_at_once(plant: Plant) -> None:
    """The cleanup hook does not wait for the answer to `fp_scsi_cmd_abort`."""

    def end(original: Original, session: Session, tasks: Iterable[Task], *rest: Any) -> list[Task]:
        tasks = list(tasks)
        original(session, tasks, *rest)
        return tasks

    plant.wrap(Session, "end_silently", end)


@planted("driver-aborts", "hook order")
def drivers_are_not_told_that_their_abort_is_done(plant: Plant) -> None:
    plant.replace(HookCalls, "_tell_of_abort", lambda calls, task, phases: None)


@planted("completions", "buffer returned once")
def buffers_come_back_twice(plant: Plant) -> None:
    def release(original: Original, calls: HookCalls, task: Task) -> None:
        for buf, sgcnt, offset, length in [] if task.is_write else task.phases:
            task.session.hooks.fp_scsi_cmd_data_xfer_status(task, buf, sgcnt, offset, length)
        original(calls, task)

    plant.wrap(HookCalls, "release", release)


@planted("session-aborted", "session hooks")
def removal_of_a_session_with_commands_is_not_announced(plant: Plant) -> None:
    def removed(original: Original, directory: Directory, session: Session) -> None:
        session.announced = session.announced and not directory.workers[0].queue
        original(directory, session)

    plant.wrap(Directory, "session_removed", removed)


@planted("phases", "driver's call")
def buffers_are_refused_when_others_are_out(plant: Plant) -> None:
    from chiscsi_target.engine.phased_completions import PhasedCompletions

    def ready(original: Original, stack: object, task: Task, *buffers: Any) -> int:
        return -26 if task.held and len(task.session.tasks) > 1 else int(original(stack, task, *buffers))

    for stack in (PhasedCompletions, LinkingCompletions):
        plant.wrap(stack, "buffer_ready", ready)


# Data


@planted("slow-transport", "read data")
def read_buffers_come_back_before_they_are_sent(plant: Plant) -> None:
    def send(original: Original, connection: Connection, *pdu: Any, **rest: Any) -> None:
        original(connection, *pdu, **rest)
        _, call, task = connection._in_output[-1] if connection._in_output else (0, None, None)
        if call is not None and isinstance(task, Task) and not task.is_write:
            connection._in_output.pop()
            call(task)

    plant.wrap(Connection, "send", send)


@planted("completions", "write data")
def early_data_are_lost(plant: Plant) -> None:
    """Immediate data are replaced by zeros until there is a buffer."""

    def begin(original: Original, task: Task, *rest: Any) -> None:
        original(task, *rest)
        task.unsolicited = [(offset, bytes(len(data))) for offset, data in task.unsolicited]

    plant.wrap(data_out, "begin", begin)


@planted("abort-task-write", "buffer left alone")
def data_land_in_commands_that_were_given_up(plant: Plant) -> None:
    plant.replace(data_out, "_takes_data", lambda task: True)


@planted("completions", "data numbers")
def data_sn_skips_a_number(plant: Plant) -> None:
    def send(original: Original, task: Task, offset: int, *rest: Any) -> None:
        task.data_sn += offset > 0
        original(task, offset, *rest)

    plant.wrap(data_in, "_send_pdu", send)


@planted("lun-reset", "R2T numbers")
def r2ts_of_the_second_task_begin_with_one(plant: Plant) -> None:
    def send(original: Original, task: Task, length: int) -> None:
        task.r2t_sn += len(task.session.transfer_tags) == 0 and task.session.handle > 3
        original(task, length)

    plant.wrap(data_out, "_send_r2t", send)


@planted("completions", "residual")
def residual_is_missing(plant: Plant) -> None:
    plant.replace(data_in, "residual", lambda task: (0x02, 0))


# Responses


@planted("completions", "one response")
def failing_commands_are_answered_twice(plant: Plant) -> None:
    def send(original: Original, task: Task) -> None:
        original(task)
        if task.sc_status:
            send_status(task)

    plant.wrap(scsi_response, "send_response", send)


@planted("abort-task-write", "no response after abort")
def aborted_commands_are_answered(plant: Plant) -> None:
    def respond(original: Original, request: TaskManagement, response: int) -> None:
        original(request, response)
        if response == 0 and request.task is not None and request.task.landed:
            send_status(request.task)

    plant.wrap(TaskManagement, "respond", respond)


@planted("completions", "nothing after status")
def failing_writes_ask_for_data_behind_their_status(plant: Plant) -> None:
    def send(original: Original, task: Task) -> None:
        original(task)
        if task.is_write and task.sc_status:
            data_out._send_r2t(task, 512)

    plant.wrap(scsi_response, "send_response", send)


@planted("completions", "status")
def failures_are_reported_as_success(plant: Plant) -> None:
    def send(original: Original, task: Task) -> None:
        task.sc_status = 0
        original(task)

    plant.wrap(scsi_response, "send_response", send)


@planted("abort-task-set", "management response")
def functions_without_tasks_are_not_answered(plant: Plant) -> None:
    def respond(original: Original, request: TaskManagement, response: int) -> None:
        if request.affected or request.function != Function.ABORT_TASK_SET:
            original(request, response)

    plant.wrap(TaskManagement, "respond", respond)


@planted("slow-transport", "status numbers")
def stat_sn_is_skipped_when_output_waits(plant: Plant) -> None:
    def number(original: Original, connection: Connection) -> int:
        if connection.output:
            original(connection)
        return int(original(connection))

    plant.wrap(Connection, "next_stat_sn", number)


@planted("abort-task-read", "command numbers")
def aborted_commands_keep_their_place_in_the_window(plant: Plant) -> None:
    def end(original: Original, session: Session, tasks: Iterable[Task], *rest: Any) -> list[Task]:
        tasks = list(tasks)
        result: list[Task] = original(session, tasks, *rest)
        session.window.max_cmd_sn -= len(tasks)
        return result

    plant.wrap(Session, "end_silently", end)


# Sessions


@planted("abort-task-write", "no leak")
def tags_of_aborted_commands_stay_in_use(plant: Plant) -> None:
    def late(original: Original, session: Session, itt: int, ttt: int, final: bool) -> bool:
        before = set(session.transfer_tags)
        result = bool(original(session, itt, ttt, final))
        session.transfer_tags |= before
        return result

    plant.wrap(Session, "late_data", late)


@planted("clear-task-set", "neighbour")
def clearing_tasks_closes_other_sessions(plant: Plant) -> None:
    plant.replace(Session, "end_by_reset", lambda session, lun, sense: session.close(_lost()))


def _lost() -> Any:
    from chiscsi_target.core.connection_state import ConnectionEvent

    return ConnectionEvent.TRANSPORT_LOST


@planted("abort-task-write", "no exception")
def late_data_are_not_expected(plant: Plant) -> None:
    def late(session: Session, itt: int, ttt: int, final: bool) -> bool:
        raise LookupError(f"no late data for 0x{itt:x}")

    plant.replace(Session, "late_data", late)


@planted("tag-again", "R2T numbers")
def tags_of_late_data_are_given_again(plant: Plant) -> None:
    """Nobody remembers what is still to come for a command that has ended, and the lowest free tag is taken."""

    def late(original: Original, session: Session, task: Task) -> None:
        original(session, task)
        session.transfer_tags -= set(task.r2ts)

    def tag(original: Original, session: Session) -> int:
        session._next_transfer_tag = 0
        return int(original(session))

    plant.wrap(Session, "expect_late_data", late)
    plant.wrap(Session, "new_transfer_tag", tag)


@planted("abort-task-write", "no exception")
def commands_make_moves_that_no_table_has(plant: Plant) -> None:
    """A write that goes on behind a refused function is handed over as often as somebody asks for it."""

    def hand_over(original: Original, calls: HookCalls, task: Task) -> None:
        if task.state == EXECUTING:
            task.state = EXECUTING
        original(calls, task)

    plant.wrap(HookCalls, "data_xfer_status", hand_over)


# The adapter


@planted("placing-adapter", "buffer left alone")
def the_card_goes_on_with_buffers_that_were_taken_away(plant: Plant) -> None:
    plant.replace(UlpConnection, "_divert_from", lambda offloaded, held: None)
    plant.replace(Framer, "divert", lambda framer: None)


@planted("abort-task-write-adapter", "no leak")
def pods_of_aborted_commands_are_held(plant: Plant) -> None:
    def release(original: Original, offloaded: UlpConnection, held: Reservation) -> None:
        if not any(task.abort_asked for task in offloaded._transfers):
            original(offloaded, held)

    plant.wrap(UlpConnection, "_release", release)


@planted("phases-adapter", "write data")
def the_card_places_one_page_too_low(plant: Plant) -> None:
    def views(original: Original, transfer: Transfer, pods: PagePods, offset: int, length: int) -> Any:
        return original(transfer, pods, max(offset - length, 0), length)

    plant.wrap(Transfer, "views", views)
    plant.replace(Transfer, "room", lambda transfer, pods, offset: None)


@planted("phases-merged", "buffer returned once")
def merged_phases_lose_the_first_one(plant: Plant) -> None:
    def portions(original: Original, calls: HookCalls, phases: list[Phase]) -> Any:
        return original(calls, phases[1:] if len(phases) > 1 else phases)

    plant.wrap(HookCalls, "_in_portions", portions)
