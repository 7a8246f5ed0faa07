"""What a Target Module says of its storage drivers: what they hold, and what they did wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chiscsi_target.api.held import HeldCommand
from chiscsi_target.core.task import STATE_NAMES, Task
from iscsi_wire.constants import TaskManagementFunction

if TYPE_CHECKING:
    from chiscsi_target.core.task_management import TaskManagement
    from chiscsi_target.engine.directory import Directory
    from iscsi_wire.records import FindingRecord

__all__ = ["DriverWatch"]


class DriverWatch:
    """The questions about drivers that a Target Module answers, from any thread."""

    directory: Directory

    @property
    def findings(self) -> list[FindingRecord]:
        """What storage drivers did wrong (`chiscsi_target.api.findings`), worker by worker; of very many, the newest.

        Kinds that take time to look for are there when the module was made with `findings=True` or is listened to.
        """
        workers = (self.directory.login_worker, *self.directory.workers)
        return [record for worker in workers for record in list(worker.findings)]

    def held_commands(self) -> list[HeldCommand]:
        """What drivers were given and owe an answer for: commands, those of sessions that are gone included, and
        task management requests. A driver that never answers has them pending for ever; nothing else is affected.
        """
        held: list[HeldCommand] = []
        for session in list(self.directory.registry.sessions.values()):
            held += [_command(task, False) for task in list(session.tasks.values()) if task.held]
            held += [_request(request) for request in list(session.requests) if request.awaits_driver]
        for worker in self.directory.workers:
            held += [_command(task, True) for task in list(worker.orphans)]
        return held


def _command(task: Task, aborted: bool) -> HeldCommand:
    cdb, state = task.sc_cmd.hex(), STATE_NAMES[task.state]
    return HeldCommand(task.session.handle, task.itt, task.sc_lun, cdb, state, aborted)


def _request(request: TaskManagement) -> HeldCommand:
    name = TaskManagementFunction(request.function).name
    return HeldCommand(request.session.handle, request.tag, request.lun, name)
