"""What blocks hold at one time, read piece by piece while other commands go on: copy before write.

A command that begins to change blocks which have not been read yet has them read before. What began earlier is a
command beside this one, without an order between the two (SAM-5).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, TypeAlias

from chiscsi_target.errors import DriverError
from chiscsi_target.scsi.ranges import medium_of
from chiscsi_target.scsi.refused import Refused
from chiscsi_target.scsi.rod_tokens import ROD_PIECE

if TYPE_CHECKING:
    from chiscsi_target.scsi.logical_unit import LogicalUnit

__all__ = ["snapshot"]

Keep: TypeAlias = "Callable[[int, bytes], object]"
"""Takes a piece, by its number; raises Refused if it cannot."""


def snapshot(unit: LogicalUnit, ranges: Sequence[tuple[int, int]], keep: Keep) -> Iterator[int]:
    """Read ranges of octets as they are when the first step is taken.

    Args:
        unit: the logical unit.
        ranges: what is read, as (first octet, number of octets), one behind the other; they do not overlap.
        keep: gets the pieces of `ROD_PIECE` octets, the last of which may be shorter; in any order.

    Yields:
        How many octets each step has read.

    Raises:
        Refused: a piece cannot be kept.
        DriverError: one cannot be read.
    """
    pieces = _Pieces(unit, ranges, keep)
    unit.watch(pieces.about_to_change)
    try:
        while pieces.missing:
            yield pieces.take(next(iter(pieces.missing)))
    finally:
        unit.unwatch(pieces.about_to_change)


class _Pieces:
    """The pieces of a snapshot.

    Attributes:
        missing: those that have not been read, by number: their parts, as (first octet, number of octets).
    """

    def __init__(self, unit: LogicalUnit, ranges: Sequence[tuple[int, int]], keep: Keep) -> None:
        self._unit = unit
        self._keep = keep
        self._failure: Refused | DriverError | None = None
        self.missing = dict(enumerate(_cut(ranges)))
        parts = sorted(
            (start, start + length, number) for number, part in self.missing.items() for start, length in part
        )
        self._starts = [start for start, _, _ in parts]
        self._ends = [end for _, end, _ in parts]
        self._numbers = [number for _, _, number in parts]

    def take(self, number: int) -> int:
        """Read a piece, or fail for what has failed before; returns how many octets that were."""
        if self._failure is not None:
            raise self._failure
        medium, parts = medium_of(self._unit), self.missing[number]
        data = b"".join(medium.read(start, length) for start, length in parts)
        self._keep(number, data)
        del self.missing[number]
        return len(data)

    def about_to_change(self, offset: int, length: int) -> None:
        """Read what is missing of octets; if that fails, it is the snapshot that fails, and not who changes them."""
        first, last = bisect_right(self._ends, offset), bisect_left(self._starts, offset + length)
        for number in self._numbers[first:last]:
            if number in self.missing and self._failure is None:
                try:
                    self.take(number)
                except (Refused, DriverError) as failure:
                    self._failure = failure


def _cut(ranges: Sequence[tuple[int, int]]) -> Iterator[list[tuple[int, int]]]:
    """Cut ranges that stand one behind the other into pieces, each a list of parts."""
    piece: list[tuple[int, int]] = []
    room = ROD_PIECE
    for start, length in ranges:
        at, end = start, start + length
        while at < end:
            size = min(room, end - at)
            piece.append((at, size))
            at, room = at + size, room - size
            if not room:
                yield piece
                piece, room = [], ROD_PIECE
    if piece:
        yield piece
