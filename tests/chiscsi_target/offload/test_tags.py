from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chiscsi_target.offload.tags import TagLayout, software_tag_of
from iscsi_wire.errors import FieldValueError

REGIONS = st.integers(min_value=1, max_value=1 << 26)
SOFTWARE_TAGS = st.integers(min_value=0, max_value=0x7FFFFFFF)


@pytest.mark.parametrize(
    "ppmax, index_bits, marker, free_bits",
    [
        # b = log2(ppmax) rounded down, marker in bit 6+b, 30 - (b+7) bits above it
        (1, 0, 1 << 6, 23),
        (1023, 9, 1 << 15, 14),
        (1024, 10, 1 << 16, 13),
        (65536, 16, 1 << 22, 7),
        (1 << 22, 22, 1 << 28, 1),
        (1 << 23, 23, 1 << 29, 0),
        (1 << 24, 24, 1 << 30, 0),  # the marker is the page selector's lower bit
        (1 << 25, 24, 1 << 30, 0),  # never more than 24
    ],
)
def test_where_the_parts_lie(ppmax: int, index_bits: int, marker: int, free_bits: int) -> None:
    layout = TagLayout(ppmax)
    assert (layout.index_bits, layout.marker, layout.free_bits) == (index_bits, marker, free_bits)


@pytest.mark.parametrize(
    "ppmax, index, colour, r2t_sn, tag",
    [
        # 6 mod 4 = 2 above the marker in bit 16: 2 << 17 = 0x40000; 5 << 6 = 0x140; 3
        (1024, 5, 3, 6, 0x0004_0143),
        # marker in bit 22: 1 << 23 = 0x800000; 0x1234 << 6 = 0x48D00; 0x2A
        (65536, 0x1234, 0x2A, 1, 0x0084_8D2A),
        # one free bit, bit 29, takes the lower one of 3: 0x20000000; 1 << 6 = 0x40; 0
        (1 << 22, 1, 0, 3, 0x2000_0040),
        # no free bit: 0xFFFFFF << 6 = 0x3FFFFFC0; 0x3F
        (1 << 24, 0xFFFFFF, 63, 3, 0x3FFF_FFFF),
    ],
)
def test_a_ddp_tag_by_hand(ppmax: int, index: int, colour: int, r2t_sn: int, tag: int) -> None:
    layout = TagLayout(ppmax)
    assert layout.ddp_tag(index, colour, r2t_sn) == tag
    assert (layout.is_ddp(tag), layout.index(tag), layout.colour(tag)) == (True, index, colour)


@pytest.mark.parametrize(
    "ppmax, software_tag, tag",
    [
        (1024, 0, 0x0001_0000),  # the marker alone
        (1024, 0x0002_0005, 0x0005_0005),  # 0x20005 >> 16 = 2, moved up: 2 << 17 = 0x40000; marker 0x10000; 5
        (1024, 0x7FFF_FFFF, 0xFFFF_FFFF),
        (65536, 0x0003_0007, 0x0043_0007),  # all of it below bit 22; marker 0x400000
        (1 << 24, 0x4000_0001, 0xC000_0001),  # bit 30 moves to bit 31; marker 0x40000000
    ],
)
def test_a_tag_of_software_by_hand(ppmax: int, software_tag: int, tag: int) -> None:
    layout = TagLayout(ppmax)
    assert layout.non_ddp_tag(software_tag) == tag
    assert (layout.software_tag(tag), layout.is_ddp(tag)) == (software_tag, False)


def test_the_software_tag_of_a_command_object() -> None:
    assert software_tag_of(5, 6) == 0x0002_0005  # 6 mod 4 = 2, << 16
    assert software_tag_of(32767, 3) == 0x0003_7FFF


@given(ppmax=REGIONS, data=st.data())
def test_what_goes_into_a_ddp_tag_comes_out(ppmax: int, data: st.DataObject) -> None:
    layout = TagLayout(ppmax)
    index = data.draw(st.integers(min_value=0, max_value=min(ppmax, 1 << layout.index_bits) - 1))
    colour = data.draw(st.integers(min_value=0, max_value=63))
    r2t_sn = data.draw(st.integers(min_value=0, max_value=0xFFFFFFFF))
    tag = layout.ddp_tag(index, colour, r2t_sn)
    assert (layout.is_ddp(tag), layout.index(tag), layout.colour(tag)) == (True, index, colour)
    assert tag >> 30 == 0
    assert tag >> layout.index_bits + 7 == r2t_sn % min(4, 1 << layout.free_bits)


@pytest.mark.parametrize("ppmax", [1024, 1 << 22, 1 << 23, 1 << 24])
def test_all_tags_of_a_transfer(ppmax: int) -> None:
    layout = TagLayout(ppmax)
    every = {layout.ddp_tag(5, 9, r2t_sn) for r2t_sn in range(8)}
    assert set(layout.ddp_tags(5, 9)) == every and len(layout.ddp_tags(5, 9)) == len(every)


@given(ppmax=REGIONS, software_tag=SOFTWARE_TAGS)
def test_what_goes_into_another_tag_comes_out(ppmax: int, software_tag: int) -> None:
    layout = TagLayout(ppmax)
    tag = layout.non_ddp_tag(software_tag)
    assert (tag >> 32, layout.is_ddp(tag), layout.software_tag(tag)) == (0, False, software_tag)


@given(ppmax=REGIONS, first=SOFTWARE_TAGS, second=SOFTWARE_TAGS)
def test_software_tags_keep_apart(ppmax: int, first: int, second: int) -> None:
    layout = TagLayout(ppmax)
    assert (layout.non_ddp_tag(first) == layout.non_ddp_tag(second)) == (first == second)


@pytest.mark.parametrize("tag", [0x4000_0000, 0x8000_0000, 0xC000_0140, 0xFFFF_FFFF, 0x0001_0140])
def test_a_tag_with_a_page_selector_or_the_marker_is_none_of_ddp(tag: int) -> None:
    assert not TagLayout(1024).is_ddp(tag)


@pytest.mark.parametrize(
    "index, colour, field", [(1024, 0, "index"), (-1, 0, "index"), (0, 64, "colour"), (0, -1, "colour")]
)
def test_what_does_not_fit_in_a_ddp_tag(index: int, colour: int, field: str) -> None:
    with pytest.raises(FieldValueError) as caught:
        TagLayout(1024).ddp_tag(index, colour)
    assert caught.value.field == field


@pytest.mark.parametrize("software_tag", [-1, 0x8000_0000])
def test_what_is_no_software_tag(software_tag: int) -> None:
    with pytest.raises(FieldValueError, match="31 bits"):
        TagLayout(1024).non_ddp_tag(software_tag)


@pytest.mark.parametrize("tag", [0x140, -1, 0x1_0001_0000])
def test_tags_without_a_software_tag(tag: int) -> None:
    with pytest.raises(FieldValueError, match="holds no software tag"):
        TagLayout(1024).software_tag(tag)


@pytest.mark.parametrize("index", [-1, 32768])
def test_what_is_no_command_object(index: int) -> None:
    with pytest.raises(FieldValueError, match="not below 32768"):
        software_tag_of(index, 0)


@pytest.mark.parametrize("ppmax", [0, -5])
def test_a_region_without_entries_has_no_tags(ppmax: int) -> None:
    with pytest.raises(FieldValueError, match="ppmax"):
        TagLayout(ppmax)
