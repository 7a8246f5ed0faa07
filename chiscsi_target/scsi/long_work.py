"""Work that takes long, done piece by piece between other commands, so that nobody waits for it who need not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final, TypeAlias

from chiscsi_target.api.constants import SC_FLAG_CMD_ABORT, SC_FLAG_SESS_ABORT, SC_FLAG_TMF_ABORT
from chiscsi_target.api.functions import chiscsi_scsi_cmd_abort_status
from chiscsi_target.errors import DriverError
from chiscsi_target.scsi.refused import Refused
from chiscsi_target.scsi.reply import finish, refuse
from chiscsi_target.scsi.sense import INTERNAL_TARGET_FAILURE, Sense

if TYPE_CHECKING:
    from chiscsi_target.api.medium import Medium
    from chiscsi_target.api.scsi_command import chiscsi_scsi_command
    from chiscsi_target.scsi.logical_unit import LogicalUnit

__all__ = ["PIECE", "Concluded", "begin", "execute_in_pieces", "filling", "still_held"]

PIECE: Final = 1 << 20
"""Octets that one step writes: a fraction of a millisecond."""
_AT_ONCE: Final = 2
_ABORTS: Final = SC_FLAG_CMD_ABORT | SC_FLAG_SESS_ABORT | SC_FLAG_TMF_ABORT

Concluded: TypeAlias = "Callable[[Refused | None], object]"
"""Learns how work has ended: well, or with what its command is to be refused for."""


def filling(medium: Medium, offset: int, length: int, block: bytes) -> Iterator[int]:
    """Write a block over and over.

    Args:
        medium: where.
        offset: the first octet to be written.
        length: how many, in whole blocks.
        block: what is written.

    Yields:
        How many octets each step has written.
    """
    piece = block * max(min(PIECE, length) // len(block), 1)
    for start in range(offset, offset + length, len(piece)):
        part = piece[: offset + length - start]
        medium.write(start, part)
        yield len(part)


def begin(unit: LogicalUnit, steps: Iterator[object], concluded: Concluded, wanted: Callable[[], bool]) -> None:
    """Take steps, one at a time, until there are no more, one fails, or nobody wants them.

    Args:
        unit: the logical unit that they are about; when it is taken out of its target, they end without a word.
        steps: what is to be done.
        concluded: called at the end, unless nobody wants it.
        wanted: whether to go on.
    """
    device = unit.device

    def step() -> bool:
        if device.units.get(unit.lu.lun) is not unit or not wanted():
            return False
        try:
            next(steps)
        except StopIteration:
            concluded(None)
            return False
        except Refused as reason:
            concluded(reason)
            return False
        except DriverError as error:
            concluded(Refused(Sense(error.key, error.asc, error.ascq)))
            return False
        except Exception:
            concluded(Refused(INTERNAL_TARGET_FAILURE))
            raise
        return True

    device.background(step)


def execute_in_pieces(unit: LogicalUnit, sc: chiscsi_scsi_command, steps: Iterator[object]) -> int:
    """Execute a command step by step, and complete it after the last one; a short one is executed at once.

    A command that is aborted meanwhile takes no further step: what it has done is done (SAM-5, 5.6).
    """
    try:
        if any(next(steps, None) is None for _ in range(_AT_ONCE)):
            return finish(sc)
    except DriverError as error:
        raise Refused(Sense(error.key, error.asc, error.ascq)) from error
    working = unit.device.working
    working.add(sc)

    def concluded(reason: Refused | None) -> None:
        working.discard(sc)
        finish(sc) if reason is None else refuse(unit, sc, reason)

    begin(unit, steps, concluded, lambda: still_held(unit, sc))
    return 0


def still_held(unit: LogicalUnit, sc: chiscsi_scsi_command) -> bool:
    """Whether a command still waits for work to be done; one that has been ended meanwhile is let go."""
    working = unit.device.working
    if sc.sc_flag & _ABORTS and sc in working:
        working.discard(sc)
        chiscsi_scsi_cmd_abort_status(sc)
    return sc in working
