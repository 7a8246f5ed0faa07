"""What the failure of a command does to the others of the task set: QERR and TAS; and task attributes."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from conformance.api import (
    CommandResult,
    Scratch,
    ScsiResponse,
    ScsiStatus,
    Session,
    TaskManagementFunction,
    TaskManagementResponseCode,
    expect,
    variants,
)
from conformance.suites.blocks import ask_write, contents, fill, pattern
from conformance.suites.exchanges import expect_function_response, require_function, send_function
from conformance.suites.scsi.commands import (
    LBA_OUT_OF_RANGE,
    READS,
    READY,
    blocks,
    capacity,
    refused,
    scsi_case,
    settle,
)
from conformance.suites.scsi.modes import (
    QERR,
    TAS,
    attempt_change,
    change,
    mode_page,
    mode_select,
    require_changeable,
)
from initiator_sim.expectation import Expectation
from iscsi_wire.constants import TaskAttribute

_CONTINUE, _ABORT_ALL, _RESERVED, _ABORT_OWN = range(4)
_QERR = "SPC-4 7.5, Control mode page: QERR"
_TASKS = "SAM-5 8, task set management"
_CLEARED: Expectation[CommandResult] = expect.check_condition(6, 0x2F, 0)
_ABORTED: Expectation[CommandResult] = expect.status(ScsiStatus.TASK_ABORTED)
aborting = variants("qerr", [_ABORT_ALL, _ABORT_OWN], ids=["all", "own"])
tas_values = variants("tas", [0, 1], ids=["attention", "status"])
Fail = Callable[[Session], None]


@pytest.fixture
def control(session: Session, second_session: Session) -> Iterator[Session]:
    """A session that may change QERR and TAS, and another one beside it; both fields are put back."""
    require_changeable(session, QERR, TAS)
    before = mode_page(session, QERR.page)
    yield session
    settle(session)
    mode_select(session, before)
    settle(second_session)


@pytest.fixture
def fail(session: Session) -> Fail:
    """Has a command of a session end with CHECK CONDITION: a READ (10) behind the last block."""
    count, length = capacity(session)

    def fail(failing: Session) -> None:
        failing.command(blocks(READS[10], count, 1), read=length).expect(refused(LBA_OUT_OF_RANGE, 0))

    return fail


def _set(control: Session, other: Session, qerr: int, tas: int = 0) -> None:
    change(control, QERR, qerr)
    change(control, TAS, tas)
    settle(other)


@scsi_case("scsi-qerr-01", _QERR, disturbs=True)
@variants("qerr", [_CONTINUE, _ABORT_OWN], ids=["continue", "own"])
def test_other_commands_go_on(
    control: Session, second_session: Session, scratch: Scratch, fail: Fail, qerr: int
) -> None:
    """With QERR 00b no other command is aborted, and with 11b none of another nexus."""
    _set(control, second_session, qerr)
    data = pattern(scratch.block_size, 1)
    task, r2t = ask_write(control if qerr == _CONTINUE else second_session, scratch, data)
    fail(control)
    task.serve(r2t)
    task.expect(expect.good())
    assert contents(control, scratch, 1) == data


@scsi_case("scsi-qerr-02", _QERR, disturbs=True)
@aborting
def test_commands_of_the_faulted_nexus_are_aborted(
    control: Session, second_session: Session, scratch: Scratch, fail: Fail, qerr: int
) -> None:
    """With QERR 01b and 11b the other commands of the nexus end without a status, and write nothing."""
    _set(control, second_session, qerr)
    old = pattern(scratch.block_size, 2)
    fill(control, scratch, old)
    task, r2t = ask_write(control, scratch, bytes(scratch.block_size))
    fail(control)
    task.serve(r2t)
    control.connection.never_answered(task.tag)
    control.nop()
    assert contents(control, scratch, 1) == old


@scsi_case("scsi-qerr-03", "SPC-4 7.5, Control mode page: QERR and TAS", disturbs=True)
@tas_values
def test_others_learn_that_their_commands_were_aborted(
    control: Session, second_session: Session, scratch: Scratch, fail: Fail, tas: int
) -> None:
    """With QERR 01b and one task set for all, others' commands end with TASK ABORTED if TAS is set; else without a
    status, and COMMANDS CLEARED BY ANOTHER INITIATOR tells of it.
    """
    _set(control, second_session, _ABORT_ALL, tas)
    task, r2t = ask_write(second_session, scratch, bytes(scratch.block_size))
    fail(control)
    task.serve(r2t)
    if tas:
        task.expect(_ABORTED)
        second_session.command(READY).expect(expect.good())
    else:
        second_session.connection.never_answered(task.tag)
        second_session.command(READY).expect(_CLEARED)


@scsi_case("scsi-qerr-04", _QERR, disturbs=True)
def test_the_reserved_qerr_is_refused(control: Session) -> None:
    """QERR 10b is reserved: INVALID FIELD IN PARAMETER LIST, and the page stays what it is."""
    before = mode_page(control, QERR.page)
    attempt_change(control, QERR, _RESERVED).expect(refused(0x26, 0))
    assert mode_page(control, QERR.page) == before


@scsi_case("scsi-tas-01", "SPC-4 7.5, Control mode page: TAS", disturbs=True)
@tas_values
def test_clear_task_set_tells_others_as_tas_says(
    control: Session, second_session: Session, scratch: Scratch, tas: int
) -> None:
    """A command that CLEAR TASK SET of another nexus ends has the status TASK ABORTED with TAS. Without, a unit
    attention condition tells of it, be it in the status of the command itself.
    """
    require_function(control, TaskManagementFunction.CLEAR_TASK_SET)
    _set(control, second_session, _CONTINUE, tas)
    task, r2t = ask_write(second_session, scratch, bytes(scratch.block_size))
    request = send_function(control, TaskManagementFunction.CLEAR_TASK_SET, scratch.lun << 48)
    control.nop()  # behind the request: the function has begun
    task.serve(r2t)
    if tas:
        task.expect(_ABORTED)
    else:
        following = second_session.command(READY)
        answered = second_session.connection.pending(ScsiResponse, task.tag)
        (task.wait() if answered else following).expect(expect.check_condition(6))
    expect_function_response(control.connection, request, TaskManagementResponseCode.FUNCTION_COMPLETE)


@scsi_case("scsi-order-01", _TASKS)
def test_an_ordered_command_waits_for_those_before_it(session: Session, scratch: Scratch) -> None:
    """A command with the attribute ORDERED is not executed before all that came before it have ended."""
    write, r2t = ask_write(session, scratch, pattern(scratch.block_size, 3))
    ordered = session.start(READY, attr=TaskAttribute.ORDERED)
    session.expect(expect.unanswered())
    write.serve(r2t)
    write.expect(expect.good())
    ordered.expect(expect.good())


@scsi_case("scsi-order-02", _TASKS)
def test_commands_wait_for_the_ordered_one_before_them(session: Session, scratch: Scratch) -> None:
    """A SIMPLE command behind an ORDERED one is not executed before that has ended."""
    write, r2t = ask_write(session, scratch, pattern(scratch.block_size, 3), attr=TaskAttribute.ORDERED)
    simple = session.start(READY)
    session.expect(expect.unanswered())
    write.serve(r2t)
    write.expect(expect.good())
    simple.expect(expect.good())


@scsi_case("scsi-order-03", _TASKS)
@variants("attribute", [TaskAttribute.SIMPLE, TaskAttribute.ORDERED], ids=["simple", "ordered"])
def test_head_of_queue_waits_for_nobody(session: Session, scratch: Scratch, attribute: int) -> None:
    """A command with the attribute HEAD OF QUEUE is executed although others, even an ORDERED one, have not ended."""
    write, r2t = ask_write(session, scratch, pattern(scratch.block_size, 3), attr=attribute)
    session.start(READY, attr=TaskAttribute.HEAD_OF_QUEUE).expect(expect.good())
    write.serve(r2t)
    write.expect(expect.good())


@scsi_case("scsi-order-04", _TASKS)
def test_simple_commands_do_not_wait_for_each_other(session: Session, scratch: Scratch) -> None:
    """A SIMPLE command is executed although a SIMPLE one before it still waits for its data."""
    write, r2t = ask_write(session, scratch, pattern(scratch.block_size, 3))
    session.command(READY).expect(expect.good())
    write.serve(r2t)
    write.expect(expect.good())
