"""`CommandOrder`: which commands of a LUN have to wait for others because of their task attribute (SAM-5, 8)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from chiscsi_target.api import ISCSI_TASK_ATTRIBUTES_HEAD_OF_QUEUE, ISCSI_TASK_ATTRIBUTES_ORDERED

if TYPE_CHECKING:
    from chiscsi_target.api import chiscsi_scsi_command

__all__ = ["CommandOrder"]


class CommandOrder:
    """The commands of one LUN, from their CDB to their cleanup. Used by the stack's thread only.

    Args:
        begin: what begins a command whose turn it is.
    """

    def __init__(self, begin: Callable[[chiscsi_scsi_command], object]) -> None:
        self._begin = begin
        self._active: list[chiscsi_scsi_command] = []
        self._waiting: list[chiscsi_scsi_command] = []

    def enter(self, sc: chiscsi_scsi_command) -> bool:
        """Take a command in; returns whether it may begin. If not, it is begun when its turn comes."""
        if sc.sc_attribute == ISCSI_TASK_ATTRIBUTES_HEAD_OF_QUEUE or (not self._waiting and self._may_begin(sc)):
            self._active.append(sc)
            return True
        self._waiting.append(sc)
        return False

    def leave(self, sc: chiscsi_scsi_command) -> None:
        """Let a command go that has ended, begun or not, and begin those that waited for it."""
        for commands in (self._active, self._waiting):
            if sc in commands:
                commands.remove(sc)
        while self._waiting and self._may_begin(self._waiting[0]):
            following = self._waiting.pop(0)
            self._active.append(following)
            self._begin(following)

    def _may_begin(self, sc: chiscsi_scsi_command) -> bool:
        """An ordered command waits for all before it, and all behind it wait for an ordered one."""
        if sc.sc_attribute == ISCSI_TASK_ATTRIBUTES_ORDERED:
            return not self._active
        return all(other.sc_attribute != ISCSI_TASK_ATTRIBUTES_ORDERED for other in self._active)
