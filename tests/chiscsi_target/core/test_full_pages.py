from __future__ import annotations

import pytest

from chiscsi_target.api import chiscsi_sgvec
from chiscsi_target.core.full_pages import PAGE_SIZES, not_full_pages

KIB = 1024


def pages(*parts: tuple[int, int]) -> list[chiscsi_sgvec]:
    """Page-based vectors by (offset in the page, length)."""
    return [
        chiscsi_sgvec(sg_page=bytes(offset + length), sg_offset=offset, sg_length=length) for offset, length in parts
    ]


def lines(buf: list[chiscsi_sgvec], offset: int, total: int) -> list[str]:
    return list(not_full_pages(buf, len(buf), offset, total))


def test_the_guides_example_of_three_phases_has_full_pages() -> None:
    """64 KiB in buffers of 8 KiB; the first begins late, the last ends early."""
    total = 64 * KIB
    assert lines(pages((4 * KIB, 4 * KIB), (0, 8 * KIB), (0, 8 * KIB)), 0, total) == []
    assert lines(pages(*[(0, 8 * KIB)] * 4), 20 * KIB, total) == []
    assert lines(pages((0, 8 * KIB), (0, 4 * KIB)), 52 * KIB, total) == []


def test_the_line_of_appendix_d() -> None:
    assert lines(pages((0, 4096), (0, 3072), (0, 4096)), 8192, 65536) == ["2/3, len 3072 xferoff 8192 NOT full pages"]


def test_a_middle_buffer_that_begins_late() -> None:
    assert lines(pages((0, 4096), (512, 4096), (0, 4096)), 0, 12288) == ["2/3, len 4096 xferoff 0 NOT full pages"]


@pytest.mark.parametrize("size", sorted(PAGE_SIZES))
def test_pages_of_every_size(size: int) -> None:
    assert lines(pages(*[(0, size)] * 4), 0, 4 * size) == []


def test_memory_that_is_copied_anyway_is_not_spoken_of() -> None:
    plain = [chiscsi_sgvec(bytes(3000), 3000) for _ in range(3)]
    assert lines(plain, 0, 9000) == []
