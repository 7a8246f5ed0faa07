"""Logical unit numbers as PDUs carry them (RFC 7143 section 11.2.1.7, SAM-5 section 4.7)."""

from __future__ import annotations

UNADDRESSABLE = 0xFFFFFFFE
"""A number that no logical unit has; 0xffffffff stands for all of them (behaviour file, 4.2)."""

_PERIPHERAL, _FLAT = 0, 1


def decode_lun(field: int) -> int:
    """The number in a LUN field of a single level, by peripheral or flat space addressing; else UNADDRESSABLE."""
    if field == 0:
        return 0
    if field & 0x0000_FFFF_FFFF_FFFF:
        return UNADDRESSABLE
    first = field >> 48
    method = first >> 14
    if method == _PERIPHERAL:
        # A bus identifier other than 0 addresses another bus, which there is not.
        return first if first < 0x100 else UNADDRESSABLE
    return first & 0x3FFF if method == _FLAT else UNADDRESSABLE
