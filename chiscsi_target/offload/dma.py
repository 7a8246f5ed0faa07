"""Memory as the card sees it: by bus address (behaviour file, 5.3).

A vector's DMA address is used as it is, and so is that of a `Region` of an address space. Other memory that may be
used, a plain page or a buffer that its driver says is able to do DMA, is given an address here while a transfer lasts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from chiscsi_target.api.address_space import AddressError, AddressSpace, Region
from chiscsi_target.api.constants import ISCSI_SG_SBUF_DMABLE

if TYPE_CHECKING:
    from chiscsi_target.api.sgvec import Memory, chiscsi_sgvec

__all__ = ["DmaMap"]

_FIRST_ADDRESS: Final = 1 << 44
"""Where addresses begin that are given here: beyond those of every address space."""

_GAP: Final = 1 << 16


class DmaMap:
    """The addresses of one transfer's memory.

    Args:
        space: what the driver's own DMA addresses mean, or None.
    """

    __slots__ = ("_mapped", "_next", "_space")

    def __init__(self, space: AddressSpace | None) -> None:
        self._space = space
        self._mapped: list[tuple[int, memoryview]] = []
        self._next = _FIRST_ADDRESS

    def address(self, vector: chiscsi_sgvec) -> int | None:
        """The address of a vector's first octet; None when the card cannot get there."""
        dmable, page = vector.sg_flag & ISCSI_SG_SBUF_DMABLE, vector.sg_page
        if dmable and vector.sg_dma_addr:
            address = vector.sg_dma_addr
        elif isinstance(page, Region):
            address = page.dma_address + vector.sg_offset
        elif page is not None:
            address = self._map(page) + vector.sg_offset
        elif dmable and vector.sg_addr is not None:
            address = self._map(vector.sg_addr)
        else:
            return None
        return address if self.octets(address, vector.sg_length) is not None else None

    def _map(self, memory: Memory) -> int:
        view = memoryview(memory)
        start = self._next
        self._mapped.append((start, view))
        self._next += len(view) + _GAP
        return start

    def octets(self, address: int, length: int) -> memoryview | None:
        """The memory at an address that can be written to; None when there is none, or less."""
        for start, view in self._mapped:
            if start <= address and address + length <= start + len(view):
                return None if view.readonly else view[address - start : address - start + length]
        if self._space is None:
            return None
        try:
            return self._space.octets(address, length)
        except AddressError:
            return None
