"""The guide's rule (Requirement for DDP): by hand, and against a plain reading of it."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chiscsi_target.api.address_space import AddressSpace
from chiscsi_target.core.full_pages import PAGE_SIZES
from chiscsi_target.offload.dma import DmaMap
from chiscsi_target.offload.page_list import PageList
from chiscsi_target.offload.reasons import Reason
from tests.chiscsi_target.offload.ground import KINDS, REACHABLE, Buffer, make

K = 1024
MEMORY, NOT_FULL = Reason.MEMORY, Reason.NOT_FULL_PAGES
Shape = tuple[int, int]
"""Offset and length."""


def listed(total: int, phases: list[list[Buffer]], space: AddressSpace, start: int = 0) -> tuple[PageList, DmaMap]:
    dma = DmaMap(space)
    pages = PageList(start + total, dma, start)
    for phase in phases:
        pages.add([buffer.vector for buffer in phase])
    return pages, dma


def of_pages(shapes: list[Shape], total: int = 0, kind: str = "page") -> PageList:
    space = AddressSpace()
    buffers = [make(space, kind, length, offset) for offset, length in shapes]
    return listed(total or sum(length for _, length in shapes), [buffers], space)[0]


def test_the_example_of_the_guide() -> None:
    """64 KiB in pages of 8 KiB, given in three phases; first and last page partially used."""
    space = AddressSpace()
    shapes = [[(4 * K, 4 * K), (0, 8 * K), (0, 8 * K)], [(0, 8 * K)] * 4, [(0, 8 * K), (0, 4 * K)]]
    phases = [[make(space, "region", length, offset) for offset, length in phase] for phase in shapes]
    pages, _ = listed(64 * K, phases, space)
    assert (pages.reason, pages.known, pages.page_size, pages.page_offset) == (None, 64 * K, 8 * K, 4 * K)
    regions = [buffer.vector.sg_page.dma_address for phase in phases for buffer in phase]  # type: ignore[union-attr]
    assert pages.addresses == regions and pages.pages == 9


@pytest.mark.parametrize(
    "shapes, reason, culprit",
    [
        # One buffer: a page of which any part may be used, or several in a row.
        ([(0, 512)], None, 0),
        ([(100, 4000)], None, 0),
        ([(0, 200 * K)], None, 0),
        # Two: the end of a page, and the beginning of one.
        ([(3584, 512), (0, 512)], None, 0),
        ([(0, 512), (0, 512)], NOT_FULL, 1),
        ([(0, 4096), (512, 512)], NOT_FULL, 2),
        ([(0, 65 * K), (0, 1 * K)], NOT_FULL, 1),
        ([(0, 4 * K), (0, 65 * K)], NOT_FULL, 2),
        # More of them: full pages of one size in the middle.
        ([(0, 4 * K), (0, 4 * K), (0, 4 * K)], None, 0),
        ([(0, 4 * K), (0, 8 * K), (0, 8 * K)], None, 0),
        ([(0, 8 * K), (0, 4 * K), (0, 4 * K)], NOT_FULL, 2),
        ([(4 * K, 4 * K), (0, 4 * K), (0, 4 * K)], None, 0),
        ([(0, 4 * K), (0, 2 * K), (0, 4 * K)], NOT_FULL, 2),
        ([(0, 4 * K), (0, 12 * K), (0, 4 * K)], NOT_FULL, 2),
        ([(0, 4 * K), (512, 4 * K), (0, 4 * K)], NOT_FULL, 2),
        ([(0, 4 * K), (0, 4 * K), (0, 8 * K), (0, 4 * K)], NOT_FULL, 3),
        ([(0, 4 * K), (0, 4 * K), (0, 5 * K)], NOT_FULL, 3),
        # Buffers of nothing.
        ([(0, 0), (0, 4 * K), (0, 4 * K)], None, 0),
        ([(0, 4 * K), (0, 0), (0, 4 * K)], NOT_FULL, 2),
        ([(0, 4 * K), (0, 4 * K), (0, 0)], None, 0),
    ],
)
def test_lists_of_pages(shapes: list[Shape], reason: Reason | None, culprit: int) -> None:
    pages = of_pages(shapes)
    assert pages.reason is reason
    if reason is not None:
        assert pages.culprit == culprit
    else:
        assert pages.known == sum(length for _, length in shapes)


def test_a_buffer_that_is_no_page_ends_where_a_page_does() -> None:
    """One that is able to do DMA lies anywhere: the pages are counted from its end."""
    pages = of_pages([(0, 512), (0, 8 * K), (0, 100)], kind="dmable")
    assert (pages.reason, pages.page_size, pages.page_offset) == (None, 8 * K, 8 * K - 512)


def test_what_lies_beyond_the_transfer_does_not_count() -> None:
    """An overflow: the initiator sends no more than it said."""
    pages = of_pages([(0, 4 * K), (0, 4 * K), (512, 100)], total=6 * K)
    assert (pages.reason, pages.known, pages.pages) == (None, 6 * K, 2)


def test_an_underflow_that_is_found_in_a_later_phase_makes_its_buffer_the_last() -> None:
    space = AddressSpace()
    pages = PageList(64 * K, DmaMap(space))
    pages.add([make(space, "page", 4 * K).vector, make(space, "page", 4 * K).vector])
    pages.total = 9 * K
    pages.add([make(space, "page", 1 * K).vector])
    assert (pages.reason, pages.known, len(pages.addresses)) == (None, 9 * K, 3)


def test_pages_below_address_zero() -> None:
    """No page begins before all memory, as that of a buffer at a very low address would."""
    space = AddressSpace(start=512)
    shapes = [make(space, "dma", 512), make(space, "dma", 8 * K), make(space, "dma", 8 * K)]
    pages, _ = listed(512 + 16 * K, [shapes], space)
    assert pages.reason is MEMORY and pages.culprit == 1


@pytest.mark.parametrize("length", [-4096, -1])
def test_negative_lengths(length: int) -> None:
    for shapes in ([(0, length), (0, 4 * K), (0, 8 * K)], [(0, 4 * K), (0, length), (0, 8 * K)]):
        space = AddressSpace()
        buffers = [make(space, "page", 4 * K, offset) for offset, _ in shapes]
        for buffer, (_, said) in zip(buffers, shapes, strict=True):
            buffer.vector.sg_length = said
        assert listed(8 * K, [buffers], space)[0].reason is NOT_FULL


# Against a plain model


@dataclass
class Verdict:
    """What the guide says of a list: the first buffer that breaks a rule, and which; None if none does."""

    culprit: int | None
    reason: Reason | None


def judge(total: int, buffers: list[tuple[str, int, int]]) -> Verdict:
    """The rule as the guide has it, over all buffers at once: kind, offset and length of each."""
    numbers = [number for number, (_, _, length) in enumerate(buffers) if length or number]
    while numbers and not buffers[numbers[0]][2]:
        del numbers[0]  # nothing has begun yet
    position, first_length, middle = 0, 0, 0
    for place, number in enumerate(numbers):
        if position >= total:
            break
        kind, offset, length = buffers[number]
        last = position + length >= total
        in_page = kind in ("page", "region")
        if place == 0:
            first_length = length
            good = last or (length <= 64 * K and not (in_page and (offset + length) % (4 * K)))
        elif last:
            good = not (in_page and offset) and length <= (middle or 64 * K)
        else:
            middle = middle or length
            good = not (in_page and offset) and length == middle and length in PAGE_SIZES and length >= first_length
        if kind not in REACHABLE:
            return Verdict(number, MEMORY)
        if not good:
            return Verdict(number, NOT_FULL)
        position += length
    return Verdict(None, None)


@st.composite
def buffer_lists(draw: st.DrawFn) -> tuple[int, list[tuple[str, int, int]]]:
    """Lists that obey the rule, or nearly."""
    size = draw(st.sampled_from(PAGE_SIZES))
    kind = draw(st.sampled_from(REACHABLE))
    first = draw(st.one_of(st.just(size), st.integers(1, size // 512).map(lambda count: count * 512)))
    offset = draw(st.sampled_from([0, size - first, -first % 4096]))
    shapes = [(kind, offset, first)]
    shapes += [(kind, 0, size)] * draw(st.integers(0, 4))
    shapes += [(kind, 0, draw(st.integers(1, size)))] * draw(st.integers(0, 1))
    for _ in range(draw(st.integers(0, 2))):
        at = draw(st.integers(0, len(shapes) - 1))
        odd = st.tuples(
            st.sampled_from(KINDS),
            st.sampled_from([0, 0, 512, 4096]),
            st.sampled_from([0, 1, 512, *PAGE_SIZES, 12 * K, 65 * K]),
        )
        shapes[at : at + draw(st.integers(0, 1))] = [draw(odd)]
    whole = sum(length for _, _, length in shapes)
    total = draw(st.one_of(st.just(whole), st.integers(1, whole))) if whole else 1
    return total, shapes


@settings(max_examples=400)
@given(case=buffer_lists(), data=st.data())
def test_it_judges_as_the_guide_does_whatever_the_phases(
    case: tuple[int, list[tuple[str, int, int]]], data: st.DataObject
) -> None:
    total, shapes = case
    cuts = sorted(data.draw(st.sets(st.integers(1, len(shapes)), max_size=4)))
    space = AddressSpace()
    buffers = [make(space, *shape_of(shape)) for shape in shapes]
    ends = [*cuts, len(buffers)]
    phases = [buffers[start:end] for start, end in zip([0, *ends], ends, strict=False)]
    expected = judge(total, shapes)
    start = data.draw(st.sampled_from([0, 0, 1, 512, 5000, 70000]))
    for given_as in ([buffers], phases):
        pages, dma = listed(total, given_as, space, start)
        assert pages.reason is expected.reason
        if expected.culprit is not None:
            before = sum(length for _, _, length in shapes[: expected.culprit])
            assert pages.known == start + before
        else:
            assert pages.known == start + min(total, sum(length for _, _, length in shapes))
        check_places(pages, dma, buffers, start)


def shape_of(shape: tuple[str, int, int]) -> tuple[str, int, int]:
    kind, offset, length = shape
    return kind, length, offset


def check_places(pages: PageList, dma: DmaMap, buffers: list[Buffer], start: int) -> None:
    """Each octet that is known has the address of the memory that it belongs into."""
    position = start
    for buffer in buffers:
        end = min(position + buffer.vector.sg_length, pages.known)
        for octet in {position, (position + end) // 2, end - 1}:
            if position <= octet < end:
                page, within = divmod(pages.page_offset + octet, pages.page_size)
                view = dma.octets(pages.addresses[page] + within, 1)
                assert view is not None
                before = buffer.memory[octet - position]
                view[0] = before ^ 0xFF
                assert buffer.memory[octet - position] == before ^ 0xFF
        position += buffer.vector.sg_length
