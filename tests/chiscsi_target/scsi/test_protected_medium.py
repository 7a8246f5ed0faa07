from __future__ import annotations

import mmap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chiscsi_target.api import chiscsi_lun, chiscsi_target_lun_class
from chiscsi_target.drivers.memory_medium import MemoryMedium
from chiscsi_target.scsi.protected_medium import ProtectedMedium, medium_behind
from chiscsi_target.scsi.protection_information import NEVER_WRITTEN, TUPLE, generate
from chiscsi_target.scsi.refused import Refused

BLOCK, BLOCKS = 512, 2048


def memory(octets: int) -> MemoryMedium:
    return MemoryMedium(memoryview(mmap.mmap(-1, octets, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)))


def medium(kind: int = 1) -> ProtectedMedium:
    return ProtectedMedium(memory(BLOCKS * BLOCK), memory(BLOCKS * TUPLE), kind, 9)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(("write", "part", "discard")),
        st.integers(0, BLOCKS - 1),
        st.integers(1, 1200),
        st.integers(1, 255),
    ),
    max_size=12,
)


@given(STEPS, st.sampled_from((1, 2, 3)))
def test_it_is_a_medium_whose_blocks_have_tuples(steps: list[tuple[str, int, int, int]], kind: int) -> None:
    """Against a model: octets, and for each block whether somebody has written it."""
    tested = medium(kind)
    content, written = bytearray(BLOCKS * BLOCK), [False] * BLOCKS
    for verb, first, count, value in steps:
        last = min(first + count, BLOCKS)
        start, end = first * BLOCK, last * BLOCK
        if verb == "discard":
            tested.discard(start, end - start)
            content[start:end] = bytes(end - start)
        else:
            start, end = (start + 7, end - 3) if verb == "part" else (start, end)
            content[start:end] = bytes([value]) * (end - start)
            tested.write(start, content[start:end])
        written[first:last] = [verb != "discard"] * (last - first)
        assert tested.read(0, BLOCKS * BLOCK) == content
    _, tuples = tested.read_blocks(0, BLOCKS)
    expected = generate(content, BLOCK, kind, 0)
    for block in range(BLOCKS):
        part = slice(block * TUPLE, (block + 1) * TUPLE)
        assert tuples[part] == (expected[part] if written[block] else NEVER_WRITTEN)


def test_data_that_changed_behind_their_guard_are_not_read() -> None:
    data, tuples = memory(BLOCKS * BLOCK), memory(BLOCKS * TUPLE)
    tested = ProtectedMedium(data, tuples, 1, 9)
    tested.write(BLOCK, bytes(3 * BLOCK))
    data.write(2 * BLOCK + 5, b"x")
    with pytest.raises(Refused) as caught:
        tested.read(BLOCK, 3 * BLOCK)
    assert (tuple(caught.value.sense), caught.value.information) == ((0xB, 0x10, 1), 2)
    assert tested.read(3 * BLOCK, BLOCK) == bytes(BLOCK)


def test_who_dies_while_writing_leaves_blocks_that_can_be_read() -> None:
    class Dying(MemoryMedium):
        def write(self, offset: int, data: bytes | bytearray | memoryview) -> None:
            super().write(offset, data[: len(data) // 2])
            raise KeyboardInterrupt

    whole = medium()
    whole.write(0, b"x" * 2 * BLOCK)
    dying = Dying(memoryview(mmap.mmap(-1, BLOCKS * BLOCK, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)))
    tested = ProtectedMedium(dying, whole._tuples, 1, 9)
    with pytest.raises(KeyboardInterrupt):
        tested.write(0, b"y" * 2 * BLOCK)
    assert tested.read(0, 2 * BLOCK) == b"y" * BLOCK + bytes(BLOCK)


def test_the_rest_is_the_mediums() -> None:
    tested = medium()
    assert tested.thin and tested.extent(0)[0] is False
    tested.write(0, bytes(BLOCK))
    assert tested.extent(0)[0] is True
    tested.flush()


def test_other_units_have_their_medium_as_it_is() -> None:
    lu = chiscsi_lun(chiscsi_target_lun_class(), 0, "")
    assert medium_behind(lu, lu.medium) is None
    lu.medium = memory(BLOCK)
    assert medium_behind(lu, lu.medium) is lu.medium
    lu.protection, lu.tuples = 3, memory(TUPLE)
    behind = medium_behind(lu, lu.medium)
    assert isinstance(behind, ProtectedMedium) and (behind.kind, behind.block) == (3, BLOCK)
