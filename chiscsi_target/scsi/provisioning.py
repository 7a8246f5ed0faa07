"""Logical block provisioning: UNMAP, WRITE SAME and GET LBA STATUS (SBC-3, 4.7)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from chiscsi_target.api.constants import SC_FLAG_XFER_OVERFLOW, SC_FLAG_XFER_UNDERFLOW
from chiscsi_target.api.medium import AnchoringMedium
from chiscsi_target.scsi.commands import Command, Direction
from chiscsi_target.scsi.long_work import PIECE, execute_in_pieces, filling
from chiscsi_target.scsi.ranges import check_range, check_writable, has_medium, make_safe, medium_of
from chiscsi_target.scsi.refused import Refused
from chiscsi_target.scsi.reply import send
from chiscsi_target.scsi.sense import (
    INVALID_FIELD_IN_CDB,
    INVALID_FIELD_IN_PARAMETER_LIST,
    INVALID_INFORMATION_UNIT,
    PARAMETER_LIST_LENGTH_ERROR,
    Field,
)
from iscsi_wire import scsi
from iscsi_wire.scsi_parameter_codes import ProvisioningStatus

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from chiscsi_target.api.scsi_command import chiscsi_scsi_command
    from chiscsi_target.scsi.logical_unit import LogicalUnit

__all__ = [
    "MOST_UNMAP_BLOCKS",
    "MOST_UNMAP_DESCRIPTORS",
    "MOST_WRITE_SAME_BLOCKS",
    "PROVISIONING_COMMANDS",
    "UNMAPPING",
    "anchoring_medium",
    "can_anchor",
    "check_unmapping",
    "get_lba_status",
    "is_thin",
    "unmap",
    "unmapping",
    "write_same",
]

MOST_UNMAP_BLOCKS: Final = 1 << 20
MOST_UNMAP_DESCRIPTORS: Final = 256
MOST_WRITE_SAME_BLOCKS: Final = 1 << 15
"""Limits of one command to a thin unit, which has UNMAP for the rest; VPD page B0h tells them."""

_MISMATCH: Final = SC_FLAG_XFER_OVERFLOW | SC_FLAG_XFER_UNDERFLOW
_ANCHOR_OF_UNMAP_FIELD: Final = Field(1, 0)
_COUNT_FIELD_10, _COUNT_FIELD_16 = Field(7), Field(10)
_HEADER: Final = scsi.UnmapParameterList.STRUCT.size
_DESCRIPTOR: Final = scsi.UnmapBlockDescriptor.STRUCT.size
_STATUS_HEADER: Final = scsi.LbaStatusData.STRUCT.size
_STATUS_DESCRIPTOR: Final = scsi.LbaStatusDescriptor.STRUCT.size
_MOST_STATUS_DESCRIPTORS: Final = 1024
_LARGEST_COUNT: Final = 0xFFFFFFFF
_FLAGS_OF_LONG_CDB: Final = 10


def is_thin(unit: LogicalUnit) -> bool:
    """Whether a logical unit gives storage back (LBPME)."""
    return unit.lu.medium is not None and unit.lu.medium.thin


def anchoring_medium(unit: LogicalUnit) -> AnchoringMedium | None:
    """The medium of a logical unit that can anchor blocks; None of one that cannot."""
    medium = unit.medium
    return medium if isinstance(medium, AnchoringMedium) and medium.anchors else None


def can_anchor(unit: LogicalUnit) -> bool:
    """Whether a logical unit anchors blocks (ANC_SUP)."""
    return anchoring_medium(unit) is not None


def unmapping(unit: LogicalUnit, ranges: Sequence[tuple[int, int]], *, anchor: bool) -> Iterator[int]:
    """Unmap ranges of (first block, number of blocks), to be deallocated or anchored (SBC-3, unmap operation).

    To give storage back is a matter of a moment; to reserve it may not be, so each step does a piece of that.

    Yields:
        How many octets each step has dealt with.
    """
    medium, anchoring, shift = medium_of(unit), anchoring_medium(unit), unit.lu.sect_shift
    for lba, count in ranges:
        start, length = lba << shift, count << shift
        if not anchor or anchoring is None:
            medium.discard(start, length)
            continue
        for at in range(start, start + length, PIECE):
            size = min(PIECE, start + length - at)
            anchoring.anchor(at, size)
            yield size
    make_safe(unit)


# UNMAP


def unmap(unit: LogicalUnit, sc: chiscsi_scsi_command, cdb: scsi.Unmap, data: bytes | bytearray) -> int:
    """UNMAP: all of the list is checked before the first block is given back."""
    if cdb.anchor and not can_anchor(unit):
        raise Refused(INVALID_FIELD_IN_CDB, _ANCHOR_OF_UNMAP_FIELD)
    check_writable(unit, sc)
    ranges = _unmap_ranges(unit, data) if data else []
    return execute_in_pieces(unit, sc, unmapping(unit, ranges, anchor=bool(cdb.anchor)))


def _unmap_ranges(unit: LogicalUnit, data: bytes | bytearray) -> list[tuple[int, int]]:
    """What an UNMAP parameter list names, as (first block, number of blocks); an incomplete descriptor is ignored."""
    if len(data) < _HEADER:
        raise Refused(PARAMETER_LIST_LENGTH_ERROR)
    length = min(scsi.UnmapParameterList.STRUCT.unpack_from(data)[1], len(data) - _HEADER)
    length -= length % _DESCRIPTOR
    described = [scsi.UnmapBlockDescriptor.decode(data, _HEADER + at) for at in range(0, length, _DESCRIPTOR)]
    ranges = [(each.unmap_logical_block_address, each.number_of_logical_blocks) for each in described]
    if len(ranges) > MOST_UNMAP_DESCRIPTORS or sum(count for _, count in ranges) > MOST_UNMAP_BLOCKS:
        raise Refused(INVALID_FIELD_IN_PARAMETER_LIST)
    for lba, count in ranges:
        if count:
            check_range(unit, lba, count)
    return [(lba, count) for lba, count in ranges if count]


# WRITE SAME


def _one_block(unit: LogicalUnit, cdb: scsi.WriteSame10 | scsi.WriteSame16) -> int:
    return 0 if isinstance(cdb, scsi.WriteSame16) and cdb.ndob else 1 << unit.lu.sect_shift


def check_unmapping(unit: LogicalUnit, cdb: scsi.WriteSame10 | scsi.WriteSame16 | scsi.WriteSame32) -> None:
    """Check the bits UNMAP and ANCHOR of a WRITE SAME: ANCHOR says how to unmap, and not that (SBC-3, WRITE SAME).

    Raises:
        Refused: one of them cannot be.
    """
    octet = _FLAGS_OF_LONG_CDB if isinstance(cdb, scsi.WriteSame32) else 1
    if cdb.anchor and not (cdb.unmap and can_anchor(unit)):
        raise Refused(INVALID_FIELD_IN_CDB, Field(octet, 4))
    if cdb.unmap and not is_thin(unit):
        raise Refused(INVALID_FIELD_IN_CDB, Field(octet, 3))


def write_same(
    unit: LogicalUnit, sc: chiscsi_scsi_command, cdb: scsi.WriteSame10 | scsi.WriteSame16, data: bytes | bytearray
) -> int:
    """WRITE SAME: one block, or without data (NDOB) zeros, over and over; a count of 0 reaches to the medium's end.

    With UNMAP, zeros on a thin unit are not written: the blocks are given back or anchored, and read as zeros (LBPRZ).
    All other data are written, whatever UNMAP says (SBC-3, WRITE SAME (10) command).
    """
    medium = medium_of(unit)
    check_writable(unit, sc)  # before UNMAP, which a medium that cannot be written has not
    check_unmapping(unit, cdb)
    lba, count = cdb.logical_block_address, cdb.number_of_logical_blocks
    field = _COUNT_FIELD_10 if isinstance(cdb, scsi.WriteSame10) else _COUNT_FIELD_16
    check_range(unit, lba, count, MOST_WRITE_SAME_BLOCKS if medium.thin else 0, field)
    if not count and medium.thin:
        raise Refused(INVALID_FIELD_IN_CDB, field)  # WSNZ
    if sc.sc_flag & _MISMATCH:
        raise Refused(INVALID_INFORMATION_UNIT)
    count = count or unit.lu.block_count - lba
    shift = unit.lu.sect_shift
    if cdb.unmap and not any(data):
        return execute_in_pieces(unit, sc, unmapping(unit, [(lba, count)], anchor=bool(cdb.anchor)))
    block = bytes(data) or bytes(1 << shift)
    return execute_in_pieces(unit, sc, _filled(unit, filling(medium, lba << shift, count << shift, block)))


def _filled(unit: LogicalUnit, steps: Iterator[int]) -> Iterator[int]:
    """Take the steps, and have what they wrote safe before the command's status."""
    yield from steps
    make_safe(unit)


# GET LBA STATUS


def get_lba_status(unit: LogicalUnit, sc: chiscsi_scsi_command, cdb: scsi.GetLbaStatus) -> int:
    """GET LBA STATUS: extents of blocks that are alike, from the one asked for, as many as there is room for."""
    check_range(unit, cdb.starting_logical_block_address, 0)
    room = max((cdb.allocation_length - _STATUS_HEADER) // _STATUS_DESCRIPTOR, 1)
    descriptors: list[scsi.LbaStatusDescriptor] = []
    for lba, count, status in _extents(unit, cdb.starting_logical_block_address):
        if len(descriptors) == min(room, _MOST_STATUS_DESCRIPTORS):
            break
        descriptors.append(
            scsi.LbaStatusDescriptor.make(
                lba_status_logical_block_address=lba, number_of_logical_blocks=count, provisioning_status=status
            )
        )
    return send(sc, scsi.LbaStatusData.make(descriptors=descriptors).encode(), cdb.allocation_length)


def _extents(unit: LogicalUnit, lba: int) -> Iterator[tuple[int, int, ProvisioningStatus]]:
    """Extents from a block on: first block, number of blocks, status. One that has any storage counts as mapped."""
    end = unit.lu.block_count
    while lba < end:
        status, count = _run(unit, lba, end)
        following = lba + count
        while following < end and count <= _LARGEST_COUNT:
            alike, more = _run(unit, following, end)
            if alike != status:
                break
            count, following = count + more, following + more
        count = min(count, _LARGEST_COUNT)
        yield lba, count, status
        lba += count


def _run(unit: LogicalUnit, lba: int, end: int) -> tuple[ProvisioningStatus, int]:
    """The status of a block, and how many from it on are alike; at least itself."""
    if not is_thin(unit):
        return ProvisioningStatus.MAPPED, end - lba
    shift = unit.lu.sect_shift
    status, length = _stretch(unit, lba << shift)
    if status != ProvisioningStatus.MAPPED and length < 1 << shift:
        return ProvisioningStatus.MAPPED, 1  # a block larger than the medium's pages, whose parts are not alike
    blocks = -(-length >> shift) if status == ProvisioningStatus.MAPPED else length >> shift
    return status, max(1, min(blocks, end - lba))


def _stretch(unit: LogicalUnit, offset: int) -> tuple[ProvisioningStatus, int]:
    """The status of an octet, and how many from it on are alike."""
    anchoring, before = anchoring_medium(unit), unit.lu.size
    if anchoring is not None:
        anchored, before = anchoring.anchored(offset)
        if anchored:
            return ProvisioningStatus.ANCHORED, before
    mapped, length = medium_of(unit).extent(offset)
    return ProvisioningStatus.MAPPED if mapped else ProvisioningStatus.DEALLOCATED, min(length, before)


_IN, _OUT = Direction.IN, Direction.OUT
UNMAPPING: Final = {"unmap": is_thin, "anchor": can_anchor}
"""What tells whether the bits of a WRITE SAME that have blocks unmapped mean something to a logical unit."""

PROVISIONING_COMMANDS: Final = (
    Command(
        scsi.WriteSame10,
        _OUT,
        execute_with_data=write_same,
        data_length=_one_block,
        refused=("wrprotect",),
        where=UNMAPPING,
        needs=has_medium,
    ),
    Command(
        scsi.Unmap,
        _OUT,
        execute_with_data=unmap,
        data_length=lambda _unit, cdb: int(cdb.parameter_list_length),
        where={"anchor": can_anchor},
        needs=is_thin,
    ),
    Command(
        scsi.WriteSame16,
        _OUT,
        execute_with_data=write_same,
        data_length=_one_block,
        refused=("wrprotect",),
        where=UNMAPPING,
        needs=has_medium,
    ),
    Command(scsi.GetLbaStatus, _IN, get_lba_status, needs=has_medium),
)
