"""Reject (RFC 7143 section 11.17)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from iscsi_wire.pdus import Reject

if TYPE_CHECKING:
    from chiscsi_target.core.connection import Connection
    from iscsi_wire.framing import Frame


def send_reject(connection: Connection, reason: int, frame: Frame) -> None:
    """Answer a PDU with a Reject that carries its complete header (section 11.17.4) and uses up a StatSN."""
    session = connection.session
    assert session is not None
    connection.send_pdu(
        Reject(
            reason=reason,
            stat_sn=connection.next_stat_sn(),
            exp_cmd_sn=session.window.exp_cmd_sn,
            max_cmd_sn=session.window.max_cmd_sn,
        ),
        bytes(frame.header) + frame.ahs,
    )
