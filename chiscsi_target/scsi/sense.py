"""Sense data: what went wrong, by the names of SPC-4 annex F, and its two formats (SPC-4, 4.5)."""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

__all__ = ["Field", "Sense", "descriptor_format", "fixed_format"]


class Sense(NamedTuple):
    """Sense key, additional sense code and its qualifier."""

    key: int
    asc: int
    ascq: int


class Field(NamedTuple):
    """Where a CDB is wrong: the octet, counted from 0, and its bit if it is one (SPC-4, 4.5.2.4.2)."""

    octet: int
    bit: int | None = None


NO_SENSE: Final = Sense(0x0, 0x00, 0x00)
NOT_READY: Final = Sense(0x2, 0x04, 0x00)
UNRECOVERED_READ_ERROR: Final = Sense(0x3, 0x11, 0x00)
WRITE_ERROR: Final = Sense(0x3, 0x0C, 0x00)
INVALID_OPCODE: Final = Sense(0x5, 0x20, 0x00)
LBA_OUT_OF_RANGE: Final = Sense(0x5, 0x21, 0x00)
INVALID_FIELD_IN_CDB: Final = Sense(0x5, 0x24, 0x00)
LOGICAL_UNIT_NOT_SUPPORTED: Final = Sense(0x5, 0x25, 0x00)
SAVING_PARAMETERS_NOT_SUPPORTED: Final = Sense(0x5, 0x39, 0x00)
INVALID_FIELD_IN_INFORMATION_UNIT: Final = Sense(0x5, 0x0E, 0x03)
POWER_ON_OR_RESET: Final = Sense(0x6, 0x29, 0x00)
DEVICE_RESET: Final = Sense(0x6, 0x29, 0x03)
REPORTED_LUNS_CHANGED: Final = Sense(0x6, 0x3F, 0x0E)
COMMANDS_CLEARED_BY_PROTOCOL: Final = Sense(0x6, 0x47, 0x7F)
WRITE_PROTECTED: Final = Sense(0x7, 0x27, 0x00)

_FIXED: Final = struct.Struct(">BxBIBIBBBBH")
_ADDITIONAL_LENGTH: Final = 10


def _key_specific(field: Field | None) -> tuple[int, int]:
    """The sense-key specific octets of an ILLEGAL REQUEST: flags, and the octet in error."""
    if field is None:
        return 0, 0
    in_cdb = 0x80 | 0x40
    return (in_cdb, field.octet) if field.bit is None else (in_cdb | 0x08 | field.bit, field.octet)


def fixed_format(sense: Sense, field: Field | None = None) -> bytes:
    """Current sense data in fixed format, 18 octets (SPC-4, 4.5.3)."""
    flags, octet = _key_specific(field)
    return _FIXED.pack(0x70, sense.key, 0, _ADDITIONAL_LENGTH, 0, sense.asc, sense.ascq, 0, flags, octet)


def descriptor_format(sense: Sense, field: Field | None = None) -> bytes:
    """Current sense data in descriptor format: 8 octets, and 8 more to name the field (SPC-4, 4.5.2)."""
    header = bytes((0x72, sense.key, sense.asc, sense.ascq, 0, 0, 0))
    if field is None:
        return header + b"\x00"
    flags, octet = _key_specific(field)
    return header + b"\x08" + struct.pack(">BBxxBHx", 2, 6, flags, octet)
