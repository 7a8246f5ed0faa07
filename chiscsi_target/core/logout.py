"""Logout (RFC 7143 sections 11.14 and 11.15)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chiscsi_target.api.events import chiscsi_event
from chiscsi_target.core.connection_state import ConnectionEvent
from chiscsi_target.core.numbered_request import execute_in_turn, immediate, session_for
from chiscsi_target.errors import RejectedPdu
from iscsi_wire.constants import LogoutReason, LogoutResponseCode, RejectReason
from iscsi_wire.pdus import LogoutRequest, LogoutResponse

if TYPE_CHECKING:
    from chiscsi_target.core.connection import Connection
    from chiscsi_target.core.session import Session
    from iscsi_wire.framing import Frame


def logout(connection: Connection, frame: Frame) -> None:
    """Take a Logout Request.

    Raises:
        RejectedPdu: the reason is unknown, or not possible in a discovery session (section 4.3).
    """
    request = LogoutRequest.decode(frame.header)
    session = session_for(connection, request)
    if session is None:
        return
    if request.reason_code not in list(LogoutReason):
        raise RejectedPdu(RejectReason.INVALID_PDU_FIELD, f"logout reason {request.reason_code}", "11.14.1")
    if session.discovery and request.reason_code != LogoutReason.CLOSE_SESSION:
        raise RejectedPdu(RejectReason.PROTOCOL_ERROR, "only the session can be logged out of discovery", "4.3")
    execute_in_turn(connection, request, _execute, connection, session, request)


def _execute(connection: Connection, session: Session, request: LogoutRequest) -> None:
    if connection.closing:
        return
    if not immediate(request):
        session.window.answered()
    if request.reason_code == LogoutReason.REMOVE_FOR_RECOVERY:
        # Connection recovery needs ErrorRecoveryLevel 2 (section 11.15.1).
        _respond(connection, session, request, LogoutResponseCode.RECOVERY_NOT_SUPPORTED)
    elif request.reason_code == LogoutReason.CLOSE_CONNECTION and request.cid not in session.connections:
        _respond(connection, session, request, LogoutResponseCode.CID_NOT_FOUND)
    else:
        _close(connection, session, request)


def _close(connection: Connection, session: Session, request: LogoutRequest) -> None:
    """Log out, answer on the connection that asked, and close (section 11.14: its commands end without a response)."""
    whole = request.reason_code == LogoutReason.CLOSE_SESSION
    leaving = list(session.connections.values()) if whole else [session.connections[request.cid]]
    if connection in leaving:
        connection.event(ConnectionEvent.LOGOUT_RECEIVED)
    for other in leaving:
        if other is not connection:
            other.close(ConnectionEvent.CLOSED_CLEANLY)
    _respond(connection, session, request, LogoutResponseCode.CLOSED)
    if connection in leaving:
        connection.close(ConnectionEvent.LOGOUT_CONCLUDED)


def _respond(connection: Connection, session: Session, request: LogoutRequest, code: LogoutResponseCode) -> None:
    done = code is LogoutResponseCode.CLOSED
    event = chiscsi_event.LOGOUT_SUCCESS if done else chiscsi_event.LOGOUT_FAILURE
    connection.agenda.event(event, session.identity.parties)
    connection.send_pdu(
        LogoutResponse(
            response=code,
            initiator_task_tag=request.initiator_task_tag,
            stat_sn=connection.next_stat_sn(),
            exp_cmd_sn=session.window.exp_cmd_sn,
            max_cmd_sn=session.window.max_cmd_sn,
            time2wait=session.keys.default_time2wait,
            # Section 11.15.4: 0 says that nothing is retained, as is true at ErrorRecoveryLevel 0.
            time2retain=0,
        )
    )
