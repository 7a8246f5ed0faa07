"""Raw evidence as a report shows it: every field decoded, the offending one marked.

Names, places and meanings of fields come from the tables that :mod:`iscsi_wire.pdus` generates.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from conformance.harness.evidence import PLACEMENT, TEXT_OPCODES, RawEvent
from initiator_sim.display import summary
from iscsi_wire.constants import BHS_LENGTH, OPCODE_MASK
from iscsi_wire.keys import KEYS
from iscsi_wire.pdus import Pdu, ScsiCommand, decode_header
from iscsi_wire.records import PduRecord
from iscsi_wire.structure import FieldInfo, Kind
from reports.model import Event, EventKind, Field, Placement

_HEXADECIMAL = frozenset({Kind.CODE, Kind.TAG, Kind.SEQUENCE_NUMBER})
DATA = "data"
"""The name under which an expectation marks a data segment as a whole."""


def decode_events(raw: Iterable[RawEvent], marked_field: str = "", remark: str = "") -> list[Event]:
    """The exchange of a case.

    Args:
        raw: the records, in order.
        marked_field: name of the field that was wrong in the event marked as the cause.
        remark: what was wrong with it, in words.
    """
    events: list[Event] = []
    commands: dict[tuple[str, str], Event] = {}
    start: float | None = None
    for index, one in enumerate(raw):
        start = one.time if start is None else start
        event = _pdu(one, marked_field, remark) if one.kind == "pdu" else _other(one)
        event.index, event.time = index, one.time - start
        if one.cause:
            event.marked, event.remark = True, remark
        events.append(event)
        if event.title == ScsiCommand.TITLE:
            commands[one.connection, _tag(one)] = event
        elif one.kind == PLACEMENT:
            begun = commands.pop((one.connection, one.words[0]), event)
            begun.placement = placement_of(one)
    return events


def placement_of(raw: RawEvent) -> Placement:
    """What became of a write's data."""
    _, placed, copied, reason = raw.words
    return Placement(int(placed), int(copied), reason)


def _tag(command: RawEvent) -> str:
    """The Initiator Task Tag of a command, as a placement names it."""
    return f"{ScsiCommand.decode(command.octets[:BHS_LENGTH]).initiator_task_tag:#x}"


def _pdu(raw: RawEvent, marked_field: str, remark: str) -> Event:
    data_offset = BHS_LENGTH + raw.ahs
    head, ahs, data = raw.octets[:BHS_LENGTH], raw.octets[BHS_LENGTH:data_offset], raw.octets[data_offset:]
    header = decode_header(head)
    out = raw.words[0] == "out"
    is_text = head[0] & OPCODE_MASK in TEXT_OPCODES
    fields = [*_header_fields(header), *(_pairs(data, data_offset) if is_text else ())]
    if raw.cause:
        _mark(fields, marked_field, remark, data_offset, len(data))
    record = PduRecord(0.0, "initiator", "", "out" if out else "in", head, ahs, data, 0)
    title = header.TITLE
    return Event(
        index=0,
        time=0.0,
        kind="pdu",
        source="initiator" if out else "target",
        destination="target" if out else "initiator",
        connection=raw.connection,
        title=title,
        detail=summary(record).removeprefix(title).strip(),
        fields=fields,
        hex=raw.octets.hex(),
        length=raw.length if raw.length > len(raw.octets) else 0,
        data_preview=_text(data) if is_text else "",
    )


def _other(raw: RawEvent) -> Event:
    words = raw.words
    kind: EventKind = "log"
    match raw.kind:
        case "state":
            kind, title, detail = "state", f"{words[1]} -> {words[3]}", f"{words[0]}: {words[2]}"
        case "hook" | "completion":
            kind = "hook" if raw.kind == "hook" else "completion"
            title, detail = words[0], f"({words[1]})" + (f" = {words[2]}" if words[2] else "")
        case "placement":
            kind, title, detail = "offload", "placement", f"itt {words[0]}, placed {words[1]}, copied {words[2]}"
        case "offload":
            kind, title, detail = "offload", words[0], words[1].removeprefix(words[0]).strip()
        case "transport":
            kind, title, detail = "transport", words[0], ""
        case _:
            title, detail = words[0], words[1]
    return Event(0, 0.0, kind, raw.source, connection=raw.connection, title=title, detail=detail)


def _header_fields(header: Pdu) -> Iterator[Field]:
    for info, value, meaning in header.describe():
        yield Field(info.name, _value(info, value), meaning, info.octet, _bits(info), info.section)


def _value(info: FieldInfo, value: int | bytes) -> str:
    if isinstance(value, bytes):
        return value.hex()
    if info.kind is Kind.LUN:
        return f"{value:#018x}"
    return f"{value:#x}" if info.kind in _HEXADECIMAL else str(value)


def _bits(info: FieldInfo) -> str:
    return str(info.bit) if info.width == 1 else f"{info.bit}-{info.bit + info.width - 1}"


def _pairs(data: bytes, offset: int) -> Iterator[Field]:
    """The key=value pairs of a data segment; what is no pair is left to the preview."""
    for piece in data.split(b"\0"):
        key, sign, value = piece.partition(b"=")
        if sign:
            name = _show(key)
            section = KEYS[name].section if name in KEYS else ""
            yield Field(name, _show(value), "", offset, f"0-{len(piece) * 8 - 1}", section)
        offset += len(piece) + 1


def _mark(fields: list[Field], name: str, remark: str, data_offset: int, data_length: int) -> None:
    if name == DATA:
        fields.append(Field(DATA, f"{data_length} octets", offset=data_offset, bits=f"0-{max(data_length * 8 - 1, 0)}"))
    for field in fields:
        if field.name == name:
            field.marked, field.meaning = True, remark or field.meaning


def _text(data: bytes) -> str:
    return "\n".join(_show(piece) for piece in data.split(b"\0") if piece)


def _show(octets: bytes) -> str:
    return octets.decode("utf-8", "backslashreplace")
