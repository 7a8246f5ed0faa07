"""Faults of pings and task management functions (RFC 7143 sections 4.2.3, 11.5, 11.6, 11.18 and 11.19)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from chiscsi_target.api.constants import SC_FLAG_TMF_ABORT
from chiscsi_target.core import nop
from chiscsi_target.core.connection import Connection
from chiscsi_target.core.session import Session
from chiscsi_target.core.task import Task
from chiscsi_target.core.task_management import TaskManagement
from chiscsi_target.errors import RejectedPdu
from iscsi_wire.constants import RESERVED_TAG, Opcode, RejectReason
from iscsi_wire.constants import TaskManagementFunction as Function
from iscsi_wire.constants import TaskManagementResponseCode as Response
from iscsi_wire.framing import Frame
from iscsi_wire.pdus import DataOut, NopOut, ScsiResponse
from tests.mutants.planting import Handler, Original, Plant, mutant

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
        declared, connection.max_peer_receive = connection.max_peer_receive, 1 << 24
        original(connection, frame)
        connection.max_peer_receive = declared

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
