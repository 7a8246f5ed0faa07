from __future__ import annotations

from collections.abc import Callable

from conformance.api import Initiator, LoginStatus, Scratch, Session, Unsupported, case, expect, settle, sn_add
from conformance.suites.login.steps import opening
from conformance.suites.reinstatement.writes import waiting_write, written
from iscsi_wire.scsi import TestUnitReady


def _alive(*sessions: Session) -> None:
    """Require that each of the sessions serves a command."""
    for session in sessions:
        session.command(TestUnitReady()).expect(expect.good())


def _reinstated(session: Session) -> Session:
    """A new session with the initiator's name and ISID of `session`, which has to come about."""
    again = session.initiator.session(isid=session.isid)
    again.attempt_login().expect(expect.login_succeeded())
    return again


@case("reinstate-session-01", "7143-6.3.1-03", "7143-4.4.3-01", "7143-6.3.5-02", "7143-7.15-03")
def test_login_with_the_same_isid_ends_the_old_session(session: Session) -> None:
    """> Session reinstatement is the process of an initiator logging in with an ISID that is possibly active from the
    > target's perspective for that initiator, thus implicitly logging out the session that corresponds to the ISID and
    > reinstating a new iSCSI session in its place.
    """
    again = _reinstated(session)
    session.expect(expect.connection_closed(after=()))
    settle(again)
    _alive(again)


@case("reinstate-session-02", "7143-6.3.1-02", "7143-4.4.3-01")
def test_login_with_another_isid_leaves_the_session_alone(session: Session, initiator: Initiator) -> None:
    """> ISID new, TSIH zero: instantiate a new session. ... It is also possible to have multiple sessions with
    > different ISIDs to the same target portal group.
    """
    other = initiator.session()
    other.attempt_login().expect(expect.login_succeeded())
    settle(other)
    _alive(session, other, session)


@case("reinstate-session-03", "7143-4.4.3-03", "7143-4.2.4-10")
def test_other_initiator_with_the_same_isid_leaves_the_session_alone(
    session: Session, second_initiator: Initiator
) -> None:
    """> The same ISID may be used by a different iSCSI initiator because it is the iSCSI name together with the ISID
    > that identifies the SCSI initiator port.
    """
    other = second_initiator.session(isid=session.isid)
    other.attempt_login().expect(expect.login_succeeded())
    settle(other)
    _alive(session, other, session)


@case("reinstate-session-04", "7143-6.3.5-02", "7143-7.6-04", "7143-E.1-03", "7143-8.3.4-03", destructive=True)
def test_tasks_of_the_old_session_end_without_a_word(session: Session, scratch: Scratch) -> None:
    """> Session reinstatement causes all the tasks that were active on the old session to be immediately terminated by
    > the target without further notice to the initiator.
    """
    before = written(session, scratch)
    waiting_write(session, scratch)
    again = _reinstated(session)
    session.expect(expect.connection_closed(after=()))
    settle(again)
    assert written(again, scratch) == before, "the write that was cut off has changed the disk"


@case("reinstate-session-05", "7143-6.3.5-02", "7143-E.1-03", needs="several-connections")
def test_every_connection_of_the_old_session_is_closed(login: Callable[..., Session]) -> None:
    """> ... thus implicitly logging out the session that corresponds to the ISID."""
    session = login(keys={"MaxConnections": "2"})
    session.add_connection()
    again = _reinstated(session)
    for connection in session.connections:
        connection.expect(expect.connection_closed(after=()))
    settle(again)
    _alive(again)


@case("reinstate-session-06", "7143-6.3.1-06", "7143-8.3.4-03", "7143-6.3.5-02")
def test_tsih_of_the_old_session_is_void(session: Session, initiator: Initiator) -> None:
    """> ISID existing, TSIH non-zero new: fail the login ("session does not exist")."""
    again = _reinstated(session)
    if again.tsih == session.tsih:
        raise Unsupported("the target gives the new session the TSIH of the old one")
    stranger = initiator.session(isid=session.isid)
    result = stranger.attempt_login(identity={"tsih": session.tsih, "cid": 1})
    result.expect(expect.login_failed({LoginStatus.SESSION_DOES_NOT_EXIST}))
    settle(again)
    _alive(again)


@case("reinstate-session-07", "7143-E.1-09", "7143-11.12.8-03")
def test_new_session_numbers_its_commands_afresh(session: Session) -> None:
    """A leading login sets up a new StatSN and a new CmdSN, whatever the old session had reached."""
    again = session.initiator.session(isid=session.isid)
    again.numbering.cmd_sn = sn_add(session.numbering.cmd_sn, 0x70000000)
    result = again.attempt_login()
    result.expect(expect.login_succeeded())
    assert result.header is not None
    assert result.header.exp_cmd_sn == again.numbering.cmd_sn, f"ExpCmdSN is {result.header.exp_cmd_sn:#x}"
    settle(again)
    _alive(again)


@case("reinstate-session-08", "7143-4.2.8-01", "7143-6.2-08", needs=("header-digest", "data-digest"))
def test_new_session_inherits_no_parameters(login: Callable[..., Session], initiator: Initiator) -> None:
    """> All iSCSI session and connection parameters are reinitialized on session and connection creation."""
    session = login(keys={"HeaderDigest": "CRC32C", "DataDigest": "CRC32C"})
    again = initiator.session(isid=session.isid)
    result = again.attempt_login(omit={"HeaderDigest", "DataDigest"})
    result.expect(expect.login_succeeded())
    again.command(TestUnitReady()).expect(expect.status(0, 2))
    _alive(again)


@case("reinstate-session-09", "7143-7.15-03", "7143-6.3.1-03")
def test_session_whose_connection_broke_is_reinstated(session: Session) -> None:
    """A target is always ready for a session reinstatement login, also if it has not noticed that the old is dead."""
    session.connection.reset()
    again = _reinstated(session)
    settle(again)
    _alive(again)


@case("reinstate-session-10", "7143-6.3.1-03", "7143-8.3.4-01")
def test_login_that_goes_no_further_hinders_no_other(session: Session, initiator: Initiator) -> None:
    """A login that has not got beyond its first request, and is then dropped, hinders no later login with its ISID."""
    stuck = initiator.session(isid=initiator.new_isid())
    login = stuck.begin_login()
    login.step(csg=0, transit=0, keys=opening(initiator))
    login.connection.close()
    again = _reinstated(stuck)
    settle(again)
    _alive(again, session)
