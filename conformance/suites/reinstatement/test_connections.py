from __future__ import annotations

from collections.abc import Callable

from conformance.api import OPERATIONAL, Connection, LoginStatus, Scratch, Session, case, expect
from conformance.suites.reinstatement.writes import waiting_write, written
from iscsi_wire.scsi import TestUnitReady

_ATTEMPTS = 20
_PAUSE = 0.05


def _reinstate(session: Session, cid: int = 0) -> Connection:
    """Log in anew for a connection of the session; the old one of that CID goes out of use."""
    replacement = session.connect(cid=cid)
    session.attempt_login(connection=replacement, stages=(OPERATIONAL,)).expect(expect.login_succeeded())
    return replacement


@case("reinstate-connection-01", "7143-6.3.4-04", "7143-4.2.1-03", level="SHOULD")
def test_only_connection_of_a_session_may_be_reinstated(session: Session) -> None:
    """> Targets ... SHOULD support opening a second connection if ErrorRecoveryLevel is less than 2."""
    replacement = _reinstate(session)
    session.connections[0].expect(expect.connection_closed(after=()))
    session.command(TestUnitReady(), connection=replacement).expect(expect.good())


@case("reinstate-connection-02", "7143-6.3.1-05", "7143-6.3.4-02", "7143-11.12.7-03", needs="several-connections")
def test_login_with_the_same_cid_ends_the_old_connection(login: Callable[..., Session]) -> None:
    """> Connection reinstatement is the process of an initiator logging in with an ISID-TSIH-CID combination that is
    > possibly active from the target's perspective, which causes the implicit logging out of the connection
    > corresponding to the CID and reinstatement of a new Full Feature Phase iSCSI connection in its place.
    """
    session = login(keys={"MaxConnections": "2"})
    replacement = _reinstate(session)
    session.connections[0].expect(expect.connection_closed(after=()))
    session.command(TestUnitReady(), connection=replacement).expect(expect.good())


@case("reinstate-connection-03", "7143-6.3.6-01", "7143-E.1-10", "7143-4.4.3-05", needs="several-connections")
def test_session_goes_on_where_it_was(login: Callable[..., Session]) -> None:
    """> Session continuation is the process by which the state of a preexisting session continues to be used by
    > connection reinstatement.
    """
    session = login(keys={"MaxConnections": "2"})
    expected = session.numbering.cmd_sn
    replacement = session.connect(cid=0)
    result = session.attempt_login(connection=replacement, stages=(OPERATIONAL,))
    result.expect(expect.login_succeeded())
    assert result.header is not None
    assert result.header.exp_cmd_sn == expected, f"ExpCmdSN is {result.header.exp_cmd_sn:#x}, {expected:#x} is next"
    assert result.header.tsih == session.tsih, f"TSIH is {result.header.tsih:#x}, and was {session.tsih:#x}"
    session.command(TestUnitReady(), connection=replacement).expect(expect.good())


@case("reinstate-connection-04", "7143-6.3.4-05", "7143-7.6-01", "7143-E.1-04", needs="several-connections")
def test_tasks_of_the_old_connection_end_without_a_word(login: Callable[..., Session], scratch: Scratch) -> None:
    """> If the operational ErrorRecoveryLevel is less than 2 ..., all the tasks that were active on the old CID must be
    > immediately terminated without further notice to the initiator.
    """
    session = login(keys={"MaxConnections": "2", "ErrorRecoveryLevel": "0"})
    before = written(session, scratch)
    waiting_write(session, scratch)
    replacement = _reinstate(session)
    session.connections[0].expect(expect.connection_closed(after=()))
    session.command(TestUnitReady(), connection=replacement).expect(expect.status(0, 2))
    replacement.expect(expect.unanswered())
    assert written(session, scratch, replacement) == before, "the write that was cut off has changed the disk"


@case("reinstate-connection-05", "7143-6.3.4-02", "7143-E.1-04", needs="several-connections")
def test_other_connections_of_the_session_go_on(login: Callable[..., Session], scratch: Scratch) -> None:
    """Reinstating one connection leaves the others of the session alone, and the tasks on them."""
    session = login(keys={"MaxConnections": "2"})
    other = session.add_connection()
    task, r2t = waiting_write(session, scratch, other)
    _reinstate(session)
    session.connections[0].expect(expect.connection_closed(after=()))
    task.serve(r2t)
    task.expect(expect.good())


@case("reinstate-connection-06", "7143-4.4.3-03", "7143-6.3.4-02")
def test_reinstatement_of_one_initiator_leaves_the_others_alone(session: Session, second_session: Session) -> None:
    """The connections of other initiators have their own identifiers, though these may be equal."""
    session.attempt_login(connection=session.connect(cid=0), stages=(OPERATIONAL,))
    second_session.command(TestUnitReady()).expect(expect.good())


@case("reinstate-time-out-01", "7143-13.16-02", "7143-6.3.5-05", "7143-7.15-02")
def test_session_without_retention_is_gone_with_its_connection(login: Callable[..., Session]) -> None:
    """> DefaultTime2Retain ... is also the session state timeout if the connection in question is the last LOGGED_IN
    > connection in the session. A value of 0 indicates that connection/task state is immediately discarded by the
    > target.
    """
    session = login(keys={"DefaultTime2Wait": "0", "DefaultTime2Retain": "0"})
    settled, isid, tsih = session.parameters, session.isid, session.tsih
    session.connection.close()
    idle = session.initiator.connect()
    if settled.default_time2wait:
        idle.expect(expect.nothing(within=float(settled.default_time2wait)))
    for _ in range(_ATTEMPTS):
        result = session.initiator.session(isid=isid).attempt_login(identity={"tsih": tsih, "cid": 1})
        if result.status == LoginStatus.SESSION_DOES_NOT_EXIST:
            break
        idle.expect(expect.nothing(within=_PAUSE))
    result.expect(expect.login_failed({LoginStatus.SESSION_DOES_NOT_EXIST}))
