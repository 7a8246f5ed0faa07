"""Memory as the card sees it: by bus address (behaviour file, 5.3).

A vector's DMA address is used as it is, and so is that of a `Region` of an address space. Other memory that may be
used, a plain page or a buffer that its driver says is able to do DMA, is given an address here while a transfer lasts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from chiscsi_target.api.address_space import AddressSpace, Region
from chiscsi_target.api.constants import ISCSI_SG_SBUF_DMABLE

if TYPE_CHECKING:
    from chiscsi_target.api.sgvec import Memory, chiscsi_sgvec

__all__ = ["DmaMap"]

_SLOT: Final = 40
"""Addresses that are given here differ above this bit, so that one finds its memory without a search."""

_FIRST_SLOT: Final = 1 << 63 - _SLOT
"""Where they begin: beyond those of every address space."""

_IN_SLOT: Final = (1 << _SLOT) - 1
_NO_MEMORY: Final = memoryview(b"")


class DmaMap:
    """The addresses of one transfer's memory.

    Args:
        space: what the driver's own DMA addresses mean, or None.
    """

    __slots__ = ("_mapped", "_space")

    def __init__(self, space: AddressSpace | None) -> None:
        self._space = space
        self._mapped: list[memoryview] = []

    @property
    def mapped(self) -> int:
        """How many pieces of memory have been given an address."""
        return len(self._mapped)

    def address(self, vector: chiscsi_sgvec) -> int | None:
        """The address of a vector's first octet; None when the card cannot get there."""
        dmable, page = vector.sg_flag & ISCSI_SG_SBUF_DMABLE, vector.sg_page
        if dmable and vector.sg_dma_addr:
            address = vector.sg_dma_addr
        elif isinstance(page, Region) and (self._space is None or page not in self._space):
            return self._map(page.memory, vector.sg_offset, vector.sg_length)
        elif isinstance(page, Region):
            if not 0 <= vector.sg_offset <= len(page.memory) - vector.sg_length:
                return None
            address = page.dma_address + vector.sg_offset
        elif page is not None:
            return self._map(page, vector.sg_offset, vector.sg_length)
        elif dmable and vector.sg_addr is not None:
            return self._map(vector.sg_addr, 0, vector.sg_length)
        else:
            return None
        return address if self.octets(address, vector.sg_length) is not None else None

    def _map(self, memory: Memory, offset: int, length: int) -> int | None:
        view = memoryview(memory)
        if view.readonly or not view.contiguous or view.nbytes != len(view):
            return None
        if not 0 <= offset <= len(view) - length:
            return None
        self._mapped.append(view)
        return (_FIRST_SLOT + len(self._mapped) - 1 << _SLOT) + offset

    def octets(self, address: int, length: int) -> memoryview | None:
        """The memory at an address that can be written to; None when there is none, or less."""
        slot = (address >> _SLOT) - _FIRST_SLOT
        if 0 <= slot < len(self._mapped):
            start = address & _IN_SLOT
            view = self._mapped[slot][start : start + length]
        elif self._space is not None:
            try:
                view = memoryview(self._space.octets(address, length))
            except Exception:
                # An address space says AddressError; that of a driver may say anything.
                return None
        else:
            return None
        return view if len(view) == length and not view.readonly else None

    def forget(self, count: int) -> None:
        """Keep nothing of the first `count` pieces of memory: they are their owner's again, to be closed or resized."""
        for slot in range(min(count, len(self._mapped))):
            self._mapped[slot] = _NO_MEMORY
