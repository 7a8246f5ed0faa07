"""The region of page pods: memory of the card in which the pages of transfers are written down, 64 octets for four.

The octets are what the card reads; a `Reservation` beside them says who may write which. A run of pods is found as the
card's driver finds it: behind the last one that was found (next-fit), first among the worker's own entries, then in the
half that is everybody's. The declaration of a pod is in `iscsi_wire/formats/page_pod.py`.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from threading import Lock
from typing import Final, NamedTuple

from chiscsi_target.core.full_pages import PAGE_SIZES
from chiscsi_target.offload.tags import COLOUR_BITS, TagLayout
from iscsi_wire.errors import FieldValueError
from iscsi_wire.terminator import PagePod

__all__ = ["LEAST_PODS", "PAGES_PER_POD", "POD_SIZE", "VALID", "PagePods", "PodHeader", "Reservation"]

PAGES_PER_POD: Final = 4
POD_SIZE: Final = 64
LEAST_PODS: Final = 1024
"""A device with fewer does no direct placement."""

VALID: Final = 1 << 24
"""In the pod's first word, above the tid."""

_VALID_TID: Final = VALID | VALID - 1
_INVALID: Final = bytes(4)
_MOST_COLOURS: Final = 1 << COLOUR_BITS
_MOST_TIDS: Final = VALID
_POD: Final = PagePod.STRUCT
_HEADER: Final = struct.Struct(">IIII")
_ADDRESS: Final = struct.Struct(">Q")
_ADDRESSES_AT: Final = 24
_FIFTH_AT: Final = _ADDRESSES_AT + 8 * PAGES_PER_POD
_NO_ADDRESSES: Final = (0,) * (PAGES_PER_POD + 1)


class PodHeader(NamedTuple):
    """What stands in front of a pod's addresses, read from its octets.

    Attributes:
        vld_tid: `VALID` and the tid; protection information above them.
        pgsz_tag_clr: page selector, index of the transfer's first pod and colour: a tag's bits below the marker.
        max_offset: length of the transfer in octets.
        page_offset: where its first octet lies in the first page.
    """

    vld_tid: int
    pgsz_tag_clr: int
    max_offset: int
    page_offset: int

    @property
    def valid(self) -> bool:
        """Whether the pod is in use."""
        return bool(self.vld_tid & VALID)

    @property
    def tid(self) -> int:
        """The connection that may place data by it."""
        return self.vld_tid & VALID - 1

    @property
    def colour(self) -> int:
        """The colour that the tag has to have."""
        return self.pgsz_tag_clr & _MOST_COLOURS - 1


class Reservation:
    """A run of pods that is held for one transfer.

    Attributes:
        index: its first pod.
        count: how many pods.
        colour: of the first pod, for this use.
        pages: how many pages the pods are for.
        tid: the connection that they were written for, -1 before that.
        page_size: of its pages, in octets; 0 before that.
        written: how many pages are written down, from the first one on.
    """

    __slots__ = ("colour", "count", "index", "page_size", "pages", "tid", "written")

    def __init__(self, index: int, count: int, colour: int, pages: int) -> None:
        self.index = index
        self.count = count
        self.colour = colour
        self.pages = pages
        self.tid = -1
        self.page_size = 0
        self.written = 0


class _Area:
    """Consecutive entries of the region that are searched together: next-fit, from `next` on, then from `start`."""

    __slots__ = ("end", "next", "start")

    def __init__(self, start: int, end: int) -> None:
        self.start = self.next = start
        self.end = end

    def find(self, used: bytearray, count: int) -> int:
        """The first of `count` free entries in a row, or -1."""
        free = bytes(count)
        index = used.find(free, self.next, self.end)
        if index < 0 and self.next > self.start:
            index = used.find(free, self.start, self.end)
        if index >= 0:
            self.next = index + count if index + count < self.end else self.start
        return index


class PagePods:
    """The pod region of one device. Any thread may reserve and release.

    Args:
        ppmax: entries of the region: its size in octets, divided by 64.
        llimit: the first entry that is ours; those below it are not used.
        pools: how many workers have entries of their own.
        reserve_factor: one part in so many is divided among the pools; 0 leaves everything to all.

    Attributes:
        layout: the tags that name the entries.
        upper: one behind the last entry. It is the largest power of two in `ppmax`, for a tag's index has no more bits.
        llimit: as given.
        in_use: entries that are reserved now.
        peak: the most that ever were.

    Raises:
        FieldValueError: no entry is left between the limits, or `pools` or `reserve_factor` are out of range.
    """

    def __init__(self, ppmax: int, llimit: int = 0, pools: int = 1, reserve_factor: int = 2) -> None:
        self.layout = TagLayout(ppmax)
        self.upper = 1 << self.layout.index_bits
        self.llimit = llimit
        if not 0 <= llimit < self.upper:
            raise FieldValueError("llimit", f"{llimit} leaves nothing below entry {self.upper}")
        if pools < 1:
            raise FieldValueError("pools", f"{pools} is less than one")
        if reserve_factor < 0:
            raise FieldValueError("reserve_factor", f"{reserve_factor} is negative")
        self._ppmax = ppmax
        self._searches = self._divide(pools, reserve_factor)
        self._memory = bytearray(POD_SIZE * self.upper)
        self._view = memoryview(self._memory)
        self._used = bytearray(self.upper)
        self._colours = bytearray(self.upper)
        self._held: dict[int, Reservation] = {}
        self._lock = Lock()
        self.in_use = 0
        self.peak = 0

    def _divide(self, pools: int, reserve_factor: int) -> tuple[tuple[_Area, ...], ...]:
        """The areas to be searched for each pool, in their order."""
        share = (self.upper - self.llimit) // reserve_factor // pools if reserve_factor else 0
        starts = range(self.llimit, self.llimit + share * pools, share) if share else ()
        general = _Area(self.llimit + share * pools, self.upper)
        return tuple((_Area(start, start + share), general) for start in starts) or ((general,),) * pools

    @property
    def enabled(self) -> bool:
        """Whether the device places data at all: it does not with fewer than 1024 entries."""
        return self._ppmax >= LEAST_PODS

    def reserve(self, pages: int, pool: int = 0) -> Reservation | None:
        """Hold pods for a transfer into `pages` pages, or return None if no run is long enough.

        Args:
            pages: at least one; four of them share a pod.
            pool: the worker that asks, counted from 0; its own entries are tried first.

        Raises:
            FieldValueError: there are no pages, or there is no such pool.
        """
        if pages < 1:
            raise FieldValueError("pages", f"{pages} need no pods")
        if not 0 <= pool < len(self._searches):
            raise FieldValueError("pool", f"there are {len(self._searches)}, and {pool} is none of them")
        count = -(-pages // PAGES_PER_POD)
        with self._lock:
            for area in self._searches[pool]:
                index = area.find(self._used, count)
                if index >= 0:
                    return self._hold(index, count, pages)
        return None

    def _hold(self, index: int, count: int, pages: int) -> Reservation:
        self._used[index : index + count] = b"\1" * count
        colour = self._colours[index] = (self._colours[index] + 1) % _MOST_COLOURS
        held = self._held[index] = Reservation(index, count, colour, pages)
        self.in_use += count
        self.peak = max(self.peak, self.in_use)
        return held

    def write(
        self,
        reservation: Reservation,
        tid: int,
        page_size_index: int,
        transfer_length: int,
        page_offset: int,
        addresses: Sequence[int],
        first_page: int = 0,
    ) -> None:
        """Write pages down; the rest may follow in later calls, as they become known.

        Args:
            reservation: the pods to write; they have to be held.
            tid: the connection that will place data.
            page_size_index: which of `PAGE_SIZES`.
            transfer_length: length of the whole transfer, in octets.
            page_offset: where its first octet lies in the first page.
            addresses: of pages, one behind the other.
            first_page: which page of the transfer the first of them is. No page may be left out before it, and none
                that is written already behind the last.

        Raises:
            FieldValueError: a value is out of range, the transfer does not fit into the pages, or the pods are not
                held; nothing has been written then.
        """
        self._check(reservation, tid, page_size_index, transfer_length, page_offset)
        last_page = first_page + len(addresses)
        if not 0 <= first_page <= reservation.written <= last_page <= reservation.pages or not addresses:
            text = f"{first_page} to {last_page} do not go on from {reservation.written} of {reservation.pages}"
            raise FieldValueError("addresses", text)
        word = reservation.index << COLOUR_BITS | reservation.colour
        self._fill(reservation.index, (VALID | tid, word, transfer_length, page_offset, 0), addresses, first_page)
        reservation.tid, reservation.page_size = tid, PAGE_SIZES[page_size_index]
        reservation.written = last_page

    def _check(
        self, reservation: Reservation, tid: int, page_size_index: int, transfer_length: int, page_offset: int
    ) -> None:
        if self._held.get(reservation.index) is not reservation:
            raise FieldValueError("reservation", f"the pods from {reservation.index} on are not held by it")
        if not 0 <= tid < _MOST_TIDS:
            raise FieldValueError("tid", f"{tid} does not fit in 24 bits")
        if not 0 <= page_size_index < len(PAGE_SIZES):
            raise FieldValueError(
                "page_size_index", f"there are {len(PAGE_SIZES)}, and {page_size_index} is none of them"
            )
        size = PAGE_SIZES[page_size_index]
        if not 0 <= page_offset < size:
            raise FieldValueError("page_offset", f"{page_offset} is not inside a page of {size}")
        if not 0 < transfer_length <= min(reservation.pages * size - page_offset, 0xFFFFFFFF):
            text = f"{transfer_length} octets from {page_offset} on do not fit into {reservation.pages} pages of {size}"
            raise FieldValueError("transfer_length", text)

    def _fill(
        self, index: int, header: tuple[int, int, int, int, int], addresses: Sequence[int], first_page: int
    ) -> None:
        """Write whole pods; in the first one, what stands before `first_page` remains."""
        if not first_page and len(addresses) <= PAGES_PER_POD:
            self._fill_one(index, header, addresses)
            return
        pod, before = divmod(first_page, PAGES_PER_POD)
        known = [self.address(index, page) for page in range(first_page - before, first_page)] if before else []
        known += addresses
        length = len(known)
        known += _NO_ADDRESSES
        try:
            pods = [
                _POD.pack(*header, *known[page : page + PAGES_PER_POD + 1]) for page in range(0, length, PAGES_PER_POD)
            ]
        except struct.error as fault:
            raise FieldValueError("addresses", f"one does not fit in 64 bits: {fault}") from fault
        at = (index + pod) * POD_SIZE
        self._memory[at : at + len(pods) * POD_SIZE] = b"".join(pods)
        if pod:
            _ADDRESS.pack_into(self._memory, at - POD_SIZE + _FIFTH_AT, known[0])

    def _fill_one(self, index: int, header: tuple[int, int, int, int, int], addresses: Sequence[int]) -> None:
        """Write the only pod of a transfer, as most are."""
        try:
            pod = _POD.pack(*header, *addresses, *_NO_ADDRESSES[len(addresses) :])
        except struct.error as fault:
            raise FieldValueError("addresses", f"one does not fit in 64 bits: {fault}") from fault
        at = index * POD_SIZE
        self._memory[at : at + POD_SIZE] = pod

    def release(self, reservation: Reservation) -> bool:
        """Make the pods invalid, and free.

        Returns:
            False, and nothing has happened, if the reservation does not hold them: it was released before, or it is of
            another region.
        """
        index, count = reservation.index, reservation.count
        with self._lock:
            if self._held.get(index) is not reservation:
                return False
            del self._held[index]
            for at in range(index * POD_SIZE, (index + count) * POD_SIZE, POD_SIZE):
                self._memory[at : at + 4] = _INVALID
            self._used[index : index + count] = bytes(count)
            self.in_use -= count
        return True

    def look_up(self, tag: int) -> PodHeader | None:
        """What a received tag's first pod says; None if the tag names no entry of ours.

        Whether the pod is valid, and of this connection, colour and length, is for the caller to compare:
        `pgsz_tag_clr` has to equal the tag's bits below the marker.
        """
        layout = self.layout
        if not layout.is_ddp(tag):
            return None
        index = layout.index(tag)
        return self.header(index) if index >= self.llimit else None

    def admits(self, tag: int, tid: int, end: int) -> bool:
        """Whether a received DDP tag is valid: its first pod is, and of this connection, colour and length.

        Args:
            tag: marker and page selector are clear.
            tid: the connection that it came over.
            end: where its data end in the transfer, in octets.
        """
        word = tag & self.layout.pod_mask
        index = word >> COLOUR_BITS
        if index < self.llimit:
            return False
        words: tuple[int, int, int, int] = _HEADER.unpack_from(self._memory, index * POD_SIZE)
        vld_tid, pgsz_tag_clr, max_offset, _ = words
        return vld_tid & _VALID_TID == VALID | tid and pgsz_tag_clr == word and end <= max_offset

    def header(self, index: int) -> PodHeader:
        """What the pod at `index` says; the caller has made sure that it lies between the limits."""
        return PodHeader._make(_HEADER.unpack_from(self._memory, index * POD_SIZE))

    def address(self, index: int, page: int) -> int:
        """The address of one page, as the octets have it.

        Args:
            index: the transfer's first pod.
            page: which page of the transfer, counted from 0; it lies below `upper`.
        """
        at = (index + page // PAGES_PER_POD) * POD_SIZE + _ADDRESSES_AT + 8 * (page % PAGES_PER_POD)
        found: tuple[int] = _ADDRESS.unpack_from(self._memory, at)
        return found[0]

    def below(self, index: int) -> bool:
        """Whether the entry lies below the lower limit."""
        return index < self.llimit

    def above(self, index: int) -> bool:
        """Whether the entry lies above the upper limit, as the pods of a long transfer may."""
        return index >= self.upper

    def entry(self, index: int, count: int = 1) -> memoryview:
        """The 64 octets of a pod, or those of several pods in a row, to be read and written.

        Raises:
            FieldValueError: the region has no such entry.
        """
        if not 0 <= index <= index + count <= self.upper or count < 1:
            raise FieldValueError("index", f"the region has {self.upper} entries, and not {count} from {index} on")
        return self._view[index * POD_SIZE : (index + count) * POD_SIZE]
