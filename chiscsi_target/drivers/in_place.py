"""A medium in memory that is read and written in place, although what is being transmitted must not change.

A long READ gets a view of the medium; until the initiator has acknowledged it nothing may alter those octets, least of
all after a digest of them was computed. A WRITE gets a view to receive its data in. Where the two meet, one of them
gives way: a READ over a WRITE in progress takes a copy, and a WRITE over a READ in progress is received elsewhere and
applied when the READ is over; until then it lies over the medium as a patch, which every READ sees.

Several workers may come at once. Whoever wants a view says so first and looks at the others afterwards, so that of two
who meet at least one notices; patches, which are rare, have a lock.
"""

from __future__ import annotations

import mmap
import threading
from collections.abc import Hashable
from typing import Final, TypeAlias

__all__ = ["InPlaceMedium"]

_COPIED: Final = 16 << 10
"""Up to so many octets a copy costs less than the book-keeping."""

_MAP_NORESERVE: Final = 0x4000
"""Linux's flag for address space without a claim on memory; Python 3.11 does not name it."""

_Spans: TypeAlias = dict[Hashable, tuple[int, int]]


def _met(spans: _Spans, start: int, end: int) -> bool:
    """Whether one of `spans` overlaps the octets from `start` to `end`."""
    return any(first < end and start < last for first, last in list(spans.values()))


class InPlaceMedium:
    """Anonymous memory, of which only the pages that were ever written exist.

    Every buffer has an owner, the command that it is for; `release` ends the owner's claims.
    """

    def __init__(self, size: int) -> None:
        """Reserve `size` octets of address space; raises OSError, ValueError or OverflowError when that cannot be."""
        self._memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _MAP_NORESERVE)
        self._view = memoryview(self._memory)
        self._reading: _Spans = {}
        self._writing: _Spans = {}
        self._patches: list[tuple[int, bytearray]] = []
        self._lock = threading.Lock()

    def read(self, owner: Hashable, start: int, end: int) -> bytes | bytearray | memoryview:
        """The octets from `start` to `end` as they are now, unchanging until `owner` is released."""
        if self._patches:
            return self._copy(start, end)
        if end - start <= _COPIED:
            return self._memory[start:end]
        self._reading[owner] = start, end
        if self._patches or (self._writing and _met(self._writing, start, end)):
            self.release(owner)
            return self._copy(start, end)
        return self._view[start:end]

    def buffer(self, owner: Hashable, start: int, end: int) -> bytearray | memoryview:
        """Where the data for the octets from `start` to `end` is to be received."""
        self._writing[owner] = start, end
        if self._patches or (self._reading and _met(self._reading, start, end)):
            del self._writing[owner]
            return bytearray(end - start)
        return self._view[start:end]

    def written(self, start: int, buffer: bytearray | memoryview) -> None:
        """Take note that a buffer for the octets from `start` on is full."""
        if isinstance(buffer, bytearray):
            with self._lock:
                self._patches.append((start, buffer))
                self._apply_patches()

    def release(self, owner: Hashable) -> None:
        """Forget the buffers of `owner`, whatever became of them."""
        self._writing.pop(owner, None)
        if self._reading.pop(owner, None) is not None and self._patches:
            with self._lock:
                self._apply_patches()

    def _copy(self, start: int, end: int) -> bytearray:
        with self._lock:
            data = bytearray(self._view[start:end])
            for first, patch in self._patches:
                low, high = max(first, start), min(first + len(patch), end)
                if low < high:
                    data[low - start : high - start] = patch[low - first : high - first]
        return data

    def _apply_patches(self) -> None:
        """Bring patches to the medium in their order, as far as no READ is in the way."""
        while self._patches:
            start, patch = self._patches[0]
            end = start + len(patch)
            if _met(self._reading, start, end):
                return
            self._view[start:end] = patch
            del self._patches[0]
