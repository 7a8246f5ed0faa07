from __future__ import annotations

from collections.abc import Callable

from conformance.api import (
    Scratch,
    Session,
    Target,
    TaskManagementFunction,
    case,
    expect,
    variants,
)
from conformance.suites.blocks import ask_write, contents, pattern
from conformance.suites.exchanges import conclude_function, require_function, send_function, take_attentions
from iscsi_wire.scsi import TestUnitReady

ABORT_TASK_SET = TaskManagementFunction.ABORT_TASK_SET
CLEAR_TASK_SET = TaskManagementFunction.CLEAR_TASK_SET
LOGICAL_UNIT_RESET = TaskManagementFunction.LOGICAL_UNIT_RESET


_functions = variants(
    "function",
    [ABORT_TASK_SET, CLEAR_TASK_SET, LOGICAL_UNIT_RESET],
    ids=["abort-task-set", "clear-task-set", "logical-unit-reset"],
)


@case("tmf-several-01", "7143-4.2.3.3-07", "7143-4.2.3.3-15", "7143-11.5.1-12", "7143-11.5.1-02", disturbs=True)
@_functions
def test_function_waits_for_the_data_that_were_asked_for(session: Session, scratch: Scratch, function: int) -> None:
    """> The target iSCSI layer MUST wait for responses on currently valid Target Transfer Tags of the affected tasks
    > from the issuing initiator.
    """
    require_function(session, function)
    task, r2t = ask_write(session, scratch, pattern(scratch.block_size))
    request = send_function(session, function, task.lun)
    session.expect(expect.unanswered())
    task.serve(r2t)
    conclude_function(session, request, task)
    take_attentions(session)


@case("tmf-several-02", "7143-4.2.3.2-01", "7143-11.5.1-07", "7143-4.6.1.4-01", "7143-4.2.3.6-02", disturbs=True)
@_functions
def test_no_affected_task_is_answered_behind_the_response(session: Session, scratch: Scratch, function: int) -> None:
    """> The iSCSI target MUST ensure that no responses for the tasks covered by a task management function are
    > delivered to the iSCSI initiator after the task management response.
    """
    require_function(session, function)
    size = scratch.block_size
    writes = [ask_write(session, scratch, pattern(size, seed), at=seed) for seed in range(3)]
    request = send_function(session, function, writes[0][0].lun)
    for task, r2t in writes:
        task.serve(r2t)
    conclude_function(session, request, *(task for task, _ in writes))
    take_attentions(session)


@case("tmf-several-03", "7143-4.6.1.3-01", "7143-4.2.2.1-20", "7143-11.5.1-04")
@variants("function", [ABORT_TASK_SET, CLEAR_TASK_SET], ids=["abort-task-set", "clear-task-set"])
def test_command_behind_the_function_is_not_affected(session: Session, scratch: Scratch, function: int) -> None:
    """> ... the CmdSN of the Task Management Function Request helps identify the tasks upon which to act, namely all
    > tasks associated with a LUN and having a CmdSN preceding the Task Management Function Request CmdSN.
    """
    require_function(session, function)
    size = scratch.block_size
    data = pattern(size, 4)
    before, r2t = ask_write(session, scratch, pattern(size, 5))
    request = send_function(session, function, before.lun)
    later = session.start(TestUnitReady())
    before.serve(r2t)
    conclude_function(session, request, before)
    later.expect(expect.any_of(expect.good(), expect.check_condition(key=6)))
    task, following = ask_write(session, scratch, data)
    task.serve(following)
    task.expect(expect.good())
    assert contents(session, scratch, 1) == data, "the write behind the function did not store its data"


@case("tmf-several-04", "7143-4.2.3.3-09", "7143-11.6.1-06", "7143-11.5.1-06", disturbs=True)
@_functions
def test_function_waits_for_commands_that_have_not_arrived(session: Session, function: int) -> None:
    """> The target iSCSI layer MUST wait (...) for all commands of the affected tasks to be received based on the
    > CmdSN ordering.
    """
    require_function(session, function)
    missing = session.numbering.take_cmd_sn(False)
    behind = session.start(TestUnitReady())
    request = send_function(session, function, behind.lun)
    session.expect(expect.unanswered())
    late = session.start(TestUnitReady(), cmd_sn=missing)
    conclude_function(session, request, late, behind)
    take_attentions(session)


@case("tmf-several-05", "7143-4.2.3.2-01", "7143-4.2.3.2-03", needs="two-luns", disturbs=True)
@_functions
def test_tasks_of_another_lun_are_not_affected(
    session: Session, scratch: Scratch, target: Target, function: int
) -> None:
    """A function that names a LUN acts on tasks of that LUN only."""
    require_function(session, function)
    other = next(lun for lun in target.luns if lun != scratch.lun)
    place = target.scratch(other)
    data = pattern(place.block_size, 6)
    session.command(TestUnitReady(), lun=other)
    spared, r2t = ask_write(session, place, data, lun=other)
    task, asked = ask_write(session, scratch, pattern(scratch.block_size, 7))
    request = send_function(session, function, task.lun)
    task.serve(asked)
    conclude_function(session, request, task)
    spared.serve(r2t)
    spared.expect(expect.good())


@case("tmf-several-06", "7143-4.2.3.2-01")
def test_abort_task_set_leaves_other_initiators_alone(
    session: Session, second_session: Session, scratch: Scratch
) -> None:
    """> ABORT TASK SET: All outstanding tasks for the I_T_L nexus identified by the LUN field in the ABORT TASK SET TMF
    > Request PDU.
    """
    data = pattern(scratch.block_size, 8)
    spared, r2t = ask_write(second_session, scratch, data)
    request = send_function(session, ABORT_TASK_SET, spared.lun)
    conclude_function(session, request)
    spared.serve(r2t)
    spared.expect(expect.good())
    assert contents(second_session, scratch, 1) == data, "the other initiator's write did not store its data"


@case("tmf-several-07", "7143-4.2.3.1-01", "7143-11.5.1-02", disturbs=True)
@_functions
def test_function_with_nothing_to_do_completes(session: Session, function: int) -> None:
    """A function that finds no task to end is complete at once."""
    require_function(session, function)
    lun = session.start(TestUnitReady())
    lun.expect(expect.good())
    request = send_function(session, function, lun.lun)
    conclude_function(session, request)
    take_attentions(session)


@case("tmf-several-08", "7143-4.2.3.3-07", "7143-4.2.3.3-09", needs="several-connections")
def test_abort_task_set_acts_on_the_tasks_of_every_connection(login: Callable[..., Session], scratch: Scratch) -> None:
    """> ABORT TASK SET - aborts all tasks issued via this session on the LU.

    The session's other connections belong to it.
    """
    session = login(keys={"MaxConnections": "2"})
    second = session.add_connection()
    task, r2t = ask_write(session, scratch, pattern(scratch.block_size), connection=second)
    request = send_function(session, ABORT_TASK_SET, task.lun)
    session.expect(expect.unanswered())
    task.serve(r2t)
    session.nop(connection=second)
    session.nop(connection=second)
    conclude_function(session, request)
    second.never_answered(task.tag)
    session.nop(connection=second)
