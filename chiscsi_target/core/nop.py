"""NOP-Out and NOP-In (RFC 7143 sections 11.18 and 11.19): the initiator's pings, and ours to an idle connection."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chiscsi_target.core.agenda import INFORMATION
from chiscsi_target.core.connection_state import ConnectionEvent
from chiscsi_target.core.numbered_request import execute_in_turn, immediate, look_at_tag, session_for
from chiscsi_target.errors import RejectedPdu
from iscsi_wire.constants import RESERVED_TAG, RejectReason
from iscsi_wire.pdus import NopIn, NopOut

if TYPE_CHECKING:
    from chiscsi_target.core.connection import Connection
    from iscsi_wire.framing import Frame


def nop_out(connection: Connection, frame: Frame) -> None:
    """Answer a ping, or take the answer to one of ours.

    Raises:
        RejectedPdu: its data digest is wrong, or it asks for no answer without being immediate (section 11.18.1).
    """
    request = NopOut.decode(frame.header)
    session = session_for(connection, request)
    if session is None:
        return
    if frame.data_digest_error:
        raise RejectedPdu(RejectReason.DATA_DIGEST_ERROR, "data digest error in a NOP-Out", "7.8")
    if request.initiator_task_tag == RESERVED_TAG:
        if not immediate(request):
            raise RejectedPdu(RejectReason.PROTOCOL_ERROR, "a NOP-Out without a tag has to be immediate", "11.18.1")
        session.transfer_tags.discard(request.target_transfer_tag)
        connection.ping_tags.discard(request.target_transfer_tag)
        if connection.acknowledgements is not None:
            connection.acknowledgements.answered(request.target_transfer_tag)
        return
    look_at_tag(session, request.initiator_task_tag)
    data = bytes(frame.data[: connection.max_peer_receive])
    execute_in_turn(connection, request, _answer, connection, request, data)


def _answer(connection: Connection, request: NopOut, data: bytes) -> None:
    session = connection.session
    if connection.closing or session is None:
        return
    if not immediate(request):
        session.window.answered()
    connection.send_pdu(
        NopIn(
            initiator_task_tag=request.initiator_task_tag,
            stat_sn=connection.next_stat_sn(),
            exp_cmd_sn=session.window.exp_cmd_sn,
            max_cmd_sn=session.window.max_cmd_sn,
        ),
        data,
    )


def send_ping(connection: Connection, tag: int | None = None, lun: int = 0) -> None:
    """Ask the initiator for a sign of life: a NOP-In with a valid Target Transfer Tag uses up no StatSN (11.19.2).

    Args:
        connection: where.
        tag: the Target Transfer Tag; a new one by default.
        lun: the LUN field that goes with it.
    """
    session = connection.session
    assert session is not None
    connection.ping_sent = connection.agenda.now
    if tag is None:
        tag = session.new_transfer_tag()
        connection.ping_tags.add(tag)
    connection.send_pdu(
        NopIn(
            target_transfer_tag=tag,
            lun=lun,
            stat_sn=connection.stat_sn,
            exp_cmd_sn=session.window.exp_cmd_sn,
            max_cmd_sn=session.window.max_cmd_sn,
        )
    )


def handle_idle(connection: Connection, now: float) -> float | None:
    """Ping a connection that has been idle for the portal group's time; reset it when it stays silent that long again.

    Returns:
        When to look again, or None when the portal group sets no time.
    """
    timeout = connection.portal.timeout
    session = connection.session
    if not timeout or session is None or session.discovery:
        return None
    since = connection.last_received if connection.ping_sent is None else connection.ping_sent
    if now < since + timeout:
        return since + timeout
    if connection.ping_sent is None:
        send_ping(connection)
        return now + timeout
    connection.agenda.log(INFORMATION, f"connection reset: no answer to a ping within {timeout} s", connection.name)
    connection.close(ConnectionEvent.TRANSPORT_LOST, reset=True)
    return None
