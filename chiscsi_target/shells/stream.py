"""A socket under a connection: non-blocking, driven by a loop."""

from __future__ import annotations

import errno
import socket
import struct
from select import EPOLLIN, EPOLLOUT
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chiscsi_target.core.connection import Connection

# How many buffers one sendmsg takes (IOV_MAX on Linux).
_MAX_BUFFERS = 1024
# After the last response the target stops sending but reads on for a while: closing at once would answer what the
# initiator still sends with a reset, which may overtake the response.
LINGER = 2.0
_SCRAP = bytearray(65536)
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Stream:
    """One connection's socket.

    Attributes:
        connection: what its octets mean.
        interest: the events that the loop has to watch for.
        deadline: when a lingering socket is closed, or infinity.
        done: the socket is closed.
    """

    def __init__(self, sock: socket.socket, connection: Connection) -> None:
        sock.setblocking(False)
        self.sock = sock
        self.connection = connection
        self.interest = EPOLLIN
        self.deadline = float("inf")
        self.done = False

    def readable(self) -> None:
        """Receive once, and hand what came to the connection."""
        connection = self.connection
        try:
            if connection.closing:
                count = self.sock.recv_into(_SCRAP)
            else:
                buffers = connection.receive_buffers()
                count = self.sock.recv_into(buffers[0]) if len(buffers) == 1 else self.sock.recvmsg_into(buffers)[0]
        except BlockingIOError:
            return
        except OSError:
            self._close_now(reset=True)
            return
        if count == 0:
            self._close_now(reset=False)
        elif not connection.closing:
            connection.received(count)

    def flush(self, now: float) -> None:
        """Send what there is, as far as the transport takes it, and close a connection that is through."""
        connection = self.connection
        if self.done:
            return
        if connection.resetting:
            self._close_now(reset=True)
            return
        sent = 0
        try:
            while connection.output:
                sent = self.sock.sendmsg(connection.output[:_MAX_BUFFERS])
                connection.transmitted(sent)
        except BlockingIOError:
            pass
        except OSError as error:
            if error.errno == errno.EFAULT:
                connection.output_unreadable()
            self._close_now(reset=True)
            return
        if connection.closing and (sent or self.deadline == float("inf")):
            self._linger(now)
        self.interest = (EPOLLIN if connection.wants_input or self.deadline != float("inf") else 0) | (
            EPOLLOUT if connection.output else 0
        )

    def expire(self, now: float) -> None:
        """Close a socket that has lingered long enough; break it off if the initiator has not taken everything."""
        if self.deadline <= now:
            self._close_now(reset=bool(self.connection.output))

    def abandon(self) -> None:
        """Close the socket, since nobody is left to serve it."""
        self._close_now(reset=bool(self.connection.output))

    def _linger(self, now: float) -> None:
        """Give the initiator time to take what is queued, and then to close its side."""
        self.deadline = now + LINGER
        if not self.connection.output:
            try:
                self.sock.shutdown(socket.SHUT_WR)
            except OSError:
                self._close_now(reset=False)

    def _close_now(self, *, reset: bool) -> None:
        if self.done:
            return
        self.done = True
        if reset:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self.sock.close()
        self.connection.transport_closed(reset)
