from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chiscsi_target.api import chiscsi_sgvec
from chiscsi_target.api.address_space import AddressSpace
from chiscsi_target.offload.dma import DmaMap
from tests.chiscsi_target.offload.ground import DMABLE, KINDS, REACHABLE, make


@pytest.mark.parametrize("kind", KINDS)
def test_what_the_card_gets_to(kind: str) -> None:
    space = AddressSpace()
    dma, buffer = DmaMap(space), make(space, kind, 600, 100 if kind in ("page", "region", "dma") else 0)
    address = dma.address(buffer.vector)
    assert (address is not None) == (kind in REACHABLE)
    if address is not None:
        view = dma.octets(address + 10, 20)
        assert view is not None
        view[:] = b"x" * 20
        assert bytes(buffer.memory) == bytes(10) + b"x" * 20 + bytes(570)


def test_a_dma_address_comes_before_the_page() -> None:
    space = AddressSpace()
    region, page = space.region(512), bytearray(512)
    vector = chiscsi_sgvec(None, 512, page, 0, region.dma_address, DMABLE)
    assert DmaMap(space).address(vector) == region.dma_address


def test_a_dma_address_counts_only_with_its_flag() -> None:
    space = AddressSpace()
    region, page = space.region(512), bytearray(512)
    dma = DmaMap(space)
    address = dma.address(chiscsi_sgvec(None, 512, page, 0, region.dma_address))
    assert address is not None
    view = dma.octets(address, 512)
    assert view is not None and view.obj is page


@pytest.mark.parametrize("offset, length", [(-1, 10), (0, 101), (91, 10), (1 << 45, 1), (0, 1 << 45)])
@pytest.mark.parametrize("kind", ["page", "region"])
def test_a_vector_that_leaves_its_page(kind: str, offset: int, length: int) -> None:
    space = AddressSpace()
    neighbours = [space.region(100) for _ in range(3)]
    page = bytearray(100) if kind == "page" else neighbours[1]
    assert DmaMap(space).address(chiscsi_sgvec(None, length, page, offset)) is None


def test_an_offset_that_leads_to_the_next_region_is_not_followed() -> None:
    space = AddressSpace()
    first, second = space.page(), space.page()
    vector = chiscsi_sgvec(None, 512, first, second.dma_address - first.dma_address)
    assert DmaMap(space).address(vector) is None


@pytest.mark.parametrize("memory", [memoryview(bytearray(800))[::2], memoryview(bytearray(800)).cast("I")])
def test_memory_that_is_no_row_of_octets(memory: memoryview) -> None:
    assert DmaMap(None).address(chiscsi_sgvec(memory, 100, sg_flag=DMABLE)) is None


def test_an_address_space_that_breaks() -> None:
    class Broken(AddressSpace):
        def octets(self, address: int, length: int) -> memoryview:
            raise OSError("gone")

    space = Broken()
    region = space.region(512)
    assert DmaMap(space).address(chiscsi_sgvec(None, 512, None, 0, region.dma_address, DMABLE)) is None


def test_memory_that_was_forgotten_may_change_its_length() -> None:
    first, second = bytearray(100), bytearray(100)
    dma = DmaMap(None)
    addresses = [dma.address(chiscsi_sgvec(memory, 100, sg_flag=DMABLE)) for memory in (first, second)]
    assert dma.mapped == 2 and None not in addresses
    with pytest.raises(BufferError):
        first.append(0)
    dma.forget(1)
    first.append(0)
    assert dma.octets(addresses[0] or 0, 1) is None
    assert dma.octets(addresses[1] or 0, 100) is not None


@given(lengths=st.lists(st.integers(1, 300), min_size=1, max_size=8), data=st.data())
def test_no_address_leads_past_its_own_memory(lengths: list[int], data: st.DataObject) -> None:
    dma, memories = DmaMap(None), [bytearray(length) for length in lengths]
    addresses = [dma.address(chiscsi_sgvec(memory, len(memory), sg_flag=DMABLE)) for memory in memories]
    which = data.draw(st.integers(0, len(lengths) - 1))
    start, length = data.draw(st.integers(-400, 400)), data.draw(st.integers(1, 400))
    address = addresses[which]
    assert address is not None
    view = dma.octets(address + start, length)
    inside = start >= 0 and start + length <= lengths[which]
    assert (view is not None) == inside
    if view is not None:
        assert view.obj is memories[which] and len(view) == length


def test_a_page_of_another_space_keeps_its_identity() -> None:
    """Regions of two address spaces may have the same DMA address; the class's space is not searched for it."""
    space, other = AddressSpace(), AddressSpace()
    ours, theirs = space.page(), other.page()
    dma = DmaMap(space)
    address = dma.address(chiscsi_sgvec(sg_page=theirs, sg_offset=16, sg_length=100))
    assert address is not None
    found = dma.octets(address, 100)
    assert found is not None
    found[:] = b"\xff" * 100
    assert bytes(theirs.memory[16:116]) == b"\xff" * 100 and not any(ours.memory)
