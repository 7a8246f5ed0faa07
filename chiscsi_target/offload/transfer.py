"""`Transfer`: one write's data, and whether the card may place them (behaviour file, 5.2 and 5.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chiscsi_target.core.buffers import address_space_of, vectors
from chiscsi_target.offload.dma import DmaMap
from chiscsi_target.offload.page_list import PageList
from chiscsi_target.offload.page_pods import PAGE_SIZES, PagePods, Reservation

if TYPE_CHECKING:
    from chiscsi_target.core.task import Task
    from chiscsi_target.offload.reasons import Reason

__all__ = ["Transfer"]


class Transfer:
    """The placement of one write, from its first R2T on.

    Args:
        task: the write.
        number: its command object's number, for the tags of what is not placed.

    Attributes:
        reason: why its next data are copied, or None while they can be placed.
        reservation: its page pods, while it has some.
        placed: how many octets were placed; `refused`, whether the card did not take data with its tag.
        floor: how many octets have gone back to the driver: nothing is placed there any more.
        pages: where the data belong.
        dma: the memory behind their addresses.
    """

    __slots__ = ("_phases", "dma", "floor", "number", "pages", "placed", "reason", "refused", "reservation", "task")

    def __init__(self, task: Task, number: int, reason: Reason | None) -> None:
        self.task = task
        self.number = number
        self.reason = reason
        self.reservation: Reservation | None = None
        self.placed = 0
        self.refused = False
        self.floor = 0
        self.dma = DmaMap(address_space_of(task))
        self.pages = PageList(task.sc_xfer_len, self.dma)
        self._phases = 0  # where the phases end that are in the list

    def list_pages(self) -> tuple[int, int, int, int] | None:
        """Add the phases that the driver has given meanwhile.

        Returns:
            The number of the first vector that ended the list, how many its phase has, its length, and where its phase
            begins in the transfer; None when none did.
        """
        for buf, sgcnt, offset, length in self.task.phases:
            if offset < self._phases or self.reason is not None:
                continue
            listed = list(vectors(buf, sgcnt))
            self.pages.add(listed)
            self._phases = offset + length
            self.reason = self.pages.reason
            if self.reason is not None:
                culprit = self.pages.culprit
                return culprit, len(listed), listed[culprit - 1].sg_length, offset
        return None

    def write_pods(self, pods: PagePods, tid: int) -> int:
        """Write the pages down that are known by now; returns how many pods that took."""
        held, pages = self.reservation, self.pages
        assert held is not None
        first = held.written
        new = pages.addresses[first : held.pages]
        if not new:
            return 0
        index = PAGE_SIZES.index(pages.page_size)
        pods.write(held, tid, index, self.task.sc_xfer_len, pages.page_offset, new, first)
        return -(-(first % 4 + len(new)) // 4)

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
        runs: list[tuple[int, int]] = []
        while position < end:
            page, within = divmod(position, size)
            if page >= held.written:
                return None
            count = min(size - within, end - position)
            address = pods.address(held.index, page) + within
            if runs and sum(runs[-1]) == address:
                runs[-1] = runs[-1][0], runs[-1][1] + count
            else:
                runs.append((address, count))
            position += count
        return self._memory(runs)

    def _memory(self, runs: list[tuple[int, int]]) -> list[memoryview] | None:
        views = []
        for address, length in runs:
            view = self.dma.octets(address, length)
            if view is None:
                return None
            views.append(view)
        return views
