"""Whether a command gets into a task set at all: ACA ACTIVE, BUSY and TASK SET FULL (SAM-5, status codes)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from chiscsi_target.api.constants import ISCSI_TASK_ATTRIBUTES_ACA
from chiscsi_target.scsi.aca import naca
from chiscsi_target.scsi.reply import end, fail
from chiscsi_target.scsi.sense import INVALID_MESSAGE
from iscsi_wire.constants import ScsiStatus
from iscsi_wire.scsi_codes import OperationCode
from iscsi_wire.scsi_parameter_codes import PersistentReserveOut

if TYPE_CHECKING:
    from chiscsi_target.api.scsi_command import chiscsi_scsi_command
    from chiscsi_target.scsi.logical_unit import LogicalUnit

__all__ = ["admit"]

_SERVICE_ACTION: Final = 0x1F


def admit(unit: LogicalUnit, sc: chiscsi_scsi_command) -> bool:
    """Whether a command that is not plainly the next one may run now; if not, it waits, or is refused here."""
    tasks, session = unit.tasks, sc.sc_sess
    if len(tasks) >= tasks.limit:
        # A session that has no command in the task set has none to wait for: it is to come again later.
        end(sc, ScsiStatus.TASK_SET_FULL if tasks.of_session(session) else ScsiStatus.BUSY)
        return False
    if sc.sc_attribute != ISCSI_TASK_ATTRIBUTES_ACA and not tasks.blocked(session):
        return tasks.admit(sc, unit.device.start)
    if _refuse(unit, sc):
        return False
    tasks.run(sc)
    return True


def _refuse(unit: LogicalUnit, sc: chiscsi_scsi_command) -> bool:
    """Refuse a command that an ACA condition does not let pass (SAM-5, commands while an ACA condition is in force)."""
    aca = sc.sc_attribute == ISCSI_TASK_ATTRIBUTES_ACA
    if sc.sc_sess in unit.tasks.faulted:
        # "The" ACA command: there is one at a time.
        others = unit.tasks.of_session(sc.sc_sess)
        if aca and not any(each.sc_attribute == ISCSI_TASK_ATTRIBUTES_ACA for each in others):
            return False
        end(sc, ScsiStatus.ACA_ACTIVE)
    elif aca:
        fail(unit, sc, INVALID_MESSAGE)
    elif _preempts(sc):
        return False
    else:
        end(sc, ScsiStatus.ACA_ACTIVE if naca(sc) else ScsiStatus.BUSY)
    return True


def _preempts(sc: chiscsi_scsi_command) -> bool:
    """Whether a command may help another session out: PREEMPT AND ABORT ends an ACA condition."""
    preempting = sc.sc_cmd[1] & _SERVICE_ACTION == PersistentReserveOut.PREEMPT_AND_ABORT
    return sc.sc_cmd[0] == OperationCode.PERSISTENT_RESERVE_OUT and preempting
