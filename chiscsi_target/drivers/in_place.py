"""A medium in memory that is read and written in place, although what is being transmitted must not change.

A long READ gets a view of the medium; until the initiator has acknowledged it nothing may alter those octets, least of
all after a digest of them was computed. A WRITE gets a view to receive its data in. Where the two meet, one of them
gives way: a READ over a WRITE in progress takes a copy, and a WRITE over a READ in progress is received elsewhere. Its
data is then kept in shadows of the chunks that are being read, where other READs find it, and is brought to the medium
when the READ is over. However long a READ takes, there are never more shadows than chunks in it.

Several workers may come at once. A WRITE says which chunks it wants before it looks for READs, and a READ says so,
under the lock, before it looks for WRITEs: of two that meet, at least one notices. Shadows are only changed under the
lock.
"""

from __future__ import annotations

import mmap
import threading
from collections.abc import Hashable, Iterable
from typing import Final

__all__ = ["InPlaceMedium"]

_CHUNK_SHIFT: Final = 14
_CHUNK: Final = 1 << _CHUNK_SHIFT
"""READs and WRITEs meet when they have a chunk in common."""

_COPIED: Final = _CHUNK
"""Up to so many octets a copy costs less than the book-keeping."""

_MAP_NORESERVE: Final = 0x4000
"""Linux's flag for address space without a claim on memory; Python 3.11 does not name it."""


def _chunks(start: int, end: int) -> range:
    """The chunks that the octets from `start` to `end` lie in."""
    return range(start >> _CHUNK_SHIFT, (end - 1 >> _CHUNK_SHIFT) + 1)


def _met(claims: Iterable[range], chunks: range) -> bool:
    """Whether one of `claims` has a chunk in common with `chunks`."""
    return any(other.start < chunks.stop and chunks.start < other.stop for other in claims)


class InPlaceMedium:
    """Anonymous memory, of which only the pages that were ever written exist.

    Every buffer has an owner, the command that it is for; `release` ends the owner's claims.
    """

    def __init__(self, size: int) -> None:
        """Reserve `size` octets of address space; raises OSError, ValueError or OverflowError when that cannot be."""
        self._memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _MAP_NORESERVE)
        self._view = memoryview(self._memory)
        self._reading: dict[Hashable, range] = {}
        self._writing: dict[Hashable, range] = {}
        self._shadows: dict[int, bytearray] = {}
        self._lock = threading.Lock()

    def read(self, owner: Hashable, start: int, end: int) -> bytes | bytearray | memoryview:
        """The octets from `start` to `end` as they are now, unchanging until `owner` is released."""
        if end - start <= _COPIED:
            if not self._shadows:
                return self._memory[start:end]
            with self._lock:
                return self._copy(start, end)
        chunks = _chunks(start, end)
        with self._lock:
            self._reading[owner] = chunks
            if self._shadowed(chunks) or (self._writing and _met(list(self._writing.values()), chunks)):
                del self._reading[owner]
                return self._copy(start, end)
        return self._view[start:end]

    def buffer(self, owner: Hashable, start: int, end: int) -> bytearray | memoryview:
        """Where the data for the octets from `start` to `end` is to be received."""
        chunks = self._writing[owner] = _chunks(start, end)
        if (self._reading and _met(list(self._reading.values()), chunks)) or self._shadowed(chunks):
            del self._writing[owner]
            return bytearray(end - start)
        return self._view[start:end]

    def written(self, start: int, buffer: bytearray | memoryview) -> None:
        """Take note that a buffer for the octets from `start` on is full."""
        if isinstance(buffer, memoryview):
            return
        with self._lock:
            blocked = self._blocked()
            for chunk in _chunks(start, start + len(buffer)):
                self._write_chunk(chunk, start, buffer, chunk in blocked)

    def release(self, owner: Hashable) -> None:
        """Forget the buffers of `owner`, whatever became of them."""
        self._writing.pop(owner, None)
        if self._reading.pop(owner, None) is not None and self._shadows:
            with self._lock:
                self._lift_shadows()

    def _shadowed(self, chunks: range) -> bool:
        return bool(self._shadows) and any(chunk in self._shadows for chunk in chunks)

    def _blocked(self) -> set[int]:
        """The chunks that somebody reads in place."""
        return {chunk for chunks in list(self._reading.values()) for chunk in chunks}

    def _copy(self, start: int, end: int) -> bytearray:
        data = bytearray(self._view[start:end])
        for chunk in _chunks(start, end):
            shadow = self._shadows.get(chunk)
            if shadow is not None:
                origin = chunk << _CHUNK_SHIFT
                low, high = max(origin, start), min(origin + _CHUNK, end)
                data[low - start : high - start] = shadow[low - origin : high - origin]
        return data

    def _write_chunk(self, chunk: int, start: int, buffer: bytearray, blocked: bool) -> None:
        """Write the part of `buffer`, which begins at octet `start` of the medium, that lies in one chunk."""
        origin = chunk << _CHUNK_SHIFT
        low, high = max(origin, start), min(origin + _CHUNK, start + len(buffer))
        part = memoryview(buffer)[low - start : high - start]
        shadow = self._shadows.get(chunk)
        if shadow is None and blocked:
            shadow = self._shadows[chunk] = bytearray(self._view[origin : origin + _CHUNK])
        if shadow is None:
            self._view[low:high] = part
        else:
            shadow[low - origin : high - origin] = part

    def _lift_shadows(self) -> None:
        """Bring the shadows to the medium that no READ needs any more."""
        blocked = self._blocked()
        for chunk in [chunk for chunk in self._shadows if chunk not in blocked]:
            shadow, origin = self._shadows[chunk], chunk << _CHUNK_SHIFT
            self._view[origin : origin + len(shadow)] = shadow
            del self._shadows[chunk]
