from __future__ import annotations

import mmap

from hypothesis import given

from chiscsi_target.drivers.memory_medium import MemoryMedium
from tests.chiscsi_target.drivers.mediums import SECTORS, STEPS, check

SIZE = SECTORS * 512


@given(STEPS)
def test_it_is_what_was_written_and_knows_where(steps: list[tuple[str, int, int, int]]) -> None:
    check(MemoryMedium(memoryview(mmap.mmap(-1, SIZE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS))), steps)


def test_an_empty_medium_is_one_extent() -> None:
    mapped, length = MemoryMedium(memoryview(mmap.mmap(-1, SIZE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS))).extent(
        512
    )
    assert not mapped and length >= SIZE - 512
