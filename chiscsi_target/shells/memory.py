"""The in-memory shell: no sockets, no threads, and a clock that moves only when somebody waits."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from chiscsi_target.api.endpoints import chiscsi_tcp_endpoints, tcp_endpoint

if TYPE_CHECKING:
    from chiscsi_target.core.connection import Connection
    from chiscsi_target.core.portal import Portal
    from chiscsi_target.target_module import TargetModule

_FIRST_PORT = 40000


class MemoryTarget:
    """Runs a Target Module in the caller's thread.

    Args:
        module: which.
        segments: how many octets a connection gets at once; 0 for as many as there are.

    Attributes:
        now: the clock, in seconds.
        segments: as given.
    """

    def __init__(self, module: TargetModule, segments: int = 0) -> None:
        self.module = module
        self.segments = segments
        self.now = 0.0
        self._pipes: dict[Connection, MemoryConnection] = {}
        self._next_port = _FIRST_PORT
        module.wait_until = self._wait_until

    def connect(self, portal: Portal) -> MemoryConnection:
        """Open a connection to a portal."""
        self._next_port += 1
        initiator = tcp_endpoint("127.0.0.1", self._next_port)
        endpoints = chiscsi_tcp_endpoints(iaddr=initiator, taddr=portal.address)
        connection = self.module.directory.accept(endpoints, portal, self.now)
        pipe = self._pipes[connection] = MemoryConnection(self, connection)
        return pipe

    def pump(self) -> None:
        """Let all workers work until there is nothing left to do."""
        directory = self.module.directory
        workers = (directory.login_worker, *directory.workers)
        busy = True
        while busy:
            busy = False
            for worker in workers:
                worker.run(self.now)
                for connection in worker.take_dirty():
                    busy = True
                    self._pipes[connection].flush()
                    if connection.closing:
                        worker.disown(connection)
                        del self._pipes[connection]
            busy = busy or any(worker.queue or worker.steps for worker in workers)

    def advance(self, seconds: float) -> None:
        """Let time pass, stopping at each timer on the way."""
        end = self.now + seconds
        while (due := self._next_deadline()) <= end:
            self.now = max(due, self.now)
            self._handle_timers()
        self.now = end
        self.pump()

    def advance_to_timer(self, limit: float) -> bool:
        """Let time pass up to the next timer, if that is not later than `limit`; returns whether there was one."""
        due = self._next_deadline()
        if due > limit:
            return False
        self.now = max(due, self.now)
        self._handle_timers()
        return True

    def _next_deadline(self) -> float:
        directory = self.module.directory
        return min(worker.deadline for worker in (directory.login_worker, *directory.workers))

    def _handle_timers(self) -> None:
        directory = self.module.directory
        for worker in (directory.login_worker, *directory.workers):
            if worker.deadline <= self.now:
                worker.handle_timers(self.now)
        self.pump()

    def _wait_until(self, condition: Callable[[], bool]) -> None:
        self.pump()
        if not condition():
            raise RuntimeError("nothing is left to do, and the condition does not hold")


class MemoryConnection:
    """The initiator's end of a connection.

    Attributes:
        local, peer: the addresses of the two ends, as `address:port`.
        was_reset: the target reset the connection rather than closing it.
    """

    def __init__(self, target: MemoryTarget, connection: Connection) -> None:
        self._target = target
        self._connection = connection
        self._inbox = bytearray()
        self._waiting = bytearray()
        self._closed_by_target = False
        self._closed = False
        self.was_reset = False
        ends = connection.endpoints
        self.local = str(ends.iaddr)
        self.peer = str(ends.taddr)

    def send(self, data: bytes) -> None:
        """Hand octets to the target, as one segment.

        Raises:
            ConnectionResetError: the target has closed the connection.
        """
        if self._closed_by_target or self._closed:
            raise ConnectionResetError("the connection is closed")
        self._waiting += data
        self._deliver()

    def receive(self, timeout: float) -> bytes | None:
        """Take what the target has sent.

        Args:
            timeout: how many seconds of the target's clock may pass before it has sent something.

        Returns:
            Octets; b"" when the target has closed the connection; None when nothing came in time.
        """
        limit = self._target.now + timeout
        self._deliver()
        while not self._inbox and not self._closed_by_target:
            if not self._target.advance_to_timer(limit):
                self._target.now = limit
                return None
            self._deliver()
        data = bytes(self._inbox)
        self._inbox.clear()
        return data

    def close(self) -> None:
        """Close the connection in order."""
        self._end(reset=False)

    def reset(self) -> None:
        """Break the connection off."""
        self._end(reset=True)

    def _end(self, *, reset: bool) -> None:
        if not self._closed and not self._closed_by_target:
            self._closed = True
            self._connection.agenda.now = self._target.now
            self._connection.transport_closed(reset)
            self._target.pump()
        self._closed = True

    def _deliver(self) -> None:
        """Move octets to the target as long as it takes them."""
        connection = self._connection
        self._target.pump()
        while self._waiting and connection.wants_input:
            buffer = connection.receive_buffers()[0]
            count = min(len(buffer), len(self._waiting), self._target.segments or len(self._waiting))
            buffer[:count] = self._waiting[:count]
            del self._waiting[:count]
            connection.agenda.now = self._target.now
            connection.received(count)
            self._target.pump()

    def flush(self) -> None:
        """Take the connection's output; the target's shell calls this."""
        connection = self._connection
        if connection.output:
            data = b"".join(connection.output)
            if not self._closed:
                self._inbox += data
            connection.transmitted(len(data))
        if connection.closing:
            self._closed_by_target = True
            self.was_reset = connection.resetting
