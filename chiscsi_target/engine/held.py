"""What storage drivers have and owe an answer for: their commands, and task management requests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chiscsi_target.api.held import HeldCommand
from chiscsi_target.core.task import STATE_NAMES, Task
from iscsi_wire.constants import TaskManagementFunction

if TYPE_CHECKING:
    from collections.abc import Iterable

    from chiscsi_target.core.session import Session
    from chiscsi_target.core.task_management import TaskManagement
    from chiscsi_target.engine.worker import Worker

__all__ = ["held_by_drivers"]


def held_by_drivers(sessions: Iterable[Session], workers: Iterable[Worker]) -> list[HeldCommand]:
    """All commands that drivers hold, those of sessions that are gone included, and requests not answered."""
    held: list[HeldCommand] = []
    for session in sessions:
        held += [_command(task) for task in list(session.tasks.values()) if task.held]
        held += [_request(request) for request in list(session.requests) if request.awaits_driver]
    for worker in workers:
        held += [_command(task) for task in list(worker.orphans)]
    return held


def _command(task: Task) -> HeldCommand:
    over = task.session.tasks.get(task.sc_itt) is not task
    state = STATE_NAMES[task.state]
    return HeldCommand(task.session.handle, task.sc_itt, task.sc_lun, task.sc_cmd.hex(), state, over)


def _request(request: TaskManagement) -> HeldCommand:
    name = TaskManagementFunction(request.function).name
    return HeldCommand(request.session.handle, request.tag, request.lun, name)
