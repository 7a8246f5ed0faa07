"""Commands that other commands end: how their initiators learn of it (SAM-5, aborting commands; TAS, SPC-4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from chiscsi_target.api.constants import SC_FLAG_CMD_ABORT, SC_FLAG_SESS_ABORT, SC_FLAG_TMF_ABORT
from chiscsi_target.api.functions import chiscsi_scsi_cmd_execution_status
from chiscsi_target.scsi.sense import COMMANDS_CLEARED_BY_ANOTHER_INITIATOR, INTERNAL_TARGET_FAILURE
from iscsi_wire.constants import ScsiStatus

if TYPE_CHECKING:
    from chiscsi_target.api.scsi_command import chiscsi_scsi_command
    from chiscsi_target.scsi.logical_unit import LogicalUnit

__all__ = ["ABORTED", "abort_commands", "give_up"]

ABORTED: Final = SC_FLAG_CMD_ABORT | SC_FLAG_SESS_ABORT | SC_FLAG_TMF_ABORT


def abort_commands(unit: LogicalUnit, sc: chiscsi_scsi_command, session: int | None) -> None:
    """End the commands of a session because of what `sc` did, itself excepted.

    Another session's end with TASK ABORTED if TAS is set; else without a status, and a unit attention condition tells
    of it. Those of the session that `sc` came from end without a word: it asked for that.
    """
    ended = [each for each in unit.tasks.of_session(session) if each is not sc]
    if session is None or not ended:
        return
    other = session != sc.sc_sess
    status = ScsiStatus.TASK_ABORTED if other and unit.tas else ScsiStatus.GOOD
    unit.device.abort_commands(session, ended, status)
    if other and not status:
        unit.establish_attention(session, COMMANDS_CLEARED_BY_ANOTHER_INITIATOR)


def give_up(sc: chiscsi_scsi_command) -> None:
    """Hand back a command that was ended while it waited for its turn: nothing of it is executed any more.

    Of a task management function nobody hears but the core, so the command is handed back here; the other causes come
    by `fp_scsi_cmd_abort`, which does so.
    """
    if not sc.sc_flag & SC_FLAG_TMF_ABORT:
        return
    if not sc.sc_status:
        sc.fail(*INTERNAL_TARGET_FAILURE)
    chiscsi_scsi_cmd_execution_status(sc, None, 0, 0, 0)
