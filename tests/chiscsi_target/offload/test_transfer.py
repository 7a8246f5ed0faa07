"""One write's placement, by what its page pods say."""

from __future__ import annotations

import pytest

from chiscsi_target.api import chiscsi_sgvec
from chiscsi_target.api.address_space import AddressSpace
from chiscsi_target.core.buffers import MOST_PIECES
from chiscsi_target.core.task import Task
from chiscsi_target.offload.page_pods import PagePods, Reservation
from chiscsi_target.offload.reasons import Reason
from chiscsi_target.offload.transfer import Transfer
from tests.chiscsi_target.offload.ground import DMABLE, Offloaded, make, pattern

K = 1024
TID = 3


class Prepared:
    """A write whose phases were given, with its pods."""

    def __init__(self, length: int, *phases: list[chiscsi_sgvec], multi_phase: bool = False) -> None:
        ground = Offloaded(multi_phase=multi_phase)
        _, sc = ground.write(length)
        assert isinstance(sc, Task)
        self.task = sc
        self.add(*phases)
        self.pods = PagePods(4096)
        self.transfer = Transfer(sc, None)
        assert self.transfer.list_pages() is None
        held = self.pods.reserve(self.transfer.pages.pages)
        assert held is not None
        self.held: Reservation = held
        self.transfer.reservation = held

    def add(self, *phases: list[chiscsi_sgvec]) -> None:
        for phase in phases:
            length = sum(vector.sg_length for vector in phase)
            self.task.phases.append((phase, len(phase), self.task.given, length))
            self.task.given += length

    def write(self) -> int:
        return self.transfer.write_pods(self.pods, TID)

    def views(self, offset: int, length: int) -> list[memoryview] | None:
        return self.transfer.views(self.pods, offset, length)


def pages(*lengths: int, offset: int = 0) -> list[chiscsi_sgvec]:
    space = AddressSpace()
    return [make(space, "page", length, 0 if number else offset).vector for number, length in enumerate(lengths)]


def put(views: list[memoryview] | None, data: bytes) -> None:
    assert views is not None and sum(map(len, views)) == len(data)
    position = 0
    for view in views:
        view[:] = data[position : position + len(view)]
        position += len(view)


def test_places_are_read_from_the_pods() -> None:
    vectors = pages(512, 4 * K, 4 * K, offset=3584)
    prepared = Prepared(8 * K + 512, vectors)
    assert prepared.views(0, 512) is None  # nothing is written down yet
    assert (prepared.write(), prepared.held.written, prepared.held.page_size) == (1, 3, 4 * K)
    put(prepared.views(0, 8 * K + 512), pattern(8 * K + 512))
    memory = b"".join(bytes(vector.sg_page)[vector.sg_offset :] for vector in vectors)  # type: ignore[arg-type]
    assert memory == pattern(8 * K + 512)
    # Somebody swaps two pages in the card's memory: the card goes by that.
    entry = prepared.pods.entry(prepared.held.index)
    entry[32:40], entry[40:48] = bytes(entry[40:48]), bytes(entry[32:40])
    put(prepared.views(512, 4), b"card")
    assert isinstance(vectors[2].sg_page, bytearray) and vectors[2].sg_page[:4] == b"card"


def test_pods_grow_with_the_phases() -> None:
    prepared = Prepared(40 * K, pages(4 * K, 4 * K), multi_phase=True)
    assert (prepared.write(), prepared.write()) == (1, 0)
    assert prepared.views(8 * K, 1) is None
    prepared.add(pages(4 * K, 4 * K, 4 * K))
    assert prepared.transfer.list_pages() is None
    assert prepared.write() == 2  # the first of them once more
    assert prepared.views(8 * K, 12 * K) is not None and prepared.views(20 * K, 1) is None


def test_what_ended_the_list_is_told_once() -> None:
    prepared = Prepared(40 * K, pages(4 * K, 4 * K), multi_phase=True)
    odd = pages(4 * K, 3 * K)
    prepared.add(odd)
    assert prepared.transfer.list_pages() == (2, 2, odd[1], 8 * K)
    assert prepared.transfer.reason is Reason.NOT_FULL_PAGES
    prepared.add(pages(4 * K))
    assert prepared.transfer.list_pages() is None


def test_memory_in_a_row_is_one_piece() -> None:
    region = bytearray(64 * K)
    prepared = Prepared(64 * K, [chiscsi_sgvec(region, 64 * K, sg_flag=DMABLE)])
    prepared.write()
    (view,) = prepared.views(100, 60 * K) or []
    assert view.obj is region and len(view) == 60 * K


@pytest.mark.parametrize("count, placed", [(MOST_PIECES, True), (MOST_PIECES + 1, False)])
def test_no_more_pieces_than_one_receive_can_fill(count: int, placed: bool) -> None:
    prepared = Prepared(count * 4 * K, pages(*[4 * K] * count))
    prepared.write()
    assert (prepared.views(0, count * 4 * K) is not None) == placed


def test_room_is_memory_in_a_row() -> None:
    space = AddressSpace()
    prepared = Prepared(10 * K, [make(space, kind, 4 * K).vector for kind in ("dmable", "page")] + pages(2 * K))
    prepared.write()
    room = prepared.transfer.room
    sizes = [len(room(prepared.pods, at) or b"") for at in (0, 1 * K, 4 * K, 8 * K, 9 * K, 10 * K, 1 << 31)]
    assert sizes == [4 * K, 3 * K, 4 * K, 2 * K, 1 * K, 0, 0]


def test_room_goes_over_pages_and_ends_with_the_transfer() -> None:
    region = bytearray(1 << 21)
    prepared = Prepared(200 * K, [chiscsi_sgvec(region, 200 * K, sg_flag=DMABLE)])
    prepared.write()
    for at, size in ((0, 200 * K), (70 * K, 130 * K), (200 * K - 1, 1)):
        view = prepared.transfer.room(prepared.pods, at)
        assert view is not None and len(view) == size
        put([view[:1]], bytes((at & 0xFF or 1,)))
        assert region[at] == (at & 0xFF or 1)
    many = Prepared(1 << 21, [chiscsi_sgvec(region, 1 << 21, sg_flag=DMABLE)])
    many.write()
    assert len(many.transfer.room(many.pods, 0) or b"") == 16 * 64 * K


def test_returned_phases_are_let_go() -> None:
    memories = [bytearray(4 * K) for _ in range(2)]
    phases = [[chiscsi_sgvec(memory, 4 * K, sg_flag=DMABLE)] for memory in memories]
    prepared = Prepared(8 * K, *phases, multi_phase=True)
    prepared.write()
    prepared.transfer.returned(4 * K)
    memories[0].append(0)
    assert prepared.transfer.floor == 4 * K and prepared.views(0, 1) is None
    assert prepared.views(4 * K, 4 * K) is not None
    with pytest.raises(BufferError):
        memories[1].append(0)
