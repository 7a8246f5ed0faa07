"""A thread's loop: waits for sockets, lets its worker work, sends what came of it."""

from __future__ import annotations

import os
import select
import traceback
from collections.abc import Callable
from threading import Lock, get_ident
from time import monotonic
from typing import TYPE_CHECKING

from chiscsi_target.core.agenda import ERROR
from chiscsi_target.shells.stream import Stream

if TYPE_CHECKING:
    import socket

    from chiscsi_target.core.connection import Connection
    from chiscsi_target.engine.worker import Worker


# How long a loop that is told to stop goes on sending what is queued, in seconds.
GRACE = 1.0


class Loop:
    """Runs one worker and the sockets of its connections, and accepts on listening sockets.

    Args:
        worker: what to run.
        spin: for how many seconds after an input to look for the next one without going to sleep. An initiator with one
            command at a time answers within that; to be woken up would take longer than to execute the command.
    """

    def __init__(self, worker: Worker, spin: float = 0.0) -> None:
        self.worker = worker
        self._spin = spin
        self._epoll = select.epoll()
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._epoll.register(self._wake, select.EPOLLIN)
        self._streams: dict[int, Stream] = {}
        self._by_connection: dict[Connection, Stream] = {}
        self._watched: dict[int, int] = {}
        self._listeners: dict[int, tuple[socket.socket, Callable[[], None]]] = {}
        self._lingering: set[Stream] = set()
        self._stopping = False
        self._closed = False
        self._closing = Lock()
        worker.wake = self.wake

    # From any thread

    def wake(self) -> None:
        """Make the loop look for work; nothing happens once it is closed."""
        with self._closing:
            # A driver may complete commands after the end: by then the descriptor may be somebody else's.
            if not self._closed:
                os.eventfd_write(self._wake, 1)

    def stop(self) -> None:
        """Make `run` return, after what is queued has been sent."""
        self._stopping = True
        self.wake()

    def close(self) -> None:
        """Close everything, of a loop that does not run any more, or never did."""
        self._settle()
        for stream in list(self._streams.values()):
            stream.abandon()
            self._drop_if_done(stream)
        self._settle()
        for sock, _ in list(self._listeners.values()):
            self.remove_listener(sock)
        with self._closing:
            self._closed = True
            self._epoll.close()
            os.close(self._wake)

    # From the loop's own thread

    def run(self) -> None:
        """Serve until `stop`."""
        self.worker.thread = get_ident()
        worker, poll = self.worker, self._epoll.poll
        worker.now = monotonic()
        self._settle()
        busy_until = 0.0
        while not self._stopping:
            events = poll(0) if monotonic() < busy_until else poll(self._timeout())
            self._work(events)
            if events and self._spin:
                busy_until = monotonic() + self._spin
        end = monotonic() + GRACE
        while any(stream.connection.output for stream in self._streams.values()) and monotonic() < end:
            self._work(poll(end - monotonic()))
        self.close()

    def _work(self, events: list[tuple[int, int]]) -> None:
        """Do what the events and the time ask for."""
        worker = self.worker
        worker.now = now = monotonic()
        for fd, event in events:
            self._handle(fd, event)
        if worker.deadline <= now:
            self._let(worker.handle_timers)
        if events or worker.queue or worker.dirty or self._lingering or worker.steps:
            self._settle()

    def attach(self, stream: Stream) -> None:
        """Watch a socket from now on."""
        fd = stream.sock.fileno()
        self._streams[fd] = stream
        self._by_connection[stream.connection] = stream
        self._watched[fd] = stream.interest
        self._epoll.register(fd, stream.interest)

    def detach(self, connection: Connection) -> Stream:
        """Watch a connection's socket no longer."""
        stream = self._by_connection.pop(connection)
        fd = stream.sock.fileno()
        del self._streams[fd], self._watched[fd]
        self._epoll.unregister(fd)
        return stream

    def add_listener(self, sock: socket.socket, accept: Callable[[], None]) -> None:
        """Call `accept` whenever a connection waits on a listening socket."""
        self._listeners[sock.fileno()] = sock, accept
        self._epoll.register(sock.fileno(), select.EPOLLIN)

    def remove_listener(self, sock: socket.socket) -> None:
        """Stop listening on a socket, and close it."""
        del self._listeners[sock.fileno()]
        self._epoll.unregister(sock.fileno())
        sock.close()

    def _timeout(self) -> float | None:
        if self.worker.steps:
            return 0
        deadlines = [self.worker.deadline, *(stream.deadline for stream in self._lingering)]
        deadline = min(deadlines) if len(deadlines) > 1 else deadlines[0]
        return None if deadline == float("inf") else max(deadline - monotonic(), 0)

    def _handle(self, fd: int, event: int) -> None:
        stream = self._streams.get(fd)
        if stream is not None:
            if event & ~select.EPOLLOUT:
                self._receive(stream)
            self.worker.dirty[stream.connection] = None
        elif fd == self._wake:
            os.eventfd_read(fd)
        else:
            self._listeners[fd][1]()

    def _receive(self, stream: Stream) -> None:
        """Receive; should this find a fault of ours, it ends the connection and no other."""
        try:
            stream.readable()
        except Exception:
            self.worker.log(ERROR, traceback.format_exc(), stream.connection.name)
            stream.connection.drop("internal error")

    def _let(self, work: Callable[[float], None]) -> None:
        """Let the worker work; should one of its calls find a fault of ours, the others are made all the same."""
        try:
            work(self.worker.now)
        except Exception:
            self.worker.log(ERROR, traceback.format_exc())

    def _settle(self) -> None:
        """Let the worker work, and send, until nothing is left to do now."""
        worker = self.worker
        for lingering in list(self._lingering):
            lingering.expire(worker.now)
            self._drop_if_done(lingering)
        self._let(worker.run)
        while worker.dirty or worker.queue:
            for connection in worker.take_dirty():
                stream = self._by_connection.get(connection)
                if stream is not None:
                    self._flush(stream)
            self._let(worker.run)

    def _flush(self, stream: Stream) -> None:
        fd = stream.sock.fileno()
        stream.flush(self.worker.now)
        if stream.done:
            self._drop_if_done(stream, fd)
            return
        if stream.deadline != float("inf"):
            self._lingering.add(stream)
        if self._watched[fd] != stream.interest:
            self._watched[fd] = stream.interest
            self._epoll.modify(fd, stream.interest)

    def _drop_if_done(self, stream: Stream, fd: int = -1) -> None:
        """Forget a socket that is closed; the kernel has taken it off the poll already."""
        if not stream.done:
            return
        self._lingering.discard(stream)
        self._by_connection.pop(stream.connection, None)
        for known in [known for known, other in self._streams.items() if other is stream]:
            del self._streams[known], self._watched[known]
        self.worker.disown(stream.connection)
