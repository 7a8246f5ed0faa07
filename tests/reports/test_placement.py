from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.model import Case, Event, Placement, Run
from reports.placement import BAR, Sums, add_up, bar, in_words, placements, sums_in_words
from tests.reports.sample_run import STARTED


@pytest.mark.parametrize(
    "placement, words",
    [
        (Placement(4096), "4,096 octets placed"),
        (Placement(0, 512, "came unasked"), "512 octets copied: came unasked"),
        (Placement(1, 1, "late"), "1 octet placed, 1 copied: late"),
        (Placement(1 << 20, 4096, "no room"), "1,048,576 octets placed, 4,096 copied: no room"),
        (Placement(0), "0 octets placed"),
    ],
)
def test_a_placement_in_words(placement: Placement, words: str) -> None:
    assert in_words(placement) == words


def test_octets_are_added_up_by_reason_most_of_them_first() -> None:
    found = [Placement(100, 7, "a"), Placement(0, 30, "b"), Placement(5), Placement(0, 8, "a")]
    sums = add_up(found)
    assert sums == Sums(4, 105, 45, [("b", 30, 1), ("a", 15, 2)])
    assert sums_in_words(sums) == "4 writes: 105 octets placed, 45 copied"
    assert sums_in_words(add_up(found[2:3])) == "1 write: 5 octets placed"
    assert add_up([]) == Sums(0, 0, 0, [])


def test_the_placements_of_a_run_are_those_of_its_events() -> None:
    event = Event(0, 0.0, "pdu", "initiator", placement=Placement(1))
    plain = Event(1, 0.0, "pdu", "initiator")
    cases = [Case("a", "A", "s", "pass", events=[event, plain]), Case("b", "B", "s", "pass", events=[plain, event])]
    assert placements(Run("0", "t", "tcp", STARTED, cases=cases)) == [Placement(1), Placement(1)]


@given(st.integers(0), st.integers(0), st.integers(2, 60))
def test_a_bar_has_its_width_and_shows_every_part_that_there_is(placed: int, copied: int, width: int) -> None:
    drawn = bar(placed, copied, width)
    assert len(drawn) == width
    assert ("█" in drawn, "░" in drawn) == (placed > 0, copied > 0)
    assert drawn == "".join(sorted(drawn, key="█░".find))


def test_a_bar_is_divided_as_the_octets_are() -> None:
    assert bar(3, 1) == "█" * 15 + "░" * 5
    assert bar(0, 0) == " " * BAR
