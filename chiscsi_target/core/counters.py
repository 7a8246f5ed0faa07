"""Traffic counters (guide chapter 8; behaviour file, 1.8): what connections moved, and what sessions and portals did.

Each connection counts for itself, with one addition for a command and one for a PDU with data. Sessions and portals are
summed up when somebody asks: nobody pays for three counters.
"""

from __future__ import annotations

_WRAP = 0xFFFFFFFF


class Counters:
    """What went over one connection, or over several together. Written by one thread, read by any.

    Attributes:
        read_cmd_cnt: SCSI commands taken that send no data to the target; commands without data are among them.
        write_cmd_cnt: those that send data, or could.
        read_bytes: octets of Data-In payload queued for sending.
        write_bytes: octets of immediate data and Data-Out payload accepted.
    """

    __slots__ = ("read_bytes", "read_cmd_cnt", "write_bytes", "write_cmd_cnt")

    def __init__(self) -> None:
        self.read_bytes = 0
        self.write_bytes = 0
        self.read_cmd_cnt = 0
        self.write_cmd_cnt = 0

    def add(self, other: Counters) -> None:
        """Count what `other` has counted."""
        self.read_bytes += other.read_bytes
        self.write_bytes += other.write_bytes
        self.read_cmd_cnt += other.read_cmd_cnt
        self.write_cmd_cnt += other.write_cmd_cnt

    @property
    def wrapped(self) -> tuple[int, int, int, int]:
        """The four in the order of the guide's structure, as the module's 32-bit counters show them."""
        counts = (self.read_bytes, self.write_bytes, self.read_cmd_cnt, self.write_cmd_cnt)
        return counts[0] & _WRAP, counts[1] & _WRAP, counts[2] & _WRAP, counts[3] & _WRAP


class Totals:
    """The sum of several connections' counters, past ones included.

    `join` and `leave` belong to one thread; `sum` may be called from any: the parts are replaced in one step, so that a
    connection that ends is counted once, neither twice nor not at all.
    """

    __slots__ = ("_parts",)

    def __init__(self) -> None:
        self._parts: tuple[Counters, ...] = (Counters(),)  # first, what the past ones have counted

    def join(self, counters: Counters) -> None:
        """Add a connection's counters."""
        self._parts += (counters,)

    def leave(self, counters: Counters) -> None:
        """Keep what a connection has counted, which ends now and counts no more; unless it never joined."""
        past, *live = self._parts
        rest = [part for part in live if part is not counters]
        if len(rest) < len(live):
            self._parts = (_sum((past, counters)), *rest)

    def sum(self) -> Counters:
        """What all have counted so far."""
        return _sum(self._parts)


def _sum(parts: tuple[Counters, ...]) -> Counters:
    result = Counters()
    for part in parts:
        result.add(part)
    return result
