"""Long buffers for use again: fresh memory costs more than what is done with it, a page fault for every 4 KiB."""

from __future__ import annotations

from typing import Final

__all__ = ["POOLED", "BufferPool"]

POOLED: Final = 16 << 10
"""Buffers of up to so many octets are not worth keeping."""

_KEPT: Final = 32 << 20


class BufferPool:
    """Keeps buffers that nobody uses, by their length, up to `kept` octets together."""

    def __init__(self, kept: int = _KEPT) -> None:
        self._room = kept
        self._free: dict[int, list[bytearray]] = {}

    def take(self, length: int) -> bytearray:
        """A buffer of `length` octets, whatever they are."""
        free = self._free.get(length)
        if not free:
            return bytearray(length)
        self._room += length
        return free.pop()

    def give(self, buffer: bytearray) -> None:
        """Take a buffer back, which its user must not touch any more."""
        length = len(buffer)
        if POOLED < length <= self._room:
            self._room -= length
            self._free.setdefault(length, []).append(buffer)
