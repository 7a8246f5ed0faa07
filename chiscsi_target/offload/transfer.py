"""`Transfer`: one write's data, and whether the card may place them (behaviour file, 5.2 and 5.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from chiscsi_target.core.buffers import MOST_PIECES, address_space_of, vectors
from chiscsi_target.core.full_pages import PAGE_SIZES
from chiscsi_target.offload.dma import DmaMap
from chiscsi_target.offload.page_list import PageList
from chiscsi_target.offload.page_pods import PagePods, Reservation

if TYPE_CHECKING:
    from chiscsi_target.api.sgvec import chiscsi_sgvec
    from chiscsi_target.core.task import Task
    from chiscsi_target.offload.reasons import Reason

__all__ = ["Transfer"]


_PAGES_AHEAD: Final = 16
"""How many pages are looked at for memory that lies in a row."""


class Transfer:
    """The placement of one write, from its first R2T on.

    Args:
        task: the write.
        reason: as below.

    Attributes:
        number: its command object's number, for the tags of what is not placed; -1 until it needs one.
        reason: why its next data are copied, or None while they can be placed.
        reservation: its page pods, while it has some.
        placed: how many octets were placed; `refused`, whether the card did not take data with its tag.
        floor: how many octets have gone back to the driver: nothing is placed there any more.
        pages: where the data belong.
        dma: the memory behind their addresses.
    """

    __slots__ = (
        "_listed",
        "_mapped",
        "dma",
        "floor",
        "number",
        "pages",
        "placed",
        "reason",
        "refused",
        "reservation",
        "task",
    )

    def __init__(self, task: Task, reason: Reason | None) -> None:
        self.task = task
        self.number = -1
        self.reason = reason
        self.reservation: Reservation | None = None
        self.placed = 0
        self.refused = False
        # What came unasked may have filled whole phases, which went back.
        self.floor = task.returned
        self.dma = DmaMap(address_space_of(task))
        self.pages = PageList(task.sc_xfer_len, self.dma, task.returned)
        self._listed = task.returned  # where the phases end that are in the list
        self._mapped: list[tuple[int, int]] = []  # where each of them ends, and how much memory was mapped up to there

    def list_pages(self) -> tuple[int, int, chiscsi_sgvec, int] | None:
        """Add the phases that the driver has given meanwhile.

        Returns:
            The number of the vector that ended the list, how many its phase has, the vector, and where its phase begins
            in the transfer; None when none did.
        """
        pages = self.pages
        # A driver that finds an underflow makes its transfer shorter, maybe in a later phase (guide 7.3.5.1).
        pages.total = min(pages.total, self.task.sc_xfer_len)
        for buf, sgcnt, offset, length in self.task.phases:
            end = offset + length
            if end <= self._listed or self.reason is not None:
                continue
            listed = vectors(buf, sgcnt)
            pages.add(listed)
            self._listed = end
            self._mapped.append((end, self.dma.mapped))
            self.reason = pages.reason
            if self.reason is not None:
                return pages.culprit, len(listed), listed[pages.culprit - 1], offset
        return None

    def returned(self, end: int) -> None:
        """Place nothing below octet `end` any more, and keep nothing of the memory: both are the driver's again."""
        self.floor = end
        while self._mapped and self._mapped[0][0] <= end:
            self.dma.forget(self._mapped.pop(0)[1])

    def write_pods(self, pods: PagePods, tid: int) -> int:
        """Write the pages down that are known by now; returns how many pods that took."""
        held, pages = self.reservation, self.pages
        assert held is not None
        first = held.written
        new = pages.addresses[first : held.pages]
        if not new:
            return 0
        index = PAGE_SIZES.index(pages.page_size)
        pods.write(held, tid, index, pages.total, pages.page_offset, new, first)
        return -(-(first % 4 + len(new)) // 4)

    def room(self, pods: PagePods, offset: int) -> memoryview | None:
        """The memory that lies in a row from an octet of the transfer on, as far as the next pages go.

        Args:
            pods: the region, whose octets are read.
            offset: where to begin, in octets.

        Returns:
            The memory, or None when the pods name none; it does not lead past the transfer.
        """
        held = self.reservation
        if held is None or not held.page_size:
            return None
        size, position = held.page_size, self.pages.page_offset + offset
        page, within = divmod(position, size)
        last = min(page + _PAGES_AHEAD, held.written)
        if page >= last:
            return None
        start = pods.address(held.index, page) + within
        end = start - within + size
        while (page := page + 1) < last and pods.address(held.index, page) == end:
            end += size
        return self.dma.octets(start, min(end - start, self.pages.known - offset))

    def views(self, pods: PagePods, offset: int, length: int) -> list[memoryview] | None:
        """The memory that the pods name for a part of the transfer; None when they name none.

        Args:
            pods: the region, whose octets are read.
            offset: of the part, in octets.
            length: of the part, in octets.
        """
        held = self.reservation
        if held is None or not held.page_size:
            return None
        size, position = held.page_size, self.pages.page_offset + offset
        end = position + length
        if end > held.written * size:
            return None
        if end <= position - position % size + size:
            view = self.dma.octets(pods.address(held.index, position // size) + position % size, length)
            return None if view is None else [view]
        runs: list[tuple[int, int]] = []
        while position < end:
            page, within = divmod(position, size)
            count = min(size - within, end - position)
            address = pods.address(held.index, page) + within
            if runs and sum(runs[-1]) == address:
                runs[-1] = runs[-1][0], runs[-1][1] + count
            else:
                runs.append((address, count))
            position += count
        views = [self.dma.octets(address, count) for address, count in runs]
        return None if None in views or len(views) > MOST_PIECES else views  # type: ignore[return-value]  # no None
