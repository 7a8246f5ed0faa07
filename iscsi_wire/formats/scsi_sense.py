"""Sense data in both formats (SPC-4, sense data)."""

from __future__ import annotations

from iscsi_wire.formats.declare import (
    Described,
    Format,
    bits,
    flag,
    reserved,
    reserved_bits,
    structure,
    tail,
    uint,
    word,
)
from iscsi_wire.scsi_codes import AdditionalSense, SenseDescriptorType, SenseKey, SenseResponseCode
from iscsi_wire.structure import Kind

_FIXED = "SPC-4, fixed format sense data"
_DESCRIPTOR = "SPC-4, descriptor format sense data"


def _additional_sense(section: str) -> tuple[Described, Described]:
    """ASC and ASCQ, which have a meaning only together."""
    return (
        uint("asc", "ADDITIONAL SENSE CODE", section, 8),
        uint("ascq", "ADDITIONAL SENSE CODE QUALIFIER", section, 8, codes=AdditionalSense, above="asc"),
    )


FIXED_SENSE: Format = structure(
    "FixedSense",
    "Fixed format sense data",
    _FIXED,
    word(
        "octet_0",
        flag("valid", "VALID", _FIXED),
        bits(
            "response_code",
            "RESPONSE CODE",
            _FIXED,
            7,
            codes=SenseResponseCode,
            default=int(SenseResponseCode.FIXED_CURRENT),
        ),
    ),
    uint("segment_number", "Obsolete (SEGMENT NUMBER)", _FIXED, 8, kind=Kind.RESERVED),
    word(
        "octet_2",
        flag("filemark", "FILEMARK", _FIXED),
        flag("eom", "EOM", _FIXED),
        flag("ili", "ILI", _FIXED),
        reserved_bits("rsvd_2", 1, _FIXED),
        bits("sense_key", "SENSE KEY", _FIXED, 4, codes=SenseKey),
    ),
    uint("information", "INFORMATION", _FIXED, 32),
    uint("additional_sense_length", "ADDITIONAL SENSE LENGTH", _FIXED, 8, kind=Kind.LENGTH),
    uint("command_specific_information", "COMMAND-SPECIFIC INFORMATION", _FIXED, 32),
    *_additional_sense(_FIXED),
    word(
        "octets_14_17",
        bits("field_replaceable_unit_code", "FIELD REPLACEABLE UNIT CODE", _FIXED, 8),
        flag("sksv", "SKSV", _FIXED),
        bits("sense_key_specific", "SENSE KEY SPECIFIC", _FIXED, 23),
    ),
    tail(
        "additional_sense_bytes",
        "Additional sense bytes",
        _FIXED,
        length="additional_sense_length",
        counts_from=8,
    ),
)

SENSE_DESCRIPTOR: Format = structure(
    "SenseDescriptor",
    "Sense data descriptor",
    _DESCRIPTOR,
    uint("descriptor_type", "DESCRIPTOR TYPE", _DESCRIPTOR, 8, codes=SenseDescriptorType),
    uint("additional_length", "ADDITIONAL LENGTH", _DESCRIPTOR, 8, kind=Kind.LENGTH),
    tail("specific", "Sense data descriptor specific", _DESCRIPTOR, length="additional_length", counts_from=2),
    doc="Any descriptor can be read as one.",
)


def _descriptor(name: str, kind: SenseDescriptorType, length: int, *rows: Described) -> Format:
    """Declare a descriptor of a known type; ``length`` counts from byte 2."""
    section = f"SPC-4, {kind.label.lower()} sense data descriptor"
    return structure(
        name,
        f"{kind.label} sense data descriptor",
        section,
        uint("descriptor_type", "DESCRIPTOR TYPE", section, 8, codes=SenseDescriptorType, default=int(kind)),
        uint("additional_length", "ADDITIONAL LENGTH", section, 8, kind=Kind.LENGTH, default=length),
        *rows,
    )


_INFORMATION = "SPC-4, information sense data descriptor"
_KEY_SPECIFIC = "SPC-4, sense key specific sense data descriptor"

INFORMATION_DESCRIPTOR: Format = _descriptor(
    "InformationDescriptor",
    SenseDescriptorType.INFORMATION,
    10,
    word("octet_2", flag("valid", "VALID", _INFORMATION, default=1), reserved_bits("rsvd_2", 7, _INFORMATION)),
    reserved("rsvd_3", 8, _INFORMATION),
    uint("information", "INFORMATION", _INFORMATION, 64),
)

SENSE_KEY_SPECIFIC_DESCRIPTOR: Format = _descriptor(
    "SenseKeySpecificDescriptor",
    SenseDescriptorType.SENSE_KEY_SPECIFIC,
    6,
    reserved("rsvd_2", 16, _KEY_SPECIFIC),
    word(
        "octets_4_7",
        flag("sksv", "SKSV", _KEY_SPECIFIC, default=1),
        bits("sense_key_specific", "SENSE KEY SPECIFIC", _KEY_SPECIFIC, 23),
        reserved_bits("rsvd_7", 8, _KEY_SPECIFIC),
    ),
)

DESCRIPTOR_SENSE: Format = structure(
    "DescriptorSense",
    "Descriptor format sense data",
    _DESCRIPTOR,
    word(
        "octet_0",
        reserved_bits("rsvd_0", 1, _DESCRIPTOR),
        bits(
            "response_code",
            "RESPONSE CODE",
            _DESCRIPTOR,
            7,
            codes=SenseResponseCode,
            default=int(SenseResponseCode.DESCRIPTOR_CURRENT),
        ),
    ),
    word(
        "octet_1",
        reserved_bits("rsvd_1", 4, _DESCRIPTOR),
        bits("sense_key", "SENSE KEY", _DESCRIPTOR, 4, codes=SenseKey),
    ),
    *_additional_sense(_DESCRIPTOR),
    word("octet_4", flag("sdat_ovfl", "SDAT_OVFL", _DESCRIPTOR), reserved_bits("rsvd_4", 7, _DESCRIPTOR)),
    reserved("rsvd_5", 16, _DESCRIPTOR),
    uint("additional_sense_length", "ADDITIONAL SENSE LENGTH", _DESCRIPTOR, 8, kind=Kind.LENGTH),
    tail(
        "descriptors",
        "Sense data descriptors",
        _DESCRIPTOR,
        length="additional_sense_length",
        counts_from=8,
        element=SENSE_DESCRIPTOR,
    ),
)
