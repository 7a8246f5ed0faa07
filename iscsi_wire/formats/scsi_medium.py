"""CDBs and data of the block commands that look at what is on the medium, or prepare it (SBC-3 and SBC-4)."""

from __future__ import annotations

from iscsi_wire.constants import Code
from iscsi_wire.formats.declare import (
    Described,
    Format,
    bits,
    cdb,
    flag,
    reserved,
    reserved_bits,
    structure,
    uint,
    word,
)
from iscsi_wire.formats.scsi_common import allocation_length, control, group, logical_block_address, operation_code
from iscsi_wire.scsi_codes import OperationCode
from iscsi_wire.structure import Kind

_COMPARE = "SBC-3, COMPARE AND WRITE command"
_ATOMIC = "SBC-4, WRITE ATOMIC (16) command"
_DEFECTS = "SBC-3, READ DEFECT DATA parameter data"


def _verifying(name: str, operation: Code, protect: str, size: int) -> Format:
    """VERIFY or WRITE AND VERIFY with a CDB of ``size`` bytes."""
    section = f"SBC-3, {operation.label} command"
    length_name = "transfer_length" if protect == "WRPROTECT" else "verification_length"
    length = uint(length_name, length_name.replace("_", " ").upper(), section, 16 if size == 10 else 32)
    where = group({10: 6, 12: 10, 16: 14}[size], section)
    return cdb(
        name,
        operation,
        section,
        operation_code(operation),
        word(
            "octet_1",
            bits(protect.lower(), protect, section, 3),
            flag("dpo", "DPO", section),
            reserved_bits("rsvd_1", 1, section),
            bits("bytchk", "BYTCHK", section, 2),
            reserved_bits("reladr", 1, section),  # obsolete since SBC-2
        ),
        logical_block_address(64 if size == 16 else 32, section),
        *((where, length) if size == 10 else (length, where)),
        control(),
    )


VERIFY_10: Format = _verifying("Verify10", OperationCode.VERIFY_10, "VRPROTECT", 10)
VERIFY_12: Format = _verifying("Verify12", OperationCode.VERIFY_12, "VRPROTECT", 12)
VERIFY_16: Format = _verifying("Verify16", OperationCode.VERIFY_16, "VRPROTECT", 16)
WRITE_AND_VERIFY_10: Format = _verifying("WriteAndVerify10", OperationCode.WRITE_AND_VERIFY_10, "WRPROTECT", 10)
WRITE_AND_VERIFY_12: Format = _verifying("WriteAndVerify12", OperationCode.WRITE_AND_VERIFY_12, "WRPROTECT", 12)
WRITE_AND_VERIFY_16: Format = _verifying("WriteAndVerify16", OperationCode.WRITE_AND_VERIFY_16, "WRPROTECT", 16)


def _flags(section: str, protect: str) -> Described:
    """Byte 1 of a command that writes."""
    return word(
        "octet_1",
        bits(protect.lower(), protect, section, 3),
        flag("dpo", "DPO", section),
        flag("fua", "FUA", section),
        reserved_bits("rsvd_1", 1, section),
        reserved_bits("fua_nv", 1, section),  # obsolete in SBC-3
        reserved_bits("reladr", 1, section),  # obsolete since SBC-2
    )


COMPARE_AND_WRITE: Format = cdb(
    "CompareAndWrite",
    OperationCode.COMPARE_AND_WRITE,
    _COMPARE,
    operation_code(OperationCode.COMPARE_AND_WRITE),
    _flags(_COMPARE, "WRPROTECT"),
    logical_block_address(64, _COMPARE),
    reserved("rsvd_10", 16, _COMPARE),
    reserved("rsvd_12", 8, _COMPARE),
    uint("number_of_logical_blocks", "NUMBER OF LOGICAL BLOCKS", _COMPARE, 8),
    group(14, _COMPARE),
    control(),
)

_OR = "SBC-3, ORWRITE (16) command"
ORWRITE_16: Format = cdb(
    "OrWrite16",
    OperationCode.ORWRITE_16,
    _OR,
    operation_code(OperationCode.ORWRITE_16),
    _flags(_OR, "ORPROTECT"),
    logical_block_address(64, _OR),
    uint("transfer_length", "TRANSFER LENGTH", _OR, 32),
    group(14, _OR),
    control(),
)

WRITE_ATOMIC_16: Format = cdb(
    "WriteAtomic16",
    OperationCode.WRITE_ATOMIC_16,
    _ATOMIC,
    operation_code(OperationCode.WRITE_ATOMIC_16),
    _flags(_ATOMIC, "WRPROTECT"),
    logical_block_address(64, _ATOMIC),
    uint("atomic_boundary", "ATOMIC BOUNDARY", _ATOMIC, 16),
    uint("transfer_length", "TRANSFER LENGTH", _ATOMIC, 16),
    group(14, _ATOMIC),
    control(),
)


def _pre_fetch(name: str, operation: Code, size: int) -> Format:
    section = f"SBC-3, {operation.label} command"
    length = uint("prefetch_length", "PREFETCH LENGTH", section, 16 if size == 10 else 32)
    where = group(6 if size == 10 else 14, section)
    return cdb(
        name,
        operation,
        section,
        operation_code(operation),
        word(
            "octet_1",
            reserved_bits("rsvd_1", 6, section),
            flag("immed", "IMMED", section),
            reserved_bits("reladr", 1, section),  # obsolete since SBC-2
        ),
        logical_block_address(32 if size == 10 else 64, section),
        *((where, length) if size == 10 else (length, where)),
        control(),
    )


PRE_FETCH_10: Format = _pre_fetch("PreFetch10", OperationCode.PRE_FETCH_10, 10)
PRE_FETCH_16: Format = _pre_fetch("PreFetch16", OperationCode.PRE_FETCH_16, 16)


def _which_lists(octet: int, section: str) -> Described:
    """Which defect lists are asked for, and in which form."""
    return word(
        f"octet_{octet}",
        reserved_bits(f"rsvd_{octet}", 3, section),
        flag("req_plist", "REQ_PLIST", section),
        flag("req_glist", "REQ_GLIST", section),
        bits("defect_list_format", "DEFECT LIST FORMAT", section, 3),
    )


_DEFECTS_10 = "SBC-3, READ DEFECT DATA (10) command"
READ_DEFECT_DATA_10: Format = cdb(
    "ReadDefectData10",
    OperationCode.READ_DEFECT_DATA_10,
    _DEFECTS_10,
    operation_code(OperationCode.READ_DEFECT_DATA_10),
    reserved("rsvd_1", 8, _DEFECTS_10),
    _which_lists(2, _DEFECTS_10),
    reserved("rsvd_3", 32, _DEFECTS_10),
    allocation_length(16, _DEFECTS_10),
    control(),
)

_DEFECTS_12 = "SBC-3, READ DEFECT DATA (12) command"
READ_DEFECT_DATA_12: Format = cdb(
    "ReadDefectData12",
    OperationCode.READ_DEFECT_DATA_12,
    _DEFECTS_12,
    operation_code(OperationCode.READ_DEFECT_DATA_12),
    _which_lists(1, _DEFECTS_12),
    uint("address_descriptor_index", "ADDRESS DESCRIPTOR INDEX", _DEFECTS_12, 32),
    allocation_length(32, _DEFECTS_12),
    reserved("rsvd_10", 8, _DEFECTS_12),
    control(),
)


def _defect_head() -> tuple[Described, Described]:
    return (
        reserved("rsvd_0", 8, _DEFECTS),
        word(
            "octet_1",
            reserved_bits("rsvd_1", 3, _DEFECTS),
            flag("plistv", "PLISTV", _DEFECTS),
            flag("glistv", "GLISTV", _DEFECTS),
            bits("defect_list_format", "DEFECT LIST FORMAT", _DEFECTS, 3),
        ),
    )


DEFECT_DATA_10: Format = structure(
    "DefectData10",
    "READ DEFECT DATA (10) parameter data header",
    _DEFECTS,
    *_defect_head(),
    uint("defect_list_length", "DEFECT LIST LENGTH", _DEFECTS, 16, kind=Kind.LENGTH),
)

DEFECT_DATA_12: Format = structure(
    "DefectData12",
    "READ DEFECT DATA (12) parameter data header",
    _DEFECTS,
    *_defect_head(),
    uint("generation_code", "GENERATION CODE", _DEFECTS, 16),
    uint("defect_list_length", "DEFECT LIST LENGTH", _DEFECTS, 32, kind=Kind.LENGTH),
)

FORMATS: tuple[Format, ...] = (
    WRITE_AND_VERIFY_10,
    VERIFY_10,
    PRE_FETCH_10,
    READ_DEFECT_DATA_10,
    COMPARE_AND_WRITE,
    ORWRITE_16,
    WRITE_AND_VERIFY_16,
    VERIFY_16,
    PRE_FETCH_16,
    WRITE_ATOMIC_16,
    WRITE_AND_VERIFY_12,
    VERIFY_12,
    READ_DEFECT_DATA_12,
    DEFECT_DATA_10,
    DEFECT_DATA_12,
)
