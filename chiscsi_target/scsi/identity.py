"""By what a logical unit, its target port and its target are known (SPC-4, Device Identification VPD page).

A unit without configured identification gets one from the target's name and its number, so that it is the same after
a restart, and different from any other unit's.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from iscsi_wire.scsi import Designator, ScsiPortDescriptor, ScsiPorts
from iscsi_wire.scsi_page_codes import Association, CodeSet, DesignatorType, ProtocolIdentifier

if TYPE_CHECKING:
    from chiscsi_target.scsi.logical_unit import Device, LogicalUnit

__all__ = ["designators", "padded", "port_name", "scsi_ports", "serial_number"]

_VENDOR_LENGTH: Final = 8
_SERIAL_LENGTH: Final = 16
_ID_LENGTH: Final = 24
_NAA_LOCALLY_ASSIGNED: Final = 0x3 << 60
_NAA_OCTETS: Final = {0x2: 8, 0x3: 8, 0x5: 8, 0x6: 16}
"""Length of an NAA designator by its first four bits."""


def padded(text: str, length: int) -> bytes:
    """ASCII, left-aligned and filled with blanks (SPC-4, ASCII data field requirements)."""
    return text.encode("ascii", "replace")[:length].ljust(length)


def _digest(unit: LogicalUnit) -> bytes:
    return hashlib.sha256(f"{unit.device.target_name},lun,{unit.lu.lun}".encode()).digest()


def serial_number(unit: LogicalUnit) -> str:
    """The unit's serial number, 16 characters: `SN=` of its configuration filled with blanks, or one of our own."""
    return (unit.lu.scsi_sn or _digest(unit).hex()[:_SERIAL_LENGTH]).ljust(_SERIAL_LENGTH)


def _naa(unit: LogicalUnit) -> bytes:
    """An NAA designator: `WWN=` of the configuration if it is one in hexadecimal, else a locally assigned one."""
    try:
        configured = bytes.fromhex(unit.lu.scsi_wwn)
    except ValueError:
        configured = b""
    if configured and len(configured) == _NAA_OCTETS.get(configured[0] >> 4):
        return configured
    return (_NAA_LOCALLY_ASSIGNED | int.from_bytes(_digest(unit)[:8]) >> 4).to_bytes(8)


def _of_unit(kind: DesignatorType, code_set: CodeSet, value: bytes) -> Designator:
    return Designator.make(code_set=int(code_set), designator_type=int(kind), designator=value)


def _of_iscsi(association: Association, kind: DesignatorType, code_set: CodeSet, value: bytes) -> Designator:
    """What names a port or a device says by which protocol that is reached."""
    return Designator.make(
        protocol_identifier=int(ProtocolIdentifier.ISCSI),
        piv=1,
        association=int(association),
        code_set=int(code_set),
        designator_type=int(kind),
        designator=value,
    )


def _name(association: Association, text: str) -> Designator:
    """A SCSI name string: UTF-8, ended by a null and filled with nulls to a multiple of four."""
    name = text.encode() + b"\x00"
    return _of_iscsi(association, DesignatorType.SCSI_NAME_STRING, CodeSet.UTF_8, name + bytes(-len(name) % 4))


def designators(unit: LogicalUnit, session: int | None = None) -> list[Designator]:
    """What VPD page 83h lists: names of the unit, of the port that `session` sees it through, and of the target.

    A well known logical unit has no name of its own.
    """
    device = unit.device
    ports, port, binary = device.target_ports, Association.TARGET_PORT, CodeSet.BINARY
    group = ports.of_session(session)
    found = _of_this(unit) if unit.present else []
    found += [
        _of_iscsi(port, DesignatorType.RELATIVE_TARGET_PORT, binary, ports.numbers[group].to_bytes(4)),
        _of_iscsi(port, DesignatorType.TARGET_PORT_GROUP, binary, group.to_bytes(4)),
    ]
    if device.target_name:
        found.append(port_name(device, group))
        found.append(_name(Association.TARGET_DEVICE, device.target_name))
    return found


def _of_this(unit: LogicalUnit) -> list[Designator]:
    vendor = padded(unit.device.vendor_id, _VENDOR_LENGTH)
    specific = padded(unit.lu.scsi_id or serial_number(unit), _ID_LENGTH)
    return [
        _of_unit(DesignatorType.T10_VENDOR_ID, CodeSet.ASCII, vendor + specific),
        _of_unit(DesignatorType.NAA, CodeSet.BINARY, _naa(unit)),
    ]


def port_name(device: Device, tag: int) -> Designator:
    """The name of a target port, which is the portal group with this tag (RFC 7143, 4.4.1)."""
    return _name(Association.TARGET_PORT, f"{device.target_name},t,0x{tag:04x}")


def scsi_ports(unit: LogicalUnit) -> ScsiPorts:
    """What VPD page 88h lists: all target ports, with their names."""
    device = unit.device
    return ScsiPorts.make(
        ports=[
            ScsiPortDescriptor.make(
                relative_port_identifier=number,
                target_port_descriptors=[port_name(device, tag)] if device.target_name else [],
            )
            for tag, number in device.target_ports.numbers.items()
        ]
    )
