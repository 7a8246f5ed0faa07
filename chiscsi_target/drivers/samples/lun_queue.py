"""`LunQueue`: a driver's own queue of work for one LUN (guide 5.2.2.3), worked off by a thread, or inside the hooks."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from threading import Condition, Thread
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from chiscsi_target.api import chiscsi_scsi_command

__all__ = ["Job", "LunQueue"]

Job: TypeAlias = "Callable[[chiscsi_scsi_command], None]"
"""Does a piece of work for a command."""


class LunQueue:
    """Jobs for the commands of one LUN, done one at a time and in order.

    A job may put further jobs, for its own command or another. No lock is held while a job runs.

    Args:
        threaded: a thread of its own does the jobs, which ends with the program; otherwise `put` does them at once,
            and whoever calls it waits. The latter suits a stack whose time is a pretended one.
    """

    def __init__(self, *, threaded: bool = False) -> None:
        self._jobs: deque[tuple[chiscsi_scsi_command, Job]] = deque()
        self._running: chiscsi_scsi_command | None = None
        self._changed = Condition()
        self._thread = Thread(target=self._serve, name="lun-queue", daemon=True) if threaded else None
        if self._thread is not None:
            self._thread.start()

    def put(self, sc: chiscsi_scsi_command, job: Job) -> None:
        """Have `job(sc)` done after the jobs that are there."""
        with self._changed:
            self._jobs.append((sc, job))
            self._changed.notify()
            idle = self._thread is None and self._running is None
        if idle:
            while self._do_next():
                pass

    def give_up(self, sc: chiscsi_scsi_command) -> bool:
        """Drop a command's jobs.

        Returns:
            Whether nothing will be done for the command any more; False when a job of it runs at this moment.
        """
        with self._changed:
            for entry in [entry for entry in self._jobs if entry[0] is sc]:
                self._jobs.remove(entry)
            return self._running is not sc

    def _do_next(self) -> bool:
        with self._changed:
            if not self._jobs:
                return False
            sc, job = self._jobs.popleft()
            self._running = sc
        try:
            job(sc)
        finally:
            with self._changed:
                self._running = None
        return True

    def _serve(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: bool(self._jobs))
            self._do_next()
