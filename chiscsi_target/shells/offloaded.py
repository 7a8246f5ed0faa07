"""A connection of the card under a connection of the core: what comes goes in, what is to be sent goes out."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from chiscsi_target.offload.tcp.messages import (
    CPL_ABORT_REQ,
    CPL_CLOSE_CON_REQ,
    CPL_RX_DATA_ACK,
    CPL_TX_DATA,
    ToCard,
)
from chiscsi_target.shells.stream import LINGER

if TYPE_CHECKING:
    from chiscsi_target.core.connection import Connection

NEVER = float("inf")


class Offloaded:
    """One connection of the card, from its CPL_PASS_ESTABLISH on.

    Args:
        tid: what card and host call it.
        connection: what its octets mean.
        credits: how many octets may be given to the card.
        post: gives the card a message.
        clock: says what time it is, in seconds.

    Attributes:
        deadline: when a connection that cannot get rid of its last octets is broken off, or infinity.
        done: the host is through with it.
    """

    def __init__(
        self,
        tid: int,
        connection: Connection,
        credits: int,
        post: Callable[[ToCard], None],
        clock: Callable[[], float],
    ) -> None:
        self.tid = tid
        self.connection = connection
        self.deadline = NEVER
        self.done = False
        self._credits = credits
        self._post = post
        self._clock = clock
        self._arrived: deque[bytes] = deque()
        self._ended = False

    # From the card

    def arrived(self, data: bytes) -> None:
        """Take the octets of a segment; `deliver` hands them on."""
        self._arrived.append(data)

    def ended(self) -> None:
        """Learn that nothing comes any more."""
        self._ended = True

    def credited(self, count: int) -> None:
        """Learn that the peer has acknowledged octets, so that as many more may be given to the card."""
        self._credits += count
        self.flush()

    def lost(self) -> None:
        """Learn that the card has given the connection up, or the peer has."""
        self._finish(reset=True)

    # To the core

    def deliver(self) -> bool:
        """Hand on the octets of one segment, as far as the core takes them; or the end. Returns whether it did."""
        connection = self.connection
        if self.done:
            return False
        if self._arrived:
            if connection.closing:
                self._use_up(len(self._arrived.popleft()))  # nobody reads it any more
                return True
            if connection.wants_input:
                self._receive(self._arrived.popleft())
                return True
        elif self._ended:
            self._post(CPL_CLOSE_CON_REQ(self.tid))
            self._finish(reset=False)
            return True
        return False

    def _receive(self, data: bytes) -> None:
        """Put octets where the core wants them; what finds no room comes first the next time."""
        connection, rest = self.connection, memoryview(data)
        for buffer in connection.receive_buffers():
            count = min(len(buffer), len(rest))
            buffer[:count] = rest[:count]
            rest = rest[count:]
        if rest:
            self._arrived.appendleft(bytes(rest))
        connection.agenda.now = self._clock()
        connection.received(len(data) - len(rest))
        self._use_up(len(data) - len(rest))

    def _use_up(self, count: int) -> None:
        self._post(CPL_RX_DATA_ACK(self.tid, count))

    # To the card

    def flush(self) -> None:
        """Give the card what is to be sent, as far as there are credits, and close a connection that is through."""
        connection = self.connection
        if self.done:
            return
        if connection.resetting:
            self.break_off()
            return
        self._send()
        if not connection.closing:
            return
        if not connection.output:
            self._post(CPL_CLOSE_CON_REQ(self.tid))
            self._finish(reset=False)
        elif self.deadline == NEVER:
            self.deadline = self._clock() + LINGER

    def break_off(self) -> None:
        """End the connection at once, whatever has not been sent."""
        self._post(CPL_ABORT_REQ(self.tid))
        self._finish(reset=True)

    def _send(self) -> None:
        connection = self.connection
        pieces, count = [], 0
        for buffer in connection.output:
            piece = bytes(memoryview(buffer)[: self._credits - count])
            pieces.append(piece)
            count += len(piece)
            if count == self._credits:
                break
        if count:
            self._credits -= count
            self._post(CPL_TX_DATA(self.tid, b"".join(pieces)))
            connection.transmitted(count)

    def _finish(self, *, reset: bool) -> None:
        """Let go of the connection. The card goes on with it: what it was given still has to arrive."""
        self.done = True
        self.deadline = NEVER
        if self._arrived:
            self._use_up(sum(map(len, self._arrived)))
            self._arrived.clear()
        self.connection.transport_closed(reset)
