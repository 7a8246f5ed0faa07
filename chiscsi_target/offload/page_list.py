"""`PageList`: whether a write's buffers are pages that data can be placed into, and where those lie.

The guide's rule (Requirement for DDP) goes over all phases of a command: the buffers between the first and the last are
full pages of one size; the first may begin late in its page, the last may end early. Phases become known one after the
other, so the list grows with them.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, Final

from chiscsi_target.api.constants import ISCSI_SG_SBUF_DMABLE
from chiscsi_target.core.full_pages import PAGE_SIZES
from chiscsi_target.offload.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chiscsi_target.api.sgvec import chiscsi_sgvec
    from chiscsi_target.offload.dma import DmaMap

__all__ = ["PageList"]

_LARGEST_PAGE: Final = PAGE_SIZES[-1]
_ADDRESSES: Final = 1 << 64


class PageList:
    """The pages of one transfer.

    Args:
        total: the transfer's length, in octets.
        dma: gives vectors their addresses.
        start: where the first buffer begins in the transfer, in octets: those before it went back before any
            R2T, filled by immediate or unsolicited data. Their pages are of no interest.

    Attributes:
        total: as given; it may become less when a driver finds an underflow in a later phase.
        known: how many octets of the transfer the pages hold so far.
        page_size: of the pages, in octets; 0 until it is clear. The driver's own pages may be several of these each.
        page_offset: where the transfer begins in the first page.
        addresses: where the pages begin.
        reason: why nothing more can be placed, or None; `culprit`, the number of the vector in its list, from 1.
    """

    __slots__ = (
        "_dma",
        "_first",
        "_middle",
        "_start",
        "addresses",
        "culprit",
        "known",
        "page_offset",
        "page_size",
        "reason",
        "total",
    )

    def __init__(self, total: int, dma: DmaMap, start: int = 0) -> None:
        self.total = total
        self._dma = dma
        self._start = start
        self._first = 0  # the first buffer's length
        self._middle = 0  # that of those between the first and the last
        self.known = start
        self.page_size = 0
        self.page_offset = 0
        self.addresses: list[int] = []
        self.reason: Reason | None = None
        self.culprit = 0

    def add(self, vectors: Sequence[chiscsi_sgvec]) -> None:
        """Add the vectors of the next phase; the first that breaks the rule ends the list, and says why.

        What lies beyond the transfer, with an overflow, is never received.
        """
        for number, vector in enumerate(vectors, 1):
            if self.reason is not None or self.known >= self.total:
                return
            if self.known > self._start:
                fits = self._goes_on(vector)
            elif vector.sg_length:
                fits = self._begins(vector, vectors[number] if number < len(vectors) else None)
            else:
                continue
            self.reason = self._list(vector) if fits else self._why_not(vector)
            self.culprit = number

    @property
    def pages(self) -> int:
        """How many pages the whole transfer needs."""
        return -(-(self.page_offset + self.total) // self.page_size)

    def _begins(self, first: chiscsi_sgvec, second: chiscsi_sgvec | None) -> bool:
        """Find the page size, and whether the first buffer can be the end of a page, or of several.

        A buffer that is no page, but able to do DMA, has no place in one: it ends where we say that a page ends.
        """
        length, placed = first.sg_length, _in_page(first)
        offset = first.sg_offset if placed else 0
        rest = self.total - self._start
        if length >= rest:
            # The only one: it begins and ends where it does.
            self.page_size = _at_least(offset + rest) or _LARGEST_PAGE
            self._skip_to(offset % self.page_size)
            return length > 0
        least = _at_least(length)
        fitting = [size for size in PAGE_SIZES if size <= least and not (placed and (offset + length) % size)]
        if not fitting or length < 0:
            return False
        self._first = length
        self.page_size = fitting[-1] if placed else least
        if second is not None and length + second.sg_length < rest:
            # Larger pages need fewer page pods; but what is known only later has to fit as well.
            middle = second.sg_length
            if middle in PAGE_SIZES and middle >= least and not (placed and (offset + length) % middle):
                self.page_size = middle
        self._skip_to(-length % self.page_size)
        return True

    def _skip_to(self, within: int) -> None:
        """Have the first buffer begin `within` octets into its page, and count the pages before that one."""
        self.page_offset = (within - self._start) % self.page_size
        self.addresses = [0] * ((self.page_offset + self._start) // self.page_size)

    def _goes_on(self, vector: chiscsi_sgvec) -> bool:
        """Whether a buffer behind the first is as long as the guide has it, and begins where its page does."""
        length = vector.sg_length
        if _offset(vector):
            return False
        if self.known + length >= self.total:
            return length <= (self._middle or _LARGEST_PAGE)
        if not self._middle:
            self._middle = length
        return length == self._middle and length in PAGE_SIZES and length >= self._first

    def _why_not(self, vector: chiscsi_sgvec) -> Reason:
        """Why a buffer cannot be listed that does not fit: what is no memory for the card would not help as a page."""
        return Reason.MEMORY if self._dma.address(vector) is None else Reason.NOT_FULL_PAGES

    def _list(self, vector: chiscsi_sgvec) -> Reason | None:
        """Take a buffer's pages in; returns why that cannot be done."""
        length = min(vector.sg_length, self.total - self.known)
        start = self._dma.address(vector)
        if start is None:
            return Reason.MEMORY
        end = start + length
        if self.known == self._start:
            # A page may begin before the memory that is ours: no octet is ever placed there.
            start -= (self.page_offset + self._start) % self.page_size
        if start < 0 or end > _ADDRESSES:
            return Reason.MEMORY
        self.addresses += range(start, end, self.page_size)
        self.known += length
        return None


def _at_least(length: int) -> int:
    """The smallest page that holds so many octets; 0 when none does."""
    index = bisect_left(PAGE_SIZES, length)
    return PAGE_SIZES[index] if index < len(PAGE_SIZES) else 0


def _in_page(vector: chiscsi_sgvec) -> bool:
    """Whether a vector is named by its page, and not by a DMA address, which takes precedence (guide 7.3.5.1)."""
    return vector.sg_page is not None and not (vector.sg_flag & ISCSI_SG_SBUF_DMABLE and vector.sg_dma_addr)


def _offset(vector: chiscsi_sgvec) -> int:
    """Where a vector begins in its page, when it has one."""
    return vector.sg_offset if _in_page(vector) else 0
