"""The task set of a logical unit: which commands run, and which wait because of their task attribute (SAM-5, clause 8).

A SIMPLE command runs as soon as no ORDERED one is before it. An ORDERED command waits until all before it have ended,
and all behind it wait for it. HEAD OF QUEUE waits for nothing. While an ACA condition is in force nothing starts that
waits (SAM-5, effects of auto contingent allegiance).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from chiscsi_target.api.constants import ISCSI_TASK_ATTRIBUTES_HEAD_OF_QUEUE, ISCSI_TASK_ATTRIBUTES_ORDERED
from chiscsi_target.api.logical_unit import LARGEST_TASK_SET

if TYPE_CHECKING:
    from chiscsi_target.api.scsi_command import chiscsi_scsi_command

__all__ = ["TaskSet"]

Start: TypeAlias = "Callable[[chiscsi_scsi_command], object]"


class _Lane:
    """Commands that are ordered among each other: what waits, and the ORDERED one that all behind it wait for."""

    __slots__ = ("ordered", "waiting")

    def __init__(self) -> None:
        self.ordered: chiscsi_scsi_command | None = None
        self.waiting: deque[chiscsi_scsi_command] = deque()


class TaskSet:
    """Commands of all sessions on one logical unit, in the order in which they came.

    Attributes:
        limit: how many commands there may be; when it is lowered, those that are there stay.
        faulted: the sessions for which an ACA condition is in force; changed by `fault` and `clear`.
    """

    __slots__ = ("_divided", "_lanes", "_open", "_running", "faulted", "limit")

    def __init__(self, limit: int = LARGEST_TASK_SET) -> None:
        self.limit = limit
        self.faulted: set[int | None] = set()
        self._running: set[chiscsi_scsi_command] = set()
        self._lanes: dict[int | None, _Lane] = {}
        self._divided = False
        self._open = True  # nothing waits, or makes others wait: the plain case

    def __len__(self) -> int:
        return len(self._running) + sum(len(lane.waiting) for lane in self._lanes.values())

    @property
    def divided(self) -> bool:
        """Whether each session has a task set of its own (TST of the Control mode page)."""
        return self._divided

    @divided.setter
    def divided(self, value: bool) -> None:
        """Order commands from now on so; those that wait already keep their places."""
        self._divided = value

    def take(self, sc: chiscsi_scsi_command) -> bool:
        """Have a command run at once if nothing is in its way; if not, it is to be looked at more closely."""
        running = self._running
        if self._open and sc.sc_attribute < ISCSI_TASK_ATTRIBUTES_ORDERED and len(running) < self.limit:
            running.add(sc)
            return True
        return False

    def run(self, sc: chiscsi_scsi_command) -> None:
        """Have a command run, whatever is before it."""
        self._running.add(sc)

    def admit(self, sc: chiscsi_scsi_command, start: Start) -> bool:
        """Whether a command may run now; if not, `start` is called with it when its time has come."""
        attribute = sc.sc_attribute
        key = self._key(sc)
        lane = self._lanes.get(key)
        if attribute == ISCSI_TASK_ATTRIBUTES_HEAD_OF_QUEUE or (
            attribute != ISCSI_TASK_ATTRIBUTES_ORDERED and lane is None
        ):
            self._running.add(sc)
            return True
        if lane is None:
            lane = self._lanes[key] = _Lane()
            self._open = False
        lane.waiting.append(sc)
        self._start_waiting(key, lane, start)
        return False

    def ended(self, sc: chiscsi_scsi_command, start: Start) -> None:
        """Take a command out, whether it ran or not, and start those that waited for it."""
        self._running.discard(sc)
        if self._open:
            return
        for lane in self._lanes.values():
            if lane.ordered is sc:
                lane.ordered = None
            if sc in lane.waiting:
                lane.waiting.remove(sc)
        self.resume(start)

    def holds(self, sc: chiscsi_scsi_command) -> bool:
        """Whether a command runs that has not been given up by `drop`."""
        return sc in self._running

    def drop(self, sc: chiscsi_scsi_command) -> None:
        """Count a command no longer as running, though it has not left yet."""
        self._running.discard(sc)

    def of_session(self, session: int | None) -> list[chiscsi_scsi_command]:
        """The commands of a session, running and waiting ones."""
        waiting = [sc for lane in self._lanes.values() for sc in lane.waiting]
        return [sc for sc in (*self._running, *waiting) if sc.sc_sess == session]

    # ACA conditions

    def fault(self, session: int | None) -> None:
        """Start nothing that waits as long as an ACA condition is in force for a session."""
        self.faulted.add(session)
        self._open = False

    def clear(self, session: int | None, start: Start) -> None:
        """End the ACA condition of a session, and let those run that waited."""
        self.faulted.discard(session)
        self.resume(start)

    def resume(self, start: Start) -> None:
        """Start all that need not wait any more."""
        for key, lane in list(self._lanes.items()):
            self._start_waiting(key, lane, start)
        self._open = not self._lanes and not self.faulted

    def blocked(self, session: int | None) -> bool:
        """Whether an ACA condition keeps the commands of a session from being started."""
        return session in self.faulted if self._divided else bool(self.faulted)

    # Order

    def _key(self, sc: chiscsi_scsi_command) -> int | None:
        return sc.sc_sess if self._divided else None

    def _start_waiting(self, key: int | None, lane: _Lane, start: Start) -> None:
        while (sc := self._next(key, lane)) is not None:
            start(sc)
        if lane.ordered is None and not lane.waiting and self._lanes.get(key) is lane:
            del self._lanes[key]

    def _next(self, key: int | None, lane: _Lane) -> chiscsi_scsi_command | None:
        """The oldest waiting command, if it may run now; it is running from then on."""
        if not lane.waiting or lane.ordered is not None or self.blocked(key):
            return None
        ordered = lane.waiting[0].sc_attribute == ISCSI_TASK_ATTRIBUTES_ORDERED
        if ordered and self._any_running(key):
            return None
        sc = lane.waiting.popleft()
        if ordered:
            lane.ordered = sc
        self._running.add(sc)
        return sc

    def _any_running(self, key: int | None) -> bool:
        if key is None:
            return bool(self._running)
        return any(sc.sc_sess == key for sc in self._running)
