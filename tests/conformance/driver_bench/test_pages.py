"""Memory made of pages: what the vectors say, and what is told of octets beside the buffers."""

from __future__ import annotations

import pytest

from chiscsi_target.api import ISCSI_SG_SBUF_DMABLE
from chiscsi_target.api.address_space import AddressSpace
from conformance.driver_bench.pages import Kind, make_pages

NAMES: dict[Kind, tuple[bool, bool, bool, bool]] = {
    "addr": (True, False, False, False),
    "addr-dmable": (True, False, False, True),
    "page": (False, True, False, False),
    "region": (False, True, False, False),
    "dma": (False, False, True, True),
    "dma-mapped": (False, False, True, True),
    "dma-page": (False, True, True, True),
}


@pytest.mark.parametrize("kind", NAMES)
def test_vectors_name_the_memory(kind: Kind) -> None:
    space = AddressSpace()
    pages = make_pages(space, kind, [(512, 3584), (0, 4096)])
    vector = pages.buffers.given[0]
    named = (
        vector.sg_addr is not None,  # type: ignore[union-attr]
        vector.sg_page is not None,  # type: ignore[union-attr]
        bool(vector.sg_dma_addr),  # type: ignore[union-attr]
        bool(vector.sg_flag & ISCSI_SG_SBUF_DMABLE),  # type: ignore[union-attr]
    )
    assert named == NAMES[kind]
    assert (pages.buffers.sgcnt, pages.buffers.length) == (2, 7680)
    assert (space.regions[0].mapped, len(space.regions)) == (kind == "dma-mapped", 2)


def test_a_read_finds_its_data_there() -> None:
    pages = make_pages(AddressSpace(), "page", [(100, 6), (0, 4)], data=b"0123456789")
    assert pages.buffers.contents == b"0123456789"
    assert pages.whole[0][100:106] == b"012345" and pages.spilled == 0


@pytest.mark.parametrize(
    "at, untouched, spilled", [(None, True, 0), (100, False, 0), (3999, False, 0), (99, False, 1), (4000, False, 1)]
)
def test_octets_beside_the_buffers_are_found(at: int | None, untouched: bool, spilled: int) -> None:
    pages = make_pages(AddressSpace(), "region", [(100, 3900)])
    if at is not None:
        pages.whole[0][at] = 1
    assert (pages.untouched, pages.spilled) == (untouched, spilled)
