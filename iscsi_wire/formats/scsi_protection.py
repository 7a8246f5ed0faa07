"""CDBs of 32 octets, which say what the tags of protection information have to be (SBC-3)."""

from __future__ import annotations

from collections.abc import Callable

from iscsi_wire.constants import Code
from iscsi_wire.formats.declare import Described, Format, bits, cdb, flag, reserved, reserved_bits, uint, word
from iscsi_wire.formats.scsi_common import control, group, logical_block_address, operation_code
from iscsi_wire.scsi_codes import LongServiceAction, OperationCode
from iscsi_wire.structure import Kind

_SIZE = 32


def _access(section: str, protect: str) -> Described:
    """Byte 10 of READ (32) or WRITE (32)."""
    return word(
        "octet_10",
        bits(protect.lower(), protect, section, 3),
        flag("dpo", "DPO", section),
        flag("fua", "FUA", section),
        reserved_bits("rsvd_10", 1, section),
        reserved_bits("fua_nv", 1, section),  # obsolete in SBC-3
        reserved_bits("rsvd_10_7", 1, section),
    )


def _verify(section: str, protect: str) -> Described:
    """Byte 10 of VERIFY (32) or WRITE AND VERIFY (32)."""
    return word(
        "octet_10",
        bits(protect.lower(), protect, section, 3),
        flag("dpo", "DPO", section),
        reserved_bits("rsvd_10", 1, section),
        bits("bytchk", "BYTCHK", section, 2),
        reserved_bits("rsvd_10_7", 1, section),
    )


def _same(section: str, protect: str) -> Described:
    """Byte 10 of WRITE SAME (32)."""
    return word(
        "octet_10",
        bits(protect.lower(), protect, section, 3),
        flag("anchor", "ANCHOR", section),
        flag("unmap", "UNMAP", section),
        reserved_bits("rsvd_10", 2, section),
        flag("ndob", "NDOB", section),
    )


def _long(name: str, action: Code, flags: Callable[[str, str], Described], protect: str, length: str) -> Format:
    """A CDB of 32 octets; ``protect`` and ``length`` are the names of two fields, the latter of the last one."""
    section = f"SBC-3, {action.label} command"
    return cdb(
        name,
        OperationCode.VARIABLE_LENGTH,
        section,
        operation_code(OperationCode.VARIABLE_LENGTH),
        control(),
        reserved("rsvd_2", 32, section),
        group(6, section),
        uint("additional_cdb_length", "ADDITIONAL CDB LENGTH", section, 8, kind=Kind.LENGTH, default=_SIZE - 8),
        uint("service_action", "SERVICE ACTION", section, 16, codes=type(action), default=int(action)),
        flags(section, protect),
        reserved("rsvd_11", 8, section),
        logical_block_address(64, section),
        uint("reference_tag", "EXPECTED INITIAL LOGICAL BLOCK REFERENCE TAG", section, 32),
        uint("application_tag", "EXPECTED LOGICAL BLOCK APPLICATION TAG", section, 16),
        uint("application_tag_mask", "LOGICAL BLOCK APPLICATION TAG MASK", section, 16),
        uint(length, length.replace("_", " ").upper(), section, 32),
        service_action=int(action),
        title=action.label,
    )


FORMATS: tuple[Format, ...] = (
    _long("Read32", LongServiceAction.READ_32, _access, "RDPROTECT", "transfer_length"),
    _long("Verify32", LongServiceAction.VERIFY_32, _verify, "VRPROTECT", "verification_length"),
    _long("Write32", LongServiceAction.WRITE_32, _access, "WRPROTECT", "transfer_length"),
    _long("WriteAndVerify32", LongServiceAction.WRITE_AND_VERIFY_32, _verify, "WRPROTECT", "transfer_length"),
    _long("WriteSame32", LongServiceAction.WRITE_SAME_32, _same, "WRPROTECT", "number_of_logical_blocks"),
)
