"""`PageList`: whether a write's buffers are pages that data can be placed into, and where those lie.

The guide's rule (Requirement for DDP) goes over all phases of a command: the buffers between the first and the last are
full pages of one size; the first may begin late in its page, the last may end early. Phases become known one after the
other, so the list grows with them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from chiscsi_target.api.constants import ISCSI_SG_SBUF_DMABLE
from chiscsi_target.offload.page_pods import PAGE_SIZES
from chiscsi_target.offload.reasons import Reason

if TYPE_CHECKING:
    from chiscsi_target.api.sgvec import chiscsi_sgvec
    from chiscsi_target.offload.dma import DmaMap

__all__ = ["PageList"]


class PageList:
    """The pages of one transfer.

    Args:
        total: the transfer's length, in octets.
        dma: gives vectors their addresses.

    Attributes:
        known: how many octets of the transfer the pages hold so far.
        page_size: of the pages, in octets; 0 until it is clear.
        page_offset: where the transfer begins in the first page.
        addresses: where the pages begin.
        reason: why nothing more can be placed, or None; `culprit`, the number of the vector in its list, from 1.
    """

    __slots__ = ("_dma", "_middle", "_total", "addresses", "culprit", "known", "page_offset", "page_size", "reason")

    def __init__(self, total: int, dma: DmaMap) -> None:
        self._total = total
        self._dma = dma
        self._middle = 0  # the size of those between the first and the last
        self.known = 0
        self.page_size = 0
        self.page_offset = 0
        self.addresses: list[int] = []
        self.reason: Reason | None = None
        self.culprit = 0

    def add(self, vectors: list[chiscsi_sgvec]) -> None:
        """Add the vectors of the next phase; the first that breaks the rule ends the list, and says why."""
        if self.reason is None and not self.page_size:
            self._begin(vectors)
        for number, vector in enumerate(vectors, 1):
            if self.reason is None:
                self.reason = self._add(vector)
                self.culprit = number
        # What lies beyond the transfer, with an overflow, is never received.

    @property
    def pages(self) -> int:
        """How many pages the whole transfer needs."""
        return -(-(self.page_offset + self._total) // self.page_size)

    def _begin(self, vectors: list[chiscsi_sgvec]) -> None:
        """Find the page size: the middle buffers have it; without one, the first buffer ends where its page does."""
        first = vectors[0]
        if first.sg_length >= self._total:
            end = _offset(first) + self._total
            self.page_size = next((size for size in PAGE_SIZES if size >= end), PAGE_SIZES[-1])
            self.page_offset = _offset(first)
            return
        between = len(vectors) > 1 and first.sg_length + vectors[1].sg_length < self._total
        end = vectors[1].sg_length if between else _offset(first) + first.sg_length
        if not between and not _in_page(first):
            end = next((size for size in PAGE_SIZES if size >= end), end)
        self.page_size = end
        self.page_offset = end - first.sg_length
        whole = end in PAGE_SIZES and self.page_offset >= 0
        if not whole or (_in_page(first) and first.sg_offset != self.page_offset):
            self.reason, self.culprit = Reason.NOT_FULL_PAGES, 2 if between and end not in PAGE_SIZES else 1

    def _add(self, vector: chiscsi_sgvec) -> Reason | None:
        """Add one vector; returns why that cannot be done."""
        if self.known >= self._total:
            return None
        length, first = vector.sg_length, self.known == 0
        last = self.known + length >= self._total
        if not first and (_offset(vector) or not self._fits(length, last)):
            return Reason.NOT_FULL_PAGES
        address = self._dma.address(vector)
        if address is None:
            return Reason.MEMORY
        if first:
            # A page may begin before the memory that is ours: no octet is ever placed there.
            address -= self.page_offset
            length += self.page_offset
        self.addresses += range(address, address + length, self.page_size)
        self.known = min(self.known + vector.sg_length, self._total)
        return None

    def _fits(self, length: int, last: bool) -> bool:
        """Whether a buffer behind the first is as long as the guide has it."""
        if last:
            return length <= (self._middle or PAGE_SIZES[-1])
        if not self._middle:
            self._middle = length
        return length == self._middle and length in PAGE_SIZES and length >= self.page_size


def _in_page(vector: chiscsi_sgvec) -> bool:
    """Whether a vector is named by its page, and not by a DMA address, which takes precedence (guide 7.3.5.1)."""
    return vector.sg_page is not None and not (vector.sg_flag & ISCSI_SG_SBUF_DMABLE and vector.sg_dma_addr)


def _offset(vector: chiscsi_sgvec) -> int:
    """Where a vector begins in its page, when it has one."""
    return vector.sg_offset if _in_page(vector) else 0
