"""Faults of task management functions, of resets and task sets above all (RFC 7143 sections 4.2.3, 11.5 and 11.6)."""

from __future__ import annotations

from typing import Any

from chiscsi_target.api.constants import SC_FLAG_TMF_ABORT
from chiscsi_target.api.functions import chiscsi_tmf_execution_done
from chiscsi_target.core import task_management
from chiscsi_target.core.connection import Connection
from chiscsi_target.core.connection_state import ConnectionEvent
from chiscsi_target.core.session import Session
from chiscsi_target.core.task import Task
from chiscsi_target.core.task_management import ALL_LUNS, TaskManagement
from chiscsi_target.engine.worker import Worker
from chiscsi_target.errors import RejectedPdu
from chiscsi_target.scsi import device_server
from chiscsi_target.scsi.logical_unit import LogicalUnit
from iscsi_wire.constants import Opcode, RejectReason
from iscsi_wire.constants import TaskManagementFunction as Function
from iscsi_wire.constants import TaskManagementResponseCode as Response
from iscsi_wire.framing import Frame
from iscsi_wire.pdus import TaskManagementRequest
from tests.mutants.planting import Handler, Original, Plant, make_immediate, mutant
from tests.mutants.tasks import _AFFECTING_SEVERAL, _echo

# Functions


@mutant("11.6.1", "tmf-lun-01")
def function_for_a_missing_lun_is_complete(plant: Plant) -> None:
    """A task management function for a LUN that does not exist is complete."""

    def execute(original: Original, device: Any, *rest: Any) -> int:
        session, handle, immediate, function, lun, command = rest
        known = lun if lun in device.units or lun == ALL_LUNS else 0
        result: int = original(device, session, handle, immediate, function, known, command)
        return result

    plant.wrap(device_server, "execute", execute)


@mutant("11.5.1", "tmf-function-01 tmf-reassign-01 tmf-reassign-02 tmf-clear-aca-01")
def rare_functions_are_not_answered(plant: Plant) -> None:
    """A function that the target does not support gets no response."""

    def start(original: Original, request: TaskManagement) -> None:
        if request.function in (Function.ABORT_TASK, *_AFFECTING_SEVERAL):
            original(request)

    plant.wrap(TaskManagement, "start", start)


@mutant("RFC 7144, 4.1", "tmf-function-02")
def functions_of_protocol_level_2_are_served(plant: Plant) -> None:
    """QUERY TASK and the like are answered "function complete" at iSCSIProtocolLevel 1."""
    for function in (
        Function.QUERY_TASK,
        Function.QUERY_TASK_SET,
        Function.I_T_NEXUS_RESET,
        Function.QUERY_ASYNCHRONOUS_EVENT,
    ):
        plant.row(task_management._ANSWERED_HERE, function, Response.FUNCTION_COMPLETE)


@mutant("7.2.2", "tmf-reassign-01 tmf-reassign-02")
def reassignment_is_complete(plant: Plant) -> None:
    """TASK REASSIGN is answered "function complete" at ErrorRecoveryLevel 0."""
    plant.row(task_management._ANSWERED_HERE, Function.TASK_REASSIGN, Response.FUNCTION_COMPLETE)


@mutant("11.6.1", "tmf-clear-aca-01")
def clear_aca_finds_no_lun(plant: Plant) -> None:
    """CLEAR ACA is answered "LUN does not exist"."""

    def execute(
        original: Original, device: Any, session: int, handle: Any, immediate: int, function: int, *on: Any
    ) -> int:
        if function == Function.CLEAR_ACA:
            return chiscsi_tmf_execution_done(handle, Response.LUN_DOES_NOT_EXIST, None)
        result: int = original(device, session, handle, immediate, function, *on)
        return result

    plant.wrap(device_server, "execute", execute)


@mutant("4.2.2.1", "tmf-order-01 cmdsn-order-06.task-management")
def functions_are_not_numbered(plant: Plant) -> None:
    """A task management request without immediate delivery does not move ExpCmdSN on."""

    def handle(original: Handler, connection: Connection, frame: Frame) -> None:
        make_immediate(frame)
        original(connection, frame)

    plant.received(Opcode.TASK_MANAGEMENT_REQUEST, handle)


@mutant("11.17.1", "reject-tag-04")
def tags_of_tasks_may_be_used_by_other_requests(plant: Plant) -> None:
    """A request other than a SCSI command is served although a task has its Initiator Task Tag."""

    def handle(original: Handler, connection: Connection, frame: Frame) -> None:
        assert connection.session is not None
        tag = int.from_bytes(frame.header[16:20], "big")
        task = connection.session.tasks.pop(tag, None)
        original(connection, frame)
        if task is not None:
            connection.session.tasks[tag] = task

    for opcode in (Opcode.TASK_MANAGEMENT_REQUEST, Opcode.NOP_OUT, Opcode.TEXT_REQUEST):
        plant.received(opcode, handle)


# Resets


@mutant("11.5.1", "tmf-reset-01")
def reset_is_not_reported_to_others(plant: Plant) -> None:
    """LOGICAL UNIT RESET leaves no unit attention condition for other sessions."""
    resetting: list[int] = []

    def execute(original: Original, *arguments: Any) -> int:
        resetting.append(1)
        result: int = original(*arguments)
        resetting.clear()
        return result

    def establish(original: Original, *arguments: Any) -> None:
        if not resetting:
            original(*arguments)

    plant.wrap(device_server, "execute", execute)
    plant.wrap(LogicalUnit, "establish_attention", establish)


@mutant("4.2.3.2", "tmf-reset-02")
def late_data_of_cleared_tasks_are_rejected(plant: Plant) -> None:
    """Tasks of another session end at once when they are cleared, and their data are rejected."""

    def end(session: Session, lun: int | None, sense: Any) -> None:
        session.end_silently(session.tasks.values(), SC_FLAG_TMF_ABORT)

    plant.replace(Session, "end_by_reset", end)
    plant.replace(Session, "late_data", lambda session, itt, ttt, final: False)


@mutant("4.2.3.2", "tmf-reset-03")
def reset_spares_the_tasks_of_others(plant: Plant) -> None:
    """LOGICAL UNIT RESET does not end the tasks of other sessions."""
    plant.replace(Session, "end_by_reset", lambda session, lun, sense: None)


@mutant("11.5.1", "tmf-reset-04 tmf-several-01 tmf-several-02 tmf-several-04 tmf-several-08")
def functions_are_complete_before_they_begin(plant: Plant) -> None:
    """A function that affects several tasks is answered at once, and ends none of them."""
    for function in (*_AFFECTING_SEVERAL, Function.TARGET_WARM_RESET):
        plant.row(task_management._ANSWERED_HERE, function, Response.FUNCTION_COMPLETE)


@mutant("11.5.1", "tmf-reset-05")
def cold_reset_closes_the_session_that_asked_alone(plant: Plant) -> None:
    """TARGET COLD RESET does not end the sessions of other initiators."""
    plant.replace(Worker, "close_all_sessions", lambda worker, session: session.close(ConnectionEvent.CLOSED_CLEANLY))


@mutant("11.5.1", "tmf-reset-06")
def nobody_can_log_in_after_a_cold_reset(plant: Plant) -> None:
    """TARGET COLD RESET takes the target away."""

    def close(original: Original, worker: Worker, session: Session) -> None:
        assert session.node is not None
        session.node.offline = True
        original(worker, session)

    plant.wrap(Worker, "close_all_sessions", close)


# Several tasks


@mutant("4.2.3.3", "tmf-several-03")
def commands_behind_a_waiting_function_are_lost(plant: Plant) -> None:
    """A command that comes while a task management function waits is dropped."""

    def handle(original: Handler, connection: Connection, frame: Frame) -> None:
        assert connection.session is not None
        if not connection.session.requests:
            original(connection, frame)

    plant.received(Opcode.SCSI_COMMAND, handle)


@mutant("4.2.3.2", "tmf-several-05")
def functions_affect_every_lun(plant: Plant) -> None:
    """ABORT TASK SET and the like end the tasks of all LUNs."""

    def affects(original: Original, request: TaskManagement, task: Task) -> bool:
        lun, request.lun = request.lun, ALL_LUNS
        affected: bool = original(request, task)
        request.lun = lun
        return affected

    plant.wrap(TaskManagement, "affects", affects)


@mutant("4.2.3.2", "tmf-several-06")
def abort_task_set_crosses_sessions(plant: Plant) -> None:
    """ABORT TASK SET ends the tasks of other initiators, too."""
    plant.replace(task_management, "CROSSES_SESSIONS", (*task_management.CROSSES_SESSIONS, Function.ABORT_TASK_SET))


@mutant("11.5.1", "tmf-several-07")
def function_with_nothing_to_do_is_not_answered(plant: Plant) -> None:
    """A function that finds no task to end waits for ever."""

    def proceed(original: Original, request: TaskManagement) -> None:
        if request.affected or request.task is not None:
            original(request)

    plant.wrap(TaskManagement, "proceed", proceed)


@mutant("4.2.3.3", "tmf-several-08")
def functions_affect_their_own_connection_alone(plant: Plant) -> None:
    """ABORT TASK SET spares the tasks of the session's other connections."""

    def affects(original: Original, request: TaskManagement, task: Task) -> bool:
        return task.connection is request.connection and bool(original(request, task))

    plant.wrap(TaskManagement, "affects", affects)


@mutant("11.5", "reserved-bits-04")
def reserved_bits_of_a_task_management_request_are_refused(plant: Plant) -> None:
    """A task management request with a reserved bit that is not 0 is rejected."""

    def handle(original: Handler, connection: Connection, frame: Frame) -> None:
        if any(frame.header[5:8]) or TaskManagementRequest.decode(frame.header).encode()[40:] != bytes(8):
            raise RejectedPdu(RejectReason.PROTOCOL_ERROR, "reserved bits", "11.5")
        original(connection, frame)

    plant.received(Opcode.TASK_MANAGEMENT_REQUEST, handle)


@mutant("11.19", "nop-ping-01.empty")
def echo_of_nothing_is_something(plant: Plant) -> None:
    """The echo of an empty ping has an octet of data."""
    _echo(plant, lambda data: data or b"!")
