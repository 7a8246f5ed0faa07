"""SANITIZE: what was on the medium cannot be got back by any means (SBC-3, 4.11 and 5.24).

The operation goes on whatever becomes of the command and of its session; only the end of the target ends it. While it
does, and when it has failed, nearly all commands are refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from chiscsi_target.scsi.commands import Command, Direction
from chiscsi_target.scsi.long_work import PIECE, filling
from chiscsi_target.scsi.medium_operation import operate
from chiscsi_target.scsi.provisioning import is_thin
from chiscsi_target.scsi.ranges import check_writable, has_medium, medium_of
from chiscsi_target.scsi.readiness import Failure, watch
from chiscsi_target.scsi.refused import Refused
from chiscsi_target.scsi.reply import finish
from chiscsi_target.scsi.sense import INVALID_FIELD_IN_CDB, SANITIZE_FAILED, SANITIZE_IN_PROGRESS, Field
from iscsi_wire import scsi
from iscsi_wire.scsi_codes import OperationCode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chiscsi_target.api.medium import Medium
    from chiscsi_target.api.scsi_command import chiscsi_scsi_command
    from chiscsi_target.scsi.logical_unit import LogicalUnit

__all__ = ["SANITIZE_COMMANDS", "sanitize_block_erase", "sanitize_exit_failure_mode", "sanitize_overwrite"]

_ACTION_FIELD, _LENGTH_FIELD = Field(1, 4), Field(7)
_HEADER: Final = scsi.OverwriteParameterList.STRUCT.size
_ERASED_AT_ONCE: Final = 64 * PIECE
_INVERTED: Final = bytes(range(255, -1, -1))


def _failure(cdb: Any) -> Failure:
    return Failure(SANITIZE_FAILED, OperationCode.SANITIZE, may_exit=bool(cdb.ause))


def _overwrite_octets(unit: LogicalUnit, cdb: scsi.SanitizeOverwrite) -> int:
    """Length of the parameter list: a pattern of at least one octet, and of one block at most."""
    length = int(cdb.parameter_list_length)
    if not _HEADER < length <= _HEADER + (1 << unit.lu.sect_shift):
        raise Refused(INVALID_FIELD_IN_CDB, _LENGTH_FIELD)
    return length


def sanitize_overwrite(
    unit: LogicalUnit, sc: chiscsi_scsi_command, cdb: scsi.SanitizeOverwrite, data: bytes | bytearray
) -> int:
    """SANITIZE with service action OVERWRITE: a pattern in every block, as often as the list says.

    A list that cannot be is refused as the length of a list is, by the field of the CDB, since iscsi-test-cu expects
    it; SBC-3 leaves the additional sense code open.
    """
    check_writable(unit, sc)
    block = 1 << unit.lu.sect_shift
    length = scsi.OverwriteParameterList.STRUCT.unpack_from(data)[-1] if len(data) > _HEADER else 0
    if not 0 < length <= min(block, len(data) - _HEADER):
        raise Refused(INVALID_FIELD_IN_CDB, _LENGTH_FIELD)
    fields = scsi.OverwriteParameterList.decode(bytes(data))
    if fields.test or not fields.overwrite_count:
        raise Refused(INVALID_FIELD_IN_CDB, _LENGTH_FIELD)
    pattern = bytes(fields.initialization_pattern)
    passes = [_repeated(pattern, block)] * fields.overwrite_count
    if fields.invert:
        passes[1::2] = [one.translate(_INVERTED) for one in passes[1::2]]
    steps = _overwriting(medium_of(unit), unit.lu.size, passes)
    total = unit.lu.size * len(passes)
    return operate(unit, sc, steps, total, SANITIZE_IN_PROGRESS, _failure(cdb), immediate=bool(cdb.immed))


def _repeated(pattern: bytes, length: int) -> bytes:
    return (pattern * (length // len(pattern) + 1))[:length]


def _overwriting(medium: Medium, size: int, passes: list[bytes]) -> Iterator[int]:
    for block in passes:
        yield from filling(medium, 0, size, block)


def sanitize_block_erase(
    unit: LogicalUnit, sc: chiscsi_scsi_command, cdb: scsi.SanitizeBlockErase, _data: bytes | bytearray
) -> int:
    """SANITIZE with service action BLOCK ERASE: all storage is given back, and reads as zeros."""
    check_writable(unit, sc)
    size = unit.lu.size
    steps = _erasing(medium_of(unit), size)
    return operate(unit, sc, steps, size, SANITIZE_IN_PROGRESS, _failure(cdb), immediate=bool(cdb.immed))


def _erasing(medium: Medium, size: int) -> Iterator[int]:
    for offset in range(0, size, _ERASED_AT_ONCE):
        length = min(_ERASED_AT_ONCE, size - offset)
        medium.discard(offset, length)
        yield length


def sanitize_exit_failure_mode(
    unit: LogicalUnit, sc: chiscsi_scsi_command, _cdb: scsi.SanitizeExitFailureMode, _data: bytes | bytearray
) -> int:
    """SANITIZE with service action EXIT FAILURE MODE: leave the medium as it is, where that was agreed on (AUSE)."""
    failure = unit.readiness.failure
    if failure is not None:
        if not failure.may_exit:
            raise Refused(INVALID_FIELD_IN_CDB, _ACTION_FIELD)
        unit.readiness.failure = None
        watch(unit)
    return finish(sc)


def _no_list(_unit: LogicalUnit, cdb: Any) -> int:
    if cdb.parameter_list_length:
        raise Refused(INVALID_FIELD_IN_CDB, _LENGTH_FIELD)
    return 0


_OUT: Final = Direction.OUT

SANITIZE_COMMANDS: Final = (
    Command(
        scsi.SanitizeOverwrite,
        _OUT,
        execute_with_data=sanitize_overwrite,
        data_length=_overwrite_octets,
        needs=has_medium,
    ),
    Command(scsi.SanitizeBlockErase, _OUT, execute_with_data=sanitize_block_erase, data_length=_no_list, needs=is_thin),
    Command(
        scsi.SanitizeExitFailureMode,
        _OUT,
        execute_with_data=sanitize_exit_failure_mode,
        data_length=_no_list,
        needs=has_medium,
    ),
)
