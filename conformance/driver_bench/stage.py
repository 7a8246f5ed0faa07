"""Where a bench's module runs: in memory under a fake clock, or over TCP in threads of its own."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Protocol

from chiscsi_target.shells.memory import MemoryTarget
from chiscsi_target.shells.sockets import SocketTarget
from initiator_sim.outcomes import HarnessFault
from initiator_sim.transport import TcpTransport, Transport

if TYPE_CHECKING:
    from chiscsi_target.core.portal import Portal
    from chiscsi_target.target_module import TargetModule

Work = Callable[[], None]
PATIENCE = 5.0
"""Seconds to wait for something that another thread does."""


class Stage(Protocol):
    """What a bench asks of the place where its module runs.

    Attributes:
        portals: those that were listened on so far, in order.
    """

    portals: list[Portal]

    def clock(self) -> float:
        """The time that the module lives by, in seconds."""

    def connect(self, portal: Portal) -> Transport:
        """Open a connection."""

    def defer(self, work: Work, thread: bool) -> None:
        """Have work done when the hook that is running has returned; in another thread if wanted."""

    def wait(self, condition: Callable[[], bool]) -> bool:
        """Let the module work until the condition holds; returns whether it came to hold."""

    def keep_whole(self) -> None:
        """Have what is sent arrive as it was sent from now on, however small a run makes its segments."""

    def settle(self) -> None:
        """Let the module work until it has nothing left to do."""

    def advance(self, seconds: float) -> None:
        """Let time pass."""

    def notify(self) -> None:
        """Learn that something was observed, from any thread."""

    def close(self) -> None:
        """End threads."""


class MemoryStage:
    """In memory: nothing happens but when the case waits, and time passes as it says.

    Args:
        module: whose stage it is.
        segments: how many octets reach it at once; 0 for as many as were sent.
    """

    def __init__(self, module: TargetModule, segments: int = 0) -> None:
        self._work: deque[tuple[Work, bool]] = deque()
        self._shell = _WorkingTarget(module, self._work, segments)
        self.portals: list[Portal] = []
        _note_portals(module, self.portals)

    def clock(self) -> float:
        """The fake clock."""
        return self._shell.now

    def connect(self, portal: Portal) -> Transport:
        """A pipe."""
        return self._shell.connect(portal)

    def defer(self, work: Work, thread: bool) -> None:
        """The work is done once the module is at rest."""
        self._work.append((work, thread))

    def wait(self, condition: Callable[[], bool]) -> bool:
        """Nothing changes by waiting longer."""
        self._shell.pump()
        return condition()

    def keep_whole(self) -> None:
        """No segments any more."""
        self._shell.segments = 0

    def settle(self) -> None:
        """Pump."""
        self._shell.pump()

    def advance(self, seconds: float) -> None:
        """The clock jumps, from timer to timer."""
        self._shell.advance(seconds)

    def notify(self) -> None:
        """Nobody sleeps here."""

    def close(self) -> None:
        """There is only the driver's thread."""
        self._shell.end()


class _WorkingTarget(MemoryTarget):
    """A memory shell that does the driver's deferred work whenever the module is at rest."""

    def __init__(self, module: TargetModule, work: deque[tuple[Work, bool]], segments: int) -> None:
        self._driver_work = work
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="driver")
        super().__init__(module, segments)

    def end(self) -> None:
        """End the driver's thread, if there ever was work for it."""
        self._thread.shutdown()

    def pump(self) -> None:
        """Work on both sides until neither has anything left."""
        super().pump()
        while self._driver_work:
            work, thread = self._driver_work.popleft()
            if thread:
                self._thread.submit(work).result()
            else:
                work()
            super().pump()


class SocketStage:
    """Over TCP: the module has its threads, and the driver has some for what it does later."""

    clock = staticmethod(time.monotonic)

    def __init__(self, module: TargetModule) -> None:
        self._changed = threading.Condition()
        self._module = module
        self._shell = SocketTarget(module)
        self.portals: list[Portal] = []
        _note_portals(module, self.portals)
        self._driver = ThreadPoolExecutor(4, thread_name_prefix="driver")
        self._shell.start()

    def connect(self, portal: Portal) -> Transport:
        """A TCP connection."""
        return TcpTransport.connect(portal.address.ip, portal.address.port)

    def defer(self, work: Work, thread: bool) -> None:
        """The driver's threads do it, whichever is free."""
        self._driver.submit(work)

    def wait(self, condition: Callable[[], bool]) -> bool:
        """Sleep until something is observed that makes the condition true, or patience ends."""
        with self._changed:
            return self._changed.wait_for(condition, PATIENCE)

    def keep_whole(self) -> None:
        """Nobody cuts here."""

    def settle(self) -> None:
        """Let every worker pass a mark that was put behind all it has to do now, twice."""
        directory = self._module.directory
        for worker in (directory.login_worker, *directory.workers) * 2:
            passed = threading.Event()
            worker.post(threading.Event.set, passed)
            if not passed.wait(PATIENCE):
                raise HarnessFault("a worker of the module does not come to an end")

    def advance(self, seconds: float) -> None:
        """Real time cannot be made to pass.

        Raises:
            HarnessFault: always.
        """
        raise HarnessFault("a bench over TCP has no fake clock")

    def notify(self) -> None:
        """Wake whoever waits."""
        with self._changed:
            self._changed.notify_all()

    def close(self) -> None:
        """Stop serving, and let the driver's threads end."""
        self._driver.shutdown()
        self._shell.stop()


def _note_portals(module: TargetModule, portals: list[Portal]) -> None:
    listen = module.listen

    def noted(portal: Portal) -> None:
        listen(portal)
        portals.append(portal)

    module.listen = noted
