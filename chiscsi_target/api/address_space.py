"""`AddressSpace`: pages with an identity, and the DMA addresses by which a vector may name them (guide 7.3.5.1).

A kernel's driver names memory in three ways: by a virtual address (`sg_addr`), by a host page and an offset into it
(`sg_page`, `sg_offset`), and by the physical address (`sg_dma_addr`). Python has no physical addresses, so a driver
that wants to use them makes an address space, sets it as its LUN class's `address_space`, and gets memory from it:

    space = AddressSpace()
    page = space.page()                       # sg_page=page, or sg_dma_addr=page.dma_address
    region = space.region(16384)              # sg_dma_addr=region.dma_address; the stack cannot reach it
    mapped = space.region(16384, mapped=True) # likewise, but the stack may copy to and from it

A test finds by the same addresses which memory got which octets (`octets`).
"""

from __future__ import annotations

from bisect import bisect_right
from typing import Final

from chiscsi_target.errors import ChiscsiError

__all__ = ["AddressError", "AddressSpace", "Region"]

PAGE_SIZE: Final = 4096
FIRST_ADDRESS: Final = 0x1000_0000


class AddressError(ChiscsiError):
    """An address, or a part of the range that begins there, belongs to no region."""


class Region:
    """Physically contiguous memory; a page when it is one page long.

    Attributes:
        number: its place in the order in which the regions were made, from 0: its identity.
        dma_address: where it begins, a multiple of the page size.
        memory: the octets.
        mapped: whether the stack can reach it by its DMA address, and so copy to and from it.
    """

    __slots__ = ("dma_address", "mapped", "memory", "number")

    def __init__(self, number: int, dma_address: int, length: int, mapped: bool) -> None:
        self.number = number
        self.dma_address = dma_address
        self.memory = bytearray(length)
        self.mapped = mapped

    def __repr__(self) -> str:
        return f"Region({self.number}, {self.dma_address:#x}+{len(self.memory)}, mapped={self.mapped})"


class AddressSpace:
    """The memory of a storage driver, by DMA address.

    Between two regions there is always a page that belongs to none, so that a transfer that runs past the end of its
    region is an error, and not a write to its neighbour.

    Args:
        page_size: octets in a page.
        start: address of the first region.
    """

    def __init__(self, page_size: int = PAGE_SIZE, start: int = FIRST_ADDRESS) -> None:
        self.page_size = page_size
        self.regions: list[Region] = []
        self._starts: list[int] = []
        self._next = start

    def page(self, *, mapped: bool = False) -> Region:
        """A new page."""
        return self.region(self.page_size, mapped=mapped)

    def region(self, length: int, *, mapped: bool = False) -> Region:
        """A new region of `length` octets, at least one."""
        if length < 1:
            raise AddressError(f"a region of {length} octets")
        made = Region(len(self.regions), self._next, length, mapped)
        self.regions.append(made)
        self._starts.append(made.dma_address)
        pages = -(-length // self.page_size)
        self._next += (pages + 1) * self.page_size
        return made

    def __contains__(self, region: Region) -> bool:
        """Whether the region is one of these: regions of two address spaces may have the same DMA address."""
        return region.number < len(self.regions) and self.regions[region.number] is region

    def find(self, address: int, length: int = 1) -> Region:
        """The region that `length` octets from a DMA address on lie in.

        Raises:
            AddressError: they lie in none.
        """
        index = bisect_right(self._starts, address) - 1
        if index >= 0 and length >= 0:
            region = self.regions[index]
            if address + length <= region.dma_address + len(region.memory):
                return region
        raise AddressError(f"{address:#x}+{length} is no memory of the address space")

    def octets(self, address: int, length: int) -> memoryview:
        """The memory at a DMA address, whether the stack can reach it or not: for tests, and for direct placement.

        Raises:
            AddressError: there is none.
        """
        region = self.find(address, length)
        start = address - region.dma_address
        return memoryview(region.memory)[start : start + length]

    def mapping(self, address: int, length: int) -> memoryview | None:
        """What the stack may copy to and from at a DMA address; None when it cannot reach that memory.

        Raises:
            AddressError: there is no such memory.
        """
        return self.octets(address, length) if self.find(address, length).mapped else None
