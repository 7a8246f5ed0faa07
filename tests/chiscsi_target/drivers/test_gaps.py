from __future__ import annotations

from chiscsi_target.drivers.gaps import PAGE, SECTOR, Gaps, whole_pages


def test_whole_pages_of_a_range() -> None:
    assert whole_pages(0, PAGE) == (0, 1)
    assert whole_pages(SECTOR, 3 * PAGE) == (1, 3)
    assert whole_pages(SECTOR, SECTOR) == (1, 1)


def test_without_gaps_all_is_in_use() -> None:
    gaps = Gaps()
    assert not gaps
    assert gaps.extent(SECTOR, PAGE) == (True, PAGE - SECTOR)


def test_extents_alternate_at_the_gaps() -> None:
    gaps = Gaps()
    gaps.open(2 * SECTOR, 3 * SECTOR)
    assert gaps
    assert gaps.extent(0, PAGE) == (True, 2 * SECTOR)
    assert gaps.extent(3 * SECTOR, PAGE) == (False, 2 * SECTOR)
    assert gaps.extent(5 * SECTOR, PAGE) == (True, 3 * SECTOR)
    assert gaps.extent(2 * SECTOR, 3 * SECTOR) == (False, SECTOR)


def test_what_is_written_is_no_gap_any_more() -> None:
    gaps = Gaps()
    gaps.open(0, PAGE)
    assert gaps.covers(0)
    gaps.close(SECTOR + 1, 1)
    assert not gaps.covers(0)
    assert gaps.extent(0, PAGE) == (False, SECTOR)
    gaps.close(0, PAGE)
    assert not gaps
