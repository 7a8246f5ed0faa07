"""RESERVE and RELEASE of a whole logical unit, as SPC-2 has them; they end with the session, or with a reset.

They and persistent reservations exclude each other (SPC-2, 5.5.1): while anybody is registered, both meet a conflict.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from chiscsi_target.scsi.commands import Command, Direction
from chiscsi_target.scsi.conflicts import conflicts
from chiscsi_target.scsi.guards import Precedence
from chiscsi_target.scsi.reply import end, good
from iscsi_wire import scsi
from iscsi_wire.constants import ScsiStatus

if TYPE_CHECKING:
    from typing import Any

    from chiscsi_target.api.scsi_command import chiscsi_scsi_command
    from chiscsi_target.scsi.logical_unit import LogicalUnit

__all__ = [
    "RESERVE_COMMANDS",
    "conflict",
    "release",
    "release_unit",
    "reserve",
    "watch",
]


def conflict(sc: chiscsi_scsi_command) -> int:
    """Complete a command with RESERVATION CONFLICT."""
    return end(sc, ScsiStatus.RESERVATION_CONFLICT)


def _guard(unit: LogicalUnit, sc: chiscsi_scsi_command) -> int | None:
    return conflict(sc) if conflicts(unit.reservations, unit.device.nexus(sc.sc_sess), sc) else None


def watch(unit: LogicalUnit) -> None:
    """Have commands checked for conflicts as long as there may be some."""
    if unit.reservations.in_force:
        unit.guards.post(Precedence.RESERVATION, _guard)
    else:
        unit.guards.withdraw(Precedence.RESERVATION)


def release_unit(unit: LogicalUnit, session: int | None = None) -> None:
    """End a RESERVE, of a session that is gone, or whoever's after a reset."""
    if session is None or unit.reservations.legacy == session:
        unit.reservations.legacy = None
        watch(unit)


def reserve(unit: LogicalUnit, sc: chiscsi_scsi_command, _cdb: Any) -> int:
    """RESERVE (6) or (10); a conflict with another session's RESERVE was found before."""
    if unit.reservations.registrations:
        return conflict(sc)
    unit.reservations.legacy = sc.sc_sess
    watch(unit)
    return good(sc)


def release(unit: LogicalUnit, sc: chiscsi_scsi_command, _cdb: Any) -> int:
    """RELEASE (6) or (10): whoever has not reserved changes nothing."""
    if unit.reservations.registrations:
        return conflict(sc)
    release_unit(unit, sc.sc_sess)
    return good(sc)


_NONE: Final = Direction.NONE

RESERVE_COMMANDS: Final = (
    Command(scsi.Reserve6, _NONE, reserve),
    Command(scsi.Release6, _NONE, release),
    Command(scsi.Reserve10, _NONE, reserve, refused=("parameter_list_length",)),
    Command(scsi.Release10, _NONE, release, refused=("parameter_list_length",)),
)
