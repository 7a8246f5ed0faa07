"""Additional Header Segments (RFC 7143, 11.2.2)."""

from __future__ import annotations

from iscsi_wire.constants import AhsType
from iscsi_wire.formats.declare import Described, Format, bits, reserved, reserved_bits, structure, tail, uint, word
from iscsi_wire.structure import Kind


def _length(default: int = 0) -> Described:
    """Octets 0 and 1: what follows AHSType, in bytes, without padding."""
    return uint("ahs_length", "AHSLength", "11.2.2.2", 16, kind=Kind.LENGTH, default=default)


def _type(default: int = 0) -> Described:
    """Octet 2: two reserved bits and the AHS code."""
    return word(
        "octet_2",
        reserved_bits("rsvd_2", 2, "11.2.2.1"),
        bits("ahs_type", "AHSType", "11.2.2.1", 6, codes=AhsType, default=default),
    )


EXTENDED_CDB: Format = structure(
    "ExtendedCdbAhs",
    "Extended CDB AHS",
    "11.2.2.3",
    _length(),  # 0
    _type(AhsType.EXTENDED_CDB),
    reserved("rsvd_3", 8, "11.2.2.3"),
    tail("extended_cdb", "ExtendedCDB", "11.2.2.3", length="ahs_length", counts_from=3),  # 4
    doc="The bytes of a CDB beyond its sixteenth.",
)

BIDIRECTIONAL_READ_LENGTH: Format = structure(
    "BidirectionalReadLengthAhs",
    "Bidirectional Read Expected Data Transfer Length AHS",
    "11.2.2.4",
    _length(5),  # 0
    _type(AhsType.BIDIRECTIONAL_READ_LENGTH),
    reserved("rsvd_3", 8, "11.2.2.4"),
    uint(  # 4
        "bidirectional_read_expected_data_transfer_length",
        "Bidirectional Read Expected Data Transfer Length",
        "11.2.2.4",
        32,
        kind=Kind.LENGTH,
    ),
)

UNKNOWN_AHS: Format = structure(
    "UnknownAhs",
    "AHS of another type",
    "11.2.2",
    _length(),  # 0
    _type(),
    tail("ahs_specific", "AHS-Specific", "11.2.2", length="ahs_length", counts_from=3),  # 3
    doc="Any AHS can be read as one; it goes back to the wire as it came.",
)
