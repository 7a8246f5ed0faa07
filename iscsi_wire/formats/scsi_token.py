"""Token-based copies: POPULATE TOKEN and WRITE USING TOKEN (SBC-3), ROD tokens and what is received of them (SPC-4)."""

from __future__ import annotations

from iscsi_wire.formats.declare import (
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
from iscsi_wire.formats.scsi_common import allocation_length, control, group, operation_code, service_action
from iscsi_wire.scsi_codes import OperationCode
from iscsi_wire.scsi_copy_codes import (
    CopyOperationStatus,
    RodType,
    ThirdPartyCopyIn,
    ThirdPartyCopyOut,
    TransferCountUnits,
)
from iscsi_wire.structure import Kind

_RANGE = "SBC-3, block device range descriptor"
_POPULATE_LIST = "SBC-3, POPULATE TOKEN parameter list"
_WRITE_LIST = "SBC-3, WRITE USING TOKEN parameter list"
_RECEIVE = "SPC-4, RECEIVE ROD TOKEN INFORMATION command"
_INFORMATION = "SPC-4, RECEIVE ROD TOKEN INFORMATION parameter data"
_TOKEN = "SPC-4, ROD token format"
_ABORT = "SPC-4, COPY OPERATION ABORT command"
_ALL = "SPC-4, REPORT ALL ROD TOKENS command"
_ALL_DATA = "SPC-4, REPORT ALL ROD TOKENS parameter data"


def _token_command(name: str, action: ThirdPartyCopyOut) -> Format:
    section = f"SBC-3, {action.label} command"
    return cdb(
        name,
        OperationCode.THIRD_PARTY_COPY_OUT,
        section,
        operation_code(OperationCode.THIRD_PARTY_COPY_OUT),
        service_action(action),
        reserved("rsvd_2", 32, section),
        uint("list_identifier", "LIST IDENTIFIER", section, 32, kind=Kind.TAG),
        uint("parameter_list_length", "PARAMETER LIST LENGTH", section, 32, kind=Kind.LENGTH),
        group(14, section),
        control(),
        service_action=int(action),
        title=action.label,
    )


POPULATE_TOKEN: Format = _token_command("PopulateToken", ThirdPartyCopyOut.POPULATE_TOKEN)
WRITE_USING_TOKEN: Format = _token_command("WriteUsingToken", ThirdPartyCopyOut.WRITE_USING_TOKEN)

RECEIVE_ROD_TOKEN_INFORMATION: Format = cdb(
    "ReceiveRodTokenInformation",
    OperationCode.THIRD_PARTY_COPY_IN,
    _RECEIVE,
    operation_code(OperationCode.THIRD_PARTY_COPY_IN),
    service_action(ThirdPartyCopyIn.RECEIVE_ROD_TOKEN_INFORMATION),
    uint("list_identifier", "LIST IDENTIFIER", _RECEIVE, 32, kind=Kind.TAG),
    reserved("rsvd_6", 32, _RECEIVE),
    allocation_length(32, _RECEIVE),
    reserved("rsvd_14", 8, _RECEIVE),
    control(),
    service_action=int(ThirdPartyCopyIn.RECEIVE_ROD_TOKEN_INFORMATION),
    title=ThirdPartyCopyIn.RECEIVE_ROD_TOKEN_INFORMATION.label,
)

COPY_OPERATION_ABORT: Format = cdb(
    "CopyOperationAbort",
    OperationCode.THIRD_PARTY_COPY_OUT,
    _ABORT,
    operation_code(OperationCode.THIRD_PARTY_COPY_OUT),
    service_action(ThirdPartyCopyOut.COPY_OPERATION_ABORT),
    uint("list_identifier", "LIST IDENTIFIER", _ABORT, 32, kind=Kind.TAG),
    reserved("rsvd_6", 64, _ABORT),
    reserved("rsvd_14", 8, _ABORT),
    control(),
    service_action=int(ThirdPartyCopyOut.COPY_OPERATION_ABORT),
    title=ThirdPartyCopyOut.COPY_OPERATION_ABORT.label,
)

REPORT_ALL_ROD_TOKENS: Format = cdb(
    "ReportAllRodTokens",
    OperationCode.THIRD_PARTY_COPY_IN,
    _ALL,
    operation_code(OperationCode.THIRD_PARTY_COPY_IN),
    service_action(ThirdPartyCopyIn.REPORT_ALL_ROD_TOKENS),
    reserved("rsvd_2", 64, _ALL),
    allocation_length(32, _ALL),
    reserved("rsvd_14", 8, _ALL),
    control(),
    service_action=int(ThirdPartyCopyIn.REPORT_ALL_ROD_TOKENS),
    title=ThirdPartyCopyIn.REPORT_ALL_ROD_TOKENS.label,
)

BLOCK_DEVICE_RANGE: Format = structure(
    "BlockDeviceRange",
    "Block device range descriptor",
    _RANGE,
    uint("logical_block_address", "LOGICAL BLOCK ADDRESS", _RANGE, 64),
    uint("number_of_logical_blocks", "NUMBER OF LOGICAL BLOCKS", _RANGE, 32),
    reserved("rsvd_12", 32, _RANGE),
)

POPULATE_TOKEN_LIST: Format = structure(
    "PopulateTokenList",
    "POPULATE TOKEN parameter list",
    _POPULATE_LIST,
    uint("populate_token_data_length", "POPULATE TOKEN DATA LENGTH", _POPULATE_LIST, 16, kind=Kind.LENGTH),
    word(
        "octet_2",
        reserved_bits("rsvd_2", 6, _POPULATE_LIST),
        flag("rtv", "RTV", _POPULATE_LIST),
        flag("immed", "IMMED", _POPULATE_LIST),
    ),
    reserved("rsvd_3", 8, _POPULATE_LIST),
    uint("inactivity_timeout", "INACTIVITY TIMEOUT", _POPULATE_LIST, 32),
    uint("rod_type", "ROD TYPE", _POPULATE_LIST, 32, codes=RodType),
    reserved("rsvd_12", 16, _POPULATE_LIST),
    uint(
        "block_device_range_descriptor_length",
        "BLOCK DEVICE RANGE DESCRIPTOR LENGTH",
        _POPULATE_LIST,
        16,
        kind=Kind.LENGTH,
    ),
    tail(
        "ranges",
        "Block device range descriptors",
        _POPULATE_LIST,
        length="block_device_range_descriptor_length",
        counts_from=16,
        element=BLOCK_DEVICE_RANGE,
    ),
)

WRITE_USING_TOKEN_LIST: Format = structure(
    "WriteUsingTokenList",
    "WRITE USING TOKEN parameter list",
    _WRITE_LIST,
    uint("write_using_token_data_length", "WRITE USING TOKEN DATA LENGTH", _WRITE_LIST, 16, kind=Kind.LENGTH),
    word(
        "octet_2",
        reserved_bits("rsvd_2", 6, _WRITE_LIST),
        flag("del_tkn", "DEL_TKN", _WRITE_LIST),
        flag("immed", "IMMED", _WRITE_LIST),
    ),
    reserved("rsvd_3", 8, _WRITE_LIST),
    reserved("rsvd_4", 32, _WRITE_LIST),
    uint("offset_into_rod", "OFFSET INTO ROD", _WRITE_LIST, 64),
    octets("rod_token", "ROD TOKEN", _WRITE_LIST, 512),
    octets("rsvd_528", "Reserved", _WRITE_LIST, 6),
    uint(
        "block_device_range_descriptor_length",
        "BLOCK DEVICE RANGE DESCRIPTOR LENGTH",
        _WRITE_LIST,
        16,
        kind=Kind.LENGTH,
    ),
    tail(
        "ranges",
        "Block device range descriptors",
        _WRITE_LIST,
        length="block_device_range_descriptor_length",
        counts_from=536,
        element=BLOCK_DEVICE_RANGE,
    ),
)

ROD_TOKEN: Format = structure(
    "RodToken",
    "ROD token",
    _TOKEN,
    uint("rod_type", "ROD TYPE", _TOKEN, 32, codes=RodType),
    reserved("rsvd_4", 16, _TOKEN),
    uint("rod_token_length", "ROD TOKEN LENGTH", _TOKEN, 16, kind=Kind.LENGTH, default=0x01F8),
    uint("copy_manager_rod_token_identifier", "COPY MANAGER ROD TOKEN IDENTIFIER", _TOKEN, 64),
    octets("creator_logical_unit_descriptor", "CREATOR LOGICAL UNIT DESCRIPTOR", _TOKEN, 32),
    octets("number_of_bytes_represented", "NUMBER OF BYTES REPRESENTED", _TOKEN, 16),
    octets("rod_token_specific_data", "ROD token type specific data", _TOKEN, 32),
    octets("device_type_specific_data", "Device type specific data", _TOKEN, 32),
    octets("target_device_descriptor", "TARGET DEVICE DESCRIPTOR", _TOKEN, 128),
    octets("extended_rod_token_data", "EXTENDED ROD TOKEN DATA", _TOKEN, 256),
    doc="All of it but type and length is for the copy manager only that made it.",
)

ROD_TOKEN_INFORMATION: Format = structure(
    "RodTokenInformation",
    "RECEIVE ROD TOKEN INFORMATION parameter data",
    _INFORMATION,
    uint("available_data", "AVAILABLE DATA", _INFORMATION, 32, kind=Kind.LENGTH),
    word(
        "octet_4",
        reserved_bits("rsvd_4", 3, _INFORMATION),
        bits("response_to_service_action", "RESPONSE TO SERVICE ACTION", _INFORMATION, 5, codes=ThirdPartyCopyOut),
    ),
    word(
        "octet_5",
        flag("hdd", "HDD", _INFORMATION),
        bits("copy_operation_status", "COPY OPERATION STATUS", _INFORMATION, 7, codes=CopyOperationStatus),
    ),
    uint("operation_counter", "OPERATION COUNTER", _INFORMATION, 16),
    uint("estimated_status_update_delay", "ESTIMATED STATUS UPDATE DELAY", _INFORMATION, 32),
    uint("extended_copy_completion_status", "EXTENDED COPY COMPLETION STATUS", _INFORMATION, 8),
    uint("length_of_the_sense_data_field", "LENGTH OF THE SENSE DATA FIELD", _INFORMATION, 8, kind=Kind.LENGTH),
    uint("sense_data_length", "SENSE DATA LENGTH", _INFORMATION, 8, kind=Kind.LENGTH),
    uint("transfer_count_units", "TRANSFER COUNT UNITS", _INFORMATION, 8, codes=TransferCountUnits),
    uint("transfer_count", "TRANSFER COUNT", _INFORMATION, 64),
    uint("segments_processed", "SEGMENTS PROCESSED", _INFORMATION, 16),
    reserved("rsvd_26", 16, _INFORMATION),
    reserved("rsvd_28", 32, _INFORMATION),
    tail("rest", "SENSE DATA, and the ROD token descriptors with their length", _INFORMATION),
)

ROD_TOKEN_DESCRIPTOR: Format = structure(
    "RodTokenDescriptor",
    "ROD token descriptor",
    _INFORMATION,
    reserved("rsvd_0", 16, _INFORMATION),
    octets("rod_token", "ROD TOKEN", _INFORMATION, 512),
)

ROD_TOKEN_DESCRIPTORS: Format = structure(
    "RodTokenDescriptors",
    "ROD token descriptors",
    _INFORMATION,
    uint(
        "rod_token_descriptors_length",
        "ROD TOKEN DESCRIPTORS LENGTH",
        _INFORMATION,
        32,
        kind=Kind.LENGTH,
    ),
    tail(
        "rod_token_descriptors",
        "ROD token descriptors",
        _INFORMATION,
        length="rod_token_descriptors_length",
        counts_from=4,
        element=ROD_TOKEN_DESCRIPTOR,
    ),
)

ALL_ROD_TOKENS_DATA: Format = structure(
    "AllRodTokensData",
    "REPORT ALL ROD TOKENS parameter data",
    _ALL_DATA,
    uint("available_data", "AVAILABLE DATA", _ALL_DATA, 32, kind=Kind.LENGTH),
    reserved("rsvd_4", 32, _ALL_DATA),
    tail("rod_management_tokens", "ROD management tokens", _ALL_DATA, length="available_data", counts_from=4),
    doc="A ROD management token is the first 96 octets of a ROD token.",
)

FORMATS: tuple[Format, ...] = (
    POPULATE_TOKEN,
    WRITE_USING_TOKEN,
    RECEIVE_ROD_TOKEN_INFORMATION,
    COPY_OPERATION_ABORT,
    REPORT_ALL_ROD_TOKENS,
    BLOCK_DEVICE_RANGE,
    POPULATE_TOKEN_LIST,
    WRITE_USING_TOKEN_LIST,
    ROD_TOKEN,
    ROD_TOKEN_INFORMATION,
    ROD_TOKEN_DESCRIPTOR,
    ROD_TOKEN_DESCRIPTORS,
    ALL_ROD_TOKENS_DATA,
)
