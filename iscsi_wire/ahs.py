"""The area of Additional Header Segments behind a Basic Header Segment (RFC 7143, 11.2.2)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, TypeAlias

from iscsi_wire.constants import MAX_AHS_LENGTH, AhsType
from iscsi_wire.errors import FieldValueError
from iscsi_wire.pdus import BidirectionalReadLengthAhs, ExtendedCdbAhs, UnknownAhs
from iscsi_wire.structure import Buffer

__all__ = ["Ahs", "BidirectionalReadLengthAhs", "ExtendedCdbAhs", "UnknownAhs", "build_ahs", "parse_ahs"]

Ahs: TypeAlias = ExtendedCdbAhs | BidirectionalReadLengthAhs | UnknownAhs

_PREFIX: Final = 3  # AHSLength and AHSType, which AHSLength does not count


def parse_ahs(area: Buffer) -> list[Ahs]:
    """Return the segments of an AHS ``area``, padding removed.

    A segment of an unassigned type, or one whose AHSLength does not suit its type, comes back as an
    ``UnknownAhs``, which holds it whole.

    Raises:
        DecodeError: a segment ends outside the area.
    """
    found: list[Ahs] = []
    offset = 0
    while offset < len(area):
        segment = _decode_at(area, offset)
        found.append(segment)
        offset += _padded(_PREFIX + segment.ahs_length)
    return found


def _decode_at(area: Buffer, offset: int) -> Ahs:
    plain = UnknownAhs.decode(area, offset)
    if plain.ahs_type == AhsType.EXTENDED_CDB and plain.ahs_length >= 1:
        return ExtendedCdbAhs.decode(area, offset)
    if plain.ahs_type == AhsType.BIDIRECTIONAL_READ_LENGTH and plain.ahs_length == 5:
        return BidirectionalReadLengthAhs.decode(area, offset)
    return plain


def build_ahs(segments: Iterable[Ahs]) -> bytes:
    """Return the AHS area that holds ``segments``, each padded with zeros to whole words.

    The length divided by four belongs in TotalAHSLength.

    Raises:
        FieldValueError: the area is longer than TotalAHSLength can say, or a field does not fit.
    """
    area = bytearray()
    for segment in segments:
        area += segment.encode()
        area += bytes(-len(area) % 4)
    if len(area) > MAX_AHS_LENGTH:
        raise FieldValueError("total_ahs_length", f"{len(area)} bytes of AHS, and {MAX_AHS_LENGTH} can be announced")
    return bytes(area)


def _padded(length: int) -> int:
    return length + -length % 4
