"""Buffers of the samples: vectors of a page each, in plain memory or with DMA addresses."""

from __future__ import annotations

import pytest

from chiscsi_target.api import ISCSI_SG_SBUF_DMABLE
from chiscsi_target.drivers.samples.pages import PAGE, DmaPages, allocate, collect, fill

DATA = bytes(range(256)) * 40


@pytest.mark.parametrize("length", [1, PAGE, PAGE + 1, len(DATA)])
def test_what_is_filled_in_is_collected(length: int) -> None:
    for vectors in (allocate(length), DmaPages().allocate(length)):
        assert sum(vector.sg_length for vector in vectors) == length
        assert [vector.sg_length for vector in vectors[:-1]] == [PAGE] * (len(vectors) - 1)
        fill(vectors, DATA)
        assert collect(vectors) == DATA[:length]


def test_an_address_leads_to_the_memory() -> None:
    pages = DmaPages()
    vectors = pages.allocate(2 * PAGE)
    fill(vectors, DATA)
    for number, vector in enumerate(vectors):
        assert vector.sg_flag == ISCSI_SG_SBUF_DMABLE and vector.sg_page is None
        assert bytes(pages.space.octets(vector.sg_dma_addr, 9)) == DATA[number * PAGE :][:9]


def test_pages_are_used_again() -> None:
    pages = DmaPages()
    first, second = pages.allocate(PAGE), pages.allocate(2 * PAGE)
    assert (pages.in_use, len(pages.space.regions)) == (3, 3)
    pages.free(first)
    pages.free(allocate(PAGE))  # others' memory
    assert pages.in_use == 2
    again = pages.allocate(PAGE)
    assert again[0].sg_addr is first[0].sg_addr and again[0].sg_addr is not second[0].sg_addr
    assert (pages.in_use, len(pages.space.regions)) == (3, 3)
