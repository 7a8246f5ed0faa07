"""Operations on the whole medium, which go on after their command: format and sanitize (SBC-3, 4.11 and 4.33)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from chiscsi_target.scsi.long_work import begin, still_held
from chiscsi_target.scsi.readiness import Failure, Operation, watch
from chiscsi_target.scsi.reply import finish, refuse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chiscsi_target.api.scsi_command import chiscsi_scsi_command
    from chiscsi_target.scsi.logical_unit import LogicalUnit
    from chiscsi_target.scsi.refused import Refused
    from chiscsi_target.scsi.sense import Sense

__all__ = ["operate"]

_FLUSHED_AFTER: Final = 64 << 20
"""Octets after which what was written is brought to stable storage, so that the last flush does not take long."""


def operate(
    unit: LogicalUnit,
    sc: chiscsi_scsi_command,
    steps: Iterator[int],
    total: int,
    in_progress: Sense,
    failure: Failure,
    *,
    immediate: bool,
) -> int:
    """Begin an operation.

    Args:
        unit: the logical unit.
        sc: the command that asked for it, whose parameters have been checked.
        steps: do it; each yields how many octets it has dealt with.
        total: how many there are.
        in_progress: what other commands end with meanwhile.
        failure: how things are if it fails.
        immediate: complete the command at once (IMMED), not at the end.
    """
    readiness, working = unit.readiness, unit.device.working
    operation = readiness.operation = Operation(in_progress, total)
    readiness.failure = None
    watch(unit)
    if not immediate:
        working.add(sc)

    def concluded(reason: Refused | None) -> None:
        readiness.operation = None
        readiness.failure = None if reason is None else failure
        watch(unit)
        if sc in working:
            working.discard(sc)
            finish(sc) if reason is None else refuse(unit, sc, reason)

    def goes_on() -> bool:
        still_held(unit, sc)
        return True

    result = finish(sc) if immediate else 0
    begin(unit, _counted(unit, operation, steps), concluded, goes_on)
    return result


def _counted(unit: LogicalUnit, operation: Operation, steps: Iterator[int]) -> Iterator[int]:
    """Take the steps, note how far they are, and flush now and then."""
    medium = unit.medium
    assert medium is not None
    flushed = 0
    for octets in steps:
        operation.done += octets
        if operation.done - flushed >= _FLUSHED_AFTER:
            flushed = operation.done
            medium.flush()
        yield octets
    medium.flush()
