"""What a case leaves behind while it runs, kept as cheaply as possible.

Records stay the objects that the two halves wrote. When a case has ended they become :class:`RawEvent`, plain values
that travel from a worker to the controller; only a report decodes them (`conformance.harness.decoding`).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from initiator_sim.rules import RULES
from iscsi_wire.constants import OPCODE_MASK, Opcode
from iscsi_wire.records import (
    CompletionRecord,
    HookRecord,
    LogRecord,
    PduRecord,
    Record,
    StateRecord,
    TransportRecord,
)

if TYPE_CHECKING:
    from initiator_sim.exchange import Exchange

TEXT_LIMIT = 16384
DATA_LIMIT = 256
"""Octets of a data segment that a report keeps: of key=value text all but absurd amounts, of a payload the start."""

TEXT_OPCODES = frozenset({Opcode.LOGIN_REQUEST, Opcode.LOGIN_RESPONSE, Opcode.TEXT_REQUEST, Opcode.TEXT_RESPONSE})
_LEVELS = ("error", "warning", "information", "debug")


class RawEvent(msgspec.Struct, array_like=True, frozen=True):
    """One record as plain values.

    kind: as in :data:`reports.model.EventKind`. words: what the kind needs: direction of a PDU; machine, old, event
    and new of a state; name, arguments and result of a hook or completion; level and text of a log line; text of a
    note; event of a transport. octets: header, AHS and data of a PDU, the data perhaps cut. ahs: octets of its AHS.
    length: its octets before the cut. cause: this is what the case failed for.
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


@dataclass(slots=True)
class Evidence:
    """Everything recorded since the running case began.

    exchange: the initiator's records, which the case's connections write. target: the embedded target's own records.
    remarks: what the case saw that is allowed but not advised.
    """

    exchange: Exchange
    target: list[Record] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def broken(self, rules: Collection[str]) -> list[str]:
        """Which of these tolerated rules were broken: the initiator notes it instead of failing."""
        if not rules:
            return []
        notes = [record.text for record in self.exchange.records if isinstance(record, LogRecord) and record.level == 1]
        return [name for name in rules if any(note.endswith(_wording(name)) for note in notes)]

    def events(self, cause: Record | None = None) -> list[RawEvent]:
        """All records in the order of time; `cause` is marked. The target's view of the PDUs adds nothing."""
        own = [record for record in self.target if not isinstance(record, PduRecord)]
        records = self.exchange.records
        if own:
            records = sorted([*records, *own], key=_time)
        return [raw_event(record, record is cause) for record in records]


def _wording(rule: str) -> str:
    return f"but {RULES[rule].text} ({RULES[rule].clause})"


def _time(record: Record) -> float:
    return record.time


def raw_event(record: Record, cause: bool = False) -> RawEvent:
    """One record as plain values."""
    place = (record.time, record.source, record.connection)
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
        case TransportRecord():
            return RawEvent("transport", *place, (record.event,), cause=cause)
