"""Which entries a reservation gets: next-fit with wrap, the pool's own first, never anybody else's."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, multiple, rule

from chiscsi_target.offload.page_pods import PagePods, Reservation


def indexes(pods: PagePods, *pages: int, pool: int = 0) -> list[int | None]:
    """The first entries of reservations for so many pages, one after the other."""
    found = [pods.reserve(each, pool) for each in pages]
    return [None if each is None else each.index for each in found]


def test_one_entry_takes_four_pages() -> None:
    assert indexes(PagePods(64), 1, 4, 5, 8, 9, 1) == [0, 1, 2, 4, 6, 9]


def test_a_search_begins_behind_the_last_find() -> None:
    pods = PagePods(8, reserve_factor=0)
    first, second = pods.reserve(4), pods.reserve(4)
    assert first is not None and second is not None
    pods.release(first)
    assert indexes(pods, 4) == [2]


def test_a_search_wraps() -> None:
    pods = PagePods(8, reserve_factor=0)
    held = [pods.reserve(4) for _ in range(7)]
    for each in held[:2]:
        assert each is not None
        pods.release(each)
    assert indexes(pods, 8, 4, 4) == [0, 7, None]


def test_the_pools_share_half_of_the_region() -> None:
    """64 entries: 32 for two pools, 16 each; 32 for all. Whatever does not fit into the pool's own is sought there."""
    pods = PagePods(64, pools=2)
    assert indexes(pods, 16 * 4, pool=0) == [0]
    assert indexes(pods, 15 * 4, 8, 4, pool=1) == [16, 32, 31]
    assert indexes(pods, 4, pool=0) == [34]
    assert indexes(pods, 29 * 4, 4, pool=1) == [35, None]


def test_a_reserve_factor_of_four_leaves_more_to_all() -> None:
    assert indexes(PagePods(64, reserve_factor=4), 16 * 4, 48 * 4, 1) == [0, 16, None]


def test_more_pools_than_entries_have_nothing_of_their_own() -> None:
    assert indexes(PagePods(8, pools=100), 8 * 4, 1, pool=99) == [0, None]


def test_an_exhausted_region_gives_nothing_until_something_is_released() -> None:
    pods = PagePods(16, reserve_factor=0)
    held = [pods.reserve(4) for _ in range(16)]
    assert (pods.reserve(1), pods.in_use, pods.peak) == (None, 16, 16)
    third = held[3]
    assert third is not None and pods.release(third)
    assert (indexes(pods, 1), pods.peak) == ([3], 16)


def test_free_entries_that_are_no_run_do_not_help() -> None:
    pods = PagePods(8, reserve_factor=0)
    held = [pods.reserve(4) for _ in range(8)]
    for each in held[::2]:
        assert each is not None
        pods.release(each)
    assert pods.in_use == 4
    assert indexes(pods, 5, 4) == [None, 0]


def test_colours_go_round() -> None:
    pods = PagePods(1, reserve_factor=0)
    colours = []
    for _ in range(66):
        held = pods.reserve(1)
        assert held is not None
        colours.append(held.colour)
        pods.release(held)
    assert colours == [*range(1, 64), 0, 1, 2]


def test_only_the_first_entry_changes_its_colour() -> None:
    pods = PagePods(4, reserve_factor=0)
    whole = pods.reserve(16)
    assert whole is not None
    pods.release(whole)
    found = [pods.reserve(1) for _ in range(4)]
    assert [each.colour for each in found if each is not None] == [2, 1, 1, 1]


SIZE = 32


class Runs(RuleBasedStateMachine):
    """Reservations and releases in any order, beside a list of owners that is searched entry by entry."""

    held = Bundle("held")
    gone = Bundle("gone")

    pods: PagePods
    areas: list[tuple[int, int]]
    cursors: list[int]
    owners: list[Reservation | None]

    @initialize(pools=st.integers(1, 3), factor=st.integers(0, 3), llimit=st.integers(0, SIZE // 2))
    def region(self, pools: int, factor: int, llimit: int) -> None:
        self.pods = PagePods(SIZE, llimit, pools, factor)
        share = (SIZE - llimit) // factor // pools if factor else 0
        self.pools = pools
        self.areas: list[tuple[int, int]] = [
            (llimit + share * number, llimit + share * (number + 1)) for number in range(pools)
        ]
        self.areas.append((llimit + share * pools, SIZE))
        self.cursors = [start for start, _ in self.areas]
        self.owners = [None] * SIZE
        self.colours = [0] * SIZE
        self.most = 0

    def expected(self, count: int, pool: int) -> int | None:
        """Try every entry from the cursor on, then every one of the area; the pool's area, then the general one."""
        for number in (pool, self.pools):
            start, end = self.areas[number]
            tried: list[int] = [*range(self.cursors[number], end), *range(start, end)]
            for index in tried:
                if index + count <= end and self.owners[index : index + count] == [None] * count:
                    self.cursors[number] = start if index + count == end else index + count
                    return index
        return None

    @rule(target=held, pages=st.integers(1, 40), pool=st.integers(0, 2))
    def reserve(self, pages: int, pool: int) -> object:
        pool %= self.pools
        index = self.expected(-(-pages // 4), pool)
        found = self.pods.reserve(pages, pool)
        assert (found and found.index) == index
        if found is None:
            return multiple()
        assert (found.pages, found.count) == (pages, -(-pages // 4))
        self.colours[found.index] = (self.colours[found.index] + 1) % 64
        assert found.colour == self.colours[found.index]
        self.owners[found.index : found.index + found.count] = [found] * found.count
        self.pods.write(found, 1, 0, pages * 4096, 0, [4096] * pages)
        return found

    @rule(target=gone, reservation=consumes(held))
    def release(self, reservation: Reservation) -> Reservation:
        assert self.pods.release(reservation)
        self.owners = [None if owner is reservation else owner for owner in self.owners]
        return reservation

    @rule(reservation=gone)
    def release_again(self, reservation: Reservation) -> None:
        assert not self.pods.release(reservation)

    @invariant()
    def nothing_leaks(self) -> None:
        if not hasattr(self, "pods"):
            return
        in_use = sum(owner is not None for owner in self.owners)
        self.most = max(self.most, in_use)
        assert (self.pods.in_use, self.pods.peak) == (in_use, self.most)

    @invariant()
    def a_pod_is_valid_while_it_is_held_and_says_whose_it_is(self) -> None:
        if not hasattr(self, "pods"):
            return
        for index, owner in enumerate(self.owners):
            header = self.pods.header(index)
            assert header.valid == (owner is not None)
            assert owner is None or header.pgsz_tag_clr == owner.index << 6 | owner.colour


TestRuns = Runs.TestCase
TestRuns.settings = settings(max_examples=60, stateful_step_count=40)


@pytest.mark.parametrize("pages", [4 * 512, 4 * 1024])
def test_a_run_never_reaches_over_two_areas(pages: int) -> None:
    """1024 entries are free, and no area has more than 512."""
    assert (PagePods(1024).reserve(pages) is None) == (pages > 4 * 512)
