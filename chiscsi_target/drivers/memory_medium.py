"""The storage of a `MEM` unit: anonymous memory, of which only the pages take room that were written."""

from __future__ import annotations

import mmap
from typing import Final

from chiscsi_target.drivers.anchors import Anchors
from chiscsi_target.drivers.gaps import PAGE, Gaps, whole_pages

__all__ = ["MemoryMedium"]

_END_OF_MEMORY: Final = 1 << 63


class MemoryMedium:
    """A `Medium` in memory.

    Which pages have storage is noted when they are written: the kernel tells that of files only.

    Attributes:
        thin: whether it passes for a medium that gives storage back; it does, in any case.
        anchors: whether it passes for one that keeps storage for what was discarded: if it is thin.
    """

    def __init__(self, memory: memoryview, *, thin: bool = True) -> None:
        """Make a medium of memory that was never written."""
        self.thin = thin
        self._memory = memory
        self._pages: set[int] = set()
        self._gaps = Gaps()
        self._anchors = Anchors()

    @property
    def anchors(self) -> bool:
        """See `AnchoringMedium`."""
        return self.thin

    def read(self, offset: int, length: int) -> bytes:
        """See `Medium`."""
        return bytes(self._memory[offset : offset + length])

    def write(self, offset: int, data: bytes | bytearray | memoryview) -> None:
        """See `Medium`."""
        self.fill(offset, len(data))
        self._memory[offset : offset + len(data)] = data

    def fill(self, offset: int, length: int) -> None:
        """Note that octets are being written, into the memory itself."""
        first, last = offset // PAGE, (offset + length - 1) // PAGE
        if first == last:
            self._pages.add(first)
        else:
            self._pages.update(range(first, last + 1))
        if self._gaps:
            self._gaps.close(offset, length)
        if self._anchors:
            self._anchors.remove(offset, offset + length)

    def discard(self, offset: int, length: int) -> None:
        """See `Medium`."""
        self._anchors.remove(offset, offset + length)
        first, end = whole_pages(offset, length)
        if first < end:
            self._give_back(first, end)
            self._clear(offset, first * PAGE - offset)
            self._clear(end * PAGE, offset + length - end * PAGE)
        else:
            page_end = min((offset // PAGE + 1) * PAGE, offset + length)
            self._clear(offset, page_end - offset)
            self._clear(page_end, offset + length - page_end)

    def _give_back(self, first: int, end: int) -> None:
        memory = self._memory.obj
        assert isinstance(memory, mmap.mmap)
        memory.madvise(mmap.MADV_DONTNEED, first * PAGE, (end - first) * PAGE)
        if end - first < len(self._pages):
            self._pages.difference_update(range(first, end))
        else:
            self._pages = {page for page in self._pages if not first <= page < end}
        if self._gaps:
            self._gaps.close(first * PAGE, (end - first) * PAGE)

    def _clear(self, offset: int, length: int) -> None:
        """Discard a part of one page."""
        page = offset // PAGE
        if not length or page not in self._pages:
            return
        self._memory[offset : offset + length] = bytes(length)
        self._gaps.open(offset, length)
        if self._gaps.covers(page):
            self._give_back(page, page + 1)

    def anchor(self, offset: int, length: int) -> None:
        """See `AnchoringMedium`: pages that were written are there, whatever was written."""
        self.write(offset, bytes(length))
        self._anchors.add(offset, offset + length)

    def anchored(self, offset: int) -> tuple[bool, int]:
        """See `AnchoringMedium`."""
        return self._anchors.extent(offset)

    def extent(self, offset: int) -> tuple[bool, int]:
        """See `Medium`."""
        page = offset // PAGE
        if page not in self._pages:
            following = min((other for other in self._pages if other > page), default=_END_OF_MEMORY // PAGE)
            return False, following * PAGE - offset
        end = page
        while end in self._pages:
            end += 1
        return self._gaps.extent(offset, end * PAGE)

    def flush(self) -> None:
        """See `Medium`: there is nothing more stable than memory here."""
