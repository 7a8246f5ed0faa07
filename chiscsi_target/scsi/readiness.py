"""Whether a logical unit can work with its medium: loaded, started, not being formatted or sanitized (SBC-3, 4.13)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from chiscsi_target.scsi.guards import Precedence
from chiscsi_target.scsi.reply import fail
from chiscsi_target.scsi.sense import (
    INITIALIZING_COMMAND_REQUIRED,
    MEDIUM_CHANGED,
    MEDIUM_NOT_PRESENT,
    Progress,
    Sense,
)
from iscsi_wire.scsi_codes import OperationCode

if TYPE_CHECKING:
    from collections.abc import Container

    from chiscsi_target.api.scsi_command import chiscsi_scsi_command
    from chiscsi_target.scsi.logical_unit import LogicalUnit

__all__ = ["Failure", "Operation", "Readiness", "load", "reset", "standing_sense", "unload", "watch"]

_ALWAYS: Final = frozenset((OperationCode.INQUIRY, OperationCode.REQUEST_SENSE, OperationCode.REPORT_LUNS))
_DURING_OPERATION: Final = _ALWAYS | {OperationCode.LOG_SENSE, OperationCode.MAINTENANCE_IN}
"""What is executed while the medium is formatted or sanitized, or since that has failed (SBC-3, 4.11)."""
_WITHOUT_MEDIUM: Final = _DURING_OPERATION | {
    OperationCode.START_STOP_UNIT,
    OperationCode.PREVENT_ALLOW_MEDIUM_REMOVAL,
    OperationCode.MODE_SENSE_6,
    OperationCode.MODE_SENSE_10,
    OperationCode.MODE_SELECT_6,
    OperationCode.MODE_SELECT_10,
    OperationCode.LOG_SELECT,
    OperationCode.MAINTENANCE_OUT,
    OperationCode.PERSISTENT_RESERVE_IN,
    OperationCode.PERSISTENT_RESERVE_OUT,
    OperationCode.RESERVE_6,
    OperationCode.RESERVE_10,
    OperationCode.RELEASE_6,
    OperationCode.RELEASE_10,
    OperationCode.SEND_DIAGNOSTIC,
    OperationCode.RECEIVE_DIAGNOSTIC_RESULTS,
    OperationCode.READ_BUFFER,
    OperationCode.WRITE_BUFFER,
    OperationCode.THIRD_PARTY_COPY_IN,
}
"""What is executed without a medium, or while it is stopped: all that does not touch it."""


class Operation:
    """A format or sanitize operation that is going on.

    Attributes:
        sense: what commands end with meanwhile.
        done: how much of it is done, and
        total: of how much, in octets.
    """

    __slots__ = ("done", "sense", "total")

    def __init__(self, sense: Sense, total: int) -> None:
        self.sense = sense
        self.done = 0
        self.total = total

    @property
    def progress(self) -> Progress:
        """How far it is."""
        return Progress(min(self.done, self.total), self.total)


class Failure:
    """A format or sanitize operation that has failed.

    Attributes:
        sense: what commands end with until the medium is formatted or sanitized after all.
        remedy: the operation code of the commands that may do so.
        may_exit: whether SANITIZE EXIT FAILURE MODE may end this, too (AUSE).
    """

    __slots__ = ("may_exit", "remedy", "sense")

    def __init__(self, sense: Sense, remedy: int, *, may_exit: bool = False) -> None:
        self.sense = sense
        self.remedy = remedy
        self.may_exit = may_exit


class Readiness:
    """How things are with the medium.

    Attributes:
        loaded: there is one.
        stopped: it was stopped by START STOP UNIT.
        preventing: handles of the sessions that prevent its removal.
        operation: the format or sanitize operation that is going on.
        failure: the one that failed.
    """

    __slots__ = ("failure", "loaded", "operation", "preventing", "stopped")

    def __init__(self) -> None:
        self.loaded = True
        self.stopped = False
        self.preventing: set[int | None] = set()
        self.operation: Operation | None = None
        self.failure: Failure | None = None

    def trouble(self) -> tuple[Sense, Progress | None, Container[int]] | None:
        """What is the matter: sense data, progress, and the operation codes that are executed all the same."""
        if self.operation is not None:
            return self.operation.sense, self.operation.progress, _DURING_OPERATION
        if not self.loaded:
            return MEDIUM_NOT_PRESENT, None, _WITHOUT_MEDIUM
        if self.stopped:
            return INITIALIZING_COMMAND_REQUIRED, None, _WITHOUT_MEDIUM
        if self.failure is not None:
            return self.failure.sense, None, _DURING_OPERATION | {self.failure.remedy}
        return None


def _guard(unit: LogicalUnit, sc: chiscsi_scsi_command) -> int | None:
    trouble = unit.readiness.trouble()
    if trouble is None or sc.sc_cmd[0] in trouble[2]:
        return None
    return fail(unit, sc, trouble[0], trouble[1])


def watch(unit: LogicalUnit) -> None:
    """Have commands stopped as long as the medium is not ready."""
    if unit.readiness.trouble() is None:
        unit.guards.withdraw(Precedence.MEDIUM)
    else:
        unit.guards.post(Precedence.MEDIUM, _guard)


def standing_sense(unit: LogicalUnit) -> tuple[Sense, Progress | None]:
    """What REQUEST SENSE answers when nothing is pending."""
    trouble = unit.readiness.trouble()
    return (unit.standing_sense, None) if trouble is None else trouble[:2]


def load(unit: LogicalUnit, session: int | None) -> None:
    """Load the medium for a session, and start it; the others are told that it may be another (SAM-5, 5.14)."""
    readiness = unit.readiness
    loaded, readiness.loaded, readiness.stopped = readiness.loaded, True, False
    watch(unit)
    if not loaded:
        for other in unit.device.sessions - {session}:
            unit.establish_attention(other, MEDIUM_CHANGED)


def unload(unit: LogicalUnit) -> None:
    """Eject the medium."""
    unit.readiness.loaded = False
    watch(unit)


def reset(unit: LogicalUnit) -> None:
    """Begin anew after a reset: nobody prevents the removal, and the medium is started (SBC-3, 5.25)."""
    unit.readiness.preventing.clear()
    unit.readiness.stopped = False
    watch(unit)
