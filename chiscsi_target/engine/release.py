"""Commands that stay after their cleanup until the driver lets them go (behaviour file, 3.9): RELEASE_WAIT classes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chiscsi_target.api.constants import SC_FLAG_RELEASE_WAIT, ReturnCode
from chiscsi_target.api.findings import FindingKind
from chiscsi_target.core.task import CLOSED

if TYPE_CHECKING:
    from chiscsi_target.core.agenda import Agenda
    from chiscsi_target.core.task import Task

__all__ = ["let_go", "park"]


def park(task: Task) -> None:
    """Keep a command whose cleanup was called, unless its driver has let it go before."""
    if not task.let_go_ahead:
        task.sc_flag |= SC_FLAG_RELEASE_WAIT


def let_go(agenda: Agenda, task: Task) -> int:
    """Take a driver's word that it needs a command no longer; from any thread.

    Returns:
        0, or -EINVAL when it is gone already, or was never to be kept.
    """
    if task.session.keeps_released:
        if task.state != CLOSED and not task.let_go_ahead:
            task.let_go_ahead = True
            return 0
        if task.sc_flag & SC_FLAG_RELEASE_WAIT:
            task.sc_flag &= ~SC_FLAG_RELEASE_WAIT
            return 0
    text = f"chiscsi_scsi_cmd_ready_to_release: {task.name}, not kept"
    agenda.find(FindingKind.DEAD_COMMAND, text, task.connection.name, task.itt)
    return -ReturnCode.EINVAL
