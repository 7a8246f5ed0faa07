"""INQUIRY: standard data and vital product data (SPC-4, 6.4 and 7.8; SBC-3, 6.5)."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from chiscsi_target.scsi.identity import designators, padded, serial_number
from chiscsi_target.scsi.reply import fail, send
from chiscsi_target.scsi.sense import INVALID_FIELD_IN_CDB, Field

if TYPE_CHECKING:
    from collections.abc import Callable

    from chiscsi_target.api.scsi_command import chiscsi_scsi_command
    from chiscsi_target.scsi.logical_unit import LogicalUnit

__all__ = ["inquiry"]

_CDB: Final = struct.Struct(">BBBHB")
_STANDARD: Final = struct.Struct(">BBBBBBBB8s16s4s22x8H22x")

_SPC_4: Final = 0x06
_HISUP_FORMAT_2: Final = 0x12
_CMDQUE: Final = 0x02
_VERSIONS: Final = (0x00A0, 0x0960, 0x0460, 0x04C0, 0, 0, 0, 0)
"""Version descriptors: SAM-5, iSCSI, SPC-4, SBC-3, none of them a particular revision (SPC-4, 6.4.2 table 145)."""


def _standard(unit: LogicalUnit) -> bytes:
    """Standard INQUIRY data, 96 octets."""
    device = unit.device
    return _STANDARD.pack(
        unit.peripheral,
        0,
        _SPC_4,
        _HISUP_FORMAT_2,
        _STANDARD.size - 5,
        0,
        0,
        _CMDQUE,
        padded(device.vendor_id, 8),
        padded(unit.lu.prod_id or "CHISCSI Target", 16),
        padded(device.revision, 4),
        *_VERSIONS,
    )


def _supported_pages(unit: LogicalUnit) -> bytes:
    """Supported VPD Pages, 00h; of a number without a logical unit no other page is known."""
    return bytes(_PAGES) if unit.present else b"\x00"


def _unit_serial_number(unit: LogicalUnit) -> bytes:
    """Unit Serial Number, 80h."""
    return serial_number(unit).encode("ascii", "replace")


def _block_limits(unit: LogicalUnit) -> bytes:
    """Block Limits, b0h; what is 0 is not limited, or not supported."""
    return struct.pack(">BBHII48x", 0, 0, 0, unit.max_blocks, 0)


_PAGES: Final[dict[int, Callable[[LogicalUnit], bytes]]] = {
    0x00: _supported_pages,
    0x80: _unit_serial_number,
    0x83: designators,
    0xB0: _block_limits,
}


def inquiry(unit: LogicalUnit, sc: chiscsi_scsi_command) -> int:
    """INQUIRY, answered for any logical unit number (SPC-4, 6.4.1)."""
    _, evpd, page_code, allocation_length, _ = _CDB.unpack_from(sc.sc_cmd)
    if not evpd:
        if page_code:
            return fail(sc, INVALID_FIELD_IN_CDB, Field(2))
        return send(sc, _standard(unit), allocation_length)
    page = _PAGES.get(page_code)
    if page is None or (page_code and not unit.present):
        return fail(sc, INVALID_FIELD_IN_CDB, Field(2))
    body = page(unit)
    return send(sc, struct.pack(">BBH", unit.peripheral, page_code, len(body)) + body, allocation_length)
