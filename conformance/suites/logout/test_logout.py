from __future__ import annotations

from collections.abc import Callable

from conformance.api import (
    Initiator,
    LoginStatus,
    LogoutReason,
    LogoutRequest,
    LogoutResponse,
    LogoutResponseCode,
    NopIn,
    NopOut,
    Scratch,
    Session,
    case,
    expect,
    settle,
    sn_add,
    variants,
)
from conformance.suites.blocks import ask_write, contents, fill, pattern
from conformance.suites.exchanges import answer_to
from iscsi_wire.scsi import TestUnitReady

CLOSED = LogoutResponseCode.CLOSED
_NO_SUCH_CID = 0x7F31
_CLEARED_BY_ISCSI_EVENT = (0x47, 0x7F)


@case("logout-session-01", "7143-11.15.1-01", "7143-11.14-07", "7143-11.15-01", "7143-8.1.2-04")
@variants("immediate", [0, 1], ids=["numbered", "immediate"])
def test_session_is_closed_by_logout(session: Session, immediate: int) -> None:
    """> After Logout, the TCP connection referred by the CID MUST be closed at both ends (or all connections must be
    > closed if the logout reason was session close).
    """
    answer = session.logout(LogoutReason.CLOSE_SESSION, immediate=immediate)
    assert answer.header.response == CLOSED, f"response {answer.header.response}"
    session.expect(expect.connection_closed(after=()))


@case("logout-session-02", "7143-11.15-01", "7143-8.1.2-03", needs="several-connections")
def test_logout_of_the_session_closes_all_its_connections(login: Callable[..., Session]) -> None:
    """> ... or all connections must be closed if the logout reason was session close."""
    session = login(keys={"MaxConnections": "2"})
    second = session.add_connection()
    answer = session.logout(LogoutReason.CLOSE_SESSION)
    assert answer.header.response == CLOSED, f"response {answer.header.response}"
    session.expect(expect.connection_closed(after=()))
    second.expect(expect.connection_closed(after=()))


@case("logout-session-03", "7143-6.3.5-04", "7143-6.3.1-06")
def test_session_is_gone_after_its_logout(session: Session) -> None:
    """> A session is closed by a successful session logout: nobody can join it by its TSIH any more."""
    session.logout(LogoutReason.CLOSE_SESSION)
    session.expect(expect.connection_closed(after=()))
    result = session.attempt_login(stages=(1,), identity={"cid": 1})
    result.expect(expect.login_failed(LoginStatus.SESSION_DOES_NOT_EXIST))


@case("logout-session-04", "7143-11.14-04", "7143-7.6-04", "7143-4.6.3.3-02")
def test_tasks_of_a_session_end_with_it_and_without_a_response(session: Session, scratch: Scratch) -> None:
    """> When receiving a Logout Request with the reason code "close the connection" or "close the session", the target
    > MUST terminate all pending commands, whether acknowledged via the ExpCmdSN or not.
    > For the terminated commands, no additional responses should be expected.
    """
    task, _ = ask_write(session, scratch, pattern(scratch.block_size))
    answer = session.logout(LogoutReason.CLOSE_SESSION)
    assert answer.header.response == CLOSED, f"response {answer.header.response}"
    session.connection.never_answered(task.tag)
    session.expect(expect.connection_closed(after=()))


@case("logout-session-05", "7143-11.14-04", "7143-11.15.1-01")
def test_write_that_a_logout_ended_stores_nothing(session: Session, scratch: Scratch, initiator: Initiator) -> None:
    """A write whose data never came is ended by the logout, and leaves the medium as it was."""
    before = pattern(scratch.block_size, 1)
    fill(session, scratch, before)
    ask_write(session, scratch, pattern(scratch.block_size, 2))
    session.logout(LogoutReason.CLOSE_SESSION)
    session.expect(expect.connection_closed(after=()))
    again = initiator.login()
    settle(again)
    assert contents(again, scratch, 1) == before, "the block holds something else than before"


@case("logout-order-01", "7143-4.2.2.1-09", "7143-11.14-04")
def test_numbered_logout_waits_for_the_commands_before_it(session: Session) -> None:
    """A Logout Request without immediate delivery is delivered in the order of CmdSN, like every numbered request."""
    missing = session.numbering.take_cmd_sn(False)
    request = session.send(LogoutRequest, reason_code=LogoutReason.CLOSE_SESSION)
    session.expect(expect.unanswered())
    session.send(NopOut, cmd_sn=missing, data=b"late")
    answer = answer_to(session.connection, request)
    expect.logout_response({CLOSED}).judge_or_fail(answer, session.connection)
    session.expect(expect.connection_closed(after=(NopIn,)))


@case("logout-order-02", "7143-11.14-04", "7143-4.2.2.1-10")
def test_immediate_logout_does_not_wait_for_missing_commands(session: Session) -> None:
    """A Logout Request for immediate delivery may pass a hole; what waits behind the hole ends without a response."""
    session.numbering.take_cmd_sn(False)
    waiting = session.start(TestUnitReady())
    answer = session.logout(LogoutReason.CLOSE_SESSION, immediate=1)
    assert answer.header.response == CLOSED, f"response {answer.header.response}"
    session.connection.never_answered(waiting.tag)
    session.expect(expect.connection_closed(after=()))


@case("logout-connection-01", "7143-11.15.1-01", "7143-11.15-01", "7143-11.14-07")
def test_only_connection_is_closed_by_its_logout(session: Session) -> None:
    """> 1 - close the connection.  All commands associated with the connection (if any) are terminated."""
    answer = session.logout(LogoutReason.CLOSE_CONNECTION)
    assert answer.header.response == CLOSED, f"response {answer.header.response}"
    session.expect(expect.connection_closed(after=()))


@case("logout-connection-02", "7143-11.15.1-01", "7143-11.15-01", needs="several-connections")
def test_one_connection_of_two_logs_itself_out(login: Callable[..., Session]) -> None:
    """The connection that logs out is closed, and the session goes on with the other."""
    session = login(keys={"MaxConnections": "2"})
    second = session.add_connection()
    answer = session.logout(LogoutReason.CLOSE_CONNECTION, connection=second)
    assert answer.header.response == CLOSED, f"response {answer.header.response}"
    second.expect(expect.connection_closed(after=()))
    session.command(TestUnitReady()).expect(expect.good())


@case("logout-connection-03", "7143-11.15.1-01", "7143-11.15-01", needs="several-connections")
def test_one_connection_of_two_logs_the_other_out(login: Callable[..., Session]) -> None:
    """> CID: this is the connection ID of the connection to be closed (including closing the TCP stream)."""
    session = login(keys={"MaxConnections": "2"})
    second = session.add_connection()
    answer = session.logout(LogoutReason.CLOSE_CONNECTION, cid=second.cid)
    assert answer.header.response == CLOSED, f"response {answer.header.response}"
    second.expect(expect.connection_closed(after=()))
    session.command(TestUnitReady()).expect(expect.good())


@case("logout-connection-04", "7143-11.14-04", "7143-7.6-01", needs="several-connections")
def test_tasks_of_the_other_connection_survive(login: Callable[..., Session], scratch: Scratch) -> None:
    """Logging out one connection ends its own commands, and those of no other."""
    session = login(keys={"MaxConnections": "2"})
    second = session.add_connection()
    data = pattern(scratch.block_size, 3)
    task, r2t = ask_write(session, scratch, data)
    session.logout(LogoutReason.CLOSE_CONNECTION, connection=second)
    second.expect(expect.connection_closed(after=()))
    task.serve(r2t)
    task.expect(expect.good())
    assert contents(session, scratch, 1) == data, "other data were stored"


@case("logout-connection-05", "7143-11.14.5-01", "7143-7.6-05", needs="several-connections")
def test_ended_tasks_are_reported_by_a_unit_attention(login: Callable[..., Session], scratch: Scratch) -> None:
    """> After the tasks are terminated, the target MUST report a Unit Attention condition on the next command processed
    > on any connection for each affected I_T_L nexus with the status of CHECK CONDITION, the ASC/ASCQ value of 47h/7Fh
    > ("SOME COMMANDS CLEARED BY ISCSI PROTOCOL EVENT"), etc.
    """
    session = login(keys={"MaxConnections": "2"})
    second = session.add_connection()
    ask_write(session, scratch, pattern(scratch.block_size), connection=second)
    answer = session.logout(LogoutReason.CLOSE_CONNECTION, connection=second)
    assert answer.header.response == CLOSED, f"response {answer.header.response}"
    second.expect(expect.connection_closed(after=()))
    asc, ascq = _CLEARED_BY_ISCSI_EVENT
    session.command(TestUnitReady()).expect(expect.check_condition(key=6, asc=asc, ascq=ascq))
    session.command(TestUnitReady()).expect(expect.good())


@case("logout-connection-06", "7143-11.14-12", "7143-7.11-03", needs="several-connections")
def test_hole_left_by_a_logout_can_be_filled(login: Callable[..., Session]) -> None:
    """> The resulting holes in the command sequence numbers will have to be handled by appropriate recovery (see
    > Section 7), unless the session is also closed.

    Commands that waited on the connection for their turn are discarded with it.
    """
    session = login(keys={"MaxConnections": "2"})
    second = session.add_connection()
    missing = session.numbering.cmd_sn
    session.start(TestUnitReady(), connection=second, cmd_sn=sn_add(missing, 1))
    second.expect(expect.unanswered())
    answer = session.logout(LogoutReason.CLOSE_CONNECTION, cid=second.cid, immediate=1)
    assert answer.header.response == CLOSED, f"response {answer.header.response}"
    attention = expect.any_of(expect.good(), expect.check_condition(key=6))
    for _ in range(2):
        session.command(TestUnitReady()).expect(attention)
    session.command(TestUnitReady()).expect(expect.good())


@case("logout-cid-01", "7143-11.15.1-02")
def test_logout_of_an_unknown_connection_says_so(session: Session) -> None:
    """> 1 - CID not found."""
    answer = session.logout(LogoutReason.CLOSE_CONNECTION, cid=_NO_SUCH_CID)
    found = answer.header.response
    assert found == LogoutResponseCode.CID_NOT_FOUND, f"response {found}"
    session.command(TestUnitReady()).expect(expect.good())


@case("logout-recovery-01", "7143-11.15.1-03")
def test_removal_for_recovery_needs_recovery_level_two(session: Session) -> None:
    """> 2 - connection recovery is not supported (i.e., the Logout reason code was "remove the connection for recovery"
    > and the target does not support it as indicated by the operational ErrorRecoveryLevel).
    """
    answer = session.logout(LogoutReason.REMOVE_FOR_RECOVERY)
    found = answer.header.response
    assert found == LogoutResponseCode.RECOVERY_NOT_SUPPORTED, f"response {found}"


@case("logout-reason-01", "7143-11-04")
@variants("reason", [3, 64, 127], ids=["three", "middle", "last"])
def test_reserved_reason_is_a_protocol_error(session: Session, reason: int) -> None:
    """> All other values are reserved.
    > Receipt of reserved code values in defined fields MUST be reported as a protocol error.
    """
    session.send(LogoutRequest, reason_code=reason)
    failed = expect.pdu(LogoutResponse, response={2, 3})
    session.expect(expect.any_of(expect.rejected({4, 5, 9}), failed, expect.connection_closed()))


@case("logout-fields-01", "7143-11.15-02", "7143-11.15-03", "7143-11.15.2-01", "7143-11.15.4-03")
def test_logout_response_retains_nothing_at_level_zero(session: Session, non_strict: Callable[[str], None]) -> None:
    """> If Time2Retain is 0, the target has already discarded the connection (and possibly the session) state along
    > with the task states.

    At ErrorRecoveryLevel 0 the two times mean nothing; 0 says what is true.
    """
    answer = session.logout(LogoutReason.CLOSE_SESSION)
    assert not answer.data, f"{len(answer.data)} octets of data"
    assert not answer.ahs, "it has an AHS"
    if answer.header.time2retain:
        non_strict(f"Time2Retain is {answer.header.time2retain} s, and nothing is retained at ErrorRecoveryLevel 0")
