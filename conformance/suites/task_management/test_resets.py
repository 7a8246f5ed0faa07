from __future__ import annotations

from conformance.api import (
    Closed,
    Initiator,
    Received,
    Scratch,
    Session,
    TaskManagementFunction,
    TaskManagementResponse,
    TaskManagementResponseCode,
    case,
    expect,
    settle,
    variants,
)
from conformance.suites.blocks import ask_write, contents, fill, pattern
from conformance.suites.exchanges import (
    answer_to,
    conclude_function,
    require_function,
    require_silence_behind,
    send_function,
    take_attentions,
)
from iscsi_wire.scsi import TestUnitReady

LOGICAL_UNIT_RESET = TaskManagementFunction.LOGICAL_UNIT_RESET
WARM_RESET = TaskManagementFunction.TARGET_WARM_RESET
COLD_RESET = TaskManagementFunction.TARGET_COLD_RESET
COMPLETE = TaskManagementResponseCode.FUNCTION_COMPLETE
# The target resets are optional, and may need an authorization (RFC 7143, 11.5.1 and 11.6.1).
_DECLINED = (
    TaskManagementResponseCode.FUNCTION_NOT_SUPPORTED,
    TaskManagementResponseCode.AUTHORIZATION_FAILED,
)
_RESET_OCCURRED = 0x29


@case("tmf-reset-01", "7143-11.5.1-21", disturbs=True)
def test_logical_unit_reset_is_reported_to_other_initiators(session: Session, second_session: Session) -> None:
    """> For the LOGICAL UNIT RESET function, the target MUST behave as dictated by the Logical Unit Reset function in
    > [SAM2].

    That establishes a unit attention condition for the other initiators.
    """
    lun = session.start(TestUnitReady())
    lun.expect(expect.good())
    conclude_function(session, send_function(session, LOGICAL_UNIT_RESET, lun.lun))
    second_session.command(TestUnitReady()).expect(expect.check_condition(key=6, asc={_RESET_OCCURRED, 0x2F}))
    take_attentions(second_session)


@case("tmf-reset-02", "7143-4.2.3.2-03", "7143-10.7-02", "7143-4.2.3.3-08", disturbs=True)
@variants("function", [LOGICAL_UNIT_RESET, TaskManagementFunction.CLEAR_TASK_SET], ids=["reset", "clear-task-set"])
def test_late_data_of_another_initiators_task_are_thrown_away(
    session: Session, second_session: Session, scratch: Scratch, function: int
) -> None:
    """> However, the data transfers logically MUST be silently discarded by the target iSCSI layer in all cases.

    The other initiator's write ends or is ended; what it still sends is not rejected and does not cost the session.
    """
    require_function(session, function)
    take_attentions(second_session)
    task, r2t = ask_write(second_session, scratch, pattern(scratch.block_size, 1))
    request = send_function(session, function, task.lun)
    session.nop()
    task.serve(r2t)
    second_session.nop()
    assert not second_session.connection.ended, "the other initiator's connection was closed"
    conclude_function(session, request)
    rejected = any(record.header[0] & 0x3F == 0x3F for record in session.connection.exchange.pdus())
    assert not rejected, "the late data were rejected"
    take_attentions(second_session)


@case("tmf-reset-03", "7143-4.2.3.2-03", "7143-11.5.1-21", disturbs=True)
def test_writes_under_way_do_not_store_data_after_a_reset(
    session: Session, second_session: Session, scratch: Scratch
) -> None:
    """A write that a reset ended before its data came stores nothing: what the medium holds is old or from later."""
    old, new = pattern(scratch.block_size, 2), pattern(scratch.block_size, 3)
    fill(session, scratch, old)
    task, r2t = ask_write(second_session, scratch, new)
    conclude_function(session, send_function(session, LOGICAL_UNIT_RESET, task.lun))
    take_attentions(session)
    assert contents(session, scratch, 1) == old, "a write was carried out without its data"
    task.serve(r2t)
    second_session.nop()
    assert contents(session, scratch, 1) == old, "the data of a write that was reset were stored"


@case("tmf-reset-04", "7143-11.5.1-22", "7143-11.5.1-24", "7143-4.2.3.2-04", "7143-11.5.1-07", disturbs=True)
def test_target_warm_reset_ends_tasks_or_is_declined(session: Session, scratch: Scratch) -> None:
    """> The implementation of the TARGET WARM RESET function and the TARGET COLD RESET function is OPTIONAL."""
    task, r2t = ask_write(session, scratch, pattern(scratch.block_size))
    request = send_function(session, WARM_RESET, 0)
    task.serve(r2t)
    session.nop()
    session.nop()
    allowed = {COMPLETE, *_DECLINED}
    answer = expect.task_management_response(allowed).judge_or_fail(
        answer_to(session.connection, request), session.connection
    )
    if answer.header.response == COMPLETE:
        session.connection.never_answered(task.tag)
        session.nop()
        require_silence_behind(session, answer, task)
    else:
        task.expect(expect.good())
    take_attentions(session)


@case("tmf-reset-05", "7143-11.5.1-25", "7143-11.6.1-04", "7143-11.5.1-22", disturbs=True)
def test_target_cold_reset_ends_all_sessions_or_is_declined(session: Session, second_session: Session) -> None:
    """> For the TARGET COLD RESET function, the target MUST then close all of its TCP connections to all initiators
    > (terminates all sessions).
    """
    request = send_function(session, COLD_RESET, 0)
    answer = answer_to(session.connection, request)
    if isinstance(answer, Received) and isinstance(answer.header, TaskManagementResponse):
        response = answer.header.response
        if response in _DECLINED:
            session.command(TestUnitReady()).expect(expect.good())
            return
        assert response == COMPLETE, f"response {response}"
        session.expect(expect.connection_closed(after=()))
    else:
        assert isinstance(answer, Closed), f"{answer}"
    second_session.expect(expect.connection_closed(after=()))


@case("tmf-reset-06", "7143-11.5.1-25", disturbs=True)
def test_target_can_be_logged_in_to_after_a_cold_reset(session: Session, initiator: Initiator) -> None:
    """> The target MUST treat the TARGET COLD RESET function as a power-on event."""
    answer_to(session.connection, send_function(session, COLD_RESET, 0))
    again = initiator.session()
    again.attempt_login().expect(expect.login_succeeded())
    settle(again)
    again.command(TestUnitReady()).expect(expect.good())
