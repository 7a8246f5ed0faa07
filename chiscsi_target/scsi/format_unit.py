"""FORMAT UNIT: the medium as new (SBC-3, 5.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from chiscsi_target.scsi.commands import Command, Direction
from chiscsi_target.scsi.long_work import PIECE, filling
from chiscsi_target.scsi.medium_operation import operate
from chiscsi_target.scsi.parameter_data import collect
from chiscsi_target.scsi.ranges import check_writable, has_medium, medium_of
from chiscsi_target.scsi.readiness import Failure
from chiscsi_target.scsi.refused import Refused
from chiscsi_target.scsi.reply import settle
from chiscsi_target.scsi.sense import (
    FORMAT_FAILED,
    FORMAT_IN_PROGRESS,
    INVALID_FIELD_IN_CDB,
    INVALID_FIELD_IN_PARAMETER_LIST,
    PARAMETER_LIST_LENGTH_ERROR,
    Field,
)
from iscsi_wire import scsi
from iscsi_wire.scsi_codes import OperationCode
from iscsi_wire.scsi_parameter_codes import InitializationPatternType

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chiscsi_target.api.medium import Medium
    from chiscsi_target.api.scsi_command import chiscsi_scsi_command
    from chiscsi_target.scsi.logical_unit import LogicalUnit

__all__ = ["FORMATTING_COMMANDS", "format_unit"]

_DEFECT_FORMAT_FIELD, _LONG_FIELD = Field(1, 2), Field(1, 5)
_LARGEST_DEFECT_FORMAT: Final = 6
_GIVEN_BACK_AT_ONCE: Final = 64 * PIECE
_PATTERN_HEADER: Final = scsi.InitializationPatternDescriptor.STRUCT.size


def format_unit(unit: LogicalUnit, sc: chiscsi_scsi_command, cdb: scsi.FormatUnit) -> int:
    """FORMAT UNIT: with FMTDATA a parameter list comes, as long as the initiator says."""
    check_writable(unit, sc)
    if not cdb.fmtdata:
        if cdb.longlist or cdb.cmplst or cdb.defect_list_format:
            raise Refused(INVALID_FIELD_IN_CDB, _LONG_FIELD if cdb.longlist else _DEFECT_FORMAT_FIELD)
        settle(sc, 0)
        return _format(unit, sc, b"", immediate=False)
    if cdb.defect_list_format > _LARGEST_DEFECT_FORMAT:
        raise Refused(INVALID_FIELD_IN_CDB, _DEFECT_FORMAT_FIELD)
    return collect(unit, sc, cdb, sc.sc_xfer_len, _with_list)


def _with_list(unit: LogicalUnit, sc: chiscsi_scsi_command, cdb: scsi.FormatUnit, data: bytes | bytearray) -> int:
    """Go by a parameter list: there are no defects, hence no list of them, nor anything to be done about them."""
    kind = scsi.FormatLongHeader if cdb.longlist else scsi.FormatShortHeader
    if len(data) < kind.STRUCT.size:
        raise Refused(PARAMETER_LIST_LENGTH_ERROR)
    header = kind.decode(bytes(data[: kind.STRUCT.size]))
    unsupported = [header.protection_field_usage, header.defect_list_length, header.vendor_specific]
    if isinstance(header, scsi.FormatLongHeader):
        unsupported += [header.p_i_information, header.protection_interval_exponent]
    choices = header.dpry or header.dcrt or header.stpf or header.ip
    if any(unsupported) or (choices and not header.fov):
        raise Refused(INVALID_FIELD_IN_PARAMETER_LIST)
    pattern = _pattern(unit, bytes(data[kind.STRUCT.size :])) if header.ip else b""
    return _format(unit, sc, pattern, immediate=bool(header.immed))


def _pattern(unit: LogicalUnit, data: bytes) -> bytes:
    """The block that an initialization pattern descriptor asks for; nothing for one of our choice."""
    if len(data) < _PATTERN_HEADER:
        raise Refused(PARAMETER_LIST_LENGTH_ERROR)
    kind: int
    length: int
    _, kind, length = scsi.InitializationPatternDescriptor.STRUCT.unpack_from(data)
    block = 1 << unit.lu.sect_shift
    if kind == InitializationPatternType.DEFAULT and not length:
        return b""
    pattern = data[_PATTERN_HEADER : _PATTERN_HEADER + length]
    if kind != InitializationPatternType.REPEAT or not 0 < len(pattern) == length <= block:
        raise Refused(INVALID_FIELD_IN_PARAMETER_LIST)
    return (pattern * (block // length + 1))[:block]


def _format(unit: LogicalUnit, sc: chiscsi_scsi_command, pattern: bytes, *, immediate: bool) -> int:
    size, medium = unit.lu.size, medium_of(unit)
    steps = filling(medium, 0, size, pattern or bytes(1 << unit.lu.sect_shift))
    if medium.thin and not any(pattern):
        steps = _giving_back(medium, size)
    failure = Failure(FORMAT_FAILED, OperationCode.FORMAT_UNIT)
    return operate(unit, sc, steps, size, FORMAT_IN_PROGRESS, failure, immediate=immediate)


def _giving_back(medium: Medium, size: int) -> Iterator[int]:
    for offset in range(0, size, _GIVEN_BACK_AT_ONCE):
        length = min(_GIVEN_BACK_AT_ONCE, size - offset)
        medium.discard(offset, length)
        yield length


FORMATTING_COMMANDS: Final = (
    Command(scsi.FormatUnit, Direction.OUT, format_unit, refused=("fmtpinfo", "vendor_specific"), needs=has_medium),
)
