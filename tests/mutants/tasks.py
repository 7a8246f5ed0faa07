"""Faults of pings and task management functions (RFC 7143 sections 4.2.3, 11.5, 11.6, 11.18 and 11.19)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from chiscsi_target.api.constants import SC_FLAG_TMF_ABORT
from chiscsi_target.core import nop, task_management
from chiscsi_target.core.connection import Connection
from chiscsi_target.core.connection_state import ConnectionEvent
from chiscsi_target.core.session import Session
from chiscsi_target.core.task import Task
from chiscsi_target.core.task_management import ALL_LUNS, TaskManagement
from chiscsi_target.engine.worker import Worker
from chiscsi_target.errors import RejectedPdu
from chiscsi_target.scsi import device_server
from chiscsi_target.scsi.logical_unit import LogicalUnit
from iscsi_wire.constants import RESERVED_TAG, Opcode, RejectReason
from iscsi_wire.constants import TaskManagementFunction as Function
from iscsi_wire.constants import TaskManagementResponseCode as Response
from iscsi_wire.framing import Frame
from iscsi_wire.pdus import DataOut, NopOut, ScsiResponse, TaskManagementRequest
from tests.mutants.planting import Handler, Original, Plant, make_immediate, mutant

_AFFECTING_SEVERAL = (Function.ABORT_TASK_SET, Function.CLEAR_TASK_SET, Function.LOGICAL_UNIT_RESET)


def _echo(plant: Plant, change: Any) -> None:
    """Change the data that a ping gets back."""

    def answer(original: Original, connection: Connection, request: NopOut, data: bytes) -> None:
        original(connection, request, change(data))

    plant.wrap(nop, "_answer", answer)


@mutant("11.19", "nop-ping-01.one-octet nop-ping-01.one-block nop-ping-06")
def last_octet_of_a_ping_is_lost(plant: Plant) -> None:
    """The echo is one octet shorter than the ping."""
    _echo(plant, lambda data: data[:-1])


@mutant("11.2.1.6", "nop-ping-02")
def padding_of_a_ping_comes_back(plant: Plant) -> None:
    """The echo has the padding of the ping among its data."""
    _echo(plant, lambda data: data + bytes(-len(data) % 4))


@mutant("11.19", "nop-ping-04")
def echo_ends_after_8192_octets(plant: Plant) -> None:
    """The echo of a long ping is cut to the default MaxRecvDataSegmentLength."""
    _echo(plant, lambda data: data[:8192])


@mutant("11.19", "nop-ping-03")
def echo_is_not_cut(plant: Plant) -> None:
    """The echo is as long as the ping, whatever the initiator takes."""

    def handle(original: Handler, connection: Connection, frame: Frame) -> None:
        declared, connection.max_send_data = connection.max_send_data, 1 << 24
        original(connection, frame)
        connection.max_send_data = declared

    plant.received(Opcode.NOP_OUT, handle)


@mutant("11.19", "nop-ping-06 frame-joined-01")
def echo_brings_the_data_of_the_ping_before(plant: Plant) -> None:
    """From the third ping of a connection on, an echo has the data of the ping before."""
    came: dict[Connection, list[bytes]] = {}

    def answer(original: Original, connection: Connection, request: NopOut, data: bytes) -> None:
        pings = came.setdefault(connection, [])
        pings.append(data)
        original(connection, request, data if len(pings) < 3 else pings[-2])

    plant.wrap(nop, "_answer", answer)


@mutant("11.19", "nop-ping-07")
def ping_with_a_lun_is_dropped(plant: Plant) -> None:
    """A NOP-Out that answers no ping and has a LUN gets no answer."""

    def handle(original: Handler, connection: Connection, frame: Frame) -> None:
        if not any(frame.header[8:16]):
            original(connection, frame)

    plant.received(Opcode.NOP_OUT, handle)


@mutant("11.19", "nop-answer-01 nop-answer-02")
def every_nop_out_is_answered(plant: Plant) -> None:
    """A NOP-Out that asks for no answer gets one all the same."""

    def handle(original: Handler, connection: Connection, frame: Frame) -> None:
        original(connection, frame)
        request = NopOut.decode(frame.header)
        if request.initiator_task_tag == RESERVED_TAG:
            nop._answer(connection, request, b"")

    plant.received(Opcode.NOP_OUT, handle)


@mutant("4.2.2.2", "nop-answer-03")
def unanswered_nop_out_uses_up_a_stat_sn(plant: Plant) -> None:
    """A NOP-Out that gets no answer moves StatSN on all the same."""

    def handle(original: Handler, connection: Connection, frame: Frame) -> None:
        original(connection, frame)
        if NopOut.decode(frame.header).initiator_task_tag == RESERVED_TAG:
            connection.next_stat_sn()

    plant.received(Opcode.NOP_OUT, handle)


# ABORT TASK


@mutant("11.6.1", "tmf-abort-task-01 tmf-several-02")
def aborted_tasks_are_answered(plant: Plant) -> None:
    """A task that was aborted ends with a SCSI Response behind that of the function."""

    def respond(original: Original, request: TaskManagement, response: int) -> None:
        tasks = [request.task] if request.task is not None else request.affected
        original(request, response)
        for task in tasks:
            send_status(task)

    plant.wrap(TaskManagement, "respond", respond)


def send_status(task: Task) -> None:
    """Send a SCSI Response for a task, whatever its state."""
    window = task.session.window
    pdu = ScsiResponse.make(final=1, status=8, initiator_task_tag=task.sc_itt, stat_sn=task.connection.next_stat_sn())
    pdu.exp_cmd_sn, pdu.max_cmd_sn = window.exp_cmd_sn, window.max_cmd_sn
    task.connection.send_pdu(pdu)


@mutant("11.6.1", "tmf-abort-task-02")
def tag_of_an_aborted_task_stays_in_use(plant: Plant) -> None:
    """The Initiator Task Tag of an aborted task cannot be used again."""
    ended: set[tuple[Session | None, int]] = set()

    def end(original: Original, session: Session, tasks: Iterable[Task], flag: int, *rest: Any) -> list[Task]:
        tasks = list(tasks)
        if flag == SC_FLAG_TMF_ABORT:
            ended.update((session, task.sc_itt) for task in tasks)
        result: list[Task] = original(session, tasks, flag, *rest)
        return result

    def handle(original: Handler, connection: Connection, frame: Frame) -> None:
        if (connection.session, int.from_bytes(frame.header[16:20], "big")) in ended:
            raise RejectedPdu(RejectReason.TASK_IN_PROGRESS, "the task was aborted", "11.17.1")
        original(connection, frame)

    plant.wrap(Session, "end_silently", end)
    plant.received(Opcode.SCSI_COMMAND, handle)


@mutant("10.7", "tmf-abort-task-03")
def late_data_of_an_ended_task_are_stored(plant: Plant) -> None:
    """Data-Out that come for a write that was aborted reach the medium."""
    ended: dict[tuple[Session | None, int], Task] = {}

    def remember(original: Original, session: Session, task: Task) -> None:
        ended[session, task.sc_itt] = task
        original(session, task)

    def handle(original: Handler, connection: Connection, frame: Frame) -> None:
        pdu = DataOut.decode(frame.header)
        task = ended.get((connection.session, pdu.initiator_task_tag))
        if task is not None and task.sc_lu is not None:
            start = (task.sc_lba << task.sc_lu.sect_shift) + pdu.buffer_offset
            task.sc_lu.priv_data[start : start + len(frame.data)] = frame.data
        original(connection, frame)

    plant.wrap(Session, "expect_late_data", remember)
    plant.received(Opcode.DATA_OUT, handle)


def _missing_task(plant: Plant, response: Response) -> None:
    plant.replace(TaskManagement, "_answer_for_missing_task", lambda request: response)


@mutant("11.6.1", "tmf-abort-task-04 tmf-abort-task-05")
def abort_of_any_task_is_complete(plant: Plant) -> None:
    """ABORT TASK for a task that does not exist is answered as though it had been aborted."""
    _missing_task(plant, Response.FUNCTION_COMPLETE)


@mutant("11.6.1", "tmf-abort-task-06")
def abort_of_a_missing_command_leaves_its_hole(plant: Plant) -> None:
    """ABORT TASK for a command that never came does not count it as received."""
    _missing_task(plant, Response.TASK_DOES_NOT_EXIST)


@mutant("11.6.1", "tmf-abort-task-07")
def waiting_commands_cannot_be_aborted(plant: Plant) -> None:
    """ABORT TASK for a command that waits behind a hole is rejected."""

    def abort(original: Original, request: TaskManagement) -> None:
        task = request.session.tasks.get(request._pdu.referenced_task_tag)
        if task is not None and not task.seen:
            request.respond(Response.FUNCTION_REJECTED)
        else:
            original(request)

    plant.wrap(TaskManagement, "_abort_task", abort)


@mutant("11.5.1", "tmf-abort-task-08 tmf-abort-task-10")
def task_management_requests_are_no_tasks(plant: Plant) -> None:
    """ABORT TASK does not find a task management request."""

    def abort(original: Original, request: TaskManagement) -> None:
        if request._pdu.referenced_task_tag in request.session.tasks:
            original(request)
        else:
            request.respond(request._answer_for_missing_task())

    plant.wrap(TaskManagement, "_abort_task", abort)


@mutant("11.5.1", "tmf-abort-task-09")
def abort_task_aborts_the_task_set(plant: Plant) -> None:
    """ABORT TASK ends all tasks of its LUN."""

    def start(original: Original, request: TaskManagement) -> None:
        if request.function == Function.ABORT_TASK:
            request.function = Function.ABORT_TASK_SET
        original(request)

    plant.wrap(TaskManagement, "start", start)


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
    plant.row(task_management._ANSWERED_HERE, Function.CLEAR_ACA, Response.LUN_DOES_NOT_EXIST)


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
