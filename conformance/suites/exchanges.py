"""What cases about requests other than SCSI commands have in common: finding the answer to one of several requests."""

from __future__ import annotations

from typing import Any, TypeVar

from conformance.api import (
    RESERVED_TAG,
    Connection,
    Opcode,
    Received,
    Session,
    Task,
    TaskManagementFunction,
    TaskManagementRequest,
    TaskManagementResponse,
    TaskManagementResponseCode,
    Unsupported,
    expect,
)
from initiator_sim.draft import Draft
from initiator_sim.evidence import Event
from initiator_sim.task import rejected_tag
from iscsi_wire.pdus import Pdu
from iscsi_wire.scsi import TestUnitReady

H = TypeVar("H", bound=Pdu)

NO_TASK = 0x7FFFFFF0
"""An Initiator Task Tag that no case ever gives to a task."""
NO_LUN = 211
"""A LUN that no target of reasonable size has."""


def answer_to(connection: Connection, request: Draft[Any]) -> Event:
    """Wait for the PDU that answers `request`, or for its Reject; what others are waiting for is left to them."""
    tag = request.header.initiator_task_tag
    return connection.take(
        lambda pdu: getattr(pdu.header, "initiator_task_tag", None) == tag or rejected_tag(pdu) == tag
    )


def expect_function_response(
    connection: Connection, request: Draft[TaskManagementRequest], *codes: int
) -> Received[TaskManagementResponse]:
    """Require that a task management request is answered with one of the response `codes`.

    Raises:
        ExpectationFailed: it is not.
    """
    answer = answer_to(connection, request)
    return expect.task_management_response(set(codes)).judge_or_fail(answer, connection)


def send_function(session: Session, function: int, lun: int, **fields: Any) -> Draft[TaskManagementRequest]:
    """Send an immediate request for a function that acts on a whole LUN, without waiting for its response."""
    filled = {"immediate": 1, "function": function, "lun": lun, "referenced_task_tag": RESERVED_TAG}
    return session.send(TaskManagementRequest, **(filled | fields))


def require_function(session: Session, function: int) -> None:
    """Go on only if the target has a function that SAM leaves to it: CLEAR TASK SET (SAM-5, clause 7).

    Raises:
        Unsupported: it says that it does not.
    """
    if function == TaskManagementFunction.CLEAR_TASK_SET:
        answer = session.task_management(function, referenced_task_tag=RESERVED_TAG)
        if answer.header.response == TaskManagementResponseCode.FUNCTION_NOT_SUPPORTED:
            raise Unsupported("the target answers that it does not support CLEAR TASK SET")
        take_attentions(session)


def conclude_function(session: Session, request: Draft[TaskManagementRequest], *tasks: Task) -> None:
    """Require the response "function complete", and that none of `tasks` gets an answer behind it.

    A response may have to wait until all statuses before it are confirmed (RFC 7143, 11.6.1), so they are.
    """
    session.nop()
    session.nop()
    response = expect_function_response(session.connection, request, TaskManagementResponseCode.FUNCTION_COMPLETE)
    for task in tasks:
        session.connection.never_answered(task.tag)
    session.nop()
    require_silence_behind(session, response, *tasks)


def require_silence_behind(session: Session, response: Received[TaskManagementResponse], *tasks: Task) -> None:
    """Require that no status of `tasks` came behind a task management response, also while something else was awaited.

    What comes from now on, `never_answered` sees.
    """
    came = session.connection.exchange.pdus()
    statuses = [record for record in came[came.index(response.record) :] if record.header[0] == Opcode.SCSI_RESPONSE]
    tags = {int.from_bytes(record.header[16:20], "big") for record in statuses}
    late = sorted(tags & {task.tag for task in tasks})
    assert not late, f"behind the response came the status of the tasks {late}"


def take_attentions(session: Session) -> None:
    """Take in the unit attention that a function may leave, then require a ready LUN."""
    attention = expect.check_condition(key=6)
    session.command(TestUnitReady()).expect(expect.any_of(expect.good(), attention))
    session.command(TestUnitReady()).expect(expect.any_of(expect.good(), attention))
    session.command(TestUnitReady()).expect(expect.good())
