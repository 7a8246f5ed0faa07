"""PDUs as text for people: in one line for a ladder, or with every field.

Names and meanings come from the tables that `iscsi_wire.pdus` generates.
"""

from __future__ import annotations

from functools import cache
from typing import Final

from iscsi_wire.constants import OPCODE_MASK, RESERVED_TAG, Opcode
from iscsi_wire.pdus import PDU_TYPES, Pdu, UnknownPdu, decode_header
from iscsi_wire.records import PduRecord
from iscsi_wire.structure import FieldInfo, Kind

TEXT_OPCODES: Final = frozenset(
    {Opcode.LOGIN_REQUEST, Opcode.LOGIN_RESPONSE, Opcode.TEXT_REQUEST, Opcode.TEXT_RESPONSE}
)
"""PDUs whose data segment is key=value text."""

_HIDDEN: Final = frozenset(
    {"opcode", "rsvd_bit", "total_ahs_length", "data_segment_length", "version_max", "version_min", "version_active"}
)
_PREVIEW: Final = 300


def summary(record: PduRecord) -> str:
    """Return a PDU in one line: its name, the fields that say something, and its data."""
    header = decode_header(record.header)
    parts = [header.TITLE if header.OPCODE >= 0 else f"opcode {record.header[0] & OPCODE_MASK:#04x}"]
    parts += [_short(info, value) for info, value in _telling(header)]
    if record.ahs:
        parts.append(f"AHS {record.ahs.hex()}")
    if record.data:
        parts.append(preview(record.header[0] & OPCODE_MASK, record.data))
    return " ".join(parts)


def preview(opcode: int, data: bytes) -> str:
    """Return a data segment in a few words: text as text, anything else as its length and first octets."""
    if opcode in TEXT_OPCODES:
        text = data.rstrip(b"\0").decode("utf-8", "backslashreplace").replace("\0", " ")
        return "{" + (text if len(text) <= _PREVIEW else text[:_PREVIEW] + "...") + "}"
    return f"[{len(data)} octets: {data[:16].hex()}{'...' if len(data) > 16 else ''}]"


def describe(header: Pdu, data: bytes = b"", marked: str = "") -> str:
    """Return a PDU with every field that is not a silent zero, one a line; the field `marked` bears a mark."""
    lines = [f"  {header.TITLE} (RFC 7143, {header.SECTION})"]
    for info, value, meaning in header.describe():
        if info.kind is Kind.RESERVED and value in silent_values(info) and info.name != marked:
            continue
        mark = ">>" if info.name == marked else "  "
        lines.append(f"  {mark} {info.title:<24} {_value(info, value)}{f'  ({meaning})' if meaning else ''}")
    if data:
        mark = ">>" if marked == "data" else "  "
        lines.append(f"  {mark} {'data':<24} {preview(header.octet_0 & OPCODE_MASK, data)}")
    return "\n".join(lines)


def _telling(header: Pdu) -> list[tuple[FieldInfo, int | bytes]]:
    shown = []
    for info, silent in _shown_fields(type(header).OPCODE):
        value = getattr(header, info.name)
        if value not in silent:
            shown.append((info, value))
    return shown


@cache
def _shown_fields(opcode: int) -> list[tuple[FieldInfo, frozenset[int | bytes]]]:
    """Return the fields that can appear in a line, each with the values that say nothing."""
    fields = PDU_TYPES.get(opcode, UnknownPdu).FIELDS
    return [(info, silent_values(info)) for info in fields if info.name not in _HIDDEN]


@cache
def silent_values(info: FieldInfo) -> frozenset[int | bytes]:
    """Return the values of a field that say nothing: zero where zero means nothing, and tags that name nothing."""
    if info.kind is Kind.RESERVED:
        return frozenset({0, bytes(info.width // 8), info.default})
    if info.kind in (Kind.SEQUENCE_NUMBER, Kind.CODE, Kind.TAG):
        return frozenset({RESERVED_TAG})
    return frozenset({0, bytes(info.width // 8)})


def _short(info: FieldInfo, value: int | bytes) -> str:
    if info.kind is Kind.FLAG:
        return info.title
    if info.kind is Kind.CODE and isinstance(value, int):
        return f"{info.title}={value:#x}" if info.width > 4 else f"{info.title}={value}"
    return f"{info.title}={_value(info, value)}"


def _value(info: FieldInfo, value: int | bytes) -> str:
    if isinstance(value, bytes):
        return value.hex()
    if info.kind is Kind.LUN:
        return info.meaning(value).removeprefix("LUN ") if value >> 48 << 48 == value else f"{value:#018x}"
    if info.kind in (Kind.TAG, Kind.SEQUENCE_NUMBER):
        return f"{value:#x}"
    return str(value)
