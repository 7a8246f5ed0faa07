"""Header fields by name, in octets that a dataclass may not be able to hold any more.

The positions come from the tables that `iscsi_wire.pdus` generates; nothing about a PDU is written down here.
"""

from __future__ import annotations

from functools import cache
from typing import Final

from initiator_sim.outcomes import HarnessFault
from iscsi_wire.constants import OPCODE_MASK
from iscsi_wire.pdus import PDU_TYPES, Pdu, UnknownPdu
from iscsi_wire.structure import FieldInfo, Kind

_KINDS: Final[tuple[type[Pdu], ...]] = (*PDU_TYPES.values(), UnknownPdu)
_TABLES: Final = {kind.OPCODE: {info.name: info for info in kind.FIELDS} for kind in _KINDS}


def field_table(kind: type[Pdu]) -> dict[str, FieldInfo]:
    """Return the fields of a PDU type by name."""
    return _TABLES[kind.OPCODE]


@cache
def reserved_mask(opcode: int) -> int:
    """Return a mask over the header, as a 384-bit number, of the bits that a sender sets to 0 (RFC 7143, 11).

    Reserved fields that the RFC fixes to another value (as a reserved Initiator Task Tag) are not in it.
    """
    mask = 0
    for info in PDU_TYPES.get(opcode, UnknownPdu).FIELDS:
        if info.kind is Kind.RESERVED and info.default in (0, b"", bytes(info.width // 8)):
            mask |= ((1 << info.width) - 1) << _shift(info)
    return mask


def find_field(header: bytes | bytearray, name: str) -> FieldInfo:
    """Return where `name` lies in a header of 48 octets, by the header's opcode.

    Raises:
        HarnessFault: PDUs of that type have no such field.
    """
    kind = PDU_TYPES.get(header[0] & OPCODE_MASK, UnknownPdu)
    info = field_table(kind).get(name)
    if info is None:
        raise HarnessFault(f"{kind.__name__} has no field {name}; it has {', '.join(field_table(kind))}")
    return info


def put_field(header: bytearray, name: str, value: int | bytes) -> None:
    """Set one field of a header of 48 octets, and no other bit.

    Raises:
        HarnessFault: there is no such field, or its bits cannot hold the value.
    """
    info = find_field(header, name)
    if isinstance(value, bytes) and len(value) * 8 != info.width:
        raise HarnessFault(f"{name} has {info.width // 8} octets, not {len(value)}")
    number = int.from_bytes(value, "big") if isinstance(value, bytes) else value
    if not 0 <= number < 1 << info.width:
        raise HarnessFault(f"{number:#x} does not fit into the {info.width} bits of {name}")
    shift = _shift(info)
    mask = ((1 << info.width) - 1) << shift
    whole = int.from_bytes(header, "big") & ~mask | number << shift
    header[:] = whole.to_bytes(len(header), "big")


def get_field(header: bytes | bytearray, name: str) -> int:
    """Return one field of a header of 48 octets as a number.

    Raises:
        HarnessFault: there is no such field.
    """
    info = find_field(header, name)
    return int.from_bytes(header, "big") >> _shift(info) & ((1 << info.width) - 1)


def first_reserved_set(header: bytes) -> str:
    """Return the name of the first reserved field that is not 0, or "" if all are."""
    opcode = header[0] & OPCODE_MASK
    wrong = int.from_bytes(header, "big") & reserved_mask(opcode)
    if not wrong:
        return ""
    fields = PDU_TYPES.get(opcode, UnknownPdu).FIELDS
    return next(info.name for info in fields if wrong >> _shift(info) & ((1 << info.width) - 1))


def _shift(info: FieldInfo) -> int:
    return 48 * 8 - info.octet * 8 - info.bit - info.width
