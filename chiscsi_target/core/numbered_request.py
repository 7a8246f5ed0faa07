"""What all numbered requests begin with (RFC 7143 section 4.2.2): NOP-Out, Text, Logout and Task Management Requests.

SCSI Commands begin alike, but for speed on their own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from chiscsi_target.errors import RejectedPdu
from iscsi_wire.constants import IMMEDIATE_BIT, RESERVED_TAG, RejectReason

if TYPE_CHECKING:
    from collections.abc import Callable

    from chiscsi_target.core.connection import Connection
    from chiscsi_target.core.session import Session

__all__ = ["NumberedRequest", "execute_in_turn", "immediate", "look_at_tag", "session_for"]


class NumberedRequest(Protocol):
    """The fields that such requests have in common."""

    octet_0: int
    cmd_sn: int
    exp_stat_sn: int


def immediate(request: NumberedRequest) -> bool:
    """Whether it is for immediate delivery: it takes no place in the CmdSN order (section 4.2.2.1)."""
    return request.octet_0 & IMMEDIATE_BIT != 0


def session_for(connection: Connection, request: NumberedRequest) -> Session | None:
    """The session that a request is for; None when its CmdSN is outside the window: it is ignored (section 4.2.2.1)."""
    session = connection.session
    assert session is not None
    connection.exp_stat_sn = request.exp_stat_sn
    return session if immediate(request) or session.window.admits(request.cmd_sn) else None


def look_at_tag(session: Session, tag: int) -> None:
    """Judge the Initiator Task Tag of a request that is a task of its own.

    Raises:
        RejectedPdu: it is reserved, or names an unfinished task.
    """
    if tag == RESERVED_TAG:
        raise RejectedPdu(RejectReason.INVALID_PDU_FIELD, "reserved Initiator Task Tag", "11.2.1.8")
    if session.tag_in_use(tag):
        raise RejectedPdu(RejectReason.TASK_IN_PROGRESS, "the Initiator Task Tag is in use", "11.17.1")


def execute_in_turn(
    connection: Connection, request: NumberedRequest, execute: Callable[..., None], *arguments: Any
) -> None:
    """Call `execute(*arguments)`: now, if the request is immediate, else when its turn has come."""
    if immediate(request):
        execute(*arguments)
    else:
        assert connection.session is not None
        connection.session.window.arrived(request.cmd_sn, connection, execute, *arguments)
