"""Pages and DMA addresses: each address leads to one memory, and past its end to none."""

from __future__ import annotations

import pytest

from chiscsi_target.api import AddressError, AddressSpace


def test_pages_are_told_apart() -> None:
    space = AddressSpace()
    first, second = space.page(), space.page()
    assert (first.number, second.number) == (0, 1)
    assert first.dma_address % space.page_size == second.dma_address % space.page_size == 0
    space.octets(second.dma_address, 4)[:] = b"abcd"
    assert first.memory[:4] == bytes(4) and second.memory[:4] == b"abcd"


def test_an_address_inside_a_region() -> None:
    space = AddressSpace()
    region = space.region(10000)
    region.memory[5000:5003] = b"xyz"
    assert bytes(space.octets(region.dma_address + 5000, 3)) == b"xyz"
    assert space.find(region.dma_address + 9999) is region
    assert len(space.octets(region.dma_address, 0)) == 0


@pytest.mark.parametrize("offset, length", [(-1, 1), (10000, 1), (9999, 2), (0, 10001), (0, -1)])
def test_what_is_not_there(offset: int, length: int) -> None:
    space = AddressSpace()
    region = space.region(10000)
    space.page()
    with pytest.raises(AddressError, match="no memory of the address space"):
        space.octets(region.dma_address + offset, length)


def test_only_mapped_memory_can_be_copied_to() -> None:
    space = AddressSpace(page_size=8192, start=0x4000)
    hidden, mapped = space.page(), space.page(mapped=True)
    assert (hidden.dma_address, len(hidden.memory)) == (0x4000, 8192)
    assert space.mapping(hidden.dma_address, 16) is None
    view = space.mapping(mapped.dma_address, 16)
    assert view is not None
    view[:] = bytes(range(16))
    assert mapped.memory[:16] == bytes(range(16))


def test_a_region_has_octets() -> None:
    with pytest.raises(AddressError, match="a region of 0 octets"):
        AddressSpace().region(0)


def test_regions_of_two_spaces_are_told_apart() -> None:
    space, other = AddressSpace(), AddressSpace()
    mine, second = space.page(), space.page()
    theirs = other.page()
    assert theirs.dma_address == mine.dma_address
    assert (mine in space, second in space, theirs in space) == (True, True, False)
    assert second not in other
