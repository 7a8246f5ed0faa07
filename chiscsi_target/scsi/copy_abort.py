"""COPY OPERATION ABORT: end a copy by its list identifier (SPC-4, 5.17.4.7 and 6.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from chiscsi_target.scsi.aborts import ABORTED
from chiscsi_target.scsi.commands import Command, Direction
from chiscsi_target.scsi.copy_failure import CLEARED_BY_DEVICE_SERVER
from chiscsi_target.scsi.ranges import has_medium
from chiscsi_target.scsi.refused import Refused
from chiscsi_target.scsi.reply import good, refuse
from chiscsi_target.scsi.sense import INVALID_FIELD_IN_CDB, Field
from iscsi_wire import scsi
from iscsi_wire.scsi_copy_codes import CopyStatus

if TYPE_CHECKING:
    from chiscsi_target.api.scsi_command import chiscsi_scsi_command
    from chiscsi_target.scsi.logical_unit import LogicalUnit

__all__ = ["COPY_ABORT_COMMANDS", "abort_copy"]

_IDENTIFIER_FIELD: Final = Field(2)


def abort_copy(unit: LogicalUnit, sc: chiscsi_scsi_command, cdb: scsi.CopyOperationAbort) -> int:
    """COPY OPERATION ABORT: no further step of the copy is taken, and the command that began it ends.

    What has been copied is copied. A copy is in the foreground, as IMMED changes nothing, so its command ends with
    COPY ABORTED.
    """
    working = unit.device.working
    result = unit.copies.find(sc.sc_sess, cdb.list_identifier)
    command = None if result is None or result.status != CopyStatus.IN_PROGRESS else result.command
    if result is None or command is None or command not in working or command.sc_flag & ABORTED:
        raise Refused(INVALID_FIELD_IN_CDB, _IDENTIFIER_FIELD)
    working.discard(command)
    result.status, result.failure = CopyStatus.FAILED, Refused(CLEARED_BY_DEVICE_SERVER)
    refuse(unit, command, result.failure)
    return good(sc)


COPY_ABORT_COMMANDS: Final = (Command(scsi.CopyOperationAbort, Direction.NONE, abort_copy, needs=has_medium),)
