"""The task set of a logical unit: which commands run, and which wait because of their task attribute (SAM-5, clause 8).

A SIMPLE command runs as soon as no ORDERED one is before it. An ORDERED command waits until all before it have ended,
and all behind it wait for it. HEAD OF QUEUE waits for nothing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from chiscsi_target.api.constants import ISCSI_TASK_ATTRIBUTES_HEAD_OF_QUEUE, ISCSI_TASK_ATTRIBUTES_ORDERED

if TYPE_CHECKING:
    from chiscsi_target.api.scsi_command import chiscsi_scsi_command

__all__ = ["TaskSet"]


class TaskSet:
    """Commands of all sessions on one logical unit, in the order in which they came."""

    __slots__ = ("_ordered", "_running", "_waiting")

    def __init__(self) -> None:
        self._running: set[chiscsi_scsi_command] = set()
        self._waiting: deque[chiscsi_scsi_command] = deque()
        self._ordered: chiscsi_scsi_command | None = None

    def admit(self, sc: chiscsi_scsi_command, start: Callable[[chiscsi_scsi_command], object]) -> bool:
        """Whether a command may run now; if not, `start` is called with it when its time has come."""
        attribute = sc.sc_attribute
        if attribute == ISCSI_TASK_ATTRIBUTES_HEAD_OF_QUEUE or (
            attribute != ISCSI_TASK_ATTRIBUTES_ORDERED and self._ordered is None and not self._waiting
        ):
            self._running.add(sc)
            return True
        self._waiting.append(sc)
        self._start_waiting(start)
        return False

    def ended(self, sc: chiscsi_scsi_command, start: Callable[[chiscsi_scsi_command], object]) -> None:
        """Take a command out, whether it ran or not, and start those that waited for it."""
        self._running.discard(sc)
        if self._waiting or self._ordered is not None:
            if self._ordered is sc:
                self._ordered = None
            if sc in self._waiting:
                self._waiting.remove(sc)
            self._start_waiting(start)

    def _start_waiting(self, start: Callable[[chiscsi_scsi_command], object]) -> None:
        while (sc := self._next()) is not None:
            start(sc)

    def _next(self) -> chiscsi_scsi_command | None:
        """The oldest waiting command, if it may run now; it is running from then on."""
        if not self._waiting or self._ordered is not None:
            return None
        ordered = self._waiting[0].sc_attribute == ISCSI_TASK_ATTRIBUTES_ORDERED
        if ordered and self._running:
            return None
        sc = self._waiting.popleft()
        if ordered:
            self._ordered = sc
        self._running.add(sc)
        return sc
