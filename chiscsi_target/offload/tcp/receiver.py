"""The receiving half of a connection: acceptance test, window, order (RFC 9293 sections 3.4 and 3.8.6).

Positions count sequence numbers from the peer's SYN, which is 0, and do not wrap.
"""

from __future__ import annotations

from chiscsi_target.offload.tcp.options import GREATEST_SHIFT
from chiscsi_target.offload.tcp.reassembly import Reassembly
from chiscsi_target.offload.tcp.segment import FIN, Segment
from chiscsi_target.offload.tcp.settings import TcpSettings
from iscsi_wire.sequence import sn_diff

_LARGEST_FIELD = 0xFFFF


class Receiver:
    """What has been received.

    Args:
        irs: the peer's initial sequence number.
        settings: sizes.
        mss: how large the peer's segments may be, in octets.

    Attributes:
        shift: by how much our window is scaled (RFC 7323 section 2); 0 until the peer agrees.
        edge: the position that no octet may come from or beyond: what the last window said.
        fin: the position of the peer's FIN, once that came.
    """

    def __init__(self, irs: int, settings: TcpSettings, mss: int) -> None:
        self._irs = irs
        self._reassembly = Reassembly(1, settings.out_of_order, settings.out_of_order_pieces)
        self._capacity = settings.receive_buffer
        self._mss = mss
        self._unused = 0
        self._closed = 0
        self.shift = 0
        self.edge = 1
        self.fin: int | None = None

    @property
    def next(self) -> int:
        """RCV.NXT, as a position."""
        return self._reassembly.next + self._closed

    @property
    def next_seq(self) -> int:
        """RCV.NXT."""
        return self._irs + self.next & 0xFFFFFFFF

    @property
    def waiting(self) -> int:
        """How many octets came too early and wait."""
        return self._reassembly.waiting

    @property
    def refused(self) -> int:
        """How many octets that came too early were dropped for the limits."""
        return self._reassembly.refused

    def scale(self) -> int:
        """Have our windows scaled from now on, as far as needed; returns the shift count."""
        while self._capacity > _LARGEST_FIELD << self.shift and self.shift < GREATEST_SHIFT:
            self.shift += 1
        return self.shift

    def position(self, seq: int) -> int:
        """The position that a sequence number means: the one nearest to RCV.NXT."""
        return self.next + sn_diff(seq, self.next_seq)

    # Table 6 of section 3.4

    def is_acceptable(self, seq: int, length: int) -> bool:
        """Whether a segment has anything in the window; `length` is SEG.LEN."""
        first, window = self.position(seq), self.edge - self.next
        if window == 0:
            return length == 0 and first == self.next
        if length == 0:
            return self.next <= first < self.edge
        return self.next <= first < self.edge or self.next <= first + length - 1 < self.edge

    def take(self, segment: Segment) -> list[bytes]:
        """Take a segment's octets and FIN, as far as they are in the window; returns what is in order now."""
        first = self.position(segment.seq)
        data = segment.data[: max(self.edge - first, 0)]
        end = first + len(data)
        if segment.flags & FIN and self.fin is None and len(data) == len(segment.data) and self._may_end(end):
            self.fin = end
        if self.fin is not None:
            data = data[: max(self.fin - first, 0)]
        ready = self._reassembly.add(first, data)
        self._unused += sum(map(len, ready))
        if self.fin == self._reassembly.next:
            self._closed = 1
        return ready

    def _may_end(self, end: int) -> bool:
        """Whether FIN can be at a position: in the window, and not before octets that came already."""
        return self._reassembly.end <= end < self.edge

    @property
    def complete(self) -> bool:
        """Whether the peer's FIN has come, and all before it."""
        return self._closed == 1

    # Section 3.8.6.2.2

    def used(self, count: int) -> bool:
        """Learn that the host has used octets up; returns whether the peer should be told of the window at once."""
        self._unused = max(self._unused - count, 0)
        wider = self._possible_edge() - self.edge
        if wider < min(self._capacity // 2, self._mss):
            return False
        # A sender with room for a segment will send one, and hear of the rest then.
        return self.edge - self.next < self._mss or wider >= self._capacity // 2

    def window_field(self, *, scaled: bool = True) -> int:
        """What to put into SEG.WND; the window then reaches as far as that says.

        It never shrinks, and opens by no less than a segment or half of the buffer: the receiver's part of avoiding the
        silly window syndrome.
        """
        possible = self._possible_edge()
        if possible - self.edge >= min(self._capacity // 2, self._mss):
            self.edge = possible
        shift = self.shift if scaled else 0
        window = self.edge - self.next
        # Rounded up, or the window would shrink.
        field = min(window + (1 << shift) - 1 >> shift, _LARGEST_FIELD)
        self.edge = self.next + (field << shift)
        return field

    def _possible_edge(self) -> int:
        return self.next + min(self._capacity - self._unused, _LARGEST_FIELD << self.shift)
