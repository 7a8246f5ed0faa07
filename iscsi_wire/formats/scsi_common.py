"""Fields that many SCSI structures share (SPC-4).

The clauses of the SCSI standards move from one revision to the next, so fields name the clause by its title.
"""

from __future__ import annotations

from iscsi_wire.constants import Code
from iscsi_wire.formats.declare import Described, Format, bits, cdb, reserved_bits, tail, uint, word
from iscsi_wire.scsi_codes import OperationCode
from iscsi_wire.scsi_page_codes import PeripheralDeviceType, PeripheralQualifier
from iscsi_wire.structure import Kind

_CDB = "SPC-4, fixed length CDB formats"


def operation_code(code: Code | None) -> Described:
    """First byte of a CDB."""
    return uint("operation_code", "OPERATION CODE", _CDB, 8, codes=OperationCode, default=int(code or 0))


def control() -> Described:
    """Last byte of a CDB of fixed length."""
    return uint("control", "CONTROL", "SAM-5, CONTROL byte", 8)


def service_action(code: Code) -> Described:
    """Byte 1 of a CDB whose operation code is shared by several commands."""
    return word(
        "octet_1",
        reserved_bits("rsvd_1", 3, _CDB),
        bits("service_action", "SERVICE ACTION", _CDB, 5, codes=type(code), default=int(code)),
    )


def group(octet: int, section: str) -> Described:
    """The byte that holds the group number."""
    return word(
        f"octet_{octet}",
        reserved_bits(f"rsvd_{octet}", 3, section),
        bits("group_number", "GROUP NUMBER", section, 5),
    )


def logical_block_address(width: int, section: str) -> Described:
    """The address of the first block."""
    return uint("logical_block_address", "LOGICAL BLOCK ADDRESS", section, width)


def allocation_length(width: int, section: str) -> Described:
    """Room for Data-In (SPC-4, allocation length)."""
    return uint("allocation_length", "ALLOCATION LENGTH", section, width, kind=Kind.LENGTH)


def peripheral(section: str) -> Described:
    """Byte 0 of INQUIRY data of either sort."""
    return word(
        "octet_0",
        bits("peripheral_qualifier", "PERIPHERAL QUALIFIER", section, 3, codes=PeripheralQualifier),
        bits("peripheral_device_type", "PERIPHERAL DEVICE TYPE", section, 5, codes=PeripheralDeviceType),
    )


UNKNOWN_CDB: Format = cdb(
    "UnknownCdb",
    None,
    _CDB,
    operation_code(None),
    tail("parameters", "Parameters of the command", _CDB),
    title="CDB of another command",
)
