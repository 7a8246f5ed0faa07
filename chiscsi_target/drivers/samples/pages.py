"""Buffers made of pages of 4 KiB, one scatter-gather vector a page (guide 7.3.5.1)."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock
from typing import TYPE_CHECKING, Final

from chiscsi_target.api import ISCSI_SG_SBUF_DMABLE, AddressSpace, chiscsi_sgvec

if TYPE_CHECKING:
    from chiscsi_target.api import Region
    from chiscsi_target.api.sgvec import Memory

__all__ = ["PAGE", "DmaPages", "allocate", "collect", "fill"]

PAGE: Final = 4096


def allocate(length: int) -> list[chiscsi_sgvec]:
    """Make vectors for `length` octets, a page each; the last one is used as far as it is needed."""
    vectors = []
    for offset in range(0, length, PAGE):
        page = bytearray(PAGE)
        vectors.append(chiscsi_sgvec(sg_page=page, sg_addr=page, sg_length=min(PAGE, length - offset)))
    return vectors


class DmaPages:
    """Pages that the adapter finds by their DMA addresses; those that are free are used again. Any thread may ask.

    Attributes:
        space: what the addresses mean; a class that hands such pages over has it as its `address_space`.
        in_use: how many pages are not free.
    """

    def __init__(self) -> None:
        self.space = AddressSpace()
        self.in_use = 0
        self._free: list[Region] = []
        self._lock = Lock()

    def allocate(self, length: int) -> list[chiscsi_sgvec]:
        """Make vectors for `length` octets, a page each; the last one is used as far as it is needed."""
        sizes = [min(PAGE, length - offset) for offset in range(0, length, PAGE)]
        with self._lock:
            pages = [self._free.pop() if self._free else self.space.page() for _ in sizes]
            self.in_use += len(pages)
        return [
            chiscsi_sgvec(page.memory, size, sg_dma_addr=page.dma_address, sg_flag=ISCSI_SG_SBUF_DMABLE)
            for page, size in zip(pages, sizes, strict=True)
        ]

    def free(self, vectors: Sequence[chiscsi_sgvec]) -> None:
        """Take the pages of these vectors back; vectors of other memory are nobody's concern."""
        with self._lock:
            pages = [self.space.find(vector.sg_dma_addr) for vector in vectors if vector.sg_dma_addr]
            self._free += pages
            self.in_use -= len(pages)


def fill(vectors: Sequence[chiscsi_sgvec], data: Memory) -> None:
    """Copy data into the pages."""
    view, position = memoryview(data), 0
    for vector in vectors:
        piece = view[position : position + vector.sg_length]
        memoryview(vector.sg_addr or b"")[: len(piece)] = piece
        position += vector.sg_length


def collect(vectors: Sequence[chiscsi_sgvec]) -> bytes:
    """Copy the data out of the pages."""
    return b"".join(memoryview(vector.sg_addr or b"")[: vector.sg_length] for vector in vectors)
