"""What a CHECK CONDITION does to other commands: auto contingent allegiance (ACA), and QERR (SAM-5, clause 5; SPC-4).

A command whose CONTROL byte has NACA set, and that ends with CHECK CONDITION, establishes an ACA condition for its
session, the faulted I_T nexus. QERR says whether the other commands of the task set go on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from chiscsi_target.api.constants import ISCSI_TASK_ATTRIBUTES_ACA
from chiscsi_target.scsi.aborts import ABORTED, abort_commands
from iscsi_wire.constants import ScsiStatus
from iscsi_wire.scsi_page_codes import QueueError

if TYPE_CHECKING:
    from chiscsi_target.api.scsi_command import chiscsi_scsi_command
    from chiscsi_target.scsi.logical_unit import LogicalUnit

__all__ = ["NACA", "after_check_condition", "clear_aca", "clear_all_aca", "naca", "note_end"]

NACA: Final = 0x04
"""The bit of the CONTROL byte (SAM-5, CONTROL byte)."""
_CONTROL_OCTET: Final = (5, 9, 9, 1, 15, 11)
"""Where CONTROL is, by the group of the operation code; CDBs of groups 6 and 7 are the vendor's."""


def naca(sc: chiscsi_scsi_command) -> bool:
    """Whether a command asks for an ACA condition if it fails."""
    group = sc.sc_cmd[0] >> 5
    return group < len(_CONTROL_OCTET) and bool(sc.sc_cmd[_CONTROL_OCTET[group]] & NACA)


def note_end(unit: LogicalUnit, sc: chiscsi_scsi_command) -> None:
    """Look at a command that ends with a status other than GOOD: its driver may have failed it."""
    if sc.sc_status == ScsiStatus.CHECK_CONDITION and unit.tasks.holds(sc) and not sc.sc_flag & ABORTED:
        after_check_condition(unit, sc)


def after_check_condition(unit: LogicalUnit, sc: chiscsi_scsi_command) -> None:
    """Do what follows when a command ends with CHECK CONDITION, once a command."""
    tasks, session = unit.tasks, sc.sc_sess
    tasks.drop(sc)
    if naca(sc):
        if not tasks.blocked(session) or session in tasks.faulted:
            tasks.fault(session)
    elif sc.sc_attribute == ISCSI_TASK_ATTRIBUTES_ACA and session in tasks.faulted:
        clear_aca(unit, session)
    if unit.qerr == QueueError.ABORT_OWN or (unit.qerr == QueueError.ABORT_ALL and tasks.divided):
        abort_commands(unit, sc, session)
    elif unit.qerr == QueueError.ABORT_ALL:
        for each in unit.device.sessions:
            abort_commands(unit, sc, each)


def clear_aca(unit: LogicalUnit, session: int | None) -> None:
    """End a session's ACA condition, if there is one: what waited for that goes on."""
    if session in unit.tasks.faulted:
        unit.tasks.clear(session, unit.device.start)


def clear_all_aca(unit: LogicalUnit) -> None:
    """End all ACA conditions, as a reset does."""
    for session in list(unit.tasks.faulted):
        clear_aca(unit, session)
