"""The Third-party Copy VPD page and its descriptors (SPC-4 and SBC-3).

Where a descriptor ends in a list, with null bytes behind it that fill the last word, the list is declared without the
head that all descriptors share.
"""

from __future__ import annotations

from iscsi_wire.formats.declare import (
    Described,
    Format,
    bits,
    flag,
    octets,
    reserved,
    reserved_bits,
    structure,
    tail,
    uint,
    vpd_page,
    word,
)
from iscsi_wire.formats.scsi_inquiry import page_head
from iscsi_wire.scsi_codes import OperationCode
from iscsi_wire.scsi_copy_codes import RodType, ThirdPartyCopyDescriptorType
from iscsi_wire.scsi_page_codes import PeripheralDeviceType, VpdPageCode
from iscsi_wire.structure import Kind

_PAGE = "SPC-4, Third-party Copy VPD page"


def _descriptor(name: str, kind: ThirdPartyCopyDescriptorType, section: str, length: int, *rows: Described) -> Format:
    """Declare a third-party copy descriptor of ``length`` bytes from byte 4 on."""
    return structure(
        name,
        f"{kind.label} descriptor",
        section,
        uint(
            "third_party_copy_descriptor_type",
            "THIRD-PARTY COPY DESCRIPTOR TYPE",
            section,
            16,
            codes=ThirdPartyCopyDescriptorType,
            default=int(kind),
        ),
        uint(
            "third_party_copy_descriptor_length",
            "THIRD-PARTY COPY DESCRIPTOR LENGTH",
            section,
            16,
            kind=Kind.LENGTH,
            default=length,
        ),
        *rows,
    )


_COMMANDS = "SPC-4, Supported Commands third-party copy descriptor"
COMMAND_SUPPORT: Format = structure(
    "CommandSupportDescriptor",
    "Command support descriptor",
    _COMMANDS,
    uint("supported_operation_code", "SUPPORTED OPERATION CODE", _COMMANDS, 8, codes=OperationCode),
    uint(
        "supported_service_action_list_length",
        "SUPPORTED SERVICE ACTION LIST LENGTH",
        _COMMANDS,
        8,
        kind=Kind.LENGTH,
    ),
    tail(
        "supported_service_actions",
        "List of supported service actions",
        _COMMANDS,
        length="supported_service_action_list_length",
        counts_from=2,
        width=8,
    ),
)

SUPPORTED_COPY_COMMANDS: Format = structure(
    "SupportedCopyCommands",
    "Supported Commands descriptor, from byte 4 on",
    _COMMANDS,
    uint("commands_supported_list_length", "COMMANDS SUPPORTED LIST LENGTH", _COMMANDS, 8, kind=Kind.LENGTH),
    tail(
        "commands",
        "Command support descriptors",
        _COMMANDS,
        length="commands_supported_list_length",
        counts_from=1,
        element=COMMAND_SUPPORT,
    ),
)

_PARAMETER = "SPC-4, Parameter Data third-party copy descriptor"
COPY_PARAMETER_DATA: Format = _descriptor(
    "CopyParameterDataDescriptor",
    ThirdPartyCopyDescriptorType.PARAMETER_DATA,
    _PARAMETER,
    0x1C,
    reserved("rsvd_4", 32, _PARAMETER),
    uint("maximum_cscd_descriptor_count", "MAXIMUM CSCD DESCRIPTOR COUNT", _PARAMETER, 16),
    uint("maximum_segment_descriptor_count", "MAXIMUM SEGMENT DESCRIPTOR COUNT", _PARAMETER, 16),
    uint("maximum_descriptor_list_length", "MAXIMUM DESCRIPTOR LIST LENGTH", _PARAMETER, 32),
    uint("maximum_inline_data_length", "MAXIMUM INLINE DATA LENGTH", _PARAMETER, 32),
    octets("rsvd_20", "Reserved", _PARAMETER, 12),
)

_DESCRIPTORS = "SPC-4, Supported Descriptors third-party copy descriptor"
SUPPORTED_COPY_DESCRIPTORS: Format = structure(
    "SupportedCopyDescriptors",
    "Supported Descriptors descriptor, from byte 4 on",
    _DESCRIPTORS,
    uint("supported_descriptor_list_length", "SUPPORTED DESCRIPTOR LIST LENGTH", _DESCRIPTORS, 8, kind=Kind.LENGTH),
    tail(
        "supported_descriptor_types",
        "List of supported descriptor type codes",
        _DESCRIPTORS,
        length="supported_descriptor_list_length",
        counts_from=1,
        width=8,
    ),
)

_IDS = "SPC-4, Supported CSCD Descriptor IDs third-party copy descriptor"
SUPPORTED_CSCD_IDS: Format = structure(
    "SupportedCscdIds",
    "Supported CSCD Descriptor IDs, from byte 4",
    _IDS,
    uint(
        "supported_cscd_descriptor_ids_list_length",
        "SUPPORTED CSCD DESCRIPTOR IDS LIST LENGTH",
        _IDS,
        16,
        kind=Kind.LENGTH,
    ),
    tail(
        "supported_cscd_descriptor_ids",
        "List of supported CSCD descriptor IDs",
        _IDS,
        length="supported_cscd_descriptor_ids_list_length",
        counts_from=2,
        width=16,
    ),
)

_GENERAL = "SPC-4, General Copy Operations third-party copy descriptor"
GENERAL_COPY_OPERATIONS: Format = _descriptor(
    "GeneralCopyOperationsDescriptor",
    ThirdPartyCopyDescriptorType.GENERAL_COPY_OPERATIONS,
    _GENERAL,
    0x20,
    uint("total_concurrent_copies", "TOTAL CONCURRENT COPIES", _GENERAL, 32),
    uint("maximum_identified_concurrent_copies", "MAXIMUM IDENTIFIED CONCURRENT COPIES", _GENERAL, 32),
    uint("maximum_segment_length", "MAXIMUM SEGMENT LENGTH", _GENERAL, 32),
    uint("data_segment_granularity", "DATA SEGMENT GRANULARITY", _GENERAL, 8),
    uint("inline_data_granularity", "INLINE DATA GRANULARITY", _GENERAL, 8),
    octets("rsvd_18", "Reserved", _GENERAL, 18),
)

_LIMITS = "SBC-3, Block Device ROD Token Limits descriptor"
BLOCK_DEVICE_ROD_LIMITS: Format = _descriptor(
    "BlockDeviceRodLimitsDescriptor",
    ThirdPartyCopyDescriptorType.BLOCK_DEVICE_ROD_LIMITS,
    _LIMITS,
    0x20,
    octets("vendor_specific", "Vendor specific", _LIMITS, 6),
    uint("maximum_range_descriptors", "MAXIMUM RANGE DESCRIPTORS", _LIMITS, 16),
    uint("maximum_inactivity_timeout", "MAXIMUM INACTIVITY TIMEOUT", _LIMITS, 32),
    uint("default_inactivity_timeout", "DEFAULT INACTIVITY TIMEOUT", _LIMITS, 32),
    uint("maximum_token_transfer_size", "MAXIMUM TOKEN TRANSFER SIZE", _LIMITS, 64),
    uint("optimal_transfer_count", "OPTIMAL TRANSFER COUNT", _LIMITS, 64),
)

_FEATURES = "SPC-4, ROD Token Features third-party copy descriptor"
_BLOCK_ROD = "SPC-4, block ROD device type specific features descriptor"
# With the features descriptor for block devices, the only one.
ROD_TOKEN_FEATURES: Format = _descriptor(
    "RodTokenFeaturesDescriptor",
    ThirdPartyCopyDescriptorType.ROD_TOKEN_FEATURES,
    _FEATURES,
    0x2C + 0x30,
    word("octet_4", reserved_bits("rsvd_4", 4, _FEATURES), bits("remote_tokens", "REMOTE TOKENS", _FEATURES, 4)),
    octets("rsvd_5", "Reserved", _FEATURES, 11),
    uint("minimum_token_lifetime", "MINIMUM TOKEN LIFETIME", _FEATURES, 32),
    uint("maximum_token_lifetime", "MAXIMUM TOKEN LIFETIME", _FEATURES, 32),
    uint("maximum_token_inactivity_timeout", "MAXIMUM TOKEN INACTIVITY TIMEOUT", _FEATURES, 32),
    octets("rsvd_28", "Reserved", _FEATURES, 18),
    uint(
        "rod_device_type_specific_features_descriptors_length",
        "ROD DEVICE TYPE SPECIFIC FEATURES DESCRIPTORS LENGTH",
        _FEATURES,
        16,
        kind=Kind.LENGTH,
        default=0x30,
    ),
    word(
        "octet_48",
        bits("descriptor_format", "DESCRIPTOR FORMAT", _BLOCK_ROD, 3),
        bits("peripheral_device_type", "PERIPHERAL DEVICE TYPE", _BLOCK_ROD, 5, codes=PeripheralDeviceType),
    ),
    reserved("rsvd_49", 8, _BLOCK_ROD),
    uint("descriptor_length", "DESCRIPTOR LENGTH", _BLOCK_ROD, 16, kind=Kind.LENGTH, default=0x2C),
    reserved("rsvd_52", 16, _BLOCK_ROD),
    uint("optimal_block_rod_length_granularity", "OPTIMAL BLOCK ROD LENGTH GRANULARITY", _BLOCK_ROD, 16),
    uint("maximum_bytes_in_block_rod", "MAXIMUM BYTES IN BLOCK ROD", _BLOCK_ROD, 64),
    uint("optimal_bytes_in_block_rod_transfer", "OPTIMAL BYTES IN BLOCK ROD TRANSFER", _BLOCK_ROD, 64),
    uint("optimal_bytes_to_token_per_segment", "OPTIMAL BYTES TO TOKEN PER SEGMENT", _BLOCK_ROD, 64),
    uint("optimal_bytes_from_token_per_segment", "OPTIMAL BYTES FROM TOKEN PER SEGMENT", _BLOCK_ROD, 64),
    octets("rsvd_88", "Reserved", _BLOCK_ROD, 8),
)

_TYPES = "SPC-4, Supported ROD Types third-party copy descriptor"
ROD_TYPE_DESCRIPTOR: Format = structure(
    "RodTypeDescriptor",
    "ROD type descriptor",
    _TYPES,
    uint("rod_type", "ROD TYPE", _TYPES, 32, codes=RodType),
    word(
        "octet_4",
        flag("ecpy_int", "ECPY_INT", _TYPES),
        reserved_bits("rsvd_4", 5, _TYPES),
        flag("token_in", "TOKEN_IN", _TYPES),
        flag("token_out", "TOKEN_OUT", _TYPES),
    ),
    reserved("rsvd_5", 8, _TYPES),
    uint("preference_indicator", "PREFERENCE INDICATOR", _TYPES, 16),
    octets("rsvd_8", "Reserved", _TYPES, 56),
)

SUPPORTED_ROD_TYPES: Format = structure(
    "SupportedRodTypes",
    "Supported ROD Types descriptor, from byte 4 on",
    _TYPES,
    reserved("rsvd_0", 16, _TYPES),
    uint("rod_type_descriptors_length", "ROD TYPE DESCRIPTORS LENGTH", _TYPES, 16, kind=Kind.LENGTH),
    tail(
        "rod_types",
        "ROD type descriptors",
        _TYPES,
        length="rod_type_descriptors_length",
        counts_from=4,
        element=ROD_TYPE_DESCRIPTOR,
    ),
)

THIRD_PARTY_COPY_DESCRIPTOR: Format = structure(
    "ThirdPartyCopyDescriptor",
    "Third-party copy descriptor",
    _PAGE,
    uint(
        "third_party_copy_descriptor_type",
        "THIRD-PARTY COPY DESCRIPTOR TYPE",
        _PAGE,
        16,
        codes=ThirdPartyCopyDescriptorType,
    ),
    uint(
        "third_party_copy_descriptor_length",
        "THIRD-PARTY COPY DESCRIPTOR LENGTH",
        _PAGE,
        16,
        kind=Kind.LENGTH,
    ),
    tail(
        "parameters",
        "Third-party copy descriptor parameters",
        _PAGE,
        length="third_party_copy_descriptor_length",
        counts_from=4,
    ),
    doc="Any descriptor can be read as one.",
)

THIRD_PARTY_COPY: Format = vpd_page(
    "ThirdPartyCopy",
    VpdPageCode.THIRD_PARTY_COPY,
    _PAGE,
    *page_head(VpdPageCode.THIRD_PARTY_COPY, _PAGE),
    tail(
        "descriptors",
        "Third-party copy descriptors",
        _PAGE,
        length="page_length",
        counts_from=4,
        element=THIRD_PARTY_COPY_DESCRIPTOR,
    ),
)

FORMATS: tuple[Format, ...] = (
    COMMAND_SUPPORT,
    SUPPORTED_COPY_COMMANDS,
    COPY_PARAMETER_DATA,
    SUPPORTED_COPY_DESCRIPTORS,
    SUPPORTED_CSCD_IDS,
    GENERAL_COPY_OPERATIONS,
    BLOCK_DEVICE_ROD_LIMITS,
    ROD_TOKEN_FEATURES,
    ROD_TYPE_DESCRIPTOR,
    SUPPORTED_ROD_TYPES,
    THIRD_PARTY_COPY_DESCRIPTOR,
    THIRD_PARTY_COPY,
)
