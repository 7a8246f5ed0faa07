from __future__ import annotations

from collections.abc import Callable

from conformance.api import (
    RESERVED_TAG,
    Scratch,
    Session,
    TaskManagementFunction,
    TaskManagementRequest,
    TaskManagementResponseCode,
    case,
    expect,
    sn_add,
    variants,
)
from conformance.suites.blocks import ask_write, contents, pattern
from conformance.suites.exchanges import NO_LUN, NO_TASK, require_function
from iscsi_wire.scsi import TestUnitReady

Function = TaskManagementFunction
Response = TaskManagementResponseCode


@case("tmf-lun-01", "7143-11.6.1-02")
@variants(
    "function",
    [Function.ABORT_TASK_SET, Function.CLEAR_TASK_SET, Function.LOGICAL_UNIT_RESET],
    ids=["abort-task-set", "clear-task-set", "logical-unit-reset"],
)
def test_function_for_a_lun_that_is_not_there_says_so(session: Session, function: int) -> None:
    """> 2 - LUN does not exist."""
    require_function(session, function)
    answer = session.task_management(function, lun=NO_LUN, referenced_task_tag=RESERVED_TAG)
    assert answer.header.response == Response.LUN_DOES_NOT_EXIST, f"response {answer.header.response}"
    session.command(TestUnitReady()).expect(expect.good())


@case("tmf-function-01", "7143-11.6.1-03", "7143-11-04")
@variants("function", [0, 13, 64, 127], ids=["zero", "thirteen", "middle", "last"])
def test_unassigned_function_is_refused(session: Session, function: int) -> None:
    """> All other possible values for the Function field are unassigned.

    Such a request is answered as not supported or rejected, or refused as a PDU; it is never left unanswered.
    """
    session.send(TaskManagementRequest, immediate=1, function=function, referenced_task_tag=RESERVED_TAG)
    refused = expect.task_management_response({Response.FUNCTION_NOT_SUPPORTED, Response.FUNCTION_REJECTED})
    session.expect(expect.any_of(refused, expect.rejected(), expect.connection_closed()))


@case("tmf-function-02", "7144-4.1-01", "7143-11.6.1-03")
@variants(
    "function",
    [Function.QUERY_TASK, Function.QUERY_TASK_SET, Function.I_T_NEXUS_RESET, Function.QUERY_ASYNCHRONOUS_EVENT],
    ids=["query-task", "query-task-set", "nexus-reset", "query-event"],
)
def test_function_of_protocol_level_two_is_not_served_at_level_one(session: Session, function: int) -> None:
    """The functions of RFC 7144 may be used once iSCSIProtocolLevel=2 was agreed, and not before."""
    session.send(TaskManagementRequest, immediate=1, function=function, referenced_task_tag=NO_TASK)
    refused = expect.task_management_response({Response.FUNCTION_NOT_SUPPORTED, Response.FUNCTION_REJECTED})
    session.expect(expect.any_of(refused, expect.rejected(), expect.connection_closed()))
    if not session.connection.ended:
        session.command(TestUnitReady()).expect(expect.good())


@case("tmf-clear-aca-01", "7143-11.5.1-02", "7143-11.6.1-01", "7143-10.2-02")
def test_request_to_clear_what_is_not_there_is_answered(session: Session, non_strict: Callable[[str], None]) -> None:
    """> For all these functions, the Task Management Function Response MUST be returned.

    Without an ACA condition there is nothing to clear. Targets should support ACA (RFC 7143, 10.2).
    """
    answer = session.task_management(Function.CLEAR_ACA, referenced_task_tag=RESERVED_TAG)
    response = answer.header.response
    allowed = (Response.FUNCTION_COMPLETE, Response.FUNCTION_NOT_SUPPORTED, Response.FUNCTION_REJECTED)
    assert response in allowed, f"response {response}"
    if response != Response.FUNCTION_COMPLETE:
        non_strict("CLEAR ACA is not supported, allowed but not advised")


@case("tmf-reassign-01", "7143-7.2.2-10")
def test_reassignment_is_refused_below_level_two(session: Session, scratch: Scratch) -> None:
    """> When a target does not support allegiance reassignment, it MUST respond with a task management response code of
    > "Task allegiance reassignment not supported".

    The task keeps its connection, and goes on. A target that supports reassignment may find it still allegiant.
    """
    data = pattern(scratch.block_size, 1)
    task, r2t = ask_write(session, scratch, data)
    answer = session.task_management(Function.TASK_REASSIGN, task=task)
    allowed = (Response.TASK_REASSIGNMENT_NOT_SUPPORTED, Response.TASK_STILL_ALLEGIANT)
    assert answer.header.response in allowed, f"response {answer.header.response}"
    task.serve(r2t)
    task.expect(expect.good())
    assert contents(session, scratch, 1) == data, "other data were stored"


@case("tmf-reassign-02", "7143-7.2.2-10")
def test_reassignment_of_an_unknown_task_is_refused(session: Session) -> None:
    """> When a target does not support allegiance reassignment, it MUST respond with ... "Task allegiance reassignment
    > not supported".
    """
    answer = session.task_management(Function.TASK_REASSIGN, referenced_task_tag=NO_TASK)
    allowed = (Response.TASK_REASSIGNMENT_NOT_SUPPORTED, Response.TASK_DOES_NOT_EXIST)
    assert answer.header.response in allowed, f"response {answer.header.response}"


@case("tmf-order-01", "7143-4.2.2.1-09", "7143-4.2.2.1-12")
def test_numbered_function_takes_its_place_among_commands(session: Session) -> None:
    """A task management request without immediate delivery is delivered in the order of CmdSN."""
    before = session.start(TestUnitReady())
    outside = sn_add(before.cmd_sn, -5)
    answer = session.task_management(Function.ABORT_TASK, immediate=0, referenced_task_tag=NO_TASK, ref_cmd_sn=outside)
    assert answer.header.response == Response.TASK_DOES_NOT_EXIST, f"response {answer.header.response}"
    after = session.start(TestUnitReady())
    for task in (before, after):
        task.expect(expect.good())
