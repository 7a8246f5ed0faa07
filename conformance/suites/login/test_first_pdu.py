from __future__ import annotations

from typing import Any

from conformance.api import (
    SECURITY,
    Connection,
    DataOut,
    Initiator,
    LoginResponse,
    LogoutRequest,
    NopOut,
    ScsiCommand,
    SnackRequest,
    TaskManagementRequest,
    TextRequest,
    case,
    expect,
    mutations,
    variants,
)
from conformance.suites.login.steps import arranged, opening

_OTHERS: list[Any] = [ScsiCommand, TaskManagementRequest, TextRequest, DataOut, LogoutRequest, SnackRequest]
_NAMES = ["scsi-command", "task-management", "text", "data-out", "logout", "snack"]
_UNASSIGNED_OPCODE = 0x1B


@case("login-first-pdu-01", "7143-4.2.4-06")
def test_connection_that_begins_with_nop_out_is_closed(connection: Connection) -> None:
    """> If the first PDU ... is not a Login Request, the target MUST immediately terminate the connection."""
    connection.send(NopOut)
    connection.expect(expect.connection_closed(after=()))


@case("login-first-pdu-02", "7143-4.2.4-06", "7143-4.2.4-03")
@variants("kind", [*_OTHERS, LoginResponse], ids=[*_NAMES, "login-response"])
def test_connection_that_begins_with_another_pdu_is_closed(connection: Connection, kind: Any) -> None:
    """> A target receiving any PDU except a Login Request before the Login Phase is started MUST immediately
    > terminate the connection on which the PDU was received.
    """
    connection.send(kind)
    connection.expect(expect.connection_closed(after=()))


@case("login-first-pdu-03", "7143-4.2.4-06")
def test_connection_that_begins_with_an_unassigned_opcode_is_closed(connection: Connection) -> None:
    """> A target receiving any PDU except a Login Request before the Login Phase is started MUST immediately
    > terminate the connection on which the PDU was received.
    """
    connection.send(NopOut, mutations.xor(0, _UNASSIGNED_OPCODE))
    connection.expect(expect.connection_closed(after=()))


@case("login-other-pdu-01", "7143-4.2.4-07", "7143-11.13.5-22", "7143-11.13.5-26")
@variants("kind", [NopOut, *_OTHERS], ids=["nop-out", *_NAMES])
def test_another_pdu_during_login_is_invalid(initiator: Initiator, kind: Any) -> None:
    """> Once the Login Phase has started, if the target receives any PDU except a Login Request, it MUST send a Login
    > reject (with Status "invalid during login") and then disconnect.
    """
    login = initiator.session().begin_login()
    arranged(login.step(csg=SECURITY, transit=0, keys=opening(initiator)))
    initiator.settings.rules.ignore("tag")  # the reject answers no Login Request
    login.connection.send(kind)
    login.connection.expect(expect.pdu(LoginResponse, status_class=2, status_detail=0x0B))
    login.connection.expect(expect.connection_closed(after=()))


@case("login-other-pdu-02", "7143-4.2.4-07", "7143-11.13.5-26")
def test_another_pdu_between_the_pieces_of_a_text_is_invalid(initiator: Initiator) -> None:
    """> Once the Login Phase has started, if the target receives any PDU except a Login Request, it MUST send a Login
    > reject (with Status "invalid during login") and then disconnect.
    """
    login = initiator.session().begin_login()
    login.request(csg=SECURITY, continue_=1, data=b"Initiator")
    login.reply().expect(expect.pdu(LoginResponse, status_class=0))
    initiator.settings.rules.ignore("tag")  # the reject answers no Login Request
    login.connection.send(NopOut)
    login.connection.expect(expect.pdu(LoginResponse, status_class=2, status_detail=0x0B))
    login.connection.expect(expect.connection_closed(after=()))
