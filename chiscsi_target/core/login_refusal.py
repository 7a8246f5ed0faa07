"""The last response of a login that fails (RFC 7143 section 11.13.5), and who is told of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chiscsi_target.api.events import chiscsi_event
from chiscsi_target.core.agenda import INFORMATION
from chiscsi_target.errors import LoginMoved
from iscsi_wire.constants import LoginStatus
from iscsi_wire.pdus import LoginRequest, LoginResponse
from iscsi_wire.text import format_pairs

if TYPE_CHECKING:
    from chiscsi_target.core.connection import Connection
    from chiscsi_target.core.login_identity import LoginIdentity
    from chiscsi_target.errors import LoginFailure

_NOBODY = "Initiator=, Target="


def send_refusal(connection: Connection, request: LoginRequest, failure: LoginFailure) -> None:
    """Send a response with the failure's status; its stages are reserved, and its text is where to go instead."""
    connection.agenda.log(INFORMATION, f"login refused with {failure.status:#06x}: {failure}", connection.name)
    connection.send_pdu(
        LoginResponse(
            isid=request.isid,
            tsih=request.tsih,
            initiator_task_tag=request.initiator_task_tag,
            stat_sn=connection.next_stat_sn(),
            status_class=failure.status >> 8,
            status_detail=failure.status & 0xFF,
        ),
        format_pairs([("TargetAddress", failure.address)]) if isinstance(failure, LoginMoved) else b"",
    )


def tell_of_refusal(connection: Connection, identity: LoginIdentity | None, failure: LoginFailure) -> None:
    """Tell the event notifier of a login that failed; one that was sent elsewhere has not (behaviour file, 1.8, 2.3).

    Args:
        connection: where it came in.
        identity: who logs in to what, if that became known.
        failure: why it failed. An initiator that has not shown who it is makes an event of its own.
    """
    if isinstance(failure, LoginMoved):
        return
    unproven = failure.status == LoginStatus.AUTHENTICATION_FAILURE
    event = chiscsi_event.AUTHENTICATION_FAILURE if unproven else chiscsi_event.LOGIN_FAILURE
    connection.agenda.event(event, _NOBODY if identity is None else identity.parties)
