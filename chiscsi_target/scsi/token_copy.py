"""Copies by token: POPULATE TOKEN and WRITE USING TOKEN (SBC-3), and what is told of tokens (SPC-4, 5.17.6).

IMMED changes nothing: a command's status is sent when all is done, and what it did is ready to be received then.
"""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Final, TypeVar

from chiscsi_target.scsi.commands import Command, Direction, parameter_list_length
from chiscsi_target.scsi.copy_failure import TOO_MANY_SEGMENT_DESCRIPTORS
from chiscsi_target.scsi.extended_copy import tracked, write_or_discard
from chiscsi_target.scsi.long_work import PIECE, execute_in_pieces
from chiscsi_target.scsi.ranges import check_range, check_writable, has_medium, make_safe, medium_of
from chiscsi_target.scsi.receive_copy import failure_sense
from chiscsi_target.scsi.refused import Refused
from chiscsi_target.scsi.reply import finish, send
from chiscsi_target.scsi.rod_tokens import LONGEST_TIMEOUT, MOST_PER_TOKEN
from chiscsi_target.scsi.sense import (
    INVALID_FIELD_IN_CDB,
    INVALID_FIELD_IN_PARAMETER_LIST,
    PARAMETER_LIST_LENGTH_ERROR,
    Field,
)
from chiscsi_target.scsi.snapshot import snapshot
from iscsi_wire import scsi
from iscsi_wire.constants import ScsiStatus
from iscsi_wire.scsi_copy_codes import CopyOperationStatus, CopyStatus, RodType, TransferCountUnits

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from chiscsi_target.api.scsi_command import chiscsi_scsi_command
    from chiscsi_target.scsi.copy_results import CopyResult
    from chiscsi_target.scsi.logical_unit import LogicalUnit
    from chiscsi_target.scsi.rod_tokens import Rod

__all__ = [
    "MOST_RANGES",
    "ROD_TYPES",
    "TOKEN_COMMANDS",
    "populate_token",
    "receive_information",
    "report_all_tokens",
    "write_using_token",
]

MOST_RANGES: Final = 64
ROD_TYPES: Final = (int(RodType.POINT_IN_TIME_COPY_DEFAULT), int(RodType.POINT_IN_TIME_COPY_ANY))
"""What POPULATE TOKEN makes: the default, and whatever we like best, which is the default."""

TokenList = TypeVar("TokenList", scsi.PopulateTokenList, scsi.WriteUsingTokenList)

_RANGE: Final = scsi.BlockDeviceRange.STRUCT.size
_LENGTH_FIELD: Final = 2
"""Octets of the lengths: a list's own, which comes first, and that of its ranges, which ends its head."""
_IDENTIFIER_FIELD: Final = Field(2)
_TIMEOUT_FIELD, _TYPE_FIELD, _OFFSET_FIELD = Field(4, in_data=True), Field(8, in_data=True), Field(8, in_data=True)
_DATA_LENGTH_FIELD: Final = Field(0, in_data=True)


def _decode(form: type[TokenList], data: bytes) -> TokenList:
    """A parameter list whose three lengths agree: the CDB's, its own, and that of its ranges.

    Raises:
        Refused: there is not even a head, or the ranges are cut off, or there are too many or none.
    """
    head = form.STRUCT.size
    if len(data) < head:
        raise Refused(PARAMETER_LIST_LENGTH_ERROR)
    asked = form.decode(data, truncated=True)
    data_length = int.from_bytes(data[:_LENGTH_FIELD])
    ranges_length = asked.block_device_range_descriptor_length
    if data_length < head - _LENGTH_FIELD + _RANGE:
        raise Refused(INVALID_FIELD_IN_PARAMETER_LIST, _DATA_LENGTH_FIELD)
    if ranges_length < _RANGE:
        raise Refused(INVALID_FIELD_IN_PARAMETER_LIST, Field(head - _LENGTH_FIELD, in_data=True))
    if ranges_length // _RANGE > MOST_RANGES:
        raise Refused(TOO_MANY_SEGMENT_DESCRIPTORS, Field(head - _LENGTH_FIELD, in_data=True))
    if data_length + _LENGTH_FIELD > len(data) or head + ranges_length > data_length + _LENGTH_FIELD:
        raise Refused(PARAMETER_LIST_LENGTH_ERROR)
    return asked


def _ranges(
    unit: LogicalUnit, data: bytes, asked: scsi.PopulateTokenList | scsi.WriteUsingTokenList
) -> list[tuple[int, int]]:
    """The ranges behind the head of a parameter list, as (first block, number of blocks).

    Raises:
        Refused: blocks are not there, are named twice, or are too many together.
    """
    found = []
    head, ranges_length = asked.STRUCT.size, asked.block_device_range_descriptor_length
    for at in range(head, head + ranges_length - ranges_length % _RANGE, _RANGE):
        each = scsi.BlockDeviceRange.decode(data, at)
        check_range(unit, each.logical_block_address, each.number_of_logical_blocks)
        if each.number_of_logical_blocks:
            found.append((each.logical_block_address, each.number_of_logical_blocks))
    ordered = sorted(found)
    for (lba, count), (following, _) in pairwise(ordered):
        if lba + count > following:
            raise Refused(INVALID_FIELD_IN_PARAMETER_LIST)
    if sum(count for _, count in found) << unit.lu.sect_shift > MOST_PER_TOKEN:
        raise Refused(INVALID_FIELD_IN_PARAMETER_LIST)
    return found


# POPULATE TOKEN


def populate_token(
    unit: LogicalUnit, sc: chiscsi_scsi_command, cdb: scsi.PopulateToken, data: bytes | bytearray
) -> int:
    """POPULATE TOKEN: what the blocks hold now is what the token stands for, whatever is written later."""
    if not cdb.parameter_list_length:
        return finish(sc)
    octets = bytes(data)
    asked = _decode(scsi.PopulateTokenList, octets)
    if asked.inactivity_timeout > LONGEST_TIMEOUT:
        raise Refused(INVALID_FIELD_IN_PARAMETER_LIST, _TIMEOUT_FIELD)
    if asked.rtv and asked.rod_type not in ROD_TYPES:
        raise Refused(INVALID_FIELD_IN_PARAMETER_LIST, _TYPE_FIELD)
    ranges = _ranges(unit, octets, asked)
    result = unit.copies.begin(sc.sc_sess, cdb.list_identifier, int(cdb.service_action))
    return execute_in_pieces(unit, sc, tracked(sc, result, _populate(unit, ranges, asked.inactivity_timeout, result)))


def _populate(unit: LogicalUnit, ranges: Sequence[tuple[int, int]], timeout: int, result: CopyResult) -> Iterator[int]:
    """Read the blocks step by step, as they are at the first one, and make a token for them."""
    tokens, shift = unit.device.rod_tokens, unit.lu.sect_shift
    result.unit_shift = shift
    octets = [(lba << shift, count << shift) for lba, count in ranges]
    rod = tokens.begin(sum(length for _, length in octets))
    try:
        yield from snapshot(unit, octets, partial(tokens.keep, rod))
        tokens.complete(rod, unit, timeout)
    finally:
        if not rod.token:
            tokens.give_up(rod)
    result.token, result.segments = rod.token, len(ranges)


# WRITE USING TOKEN


def write_using_token(
    unit: LogicalUnit, sc: chiscsi_scsi_command, cdb: scsi.WriteUsingToken, data: bytes | bytearray
) -> int:
    """WRITE USING TOKEN: as much as the ranges take, or the token stands for; the transfer count tells how much."""
    if not cdb.parameter_list_length:
        return finish(sc)
    octets = bytes(data)
    asked = _decode(scsi.WriteUsingTokenList, octets)
    ranges = _ranges(unit, octets, asked)
    check_writable(unit, sc)
    rod = unit.device.rod_tokens.find(bytes(asked.rod_token))
    offset = asked.offset_into_rod << unit.lu.sect_shift
    if rod.size is not None and offset >= max(rod.size, 1):
        raise Refused(INVALID_FIELD_IN_PARAMETER_LIST, _OFFSET_FIELD)
    result = unit.copies.begin(sc.sc_sess, cdb.list_identifier, int(cdb.service_action))
    result.unit_shift = unit.lu.sect_shift
    steps = _write_ranges(unit, ranges, rod, offset, result)
    return execute_in_pieces(unit, sc, tracked(sc, result, _deleting(unit, rod, steps) if asked.del_tkn else steps))


def _deleting(unit: LogicalUnit, rod: Rod, steps: Iterator[int]) -> Iterator[int]:
    """Take the steps, and delete the token when all is written (DEL_TKN)."""
    yield from steps
    unit.device.rod_tokens.delete(rod)


def _write_ranges(
    unit: LogicalUnit, ranges: Sequence[tuple[int, int]], rod: Rod, offset: int, result: CopyResult
) -> Iterator[int]:
    shift = unit.lu.sect_shift
    begun = offset
    for lba, count in ranges:
        start, end = lba << shift, lba + count << shift
        if rod.size is not None:
            # A block that the data fill in part only is not written.
            end = min(end, start + (rod.size - offset >> shift << shift))
        for at in range(start, end, PIECE):
            size = min(PIECE, end - at)
            write_or_discard(medium_of(unit), at, rod.read(offset, size))
            offset += size
            yield size
        result.segments += 1
    make_safe(unit)
    result.partial = rod.size is not None and offset - begun < rod.size


# RECEIVE ROD TOKEN INFORMATION


def _operation_status(result: CopyResult) -> CopyOperationStatus:
    if result.status == CopyStatus.IN_PROGRESS:
        return CopyOperationStatus.FOREGROUND
    if result.status == CopyStatus.FAILED:
        return CopyOperationStatus.FAILED if result.failure is not None else CopyOperationStatus.TERMINATED
    return CopyOperationStatus.PARTIAL if result.partial else CopyOperationStatus.COMPLETED


def receive_information(unit: LogicalUnit, sc: chiscsi_scsi_command, cdb: scsi.ReceiveRodTokenInformation) -> int:
    """RECEIVE ROD TOKEN INFORMATION: as often as it is asked for, until the list identifier is used again."""
    result = unit.copies.find(sc.sc_sess, cdb.list_identifier)
    if result is None:
        raise Refused(INVALID_FIELD_IN_CDB, _IDENTIFIER_FIELD)
    sense = failure_sense(result)
    tokens = [scsi.RodTokenDescriptor.make(rod_token=result.token)] if result.token else []
    descriptors = scsi.RodTokenDescriptors.make(rod_token_descriptors=tokens)
    data = scsi.RodTokenInformation.make(
        response_to_service_action=result.action,
        copy_operation_status=int(_operation_status(result)),
        extended_copy_completion_status=int(ScsiStatus.CHECK_CONDITION) if sense else 0,
        length_of_the_sense_data_field=len(sense),
        sense_data_length=len(sense),
        transfer_count_units=int(TransferCountUnits.BLOCKS if result.unit_shift else TransferCountUnits.BYTES),
        transfer_count=result.transferred >> result.unit_shift,
        segments_processed=result.segments,
        rest=sense + descriptors.encode(),
    )
    data.available_data = len(data.encode()) - 4
    return send(sc, data.encode(), cdb.allocation_length)


def report_all_tokens(unit: LogicalUnit, sc: chiscsi_scsi_command, cdb: scsi.ReportAllRodTokens) -> int:
    """REPORT ALL ROD TOKENS: those of the target, with so much of each that nobody can use it (SPC-4, 6.31)."""
    tokens = unit.device.rod_tokens.management_tokens()
    data = scsi.AllRodTokensData.make(available_data=len(tokens) + 4, rod_management_tokens=tokens)
    return send(sc, data.encode(), cdb.allocation_length)


TOKEN_COMMANDS: Final = (
    Command(
        scsi.PopulateToken,
        Direction.OUT,
        execute_with_data=populate_token,
        data_length=parameter_list_length,
        needs=has_medium,
    ),
    Command(
        scsi.WriteUsingToken,
        Direction.OUT,
        execute_with_data=write_using_token,
        data_length=parameter_list_length,
        needs=has_medium,
    ),
    Command(scsi.ReceiveRodTokenInformation, Direction.IN, receive_information, needs=has_medium),
    Command(scsi.ReportAllRodTokens, Direction.IN, report_all_tokens, needs=has_medium),
)
