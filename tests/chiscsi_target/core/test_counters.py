"""Counters and their sums: nothing is forgotten, nothing counted twice, whoever looks."""

from __future__ import annotations

import threading

from hypothesis import given
from hypothesis import strategies as st

from chiscsi_target.core.counters import Counters, Totals


def counters(read: int = 0, write: int = 0) -> Counters:
    made = Counters()
    made.read_bytes, made.write_bytes = read, write
    made.read_cmd_cnt = made.write_cmd_cnt = 1
    return made


def test_counters_begin_at_nothing() -> None:
    assert Counters().wrapped == (0, 0, 0, 0)


def test_they_are_shown_with_32_bits() -> None:
    made = counters((1 << 32) + 5, 1 << 32)
    assert made.wrapped == (5, 0, 1, 1)
    assert made.read_bytes == (1 << 32) + 5


def test_they_are_added_field_by_field() -> None:
    made = counters(1, 2)
    made.add(counters(10, 20))
    assert made.wrapped == (11, 22, 2, 2)


def test_totals_follow_what_their_parts_count() -> None:
    totals, part = Totals(), counters(1)
    totals.join(part)
    assert totals.sum().read_bytes == 1
    part.read_bytes += 5
    assert totals.sum().read_bytes == 6


def test_a_part_that_leaves_is_kept_once() -> None:
    totals, part = Totals(), counters(3)
    totals.join(part)
    totals.leave(part)
    totals.leave(part)
    assert totals.sum().read_bytes == 3
    part.read_bytes += 100
    assert totals.sum().read_bytes == 3


def test_who_never_joined_leaves_nothing() -> None:
    totals = Totals()
    totals.leave(counters(3))
    assert totals.sum().wrapped == (0, 0, 0, 0)


@given(st.lists(st.tuples(st.integers(0, 1 << 40), st.booleans()), max_size=8))
def test_who_stays_and_who_left_are_summed_alike(parts: list[tuple[int, bool]]) -> None:
    totals = Totals()
    for octets, leaves in parts:
        part = counters(octets)
        totals.join(part)
        if leaves:
            totals.leave(part)
    assert totals.sum().read_bytes == sum(octets for octets, _ in parts)


def test_nobody_sees_a_part_twice_or_not_at_all() -> None:
    totals, part, going = Totals(), counters(1), threading.Event()
    seen: set[int] = set()

    def look() -> None:
        while not going.is_set():
            seen.add(totals.sum().read_bytes)

    totals.join(part)
    looking = threading.Thread(target=look)
    looking.start()
    for number in range(1, 2000):
        totals.leave(part)
        part = Counters()
        totals.join(part)
        assert totals.sum().read_bytes == 1, number
    going.set()
    looking.join()
    assert seen <= {1}
