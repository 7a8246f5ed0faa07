"""The parameter list of EXTENDED COPY(LID1), and what is wrong with it before any segment is processed (SPC-4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from chiscsi_target.scsi.copy_failure import (
    INLINE_DATA_LENGTH_EXCEEDED,
    TOO_MANY_CSCD_DESCRIPTORS,
    TOO_MANY_SEGMENT_DESCRIPTORS,
    UNSUPPORTED_CSCD_DESCRIPTOR,
    UNSUPPORTED_SEGMENT_DESCRIPTOR,
)
from chiscsi_target.scsi.refused import Refused
from chiscsi_target.scsi.sense import INVALID_FIELD_IN_PARAMETER_LIST, PARAMETER_LIST_LENGTH_ERROR, Field
from iscsi_wire.scsi import BlockToBlockSegment, ExtendedCopyList, IdentificationCscd
from iscsi_wire.scsi_copy_codes import CopyDescriptorType, ListIdUsage

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "DESCRIPTOR_TYPES",
    "LONGEST_LIST",
    "LONGEST_SEGMENT",
    "MOST_CSCDS",
    "MOST_SEGMENTS",
    "CopyList",
    "parse",
]

_HEAD: Final = ExtendedCopyList.STRUCT.size
_CSCD: Final = IdentificationCscd.STRUCT.size
_SEGMENT: Final = BlockToBlockSegment.STRUCT.size
MOST_CSCDS: Final = 16
MOST_SEGMENTS: Final = 64
LONGEST_LIST: Final = MOST_CSCDS * _CSCD + MOST_SEGMENTS * _SEGMENT
"""Octets of both kinds of descriptors together."""
LONGEST_SEGMENT: Final = 1 << 28
"""Octets of one segment: no descriptor can name more."""
DESCRIPTOR_TYPES: Final = (int(CopyDescriptorType.BLOCK_TO_BLOCK), int(CopyDescriptorType.IDENTIFICATION))
_USAGES: Final = frozenset(int(usage) for usage in ListIdUsage)
_NUMBER_BEHIND: Final = 4  # DESCRIPTOR LENGTH counts from the octet behind itself
_LARGEST_POINTER: Final = 0xFFFF


class CopyList(NamedTuple):
    """What is to be copied.

    Attributes:
        identifier: the list identifier, or None for a copy that nobody will ask about.
        cscds: copy sources and copy destinations.
        segments: what is to be copied from where to where.
    """

    identifier: int | None
    cscds: list[IdentificationCscd]
    segments: list[BlockToBlockSegment]


def _wrong(octet: int, bit: int | None = None) -> Refused:
    return Refused(INVALID_FIELD_IN_PARAMETER_LIST, _at(octet, bit))


def _at(octet: int, bit: int | None = None) -> Field | None:
    return Field(octet, bit, in_data=True) if octet <= _LARGEST_POINTER else None


def parse(data: bytes) -> CopyList:
    """Read a parameter list.

    Raises:
        Refused: it is cut off, too long, or names something that there is not.
    """
    if len(data) < _HEAD:
        raise Refused(PARAMETER_LIST_LENGTH_ERROR)
    head = ExtendedCopyList.decode(data)
    cscds_end = _HEAD + head.cscd_descriptor_list_length
    end = cscds_end + head.segment_descriptor_list_length
    if end + head.inline_data_length > len(data) or end - _HEAD > LONGEST_LIST:
        raise Refused(PARAMETER_LIST_LENGTH_ERROR)
    if head.list_id_usage not in _USAGES:
        raise _wrong(1, 4)
    if head.list_id_usage == ListIdUsage.NONE and head.list_identifier:
        raise _wrong(0)
    if head.inline_data_length:
        raise Refused(INLINE_DATA_LENGTH_EXCEEDED, _at(12))
    identifier = None if head.list_id_usage == ListIdUsage.NONE else head.list_identifier
    return CopyList(identifier, list(_cscds(data, cscds_end)), list(_segments(data, cscds_end, end)))


def _cscds(data: bytes, end: int) -> Iterator[IdentificationCscd]:
    for number, at in enumerate(range(_HEAD, end, _CSCD)):
        if number == MOST_CSCDS:
            raise Refused(TOO_MANY_CSCD_DESCRIPTORS, _at(2))
        if data[at] != CopyDescriptorType.IDENTIFICATION:
            raise Refused(UNSUPPORTED_CSCD_DESCRIPTOR, _at(at))
        if at + _CSCD > end:
            raise Refused(PARAMETER_LIST_LENGTH_ERROR)
        cscd = IdentificationCscd.decode(data, at)
        if cscd.designator_length > len(cscd.designator):
            raise _wrong(at + 7)
        yield cscd


def _segments(data: bytes, start: int, end: int) -> Iterator[BlockToBlockSegment]:
    for number, at in enumerate(range(start, end, _SEGMENT)):
        if number == MOST_SEGMENTS:
            raise Refused(TOO_MANY_SEGMENT_DESCRIPTORS, _at(8))
        if data[at] != CopyDescriptorType.BLOCK_TO_BLOCK:
            raise Refused(UNSUPPORTED_SEGMENT_DESCRIPTOR, _at(at))
        if at + _SEGMENT > end:
            raise Refused(PARAMETER_LIST_LENGTH_ERROR)
        segment = BlockToBlockSegment.decode(data, at)
        if segment.descriptor_length != _SEGMENT - _NUMBER_BEHIND:
            raise _wrong(at + 2)
        yield segment
