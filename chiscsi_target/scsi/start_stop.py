"""START STOP UNIT and PREVENT ALLOW MEDIUM REMOVAL (SBC-3, 5.25 and 5.10)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from chiscsi_target.api.logical_unit import LU_FLAG_REMOVABLE
from chiscsi_target.scsi.commands import Command, Direction
from chiscsi_target.scsi.readiness import load, unload, watch
from chiscsi_target.scsi.refused import Refused
from chiscsi_target.scsi.reply import good
from chiscsi_target.scsi.sense import INVALID_FIELD_IN_CDB, MEDIUM_REMOVAL_PREVENTED, Field
from iscsi_wire import scsi
from iscsi_wire.scsi_parameter_codes import Prevent

if TYPE_CHECKING:
    from chiscsi_target.api.scsi_command import chiscsi_scsi_command
    from chiscsi_target.scsi.logical_unit import LogicalUnit

__all__ = ["START_STOP_COMMANDS", "is_removable", "prevent_allow_medium_removal", "start_stop_unit"]

_LOEJ_FIELD, _PREVENT_FIELD = Field(4, 1), Field(4, 1)


def is_removable(unit: LogicalUnit) -> bool:
    """Whether the medium can be taken out (RMB)."""
    return bool(unit.lu.flags & LU_FLAG_REMOVABLE)


def start_stop_unit(unit: LogicalUnit, sc: chiscsi_scsi_command, cdb: scsi.StartStopUnit) -> int:
    """START STOP UNIT: start and stop, and where the medium is removable, load and eject.

    Power conditions are all the same to a medium that does not rotate: with one, START and LOEJ do not count, and
    nothing changes. All is done at once, whatever IMMED says. A removable medium that is stopped, and not ejected,
    stays ready, as iscsi-test-cu has it: whoever wants it out of use can have it out.
    """
    if cdb.power_condition:
        return good(sc)
    if cdb.loej and not is_removable(unit):
        raise Refused(INVALID_FIELD_IN_CDB, _LOEJ_FIELD)
    if cdb.loej and unit.readiness.preventing:
        raise Refused(MEDIUM_REMOVAL_PREVENTED)
    if cdb.start:
        return _start(unit, sc, cdb)
    if not cdb.no_flush and unit.medium is not None:
        unit.medium.flush()
    if cdb.loej:
        unload(unit)
    elif not is_removable(unit):
        unit.readiness.stopped = True
        watch(unit)
    return good(sc)


def _start(unit: LogicalUnit, sc: chiscsi_scsi_command, cdb: scsi.StartStopUnit) -> int:
    if cdb.loej:
        load(unit, sc.sc_sess)
    else:
        unit.readiness.stopped = False
        watch(unit)
    return good(sc)


def prevent_allow_medium_removal(
    unit: LogicalUnit, sc: chiscsi_scsi_command, cdb: scsi.PreventAllowMediumRemoval
) -> int:
    """PREVENT ALLOW MEDIUM REMOVAL: as long as one nexus prevents it, nobody can eject the medium, or load it."""
    if cdb.prevent not in (Prevent.ALLOWED, Prevent.PREVENTED):
        raise Refused(INVALID_FIELD_IN_CDB, _PREVENT_FIELD)
    if cdb.prevent:
        unit.readiness.preventing.add(sc.sc_sess)
    else:
        unit.readiness.preventing.discard(sc.sc_sess)
    return good(sc)


_NONE: Final = Direction.NONE

START_STOP_COMMANDS: Final = (
    Command(scsi.StartStopUnit, _NONE, start_stop_unit),
    Command(scsi.PreventAllowMediumRemoval, _NONE, prevent_allow_medium_removal, needs=is_removable),
)
