"""The octets that come, put in order."""

from __future__ import annotations

from iscsi_wire.sequence import sn_add, sn_diff


class Assembly:
    """One direction of a connection, at its receiving end.

    Args:
        start: the sequence number of the first octet.

    Attributes:
        next: the sequence number that is missing (RCV.NXT).
        ended: FIN has come, and all before it.
    """

    def __init__(self, start: int) -> None:
        self.next = start
        self.ended = False
        self._early: dict[int, bytes] = {}
        self._fin_at: int | None = None

    def take(self, seq: int, data: bytes, *, fin: bool) -> bytes:
        """Take a segment's octets and FIN; returns what is in order now."""
        end = sn_add(seq, len(data))
        if fin:
            self._fin_at = end
        if data and sn_diff(end, self.next) > 0:
            self._early[seq] = max(self._early.get(seq, b""), data, key=len)
        ready = bytearray()
        while (begin := self._first_in_order()) is not None:
            piece = self._early.pop(begin)[sn_diff(self.next, begin) :]
            ready += piece
            self.next = sn_add(self.next, len(piece))
        if self._fin_at == self.next and not self.ended:
            self.ended = True
            self.next = sn_add(self.next, 1)
        return bytes(ready)

    def _first_in_order(self) -> int | None:
        """Where a piece begins that goes on at RCV.NXT; pieces that bring nothing new are thrown away."""
        for begin in list(self._early):
            if sn_diff(sn_add(begin, len(self._early[begin])), self.next) <= 0:
                del self._early[begin]
            elif sn_diff(begin, self.next) <= 0:
                return begin
        return None
