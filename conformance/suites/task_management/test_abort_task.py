from __future__ import annotations

from conformance.api import (
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
from conformance.suites.blocks import ask_write, contents, fill, pattern
from conformance.suites.exchanges import NO_TASK, conclude_function, expect_function_response, send_function
from iscsi_wire.scsi import TestUnitReady

ABORT_TASK = TaskManagementFunction.ABORT_TASK
COMPLETE = TaskManagementResponseCode.FUNCTION_COMPLETE
NO_SUCH_TASK = TaskManagementResponseCode.TASK_DOES_NOT_EXIST
REJECTED = TaskManagementResponseCode.FUNCTION_REJECTED


@case("tmf-abort-task-01", "7143-11.6.1-07", "7143-11.5.1-07", "7143-11.5.1-02", "7143-4.6.1.4-01")
@variants("immediate", [1, 0], ids=["immediate", "numbered"])
def test_aborted_task_gets_no_answer(session: Session, scratch: Scratch, immediate: int) -> None:
    """> If the Referenced Task Tag identifies a valid task leading to a successful termination, then targets must
    > return the "Function complete" response.
    """
    task, _ = ask_write(session, scratch, pattern(scratch.block_size))
    answer = session.task_management(ABORT_TASK, task=task, immediate=immediate)
    assert answer.header.response == COMPLETE, f"response {answer.header.response}"
    session.connection.never_answered(task.tag)
    session.nop()
    session.command(TestUnitReady()).expect(expect.good())


@case("tmf-abort-task-02", "7143-11.6.1-07", "7143-11.5.1-07")
def test_tag_of_an_aborted_task_is_free_again(session: Session, scratch: Scratch) -> None:
    """Once the function is complete the task exists no more: its tag may be given to another."""
    task, _ = ask_write(session, scratch, pattern(scratch.block_size))
    answer = session.task_management(ABORT_TASK, task=task)
    assert answer.header.response == COMPLETE, f"response {answer.header.response}"
    session.command(TestUnitReady(), initiator_task_tag=task.tag).expect(expect.good())


@case("tmf-abort-task-03", "7143-11.6.1-07", "7143-10.7-02")
def test_data_on_the_way_to_an_aborted_task_are_not_stored(session: Session, scratch: Scratch) -> None:
    """Data-Out may have been on the way when the task was aborted: they end nothing, and are not written."""
    before = pattern(scratch.block_size, 1)
    fill(session, scratch, before)
    task, r2t = ask_write(session, scratch, pattern(scratch.block_size, 2))
    answer = session.task_management(ABORT_TASK, task=task)
    assert answer.header.response == COMPLETE, f"response {answer.header.response}"
    task.serve(r2t)
    session.expect(expect.any_of(expect.unanswered(), expect.rejected({4, 9})))
    assert contents(session, scratch, 1) == before, "the aborted write was carried out"


@case("tmf-abort-task-04", "7143-7.11-05", "7143-11.6.1-09")
def test_task_that_has_ended_does_not_exist(session: Session) -> None:
    """> If the abort request is received and the target can determine (based on the Referenced Task Tag) that the
    > command was received and executed, and also that the response was sent prior to the abort, then the target MUST
    > respond with the response code "Task Does Not Exist".
    """
    task = session.start(TestUnitReady())
    task.expect(expect.good())
    answer = session.task_management(ABORT_TASK, task=task)
    assert answer.header.response == NO_SUCH_TASK, f"response {answer.header.response}"


@case("tmf-abort-task-05", "7143-11.6.1-09", "7143-11.5.5-03")
@variants("distance", [-5, 100000], ids=["below", "above"])
def test_unknown_task_outside_the_window_does_not_exist(session: Session, distance: int) -> None:
    """> If the Referenced Task Tag does not identify an existing task and the CmdSN indicated by the RefCmdSN field in
    > the Task Management Function Request is outside the valid CmdSN window, then targets must return the "Task does
    > not exist" response.
    """
    outside = sn_add(session.numbering.cmd_sn if distance < 0 else session.numbering.max_cmd_sn, distance)
    answer = session.task_management(ABORT_TASK, referenced_task_tag=NO_TASK, ref_cmd_sn=outside)
    assert answer.header.response == NO_SUCH_TASK, f"response {answer.header.response}"
    session.command(TestUnitReady()).expect(expect.good())


@case("tmf-abort-task-06", "7143-11.6.1-08", "7143-7.11-03", "7143-7.11-04")
def test_abort_of_a_command_that_never_came_fills_its_place(session: Session) -> None:
    """> If the Referenced Task Tag does not identify an existing task but the CmdSN indicated by the RefCmdSN field in
    > the Task Management Function Request is within the valid CmdSN window and less than the CmdSN of the Task
    > Management Function Request itself, then targets must consider the CmdSN as received and return the "Function
    > complete" response.
    """
    lost = session.numbering.take_cmd_sn(False)
    behind = session.start(TestUnitReady())
    answer = session.task_management(ABORT_TASK, referenced_task_tag=NO_TASK, ref_cmd_sn=lost)
    assert answer.header.response == COMPLETE, f"response {answer.header.response}"
    behind.expect(expect.good())
    session.start(TestUnitReady(), cmd_sn=lost, initiator_task_tag=NO_TASK)
    session.expect(expect.silently_ignored())
    session.command(TestUnitReady()).expect(expect.good())


@case("tmf-abort-task-07", "7143-11.6.1-07", "7143-4.2.2.1-05", "7143-11.5.1-07")
def test_command_that_waits_for_its_turn_can_be_aborted(session: Session) -> None:
    """A task exists from the arrival of its command, also while a command before it is missing."""
    missing = session.numbering.take_cmd_sn(False)
    waiting = session.start(TestUnitReady())
    request = session.send(
        TaskManagementRequest,
        immediate=1,
        function=ABORT_TASK,
        lun=waiting.lun,
        referenced_task_tag=waiting.tag,
        ref_cmd_sn=waiting.cmd_sn,
    )
    session.command(TestUnitReady(), cmd_sn=missing).expect(expect.good())
    answer = expect_function_response(session.connection, request, COMPLETE, NO_SUCH_TASK)
    if answer.header.response == COMPLETE:
        session.connection.never_answered(waiting.tag)
    session.nop()
    session.command(TestUnitReady()).expect(expect.good())


@case("tmf-abort-task-08", "7143-11.5.1-19", "7143-11.5.1-20")
def test_task_management_request_cannot_be_aborted(session: Session, scratch: Scratch) -> None:
    """> At the target, an ABORT TASK function MUST NOT be executed on a task management request; such a request MUST
    > result in a task management response of "Function rejected".

    An ABORT TASK SET that waits for data is one that is still there.
    """
    task, r2t = ask_write(session, scratch, pattern(scratch.block_size))
    waiting = send_function(session, TaskManagementFunction.ABORT_TASK_SET, task.lun)
    request = send_function(
        session,
        ABORT_TASK,
        task.lun,
        referenced_task_tag=waiting.header.initiator_task_tag,
        ref_cmd_sn=waiting.header.cmd_sn,
    )
    expect_function_response(session.connection, request, REJECTED)
    task.serve(r2t)
    conclude_function(session, waiting, task)


@case("tmf-abort-task-09", "7143-11.6.1-07", "7143-4.6.1.3-01")
def test_abort_of_one_task_leaves_the_others_alone(session: Session, scratch: Scratch) -> None:
    """ABORT TASK acts on the one task that it names."""
    data = pattern(2 * scratch.block_size, 3)
    size = scratch.block_size
    spared, r2t = ask_write(session, scratch, data[:size])
    aborted, _ = ask_write(session, scratch, data[size:], at=1)
    answer = session.task_management(ABORT_TASK, task=aborted)
    assert answer.header.response == COMPLETE, f"response {answer.header.response}"
    spared.serve(r2t)
    spared.expect(expect.good())
    assert contents(session, scratch, 1) == data[:size], "the other write did not store its data"


@case("tmf-abort-task-10", "7143-11.5.1-19", "7143-11.5.1-20", "7143-4.2.2.1-05")
def test_task_management_request_that_waits_for_its_turn_cannot_be_aborted(session: Session) -> None:
    """> iSCSI considers a task to be instantiated on the target in response to every request issued by the initiator.
    > (...) However, an abort operation cannot be performed on a task management operation.
    """
    missing = session.numbering.take_cmd_sn(False)
    outside = sn_add(missing, -5)
    aimed = send_function(session, ABORT_TASK, 0, immediate=0, referenced_task_tag=NO_TASK, ref_cmd_sn=outside)
    tag, number = aimed.header.initiator_task_tag, aimed.header.cmd_sn
    request = send_function(session, ABORT_TASK, 0, referenced_task_tag=tag, ref_cmd_sn=number)
    session.command(TestUnitReady(), cmd_sn=missing).expect(expect.good())
    expect_function_response(session.connection, request, REJECTED)
    expect_function_response(session.connection, aimed, NO_SUCH_TASK)
