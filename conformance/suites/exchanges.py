"""What cases about requests other than SCSI commands have in common: finding the answer to one of several requests."""

from __future__ import annotations

from typing import Any, TypeVar

from conformance.api import (
    RESERVED_TAG,
    Connection,
    NopOut,
    Received,
    Session,
    Task,
    TaskManagementRequest,
    TaskManagementResponse,
    TaskManagementResponseCode,
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


def conclude_function(session: Session, request: Draft[TaskManagementRequest], *tasks: Task) -> None:
    """Require the response "function complete", and that none of `tasks` gets an answer behind it.

    A response may have to wait until all statuses before it are confirmed (RFC 7143, 11.6.1), so they are.
    """
    session.nop()
    session.send(NopOut, initiator_task_tag=RESERVED_TAG)
    expect_function_response(session.connection, request, TaskManagementResponseCode.FUNCTION_COMPLETE)
    for task in tasks:
        session.connection.never_answered(task.tag)
    session.nop()


def take_attentions(session: Session) -> None:
    """Take in the unit attention that a function may leave, then require a ready LUN."""
    attention = expect.check_condition(key=6)
    session.command(TestUnitReady()).expect(expect.any_of(expect.good(), attention))
    session.command(TestUnitReady()).expect(expect.any_of(expect.good(), attention))
    session.command(TestUnitReady()).expect(expect.good())
