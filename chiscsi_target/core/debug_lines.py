"""Debug lines: what happens to a command, told in lines of the log as it happens (guide, appendix D).

`iscsi_verbose_level=0xf,0xc82000` asks for them: an area of the second number is an area here (behaviour file,
section 0). They come of the records that listeners are told, so that a line and a record never disagree. A session that
was there before is told of by the driver's calls and its PDUs; one that logs in from then on, whole.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from chiscsi_target.core.verbosity import DEBUG, Area
from iscsi_wire.constants import Opcode
from iscsi_wire.records import (
    CompletionRecord,
    HookRecord,
    OffloadRecord,
    PduRecord,
    PlacementRecord,
    StateRecord,
    TransportRecord,
)

if TYPE_CHECKING:
    from chiscsi_target.core.agenda import Agenda
    from iscsi_wire.records import Listener, Record

_OPCODE: Final = 0x3F
_TASK_TAG: Final = slice(16, 20)
_MACHINES: Final = {"connection": Area.CONNECTION, "session": Area.SESSION, "command": Area.SCSI_COMMAND}


def _pdu(record: PduRecord) -> tuple[Area, str]:
    """Its name, task and length: what it says may be a secret."""
    name = Opcode.meaning(record.header[0] & _OPCODE)
    tag = int.from_bytes(record.header[_TASK_TAG], "big")
    area = Area.PDU_RX if record.direction == "in" else Area.PDU_TX
    return area, f"pdu {record.direction}: {name}, itt 0x{tag:x}, {len(record.data)} octets"


def _hook(record: HookRecord) -> tuple[Area, str]:
    return Area.TARGET_API, f"{record.name}: {record.arguments}"


def _completion(record: CompletionRecord) -> tuple[Area, str]:
    return Area.TARGET_API, f"{record.name}: {record.arguments}"


def _state(record: StateRecord) -> tuple[Area, str]:
    return _MACHINES[record.machine], f"{record.machine}: {record.event}: {record.old} -> {record.new}"


def _transport(record: TransportRecord) -> tuple[Area, str]:
    return Area.TRANSPORT, f"transport {record.event}"


def _message(record: OffloadRecord) -> tuple[Area, str]:
    return Area.ULP, f"{record.message}: {record.text}"


def _placement(record: PlacementRecord) -> tuple[Area, str]:
    reason = f", {record.reason}" if record.reason else ""
    return Area.DDP, f"itt 0x{record.itt:x}: {record.placed} placed, {record.copied} copied{reason}"


LINES: Final[Mapping[type[Record], Callable[[Any], tuple[Area, str]]]] = {
    PduRecord: _pdu,
    HookRecord: _hook,
    CompletionRecord: _completion,
    StateRecord: _state,
    TransportRecord: _transport,
    OffloadRecord: _message,
    PlacementRecord: _placement,
}
"""The records that make a line: its area, and how it is put. Messages of the log are lines already."""


def telling(agenda: Agenda, listener: Listener | None) -> Listener | None:
    """Who is to be told of everything observable.

    Args:
        agenda: prints the lines that its verbosity asks for.
        listener: who is told anyway.
    """
    if not agenda.verbosity.areas:
        return listener

    def tell(record: Record) -> None:
        if listener is not None:
            listener(record)
        line = LINES.get(type(record))
        if line is not None:
            area, text = line(record)
            if agenda.verbosity.prints(DEBUG, area):
                where = f"{record.connection}: " if record.connection else ""
                agenda.complain(f"chiscsi: {where}{text}")

    return tell
