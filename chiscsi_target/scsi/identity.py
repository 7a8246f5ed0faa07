"""By what a logical unit, its target port and its target are known (SPC-4, 7.8.6; SPL and iSCSI names in 7.6).

A unit without configured identification gets one from the target's name and its number, so that it is the same after
a restart, and different from any other unit's.
"""

from __future__ import annotations

import hashlib
import struct
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from chiscsi_target.scsi.logical_unit import LogicalUnit

__all__ = ["designators", "padded", "serial_number"]

_SERIAL_LENGTH: Final = 16
_ID_LENGTH: Final = 24

# Code sets, associations and designator types (SPC-4, tables 587 to 589).
_BINARY, _ASCII, _UTF_8 = 1, 2, 3
_UNIT, _PORT, _DEVICE = 0x00, 0x10, 0x20
_T10_VENDOR, _NAA, _RELATIVE_PORT, _PORT_GROUP, _SCSI_NAME = 1, 3, 4, 5, 8
_PIV: Final = 0x80
_PROTOCOL_ISCSI: Final = 0x50
_RELATIVE_TARGET_PORT: Final = 1
_NAA_LOCALLY_ASSIGNED: Final = 0x3 << 60


def padded(text: str, length: int) -> bytes:
    """ASCII, left-aligned and filled with blanks (SPC-4, 4.3.1)."""
    return text.encode("ascii", "replace")[:length].ljust(length)


def _digest(unit: LogicalUnit) -> bytes:
    return hashlib.sha256(f"{unit.device.target_name},lun,{unit.lu.lun}".encode()).digest()


def serial_number(unit: LogicalUnit) -> str:
    """The unit's serial number, 16 characters filled with blanks: `SN=` of its configuration, or one of our own."""
    return (unit.lu.scsi_sn or _digest(unit).hex()[:_SERIAL_LENGTH]).ljust(_SERIAL_LENGTH)


def _naa(unit: LogicalUnit) -> bytes:
    """An NAA designator: `WWN=` if it is one, else a locally assigned one (SPC-4, 7.8.6.6.3)."""
    try:
        configured = bytes.fromhex(unit.lu.scsi_wwn)
    except ValueError:
        configured = b""
    if configured and len(configured) == _NAA_OCTETS.get(configured[0] >> 4):
        return configured
    return struct.pack(">Q", _NAA_LOCALLY_ASSIGNED | int.from_bytes(_digest(unit)[:8]) >> 4)


_NAA_OCTETS: Final = {0x2: 8, 0x3: 8, 0x5: 8, 0x6: 16}
"""Length of an NAA designator by its first nibble (SPC-4, table 594)."""


def _name(text: str) -> bytes:
    """A SCSI name string: UTF-8, ended by a null, filled to a multiple of four (SPC-4, 7.8.6.11)."""
    name = text.encode() + b"\x00"
    return name + bytes(-len(name) % 4)


def _designator(code_set: int, kind: int, value: bytes) -> bytes:
    protocol = _PROTOCOL_ISCSI if kind & ~0xF else 0
    return bytes((protocol | code_set, kind | (_PIV if protocol else 0), 0, len(value))) + value


def designators(unit: LogicalUnit) -> bytes:
    """The designators of VPD page 83h: of the unit, of the port that it is seen through, and of the target."""
    device = unit.device
    vendor_specific = unit.lu.scsi_id or serial_number(unit)
    parts = [
        _designator(_ASCII, _UNIT | _T10_VENDOR, padded(device.vendor_id, 8) + padded(vendor_specific, _ID_LENGTH)),
        _designator(_BINARY, _UNIT | _NAA, _naa(unit)),
        _designator(_BINARY, _PORT | _RELATIVE_PORT, struct.pack(">I", _RELATIVE_TARGET_PORT)),
        _designator(_BINARY, _PORT | _PORT_GROUP, struct.pack(">I", device.portal_group_tag)),
    ]
    if device.target_name:
        port = f"{device.target_name},t,0x{device.portal_group_tag:04x}"
        parts.append(_designator(_UTF_8, _PORT | _SCSI_NAME, _name(port)))
        parts.append(_designator(_UTF_8, _DEVICE | _SCSI_NAME, _name(device.target_name)))
    return b"".join(parts)
