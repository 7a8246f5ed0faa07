"""Putting received octets in order (RFC 9293 section 3.10.7.4, "seventh, process the segment text").

Positions count the octets of the stream and do not wrap. Segments may come in any order, twice, and overlapping; of an
octet that comes twice the first copy counts. What came too early waits, up to a limit.
"""

from __future__ import annotations

from bisect import bisect_right


class Reassembly:
    """Octets on their way into order.

    Args:
        start: the position of the first octet.
        most_octets, most_pieces: how much may wait, and in how many pieces; what is beyond is dropped, and comes again.

    Attributes:
        next: the position of the octet that is missing.
        waiting: how many octets wait behind it.
        refused: how many were dropped for the limits.
    """

    def __init__(self, start: int, most_octets: int, most_pieces: int) -> None:
        self.next = start
        self.waiting = 0
        self.refused = 0
        self._most_octets = most_octets
        self._most_pieces = most_pieces
        # Pieces that wait: they do not touch what is in order, and do not overlap. By position.
        self._starts: list[int] = []
        self._pieces: list[bytes] = []

    @property
    def end(self) -> int:
        """The position behind the last octet that came."""
        return self._starts[-1] + len(self._pieces[-1]) if self._starts else self.next

    def add(self, start: int, data: bytes) -> list[bytes]:
        """Take octets of a segment.

        Args:
            start: the position of the first.
            data: the octets.

        Returns:
            What is in order now, piece by piece as it came.
        """
        if start < self.next:
            data = data[self.next - start :]
            start = self.next
        if not data:
            return []
        if not self._starts and start == self.next:
            self.next += len(data)
            return [data]
        ready = []
        for begin, piece in self._gaps(start, data):
            self._keep(begin, piece)
            ready += self._in_order()
        return ready

    def _gaps(self, start: int, data: bytes) -> list[tuple[int, bytes]]:
        """The parts of new octets that are not there yet."""
        found = []
        end = start + len(data)
        index = max(bisect_right(self._starts, start) - 1, 0)
        position = start
        while position < end:
            if index == len(self._starts) or self._starts[index] >= end:
                found.append((position, data[position - start :]))
                break
            begin = self._starts[index]
            if position < begin:
                found.append((position, data[position - start : begin - start]))
            position = max(position, begin + len(self._pieces[index]))
            index += 1
        return found

    def _keep(self, start: int, piece: bytes) -> None:
        # The octet that everything waits for is always taken, or nothing would ever move.
        full = self.waiting + len(piece) > self._most_octets or len(self._pieces) >= self._most_pieces
        if full and start != self.next:
            self.refused += len(piece)
            return
        index = bisect_right(self._starts, start)
        self._starts.insert(index, start)
        self._pieces.insert(index, piece)
        self.waiting += len(piece)

    def _in_order(self) -> list[bytes]:
        count = 0
        for start, piece in zip(self._starts, self._pieces, strict=True):
            if start != self.next:
                break
            self.next += len(piece)
            self.waiting -= len(piece)
            count += 1
        ready = self._pieces[:count]
        del self._starts[:count], self._pieces[:count]
        return ready
