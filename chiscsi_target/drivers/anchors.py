"""Anchored octets: discarded ones that keep their storage, so that a later write cannot lack it (SBC-3, 4.7)."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import Final

__all__ = ["Anchors"]

_END: Final = 1 << 63


class Anchors:
    """The anchored ranges of a medium, apart from each other and in order; false when there is none."""

    __slots__ = ("_ends", "_starts")

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []

    def __bool__(self) -> bool:
        return bool(self._starts)

    def add(self, start: int, end: int) -> None:
        """Regard a range of octets as anchored; those that adjoin it become one with it."""
        if start >= end:
            return
        first, last = bisect_left(self._ends, start), bisect_right(self._starts, end)
        if first < last:
            start, end = min(start, self._starts[first]), max(end, self._ends[last - 1])
        self._starts[first:last] = [start]
        self._ends[first:last] = [end]

    def remove(self, start: int, end: int = _END) -> None:
        """Regard a range of octets as anchored no longer: it was written, or discarded for good."""
        if start >= end:
            return
        first, last = bisect_right(self._ends, start), bisect_left(self._starts, end)
        if first >= last:
            return
        before, behind = self._starts[first], self._ends[last - 1]
        left = [(before, start)] if before < start else []
        right = [(end, behind)] if end < behind else []
        self._starts[first:last] = [each[0] for each in (*left, *right)]
        self._ends[first:last] = [each[1] for each in (*left, *right)]

    def extent(self, offset: int) -> tuple[bool, int]:
        """Whether the octet at `offset` is anchored, and how many octets from there on are alike."""
        index = bisect_right(self._ends, offset)
        if index == len(self._starts):
            return False, _END - offset
        start = self._starts[index]
        return (True, self._ends[index] - offset) if start <= offset else (False, start - offset)
