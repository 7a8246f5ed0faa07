"""Logical unit numbers as PDUs carry them (RFC 7143 section 11.2.1.7, SAM-5 section 4.7)."""

from __future__ import annotations

from typing import Final

from chiscsi_target.scsi.status import REPORT_LUNS_UNIT

__all__ = ["REPORT_LUNS_UNIT", "UNADDRESSABLE", "decode_lun"]

UNADDRESSABLE: Final = 0xFFFFFFFE
"""A number that no logical unit has; 0xffffffff stands for all of them (behaviour file, 4.2)."""

_PERIPHERAL, _FLAT, _EXTENDED = 0, 1, 3
_EXTENDED_FLAT: Final = {0xD2: 24, 0xE2: 40}
"""First octet of extended flat space addressing, LENGTH 4 or 6 octets, and the bits of the number behind it."""


def decode_lun(field: int) -> int:
    """The number in a LUN field of a single level; UNADDRESSABLE if no logical unit can have it.

    A number may be written by peripheral, flat space or extended flat space addressing, as far as it fits in: they name
    the same logical unit.
    """
    if field == 0:
        return 0
    first = field >> 48
    method = first >> 14
    if method == _EXTENDED:
        return _decode_extended(field)
    if field & 0x0000_FFFF_FFFF_FFFF:
        return UNADDRESSABLE
    if method == _PERIPHERAL:
        # A bus identifier other than 0 addresses another bus, which there is not.
        return first if first < 0x100 else UNADDRESSABLE
    return first & 0x3FFF if method == _FLAT else UNADDRESSABLE


def _decode_extended(field: int) -> int:
    if field == REPORT_LUNS_UNIT << 48:
        return REPORT_LUNS_UNIT
    width = _EXTENDED_FLAT.get(field >> 56)
    if width is None:
        return UNADDRESSABLE
    number, rest = divmod(field & (1 << 56) - 1, 1 << 56 - width)
    return number if not rest and number < REPORT_LUNS_UNIT else UNADDRESSABLE
