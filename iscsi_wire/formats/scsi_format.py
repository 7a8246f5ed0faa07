"""FORMAT UNIT: the CDB, the headers of its parameter list, and the initialization pattern descriptor (SBC-3)."""

from __future__ import annotations

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
    word,
)
from iscsi_wire.formats.scsi_common import control, operation_code
from iscsi_wire.scsi_codes import OperationCode
from iscsi_wire.scsi_parameter_codes import InitializationPatternType
from iscsi_wire.structure import Kind

_FORMAT = "SBC-3, FORMAT UNIT command"
_LIST = "SBC-3, FORMAT UNIT parameter list"
_PATTERN = "SBC-3, FORMAT UNIT initialization pattern descriptor"

FORMAT_UNIT: Format = cdb(
    "FormatUnit",
    OperationCode.FORMAT_UNIT,
    _FORMAT,
    operation_code(OperationCode.FORMAT_UNIT),
    word(
        "octet_1",
        bits("fmtpinfo", "FMTPINFO", _FORMAT, 2),
        flag("longlist", "LONGLIST", _FORMAT),
        flag("fmtdata", "FMTDATA", _FORMAT),
        flag("cmplst", "CMPLST", _FORMAT),
        bits("defect_list_format", "DEFECT LIST FORMAT", _FORMAT, 3),
    ),
    uint("vendor_specific", "Vendor specific", _FORMAT, 8),
    reserved("rsvd_3", 16, _FORMAT),  # INTERLEAVE until SBC-2
    control(),
)


def _header() -> tuple[Described, ...]:
    """The first two octets, which both headers share."""
    return (
        word(
            "octet_0",
            reserved_bits("rsvd_0", 5, _LIST),
            bits("protection_field_usage", "PROTECTION FIELD USAGE", _LIST, 3),
        ),
        word(
            "octet_1",
            flag("fov", "FOV", _LIST),
            flag("dpry", "DPRY", _LIST),
            flag("dcrt", "DCRT", _LIST),
            flag("stpf", "STPF", _LIST),
            flag("ip", "IP", _LIST),
            reserved_bits("rsvd_1", 1, _LIST),
            flag("immed", "IMMED", _LIST),
            bits("vendor_specific", "Vendor specific", _LIST, 1),
        ),
    )


FORMAT_SHORT_HEADER: Format = structure(
    "FormatShortHeader",
    "FORMAT UNIT short parameter list header",
    _LIST,
    *_header(),
    uint("defect_list_length", "DEFECT LIST LENGTH", _LIST, 16, kind=Kind.LENGTH),
)

FORMAT_LONG_HEADER: Format = structure(
    "FormatLongHeader",
    "FORMAT UNIT long parameter list header",
    _LIST,
    *_header(),
    reserved("rsvd_2", 8, _LIST),
    word(
        "octet_3",
        bits("p_i_information", "P_I_INFORMATION", _LIST, 4),
        bits("protection_interval_exponent", "PROTECTION INTERVAL EXPONENT", _LIST, 4),
    ),
    uint("defect_list_length", "DEFECT LIST LENGTH", _LIST, 32, kind=Kind.LENGTH),
)

INITIALIZATION_PATTERN_DESCRIPTOR: Format = structure(
    "InitializationPatternDescriptor",
    "Initialization pattern descriptor",
    _PATTERN,
    word(
        "octet_0",
        reserved_bits("rsvd_0", 2, _PATTERN),  # IP MODIFIER until SBC-2
        flag("si", "SI", _PATTERN),
        reserved_bits("rsvd_0_3", 5, _PATTERN),
    ),
    uint("initialization_pattern_type", "INITIALIZATION PATTERN TYPE", _PATTERN, 8, codes=InitializationPatternType),
    uint("initialization_pattern_length", "INITIALIZATION PATTERN LENGTH", _PATTERN, 16, kind=Kind.LENGTH),
    tail(
        "initialization_pattern",
        "INITIALIZATION PATTERN",
        _PATTERN,
        length="initialization_pattern_length",
        counts_from=4,
    ),
)

FORMATS: tuple[Format, ...] = (
    FORMAT_UNIT,
    FORMAT_SHORT_HEADER,
    FORMAT_LONG_HEADER,
    INITIALIZATION_PATTERN_DESCRIPTOR,
)
