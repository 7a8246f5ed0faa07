"""Asynchronous Message (RFC 7143 section 11.9)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from iscsi_wire.constants import AsyncEvent
from iscsi_wire.pdus import AsyncMessage

if TYPE_CHECKING:
    from chiscsi_target.core.connection import Connection


def send_drop(connection: Connection, event: AsyncEvent) -> None:
    """Announce that this connection (event 2) or all connections (event 3) will be dropped.

    The minimum wait before a new login is the session's DefaultTime2Wait; nothing is retained, since tasks are
    not reassigned at ErrorRecoveryLevel 0.
    """
    session = connection.session
    assert session is not None
    connection.send_pdu(
        AsyncMessage(
            stat_sn=connection.next_stat_sn(),
            exp_cmd_sn=session.window.exp_cmd_sn,
            max_cmd_sn=session.window.max_cmd_sn,
            async_event=event,
            parameter1=connection.cid if event is AsyncEvent.CONNECTION_DROP else 0,
            parameter2=session.keys.default_time2wait,
            parameter3=0,
        )
    )
