"""CDBs of the block commands (SBC-3)."""

from __future__ import annotations

from iscsi_wire.constants import Code
from iscsi_wire.formats.declare import Described, Format, bits, cdb, flag, reserved, reserved_bits, uint, word
from iscsi_wire.formats.scsi_common import (
    allocation_length,
    control,
    group,
    logical_block_address,
    operation_code,
    service_action,
)
from iscsi_wire.scsi_codes import OperationCode, ServiceActionIn16


def _access_6(name: str, operation: Code) -> Format:
    """READ (6) or WRITE (6): 21 bits of address, and a transfer length whose 0 means 256 blocks."""
    section = f"SBC-3, {operation.label} command"
    return cdb(
        name,
        operation,
        section,
        word(
            "octets_0_3",
            bits("operation_code", "OPERATION CODE", section, 8, codes=OperationCode, default=int(operation)),
            reserved_bits("rsvd_1", 3, section),
            bits("logical_block_address", "LOGICAL BLOCK ADDRESS", section, 21),
        ),
        uint("transfer_length", "TRANSFER LENGTH", section, 8),
        control(),
    )


def _flags(section: str, protect: str) -> Described:
    """Byte 1 of a longer READ or WRITE."""
    return word(
        "octet_1",
        bits(protect.lower(), protect, section, 3),
        flag("dpo", "DPO", section),
        flag("fua", "FUA", section),
        reserved_bits("rsvd_1", 1, section),
        reserved_bits("fua_nv", 1, section),  # obsolete in SBC-3, and still sent by tests
        reserved_bits("reladr", 1, section),  # obsolete since SBC-2
    )


def _access(name: str, operation: Code, protect: str, size: int) -> Format:
    """READ or WRITE with a CDB of ``size`` bytes."""
    section = f"SBC-3, {operation.label} command"
    address = logical_block_address(64 if size == 16 else 32, section)
    length = uint("transfer_length", "TRANSFER LENGTH", section, 16 if size == 10 else 32)
    where = group({10: 6, 12: 10, 16: 14}[size], section)
    middle = (where, length) if size == 10 else (length, where)
    return cdb(
        name, operation, section, operation_code(operation), _flags(section, protect), address, *middle, control()
    )


READ_6: Format = _access_6("Read6", OperationCode.READ_6)
READ_10: Format = _access("Read10", OperationCode.READ_10, "RDPROTECT", 10)
READ_12: Format = _access("Read12", OperationCode.READ_12, "RDPROTECT", 12)
READ_16: Format = _access("Read16", OperationCode.READ_16, "RDPROTECT", 16)
WRITE_6: Format = _access_6("Write6", OperationCode.WRITE_6)
WRITE_10: Format = _access("Write10", OperationCode.WRITE_10, "WRPROTECT", 10)
WRITE_12: Format = _access("Write12", OperationCode.WRITE_12, "WRPROTECT", 12)
WRITE_16: Format = _access("Write16", OperationCode.WRITE_16, "WRPROTECT", 16)

_CAPACITY_10 = "SBC-3, READ CAPACITY (10) command"
_CAPACITY_16 = "SBC-3, READ CAPACITY (16) command"

READ_CAPACITY_10: Format = cdb(
    "ReadCapacity10",
    OperationCode.READ_CAPACITY_10,
    _CAPACITY_10,
    operation_code(OperationCode.READ_CAPACITY_10),
    reserved("rsvd_1", 8, _CAPACITY_10),
    logical_block_address(32, _CAPACITY_10),
    reserved("rsvd_6", 16, _CAPACITY_10),
    word("octet_8", reserved_bits("rsvd_8", 7, _CAPACITY_10), flag("pmi", "PMI", _CAPACITY_10)),
    control(),
)

READ_CAPACITY_16: Format = cdb(
    "ReadCapacity16",
    OperationCode.SERVICE_ACTION_IN_16,
    _CAPACITY_16,
    operation_code(OperationCode.SERVICE_ACTION_IN_16),
    service_action(ServiceActionIn16.READ_CAPACITY_16),
    logical_block_address(64, _CAPACITY_16),
    allocation_length(32, _CAPACITY_16),
    word("octet_14", reserved_bits("rsvd_14", 7, _CAPACITY_16), flag("pmi", "PMI", _CAPACITY_16)),
    control(),
    service_action=int(ServiceActionIn16.READ_CAPACITY_16),
    title=ServiceActionIn16.READ_CAPACITY_16.label,
)


def _synchronize(name: str, operation: Code, size: int) -> Format:
    """SYNCHRONIZE CACHE with a CDB of ``size`` bytes."""
    section = f"SBC-3, {operation.label} command"
    count = uint("number_of_logical_blocks", "NUMBER OF LOGICAL BLOCKS", section, 16 if size == 10 else 32)
    where = group(6 if size == 10 else 14, section)
    middle = (where, count) if size == 10 else (count, where)
    return cdb(
        name,
        operation,
        section,
        operation_code(operation),
        word(
            "octet_1",
            reserved_bits("rsvd_1", 5, section),
            reserved_bits("sync_nv", 1, section),  # obsolete in SBC-3
            flag("immed", "IMMED", section),
            reserved_bits("reladr", 1, section),  # obsolete since SBC-2
        ),
        logical_block_address(32 if size == 10 else 64, section),
        *middle,
        control(),
    )


SYNCHRONIZE_CACHE_10: Format = _synchronize("SynchronizeCache10", OperationCode.SYNCHRONIZE_CACHE_10, 10)
SYNCHRONIZE_CACHE_16: Format = _synchronize("SynchronizeCache16", OperationCode.SYNCHRONIZE_CACHE_16, 16)
