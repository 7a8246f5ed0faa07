"""Ending commands on behalf of the device server: those that commands of others, or QERR, end (SAM-5)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from chiscsi_target.api.constants import SC_FLAG_SESS_ABORT
from chiscsi_target.core import scsi_response
from chiscsi_target.core.task import STATUS, Task

if TYPE_CHECKING:
    from chiscsi_target.api.scsi_command import chiscsi_scsi_command

__all__ = ["abort_commands"]


def abort_commands(_session: int, commands: Sequence[chiscsi_scsi_command], status: int) -> None:
    """End commands of one session; in its worker's thread.

    Args:
        commands: the commands; those are left alone that are over, or that a task management function ends already.
        status: what they end with once their data are in and their driver has given them up; GOOD (0) for nothing.
    """
    tasks = [sc for sc in commands if isinstance(sc, Task) and sc.state < STATUS and sc.aborting is None]
    if status:
        for task in tasks:
            _end_with(task, status)
    elif tasks:
        for task in tasks[0].session.end_silently(tasks, SC_FLAG_SESS_ABORT):
            task.connection.release(task)


def _end_with(task: Task, status: int) -> None:
    task.doom_to(status)
    if task.held:
        task.connection.agenda.call_abort(task)
    scsi_response.conclude_when_data_is_in(task)
