"""What a connection lets be seen of itself, when somebody listens: its PDUs, its states, its transport."""

from __future__ import annotations

from typing import TYPE_CHECKING

from iscsi_wire.records import PduRecord, StateRecord, TransportRecord

if TYPE_CHECKING:
    from chiscsi_target.core.connection import Connection
    from chiscsi_target.core.connection_state import ConnectionState
    from iscsi_wire.framing import Buffer, Frame

__all__ = ["pdu_received", "pdu_sent", "state_changed", "transport_changed"]


def pdu_received(connection: Connection, frame: Frame) -> None:
    """A PDU came in."""
    agenda = connection.agenda
    if agenda.listener is not None:
        header, data = bytes(frame.header), bytes(frame.data)
        agenda.listener(PduRecord(agenda.now, "target", connection.name, "in", header, frame.ahs, data, frame.offset))


def pdu_sent(connection: Connection, header: Buffer, data: bytes, offset: int) -> None:
    """A PDU goes out, at an offset of the stream."""
    agenda = connection.agenda
    if agenda.listener is not None:
        agenda.listener(PduRecord(agenda.now, "target", connection.name, "out", bytes(header), b"", data, offset))


def state_changed(connection: Connection, old: ConnectionState, event: str) -> None:
    """The state machine moved; `event` begins with the RFC's label of the transition."""
    agenda = connection.agenda
    if agenda.listener is not None:
        new = connection.state.value
        agenda.listener(StateRecord(agenda.now, "target", connection.name, "connection", old.value, event, new))


def transport_changed(connection: Connection, event: str) -> None:
    """The transport was connected, closed or reset."""
    agenda = connection.agenda
    if agenda.listener is not None:
        agenda.listener(TransportRecord(agenda.now, "target", connection.name, event))
