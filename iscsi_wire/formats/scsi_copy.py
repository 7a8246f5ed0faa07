"""Third-party copies: EXTENDED COPY(LID1), and what is received of its results (SPC-4)."""

from __future__ import annotations

from iscsi_wire.constants import Code
from iscsi_wire.formats.declare import (
    Described,
    Format,
    bits,
    cdb,
    flag,
    octets,
    reserved,
    reserved_bits,
    structure,
    tail,
    uint,
    word,
)
from iscsi_wire.formats.scsi_common import allocation_length, control, operation_code, service_action
from iscsi_wire.scsi_codes import OperationCode
from iscsi_wire.scsi_copy_codes import (
    CopyDescriptorType,
    CopyStatus,
    CscdDescriptorId,
    ListIdUsage,
    ThirdPartyCopyIn,
    ThirdPartyCopyOut,
    TransferCountUnits,
)
from iscsi_wire.scsi_page_codes import Association, CodeSet, DesignatorType, PeripheralDeviceType
from iscsi_wire.structure import Kind

_COPY = "SPC-4, EXTENDED COPY(LID1) command"
_LIST = "SPC-4, EXTENDED COPY(LID1) parameter list"
_CSCD = "SPC-4, Identification Descriptor CSCD descriptor format"
_SEGMENT = "SPC-4, block device to block device operations"
_STATUS = "SPC-4, RECEIVE COPY STATUS(LID1) parameter data"
_DATA = "SPC-4, RECEIVE COPY DATA(LID1) parameter data"
_PARAMETERS = "SPC-4, RECEIVE COPY OPERATING PARAMETERS parameter data"
_FAILURE = "SPC-4, RECEIVE COPY FAILURE DETAILS(LID1) parameter data"

EXTENDED_COPY: Format = cdb(
    "ExtendedCopy",
    OperationCode.THIRD_PARTY_COPY_OUT,
    _COPY,
    operation_code(OperationCode.THIRD_PARTY_COPY_OUT),
    service_action(ThirdPartyCopyOut.EXTENDED_COPY_LID1),
    reserved("rsvd_2", 64, _COPY),
    uint("parameter_list_length", "PARAMETER LIST LENGTH", _COPY, 32, kind=Kind.LENGTH),
    reserved("rsvd_14", 8, _COPY),
    control(),
    service_action=int(ThirdPartyCopyOut.EXTENDED_COPY_LID1),
    title=ThirdPartyCopyOut.EXTENDED_COPY_LID1.label,
)


def _receive(name: str, action: Code, *, identified: bool = True) -> Format:
    """A command that asks for results of the copy with a list identifier, or for none in particular."""
    section = f"SPC-4, {action.label} command"
    identifier = uint("list_identifier", "LIST IDENTIFIER", section, 8, kind=Kind.TAG)
    return cdb(
        name,
        OperationCode.THIRD_PARTY_COPY_IN,
        section,
        operation_code(OperationCode.THIRD_PARTY_COPY_IN),
        service_action(action),
        identifier if identified else reserved("rsvd_2", 8, section),
        reserved("rsvd_3", 8, section),
        reserved("rsvd_4", 32, section),
        reserved("rsvd_8", 16, section),
        allocation_length(32, section),
        reserved("rsvd_14", 8, section),
        control(),
        service_action=int(action),
        title=action.label,
    )


RECEIVE_COPY_STATUS: Format = _receive("ReceiveCopyStatus", ThirdPartyCopyIn.RECEIVE_COPY_STATUS_LID1)
RECEIVE_COPY_DATA: Format = _receive("ReceiveCopyData", ThirdPartyCopyIn.RECEIVE_COPY_DATA_LID1)
RECEIVE_COPY_OPERATING_PARAMETERS: Format = _receive(
    "ReceiveCopyOperatingParameters", ThirdPartyCopyIn.RECEIVE_COPY_OPERATING_PARAMETERS, identified=False
)
RECEIVE_COPY_FAILURE_DETAILS: Format = _receive(
    "ReceiveCopyFailureDetails", ThirdPartyCopyIn.RECEIVE_COPY_FAILURE_DETAILS_LID1
)

EXTENDED_COPY_LIST: Format = structure(
    "ExtendedCopyList",
    "EXTENDED COPY(LID1) parameter list",
    _LIST,
    uint("list_identifier", "LIST IDENTIFIER", _LIST, 8, kind=Kind.TAG),
    word(
        "octet_1",
        reserved_bits("rsvd_1", 2, _LIST),
        flag("str", "STR", _LIST),
        bits("list_id_usage", "LIST ID USAGE", _LIST, 2, codes=ListIdUsage),
        bits("priority", "PRIORITY", _LIST, 3),
    ),
    uint("cscd_descriptor_list_length", "CSCD DESCRIPTOR LIST LENGTH", _LIST, 16, kind=Kind.LENGTH),
    reserved("rsvd_4", 32, _LIST),
    uint("segment_descriptor_list_length", "SEGMENT DESCRIPTOR LIST LENGTH", _LIST, 32, kind=Kind.LENGTH),
    uint("inline_data_length", "INLINE DATA LENGTH", _LIST, 32, kind=Kind.LENGTH),
    tail("descriptors", "CSCD descriptors, segment descriptors and inline data", _LIST),
)

IDENTIFICATION_CSCD: Format = structure(
    "IdentificationCscd",
    "Identification Descriptor CSCD descriptor",
    _CSCD,
    uint(
        "descriptor_type_code",
        "DESCRIPTOR TYPE CODE",
        _CSCD,
        8,
        codes=CopyDescriptorType,
        default=int(CopyDescriptorType.IDENTIFICATION),
    ),
    word(
        "octet_1",
        bits("lu_id_type", "LU ID TYPE", _CSCD, 2),  # ignored in this sort of descriptor since SPC-4
        bits("nul", "Obsolete (NUL)", _CSCD, 1, kind=Kind.RESERVED),  # obsolete in SPC-4
        bits("peripheral_device_type", "PERIPHERAL DEVICE TYPE", _CSCD, 5, codes=PeripheralDeviceType),
    ),
    uint("relative_initiator_port_identifier", "RELATIVE INITIATOR PORT IDENTIFIER", _CSCD, 16),
    word(
        "octet_4",
        reserved_bits("rsvd_4", 4, _CSCD),
        bits("code_set", "CODE SET", _CSCD, 4, codes=CodeSet),
    ),
    word(
        "octet_5",
        reserved_bits("rsvd_5", 2, _CSCD),
        bits("association", "ASSOCIATION", _CSCD, 2, codes=Association),
        bits("designator_type", "DESIGNATOR TYPE", _CSCD, 4, codes=DesignatorType),
    ),
    reserved("rsvd_6", 8, _CSCD),
    uint("designator_length", "DESIGNATOR LENGTH", _CSCD, 8, kind=Kind.LENGTH),
    octets("designator", "DESIGNATOR", _CSCD, 20),
    word(
        "octets_28_31",
        reserved_bits("rsvd_28", 5, _CSCD),
        flag("pad", "PAD", _CSCD),
        reserved_bits("rsvd_28_6", 2, _CSCD),
        bits("disk_block_length", "DISK BLOCK LENGTH", _CSCD, 24, kind=Kind.LENGTH),
    ),
    doc="Octets 28 to 31 are those for a block device. The designator is filled with nulls.",
)


def _cscd_id(name: str, title: str) -> Described:
    return uint(name, title, _SEGMENT, 16, codes=CscdDescriptorId)


BLOCK_TO_BLOCK_SEGMENT: Format = structure(
    "BlockToBlockSegment",
    "Block device to block device segment descriptor",
    _SEGMENT,
    uint(
        "descriptor_type_code",
        "DESCRIPTOR TYPE CODE",
        _SEGMENT,
        8,
        codes=CopyDescriptorType,
        default=int(CopyDescriptorType.BLOCK_TO_BLOCK),
    ),
    word(
        "octet_1",
        reserved_bits("rsvd_1", 6, _SEGMENT),
        flag("dc", "DC", _SEGMENT),
        flag("cat", "CAT", _SEGMENT),
    ),
    uint("descriptor_length", "DESCRIPTOR LENGTH", _SEGMENT, 16, kind=Kind.LENGTH, default=0x18),
    _cscd_id("source_cscd_descriptor_id", "SOURCE CSCD DESCRIPTOR ID"),
    _cscd_id("destination_cscd_descriptor_id", "DESTINATION CSCD DESCRIPTOR ID"),
    reserved("rsvd_8", 16, _SEGMENT),
    uint("block_device_number_of_blocks", "BLOCK DEVICE NUMBER OF BLOCKS", _SEGMENT, 16),
    uint(
        "source_block_device_logical_block_address",
        "SOURCE BLOCK DEVICE LOGICAL BLOCK ADDRESS",
        _SEGMENT,
        64,
    ),
    uint(
        "destination_block_device_logical_block_address",
        "DESTINATION BLOCK DEVICE LOGICAL BLOCK ADDRESS",
        _SEGMENT,
        64,
    ),
)


def _available(section: str, default: int) -> Described:
    return uint("available_data", "AVAILABLE DATA", section, 32, kind=Kind.LENGTH, default=default)


COPY_STATUS_DATA: Format = structure(
    "CopyStatusData",
    "RECEIVE COPY STATUS(LID1) parameter data",
    _STATUS,
    _available(_STATUS, 8),
    word(
        "octet_4",
        flag("hdd", "HDD", _STATUS),
        bits("copy_command_status", "COPY COMMAND STATUS", _STATUS, 7, codes=CopyStatus),
    ),
    word("octets_5_6", bits("segments_processed", "SEGMENTS PROCESSED", _STATUS, 16)),
    uint("transfer_count_units", "TRANSFER COUNT UNITS", _STATUS, 8, codes=TransferCountUnits),
    uint("transfer_count", "TRANSFER COUNT", _STATUS, 32),
)

COPY_DATA_DATA: Format = structure(
    "CopyDataData",
    "RECEIVE COPY DATA(LID1) parameter data",
    _DATA,
    uint("available_data", "AVAILABLE DATA", _DATA, 32, kind=Kind.LENGTH),
    tail("held_data", "HELD DATA", _DATA, length="available_data", counts_from=4),
)

COPY_OPERATING_PARAMETERS: Format = structure(
    "CopyOperatingParameters",
    "RECEIVE COPY OPERATING PARAMETERS parameter data",
    _PARAMETERS,
    uint("available_data", "AVAILABLE DATA", _PARAMETERS, 32, kind=Kind.LENGTH),
    word("octet_4", reserved_bits("rsvd_4", 7, _PARAMETERS), flag("snlid", "SNLID", _PARAMETERS)),
    reserved("rsvd_5", 8, _PARAMETERS),
    reserved("rsvd_6", 16, _PARAMETERS),
    uint("maximum_cscd_descriptor_count", "MAXIMUM CSCD DESCRIPTOR COUNT", _PARAMETERS, 16),
    uint("maximum_segment_descriptor_count", "MAXIMUM SEGMENT DESCRIPTOR COUNT", _PARAMETERS, 16),
    uint("maximum_descriptor_list_length", "MAXIMUM DESCRIPTOR LIST LENGTH", _PARAMETERS, 32),
    uint("maximum_segment_length", "MAXIMUM SEGMENT LENGTH", _PARAMETERS, 32),
    uint("maximum_inline_data_length", "MAXIMUM INLINE DATA LENGTH", _PARAMETERS, 32),
    uint("held_data_limit", "HELD DATA LIMIT", _PARAMETERS, 32),
    uint("maximum_stream_device_transfer_size", "MAXIMUM STREAM DEVICE TRANSFER SIZE", _PARAMETERS, 32),
    reserved("rsvd_32", 16, _PARAMETERS),
    uint("total_concurrent_copies", "TOTAL CONCURRENT COPIES", _PARAMETERS, 16),
    uint("maximum_concurrent_copies", "MAXIMUM CONCURRENT COPIES", _PARAMETERS, 8),
    uint("data_segment_granularity", "DATA SEGMENT GRANULARITY", _PARAMETERS, 8),
    uint("inline_data_granularity", "INLINE DATA GRANULARITY", _PARAMETERS, 8),
    uint("held_data_granularity", "HELD DATA GRANULARITY", _PARAMETERS, 8),
    reserved("rsvd_40", 16, _PARAMETERS),
    reserved("rsvd_42", 8, _PARAMETERS),
    uint(
        "implemented_descriptor_list_length",
        "IMPLEMENTED DESCRIPTOR LIST LENGTH",
        _PARAMETERS,
        8,
        kind=Kind.LENGTH,
    ),
    tail(
        "implemented_descriptor_types",
        "List of implemented descriptor type codes",
        _PARAMETERS,
        length="implemented_descriptor_list_length",
        counts_from=44,
        width=8,
    ),
)

COPY_FAILURE_DETAILS: Format = structure(
    "CopyFailureDetails",
    "RECEIVE COPY FAILURE DETAILS(LID1) parameter data",
    _FAILURE,
    uint("available_data", "AVAILABLE DATA", _FAILURE, 32, kind=Kind.LENGTH),
    octets("rsvd_4", "Reserved", _FAILURE, 52),
    uint("extended_copy_command_status", "EXTENDED COPY COMMAND STATUS", _FAILURE, 8),
    reserved("rsvd_57", 8, _FAILURE),
    uint("sense_data_length", "SENSE DATA LENGTH", _FAILURE, 16, kind=Kind.LENGTH),
    tail("sense_data", "SENSE DATA", _FAILURE, length="sense_data_length", counts_from=60),
)

FORMATS: tuple[Format, ...] = (
    EXTENDED_COPY,
    RECEIVE_COPY_STATUS,
    RECEIVE_COPY_DATA,
    RECEIVE_COPY_OPERATING_PARAMETERS,
    RECEIVE_COPY_FAILURE_DETAILS,
    EXTENDED_COPY_LIST,
    IDENTIFICATION_CSCD,
    BLOCK_TO_BLOCK_SEGMENT,
    COPY_STATUS_DATA,
    COPY_DATA_DATA,
    COPY_OPERATING_PARAMETERS,
    COPY_FAILURE_DETAILS,
)
