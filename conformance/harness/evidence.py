"""What a case leaves behind while it runs, kept as cheaply as possible.

Records stay the objects that the two halves wrote. When a case has ended they become :class:`RawEvent`, plain values
that travel from a worker to the controller; only a report decodes them (`conformance.harness.decoding`).
"""

from __future__ import annotations

from collections.abc import Collection

import msgspec

from initiator_sim.exchange import Exchange
from initiator_sim.rules import RULES
from iscsi_wire.constants import OPCODE_MASK, Opcode
from iscsi_wire.records import (
    CompletionRecord,
    FindingRecord,
    HookRecord,
    LogRecord,
    OffloadRecord,
    PduRecord,
    PlacementRecord,
    Record,
    StateRecord,
    TransportRecord,
)

TEXT_LIMIT = 16384
DATA_LIMIT = 256
"""Octets of a data segment that a report keeps: of key=value text all but absurd amounts, of a payload the start."""

TEXT_OPCODES = frozenset({Opcode.LOGIN_REQUEST, Opcode.LOGIN_RESPONSE, Opcode.TEXT_REQUEST, Opcode.TEXT_RESPONSE})
PLACEMENT = "placement"
"""The kind of what became of a write's data: in a report it stands at the command."""
FINDING = "finding "
"""What the level of a finding begins with, among those of log lines; its kind follows."""
_LEVELS = ("error", "warning", "information", "debug")


class RawEvent(msgspec.Struct, array_like=True, frozen=True):
    """One record as plain values.

    kind: as in :data:`reports.model.EventKind`, or :data:`PLACEMENT`. words: what the kind needs: direction of a PDU;
    machine, old, event and new of a state; name, arguments and result of a hook or completion; level and text of a log
    line; name and text of an offloading card's message; Initiator Task Tag, octets placed and copied, and the reason,
    of a placement; text of a note; event of a transport. octets: header, AHS and data of a PDU, the data perhaps cut.
    ahs: octets of its AHS. length: its octets before the cut. cause: this is what the case failed for.
    """

    kind: str
    time: float
    source: str
    connection: str
    words: tuple[str, ...]
    octets: bytes = b""
    ahs: int = 0
    length: int = 0
    cause: bool = False


class Evidence:
    """Everything recorded since the running case began, in the order in which it was noticed.

    exchange: what the case's connections write to. remarks: what the case saw that is allowed but not advised.
    """

    def __init__(self, clause: str = "") -> None:
        self.remarks: list[str] = []
        self._records: list[Record] = []
        self.listen = self._records.append
        """Takes a record of the embedded target, from whichever thread."""
        self.exchange = Exchange(clause=clause, listeners=[self.listen])

    def broken(self, rules: Collection[str]) -> list[str]:
        """Which of these tolerated rules were broken: the initiator notes it instead of failing."""
        if not rules:
            return []
        notes = [record.text for record in self.exchange.records if isinstance(record, LogRecord) and record.level == 1]
        return [name for name in rules if any(note.endswith(_wording(name)) for note in notes)]

    def events(self, cause: Record | None = None) -> list[RawEvent]:
        """The records of this case; `cause` is marked.

        Of the target's own, those about other connections are left out (an earlier case's that is still closing, a
        probe beside this case), and its view of the PDUs, which adds nothing. Its connections get the initiator's
        names for them.
        """
        names = self._connection_names()
        begin = self.exchange.records[0].time if self.exchange.records else 0.0
        events: list[RawEvent] = []
        for record in list(self._records):
            name = record.connection if record.source == "initiator" else names.get(record.connection)
            if name is None and not _is_address(record.connection) and record.time >= begin:
                name = record.connection
            if name is not None and (record.source == "initiator" or not isinstance(record, PduRecord)):
                events.append(raw_event(record, name, record is cause))
        return events

    def _connection_names(self) -> dict[str, str]:
        """The initiator's names of its connections by their local address, by which the target calls them."""
        connected = (record for record in self.exchange.records if isinstance(record, TransportRecord))
        words = ((record.connection, record.event.split()) for record in connected)
        return {event[1]: name for name, event in words if event[0] == "connected" and len(event) > 1}


def _is_address(connection: str) -> bool:
    return connection.rpartition(":")[2].isdigit()


def _wording(rule: str) -> str:
    return f"but {RULES[rule].text} ({RULES[rule].clause})"


def raw_event(record: Record, connection: str, cause: bool = False) -> RawEvent:
    """One record as plain values, its connection under another name."""
    place = (record.time, record.source, connection)
    match record:
        case PduRecord():
            limit = TEXT_LIMIT if record.header[0] & OPCODE_MASK in TEXT_OPCODES else DATA_LIMIT
            octets = record.header + record.ahs + record.data[:limit]
            length = len(record.header) + len(record.ahs) + len(record.data)
            return RawEvent("pdu", *place, (record.direction,), octets, len(record.ahs), length, cause)
        case StateRecord():
            words = (record.machine, record.old, record.event, record.new)
            return RawEvent("state", *place, words, cause=cause)
        case HookRecord() | CompletionRecord():
            kind = "hook" if isinstance(record, HookRecord) else "completion"
            return RawEvent(kind, *place, (record.name, record.arguments, record.result), cause=cause)
        case LogRecord():
            return RawEvent("log", *place, (_LEVELS[min(record.level, 3)], record.text), cause=cause)
        case FindingRecord():
            return RawEvent("log", *place, (f"{FINDING}{record.kind}", record.text), cause=cause)
        case PlacementRecord():
            numbers = (f"{record.itt:#x}", str(record.placed), str(record.copied))
            return RawEvent(PLACEMENT, *place, (*numbers, record.reason), cause=cause)
        case OffloadRecord():
            return RawEvent("offload", *place, (record.message, record.text), cause=cause)
        case TransportRecord():
            return RawEvent("transport", *place, (record.event,), cause=cause)
