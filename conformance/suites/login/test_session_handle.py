from __future__ import annotations

from collections.abc import Callable

from conformance.api import (
    OPERATIONAL,
    SECURITY,
    Initiator,
    LoginStatus,
    LogoutReason,
    Session,
    case,
    expect,
)
from conformance.suites.login.steps import arranged, finish, opening, refused
from iscsi_wire.scsi import TestUnitReady

_NO_SESSION = {LoginStatus.SESSION_DOES_NOT_EXIST}


def _another_tsih(tsih: int) -> int:
    """A TSIH that is neither `tsih` nor 0."""
    return tsih ^ 0x5555 or 0x5555


@case("login-tsih-02", "7143-6.3.1-01", "7143-11.12.6-04", "7143-11.13.5-21")
def test_unknown_session_with_a_new_isid_does_not_exist(initiator: Initiator) -> None:
    """> ISID new, TSIH non-zero: fail the login ("session does not exist")."""
    initiator.session().attempt_login(identity={"tsih": 0x5A5A}).expect(expect.login_failed(_NO_SESSION))


@case("login-tsih-03", "7143-6.3.1-06", "7143-11.12.6-04", "7143-11.13.5-21")
def test_wrong_tsih_with_the_isid_of_a_session_does_not_exist(initiator: Initiator, session: Session) -> None:
    """> ISID existing, TSIH non-zero new: fail the login ("session does not exist").

    The session that has the ISID goes on.
    """
    stranger = initiator.session(isid=session.isid)
    result = stranger.attempt_login(identity={"tsih": _another_tsih(session.tsih), "cid": 1})
    result.expect(expect.login_failed(_NO_SESSION))
    session.command(TestUnitReady()).expect(expect.good())


@case("login-tsih-04", "7143-6.3.1-01", "7143-11.12.6-04", "7143-11.13.5-21")
def test_tsih_of_a_session_with_another_isid_does_not_exist(initiator: Initiator, session: Session) -> None:
    """> ISID new, TSIH non-zero: fail the login ("session does not exist").

    The session that has the TSIH goes on.
    """
    result = initiator.session().attempt_login(identity={"tsih": session.tsih, "cid": 1})
    result.expect(expect.login_failed(_NO_SESSION))
    session.command(TestUnitReady()).expect(expect.good())


@case("login-tsih-05", "7143-6.3.1-01", "7143-4.2.4-10", "7143-11.13.5-21")
def test_session_of_another_initiator_does_not_exist(second_initiator: Initiator, session: Session) -> None:
    """> Between a given iSCSI initiator node (selected only by an InitiatorName) and a given iSCSI target ... the login
    > results are defined by the following table: ISID new, TSIH non-zero: fail the login.
    """
    stranger = second_initiator.session(isid=session.isid)
    stranger.attempt_login(identity={"tsih": session.tsih, "cid": 1}).expect(expect.login_failed(_NO_SESSION))
    session.command(TestUnitReady()).expect(expect.good())


@case("login-cid-01", "7143-11.12.7-02")
def test_cid_of_a_later_request_does_not_count(initiator: Initiator) -> None:
    """> All Login Requests within the Login Phase MUST carry the same CID. The target MUST use the value presented with
    > the first Login Request.

    It may also call the contradiction an error.
    """
    session = initiator.session()
    login = session.begin_login(cid=7)
    arranged(login.step(csg=SECURITY, transit=0, keys=opening(initiator)))
    result = finish(login, login.step(csg=SECURITY, nsg=OPERATIONAL, transit=1, cid=8))
    if not result.succeeded:
        result.expect(refused(or_closed=True))
        return
    session.conclude(login, result)
    answer = session.logout(LogoutReason.CLOSE_CONNECTION, cid=7)
    assert answer.header.response == 0, f"logout of CID 7 is answered with {answer.header.response}"


@case("login-connections-01", "7143-13.2-02", "7143-11.13.5-17")
def test_connection_beyond_max_connections_is_one_too_many(login: Callable[..., Session]) -> None:
    """> Too many connections, 0206: Too many connections on this SSID. The session itself goes on."""
    session = login(keys={"MaxConnections": "1"})
    result = session.attempt_login(connection=session.connect(cid=1), stages=(OPERATIONAL,))
    result.expect(expect.login_failed({LoginStatus.TOO_MANY_CONNECTIONS}))
    session.command(TestUnitReady()).expect(expect.good())


@case("login-connections-02", "7143-6.3.1-04", "7143-4.4.3-05", "7143-6.3.6-01", needs="several-connections")
def test_new_cid_adds_a_connection_to_the_session(login: Callable[..., Session]) -> None:
    """> ISID existing, TSIH non-zero existing, CID new: add a new connection to the session."""
    session = login(keys={"MaxConnections": "2"})
    tsih = session.tsih
    result = session.attempt_login(connection=session.connect(cid=1))
    result.expect(expect.login_succeeded())
    handles = {reply.header.tsih for reply in result.replies}
    assert handles == {tsih}, f"TSIH {tsih:#x} is answered with {sorted(map(hex, handles))}"
    for connection in session.connections:
        session.command(TestUnitReady(), connection=connection).expect(expect.good())


@case("login-connections-03", "7143-6.3-05", "7143-11.13.5-18", needs="several-connections")
def test_further_connection_has_to_name_its_initiator(login: Callable[..., Session]) -> None:
    """> The InitiatorName ... The initiator of the TCP connection MUST provide this key to the remote endpoint at the
    > first login of the Login Phase for every connection.
    """
    session = login(keys={"MaxConnections": "2"})
    result = session.attempt_login(connection=session.connect(cid=1), omit={"InitiatorName"})
    result.expect(expect.login_failed({LoginStatus.MISSING_PARAMETER}))
    session.command(TestUnitReady()).expect(expect.good())


@case("login-connections-04", "7143-4.2.1-05", "7143-4.2.1-04", needs="several-connections")
def test_commands_on_both_connections_share_one_numbering(login: Callable[..., Session]) -> None:
    """A hole in CmdSN on one connection holds up the next command on the other: a session has one numbering."""
    session = login(keys={"MaxConnections": "2"})
    second = session.add_connection()
    first_number = session.numbering.take_cmd_sn(False)
    later = session.start(TestUnitReady(), connection=second)
    second.expect(expect.unanswered())
    session.command(TestUnitReady(), cmd_sn=first_number).expect(expect.good())
    later.expect(expect.good())
