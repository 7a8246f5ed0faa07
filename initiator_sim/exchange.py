"""The record of an exchange: everything that was sent and received, by all connections of a script.

An `Exchange` is a listener of `iscsi_wire.records`: connections write to it, and it passes each record on. `ladder()`
prints it for people; nothing else here knows what a PDU means.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from initiator_sim.display import summary
from iscsi_wire.records import Listener, PduRecord, Record, TransportRecord

LADDER_LIMIT = 60
"""How many records a printed ladder shows at most; the newest are the ones that matter."""


@dataclass(slots=True)
class Exchange:
    """The exchange so far.

    Attributes:
        records: what happened, in order.
        clause: the requirements of the case that is running; used where an expectation names none of its own.
        listeners: who else wants each record, for example a report.
    """

    records: list[Record] = field(default_factory=list)
    clause: str = ""
    listeners: list[Listener] = field(default_factory=list)

    def __call__(self, record: Record) -> None:
        """Take in one record."""
        self.records.append(record)
        for listener in self.listeners:
            listener(record)

    def pdus(self) -> list[PduRecord]:
        """Return the PDUs among the records."""
        return [record for record in self.records if isinstance(record, PduRecord)]

    def ladder(self, marked: Record | None = None, limit: int = LADDER_LIMIT) -> str:
        """Return the exchange as text, one line a record, the newest `limit` of them, `marked` with a mark."""
        shown = self.records[-limit:] if limit else []
        lines = [f"  ... {len(self.records) - len(shown)} earlier"] if len(shown) < len(self.records) else []
        start = self.records[0].time if self.records else 0.0
        lines += [self._line(record, start, record is marked) for record in shown]
        return "\n".join(lines) or "  (nothing)"

    @staticmethod
    def _line(record: Record, start: float, marked: bool) -> str:
        arrow = "-->" if isinstance(record, PduRecord) and record.direction == "out" else "<--"
        if isinstance(record, PduRecord):
            text = f"{arrow} {summary(record)}"
        elif isinstance(record, TransportRecord):
            text = f" *  {record.event}"
        else:
            text = f" *  {getattr(record, 'text', record)}"
        return f"{'>>' if marked else '  '}{record.time - start:9.4f} {record.connection:<6} {text}"
