"""EXTENDED COPY(LID1): blocks of one logical unit become blocks of another, or of the same (SPC-4, 5.17 and 6.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from chiscsi_target.errors import DriverError
from chiscsi_target.scsi.commands import Command, Direction, parameter_list_length
from chiscsi_target.scsi.copy_ends import check_block_lengths, reach
from chiscsi_target.scsi.copy_failure import (
    COPY_ABORTED,
    DESTINATION,
    SOURCE,
    UNEXPECTED_INEXACT_SEGMENT,
    CopyAborted,
    blaming,
)
from chiscsi_target.scsi.copy_list import parse
from chiscsi_target.scsi.long_work import PIECE, execute_in_pieces
from chiscsi_target.scsi.ranges import check_range, has_medium, make_safe, medium_of
from chiscsi_target.scsi.refused import Refused
from chiscsi_target.scsi.reply import finish
from chiscsi_target.scsi.sense import Sense
from iscsi_wire import scsi
from iscsi_wire.scsi_copy_codes import CopyStatus

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chiscsi_target.api.medium import Medium
    from chiscsi_target.api.scsi_command import chiscsi_scsi_command
    from chiscsi_target.scsi.copy_ends import Ends
    from chiscsi_target.scsi.copy_list import CopyList
    from chiscsi_target.scsi.copy_results import CopyResult
    from chiscsi_target.scsi.logical_unit import LogicalUnit

__all__ = ["EXTENDED_COPY_COMMANDS", "extended_copy", "tracked", "write_or_discard"]

_ZEROS: Final = bytes(PIECE)


def write_or_discard(medium: Medium, offset: int, data: bytes) -> None:
    """Write octets; on a thin medium zeros take no storage."""
    if medium.thin and data == (_ZEROS if len(data) == PIECE else bytes(len(data))):
        medium.discard(offset, len(data))
    else:
        medium.write(offset, data)


def extended_copy(unit: LogicalUnit, sc: chiscsi_scsi_command, cdb: scsi.ExtendedCopy, data: bytes | bytearray) -> int:
    """EXTENDED COPY(LID1): the list is checked as a whole, then its segments are processed in order."""
    if not cdb.parameter_list_length:
        return finish(sc)
    asked = parse(bytes(data))
    check_block_lengths(unit, asked, sc.sc_sess)
    result = unit.copies.begin(sc.sc_sess, asked.identifier, int(cdb.service_action))
    return execute_in_pieces(unit, sc, tracked(sc, result, _process(unit, sc, asked, result)))


def tracked(sc: chiscsi_scsi_command, result: CopyResult, steps: Iterator[int]) -> Iterator[int]:
    """Take the steps of a copy for a command, and note how it ends; one that nobody goes on with has failed."""
    result.command = sc
    try:
        for octets in steps:
            result.transferred += octets
            yield octets
        result.status = CopyStatus.COMPLETED
    except Refused as reason:
        result.failure = reason
        raise
    except DriverError as error:
        result.failure = Refused(Sense(error.key, error.asc, error.ascq))
        raise
    finally:
        result.command = None
        if result.status == CopyStatus.IN_PROGRESS:
            result.status = CopyStatus.FAILED


def _process(unit: LogicalUnit, sc: chiscsi_scsi_command, asked: CopyList, result: CopyResult) -> Iterator[int]:
    for number, segment in enumerate(asked.segments):
        ends = reach(unit, sc, asked, segment, number)
        yield from _copy(unit, ends, segment, number)
        result.segments = number + 1


def _lengths(unit: LogicalUnit, ends: Ends, segment: scsi.BlockToBlockSegment, number: int) -> tuple[int, int]:
    """Octets that a segment reads, and octets of zeros behind them.

    BLOCK DEVICE NUMBER OF BLOCKS counts blocks of the destination with DC, of the source without. Where the other's
    blocks do not come out even, PAD says what becomes of the rest. Nothing is carried to the next segment (CAT).
    """
    from_shift, to_shift = ends.source.lu.sect_shift, ends.destination.lu.sect_shift
    length = segment.block_device_number_of_blocks << (to_shift if segment.dc else from_shift)
    source_rest, destination_rest = -length % (1 << from_shift), -length % (1 << to_shift)
    if (source_rest and not ends.discards) or (destination_rest and not ends.pads):
        raise CopyAborted(unit, UNEXPECTED_INEXACT_SEGMENT, number)
    if segment.cat and (source_rest or destination_rest):
        raise CopyAborted(unit, UNEXPECTED_INEXACT_SEGMENT, number)
    return length, destination_rest


def _copy(unit: LogicalUnit, ends: Ends, segment: scsi.BlockToBlockSegment, number: int) -> Iterator[int]:
    """Copy the blocks of one segment, from the last to the first if the first ones would overwrite others."""
    length, padding = _lengths(unit, ends, segment, number)
    if not length:
        return
    start = segment.source_block_device_logical_block_address << ends.source.lu.sect_shift
    target = segment.destination_block_device_logical_block_address << ends.destination.lu.sect_shift
    with blaming(unit, SOURCE, number, COPY_ABORTED):
        _check_octets(ends.source, start, length)
    with blaming(unit, DESTINATION, number, COPY_ABORTED):
        _check_octets(ends.destination, target, length + padding)
    source, destination = medium_of(ends.source), medium_of(ends.destination)
    pieces = range(0, length, PIECE)
    if ends.source is ends.destination and start < target < start + length:
        pieces = pieces[::-1]
    for at in pieces:
        size = min(PIECE, length - at)
        with blaming(unit, SOURCE, number):
            data = source.read(start + at, size)
        with blaming(unit, DESTINATION, number):
            write_or_discard(destination, target + at, data)
        yield size
    with blaming(unit, DESTINATION, number):
        if padding:
            destination.write(target + length, bytes(padding))
        make_safe(ends.destination)


def _check_octets(unit: LogicalUnit, offset: int, length: int) -> None:
    shift = unit.lu.sect_shift
    check_range(unit, offset >> shift, (length - 1 >> shift) + 1)


EXTENDED_COPY_COMMANDS: Final = (
    Command(
        scsi.ExtendedCopy,
        Direction.OUT,
        execute_with_data=extended_copy,
        data_length=parameter_list_length,
        needs=has_medium,
    ),
)
