"""Serial numbers around their wrap."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iscsi_wire.sequence import sn_add, sn_diff, sn_le, sn_lt

LAST = 0xFFFFFFFF
numbers = st.integers(0, LAST)


@pytest.mark.parametrize(
    "left, right, before, distance",
    [
        (0, 0, False, 0),
        (0, 1, True, -1),
        (1, 0, False, 1),
        (LAST, 0, True, -1),
        (0, LAST, False, 1),
        (0xFFFFFFF0, 0x10, True, -0x20),
        (0, 0x7FFFFFFF, True, -0x7FFFFFFF),
        (0, 0x80000001, False, 0x7FFFFFFF),
        (0, 0x80000000, False, -0x80000000),
        (0x80000000, 0, False, -0x80000000),
    ],
)
def test_comparison(left: int, right: int, before: bool, distance: int) -> None:
    assert sn_lt(left, right) is before
    assert sn_le(left, right) is (before or left == right)
    assert sn_diff(left, right) == distance


@given(numbers, st.integers(-(2**31) + 1, 2**31 - 1))
def test_adding_and_measuring_undo_each_other(number: int, step: int) -> None:
    moved = sn_add(number, step)
    assert 0 <= moved <= LAST
    assert sn_diff(moved, number) == step
    assert sn_lt(number, moved) is (step > 0)
    assert sn_le(moved, number) is (step <= 0)


@given(numbers, numbers)
def test_one_of_three_holds_unless_the_numbers_are_opposite(left: int, right: int) -> None:
    holds = [left == right, sn_lt(left, right), sn_lt(right, left)]
    assert sum(holds) == (0 if abs(left - right) == 2**31 else 1)
