"""The sending half of a connection: what is queued, what is on its way, and what may leave (RFC 9293 section 3.8).

Positions count sequence numbers from our SYN, which is 0, and do not wrap: the first octet of data has position 1.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from chiscsi_target.errors import ChiscsiError
from chiscsi_target.offload.tcp.congestion import Congestion
from chiscsi_target.offload.tcp.settings import TcpSettings
from iscsi_wire.sequence import sn_diff

DEFAULT_MSS: Final = {4: 536, 16: 1220}
"""Octets by the length of an address: what a peer takes that does not say (RFC 9293 section 3.7.1)."""
_LEAST_MSS: Final = 28
"""What fits into the smallest packet that every module forwards (RFC 791), 68 octets, with 40 of headers."""


class OutOfCredits(ChiscsiError):
    """The host gave more to send than it had credits for: its own fault."""


class Piece(NamedTuple):
    """What a segment is to carry: octets from a position on, and whether FIN follows them."""

    position: int
    data: bytes
    fin: bool


class Sender:
    """What is to be sent.

    Args:
        iss: our initial sequence number.
        settings: sizes.
        mss: the largest segment to send, in octets.

    Attributes:
        una, nxt: SND.UNA and SND.NXT as positions; `nxt` is behind what was ever sent.
        window: SND.WND, in octets; `largest_window`, the largest that it was (MAX.SND.WND).
        congestion: how much may be on its way.
        closing: FIN follows the last octet.
    """

    def __init__(self, iss: int, settings: TcpSettings, mss: int) -> None:
        self.iss = iss
        self.mss = max(mss, _LEAST_MSS)
        self.una = 0
        self.nxt = 1  # behind our SYN
        self.window = 0
        self.shift = 0
        self.congestion = Congestion(self.mss)
        self.closing = False
        self._capacity = settings.send_buffer
        self._buffer = bytearray()
        self._base = 1  # the position of the buffer's first octet
        self._cursor = 1  # where to send on from: before `nxt` once something has to be sent again
        self.largest_window = 0
        self._wl1 = self._wl2 = -1

    # What the host gives

    @property
    def room(self) -> int:
        """How many octets may be queued."""
        return max(self._capacity - len(self._buffer), 0)

    def queue(self, data: bytes) -> None:
        """Queue octets behind the others; behind a close, nothing is queued.

        Raises:
            OutOfCredits: there is no room for them.
        """
        if len(data) > self.room:
            raise OutOfCredits(f"{len(data)} octets, and credits for {self.room}")
        if not self.closing:
            self._buffer += data

    # Where things are

    def seq(self, position: int) -> int:
        """The sequence number of a position."""
        return self.iss + position & 0xFFFFFFFF

    def position(self, seq: int) -> int:
        """The position that a sequence number means: the one nearest to SND.UNA."""
        return self.una + sn_diff(seq, self.seq(self.una))

    @property
    def flight(self) -> int:
        """How much is on its way, SYN and FIN included."""
        return self.nxt - self.una

    @property
    def _data_end(self) -> int:
        return self._base + len(self._buffer)

    @property
    def end(self) -> int:
        """The position behind everything that is queued, FIN included."""
        return self._data_end + self.closing

    @property
    def unsent(self) -> bool:
        """Whether something has not been sent yet, or has to be sent again."""
        return self._cursor < self.end

    @property
    def fin_acknowledged(self) -> bool:
        """Whether our FIN has arrived."""
        return self.closing and self.una == self.end

    # What the peer says

    def window_said(self, seq: int, ack: int, field: int) -> None:
        """Take in SEG.WND, unless an older segment says it (section 3.10.7.4, fifth: SND.WL1 and SND.WL2).

        Args:
            seq: position of the segment's own sequence number, in the peer's counting.
            ack: position of what it acknowledges.
            field: the window, unscaled.
        """
        if (self._wl1, self._wl2) <= (seq, ack):
            self._wl1, self._wl2 = seq, ack
            self.window = field << self.shift
            self.largest_window = max(self.largest_window, self.window)

    def acknowledged(self, ack: int) -> int:
        """Forget what is acknowledged up to a position; returns how many octets of data that were."""
        count = min(ack, self._data_end) - self._base
        if count > 0:
            del self._buffer[:count]
            self._base += count
        self.una = ack
        self._cursor = max(self._cursor, ack)
        return max(count, 0)

    # What may leave

    def pieces(self) -> Iterator[Piece]:
        """What may be sent now, segment by segment; each is taken for sent."""
        limit = self.una + min(self.window, self.congestion.window)
        while self._cursor < self.end:
            piece = self._piece(self._cursor, limit - self._cursor)
            if piece is None:
                return
            self._sent(piece)
            yield piece

    def _piece(self, position: int, allowed: int) -> Piece | None:
        """What to send from a position on; None when it is better to wait."""
        count = min(self.mss, self._data_end - position)
        if count > allowed:
            # Section 3.8.6.2.1: rather less than a segment only if it is a good part of the window.
            if allowed <= 0 or 2 * allowed < self.largest_window:
                return None
            count = allowed
        fin = self.closing and position + count == self._data_end and count < allowed
        return Piece(position, self._data(position, count), fin) if count or fin else None

    def first(self) -> Piece:
        """What to send when it has to be something: the first segment that is not acknowledged, as far as the window
        takes it; of a closed window, one octet (section 3.8.6.1), or FIN.
        """
        allowed = max(self.window, 1)
        count = min(self.mss, self._data_end - self.una, allowed)
        fin = self.closing and self.una + count == self._data_end and count < allowed
        piece = Piece(self.una, self._data(self.una, count), fin)
        self._sent(piece)
        return piece

    def start_over(self) -> None:
        """Send everything again that is not acknowledged, as the windows let it."""
        self._cursor = max(self.una, 1)

    def _sent(self, piece: Piece) -> None:
        end = piece.position + len(piece.data) + piece.fin
        self._cursor = max(self._cursor, end)
        self.nxt = max(self.nxt, end)

    def _data(self, position: int, count: int) -> bytes:
        start = position - self._base
        return bytes(memoryview(self._buffer)[start : start + count])
