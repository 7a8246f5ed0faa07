"""Logical block provisioning: CDBs, parameter lists and the VPD page (SBC-3)."""

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
    tail,
    uint,
    vpd_page,
    word,
)
from iscsi_wire.formats.scsi_common import (
    allocation_length,
    control,
    group,
    logical_block_address,
    operation_code,
    service_action,
)
from iscsi_wire.formats.scsi_inquiry import page_head
from iscsi_wire.scsi_codes import OperationCode, ServiceActionIn16
from iscsi_wire.scsi_page_codes import ProvisioningType, VpdPageCode
from iscsi_wire.scsi_parameter_codes import ProvisioningStatus
from iscsi_wire.structure import Kind

_UNMAP = "SBC-3, UNMAP command"
_LIST = "SBC-3, UNMAP parameter list"
_STATUS = "SBC-3, GET LBA STATUS command"
_STATUS_DATA = "SBC-3, GET LBA STATUS parameter data"
_PAGE = "SBC-3, Logical Block Provisioning VPD page"

UNMAP: Format = cdb(
    "Unmap",
    OperationCode.UNMAP,
    _UNMAP,
    operation_code(OperationCode.UNMAP),
    word("octet_1", reserved_bits("rsvd_1", 7, _UNMAP), flag("anchor", "ANCHOR", _UNMAP)),
    reserved("rsvd_2", 32, _UNMAP),
    group(6, _UNMAP),
    uint("parameter_list_length", "PARAMETER LIST LENGTH", _UNMAP, 16, kind=Kind.LENGTH),
    control(),
)

UNMAP_BLOCK_DESCRIPTOR: Format = structure(
    "UnmapBlockDescriptor",
    "UNMAP block descriptor",
    _LIST,
    uint("unmap_logical_block_address", "UNMAP LOGICAL BLOCK ADDRESS", _LIST, 64),
    uint("number_of_logical_blocks", "NUMBER OF LOGICAL BLOCKS", _LIST, 32),
    reserved("rsvd_12", 32, _LIST),
)

UNMAP_PARAMETER_LIST: Format = structure(
    "UnmapParameterList",
    "UNMAP parameter list",
    _LIST,
    uint("unmap_data_length", "UNMAP DATA LENGTH", _LIST, 16, kind=Kind.LENGTH),
    uint("unmap_block_descriptor_data_length", "UNMAP BLOCK DESCRIPTOR DATA LENGTH", _LIST, 16, kind=Kind.LENGTH),
    reserved("rsvd_4", 32, _LIST),
    tail(
        "descriptors",
        "UNMAP block descriptors",
        _LIST,
        length="unmap_block_descriptor_data_length",
        counts_from=8,
        element=UNMAP_BLOCK_DESCRIPTOR,
    ),
)


def _write_same(name: str, operation: Code, size: int) -> Format:
    """WRITE SAME with a CDB of ``size`` bytes; only the longer one has NDOB."""
    section = f"SBC-3, {operation.label} command"
    last = flag("ndob", "NDOB", section) if size == 16 else reserved_bits("reladr", 1, section)  # obsolete since SBC-2
    first: Described = word(
        "octet_1",
        bits("wrprotect", "WRPROTECT", section, 3),
        flag("anchor", "ANCHOR", section),
        flag("unmap", "UNMAP", section),
        reserved_bits("pbdata", 1, section),  # obsolete in SBC-3
        reserved_bits("lbdata", 1, section),  # obsolete in SBC-3
        last,
    )
    count = uint("number_of_logical_blocks", "NUMBER OF LOGICAL BLOCKS", section, 16 if size == 10 else 32)
    numbers = (group(6, section), count) if size == 10 else (count, group(14, section))
    address = logical_block_address(32 if size == 10 else 64, section)
    return cdb(name, operation, section, operation_code(operation), first, address, *numbers, control())


WRITE_SAME_10: Format = _write_same("WriteSame10", OperationCode.WRITE_SAME_10, 10)
WRITE_SAME_16: Format = _write_same("WriteSame16", OperationCode.WRITE_SAME_16, 16)

GET_LBA_STATUS: Format = cdb(
    "GetLbaStatus",
    OperationCode.SERVICE_ACTION_IN_16,
    _STATUS,
    operation_code(OperationCode.SERVICE_ACTION_IN_16),
    service_action(ServiceActionIn16.GET_LBA_STATUS),
    uint("starting_logical_block_address", "STARTING LOGICAL BLOCK ADDRESS", _STATUS, 64),
    allocation_length(32, _STATUS),
    reserved("rsvd_14", 8, _STATUS),
    control(),
    service_action=int(ServiceActionIn16.GET_LBA_STATUS),
    title=ServiceActionIn16.GET_LBA_STATUS.label,
)

LBA_STATUS_DESCRIPTOR: Format = structure(
    "LbaStatusDescriptor",
    "LBA status descriptor",
    _STATUS_DATA,
    uint("lba_status_logical_block_address", "LBA STATUS LOGICAL BLOCK ADDRESS", _STATUS_DATA, 64),
    uint("number_of_logical_blocks", "NUMBER OF LOGICAL BLOCKS", _STATUS_DATA, 32),
    word(
        "octet_12",
        reserved_bits("rsvd_12", 4, _STATUS_DATA),
        bits("provisioning_status", "PROVISIONING STATUS", _STATUS_DATA, 4, codes=ProvisioningStatus),
    ),
    reserved("rsvd_13", 8, _STATUS_DATA),
    reserved("rsvd_14", 16, _STATUS_DATA),
)

LBA_STATUS_DATA: Format = structure(
    "LbaStatusData",
    "GET LBA STATUS parameter data",
    _STATUS_DATA,
    uint("parameter_data_length", "PARAMETER DATA LENGTH", _STATUS_DATA, 32, kind=Kind.LENGTH),
    reserved("rsvd_4", 32, _STATUS_DATA),
    tail(
        "descriptors",
        "LBA status descriptors",
        _STATUS_DATA,
        length="parameter_data_length",
        counts_from=4,
        element=LBA_STATUS_DESCRIPTOR,
    ),
)

LOGICAL_BLOCK_PROVISIONING: Format = vpd_page(
    "LogicalBlockProvisioning",
    VpdPageCode.LOGICAL_BLOCK_PROVISIONING,
    _PAGE,
    *page_head(VpdPageCode.LOGICAL_BLOCK_PROVISIONING, _PAGE, length=4),
    uint("threshold_exponent", "THRESHOLD EXPONENT", _PAGE, 8),
    word(
        "octet_5",
        flag("lbpu", "LBPU", _PAGE),
        flag("lbpws", "LBPWS", _PAGE),
        flag("lbpws10", "LBPWS10", _PAGE),
        reserved_bits("rsvd_5", 2, _PAGE),
        flag("lbprz", "LBPRZ", _PAGE),
        flag("anc_sup", "ANC_SUP", _PAGE),
        flag("dp", "DP", _PAGE),
    ),
    word(
        "octet_6",
        reserved_bits("rsvd_6", 5, _PAGE),
        bits("provisioning_type", "PROVISIONING TYPE", _PAGE, 3, codes=ProvisioningType),
    ),
    reserved("rsvd_7", 8, _PAGE),
)

FORMATS: tuple[Format, ...] = (
    WRITE_SAME_10,
    UNMAP,
    WRITE_SAME_16,
    GET_LBA_STATUS,
    UNMAP_BLOCK_DESCRIPTOR,
    UNMAP_PARAMETER_LIST,
    LBA_STATUS_DESCRIPTOR,
    LBA_STATUS_DATA,
    LOGICAL_BLOCK_PROVISIONING,
)
