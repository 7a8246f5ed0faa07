from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import count

import pytest

from conformance.schedules.catalogue import SCENARIOS
from conformance.schedules.fingerprint import fingerprint
from conformance.schedules.plan import Command, Manage, Scenario
from conformance.schedules.run import Run
from conformance.schedules.search import Tally, exhaust, numbers_of, replay, walk
from iscsi_wire.constants import TaskManagementFunction as Function

SMALL = Scenario(
    "small",
    "a write and its abort",
    ((Command("write", kind="write", immediate=256),), (Manage(Function.ABORT_TASK, of="write"),)),
    answers=(0, 5),
)


def figures(tally: Tally) -> tuple[int, int, int, int, bool]:
    return tally.schedules, tally.merged, tally.states, tally.deepest, tally.complete


def last(search: Iterable[Tally]) -> Tally:
    return list(search)[-1]


@pytest.mark.parametrize("scenario", [SMALL, SCENARIOS["abort-task-read"]], ids=lambda scenario: scenario.name)
def test_a_search_is_the_same_each_time(scenario: Scenario) -> None:
    first, second = (last(exhaust(scenario, 40, lambda: False)) for _ in range(2))
    assert figures(first) == figures(second)
    assert first.complete and not first.findings


def test_walks_are_the_same_for_the_same_seed_and_differ_for_another() -> None:
    def endings(seed: int, monkeypatch: pytest.MonkeyPatch) -> list[int]:
        found: list[int] = []
        finish = Run.finish

        def noting(run: Run) -> None:
            found.append(run.fingerprint())
            finish(run)

        with monkeypatch.context() as patch:
            patch.setattr(Run, "finish", noting)
            last(walk(SCENARIOS["completions"], seed, 20, lambda: False))
        return found

    monkeypatch = pytest.MonkeyPatch()
    assert endings(1, monkeypatch) == endings(1, monkeypatch) != endings(2, monkeypatch)


def endings_of(scenario: Scenario, state: Callable[[Run], int]) -> tuple[set[int], int]:
    """The states in which the schedules of a scenario end, and how many schedules there are."""
    endings: set[int] = set()
    original, finish = Run.fingerprint, Run.finish

    def noting(run: Run) -> None:
        endings.add(original(run))
        finish(run)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Run, "finish", noting)
        patch.setattr(Run, "fingerprint", state)
        schedules = last(exhaust(scenario, 40, lambda: False)).schedules
    return endings, schedules


def test_pruning_misses_no_ending() -> None:
    """Where every state counts as new there are more schedules, and they end in the same states."""
    scenario = Scenario("two", "a read and a write", ((Command("read"),), (Command("write", kind="write"),)), slow=True)
    always_new = count(1)
    pruned, few = endings_of(scenario, Run.fingerprint)
    full, many = endings_of(scenario, lambda run: next(always_new))
    assert pruned == full
    assert few < many


def test_a_bound_bounds_the_choices() -> None:
    shallow, deep = (last(exhaust(SMALL, depth, lambda: False)) for depth in (2, 4))
    assert shallow.complete and deep.complete
    assert shallow.schedules < deep.schedules


def test_a_search_stops_when_it_is_told_to() -> None:
    tally = last(exhaust(SCENARIOS["completions"], 40, lambda: True))
    assert (tally.schedules, tally.complete) == (1, False)


def test_states_that_differ_in_anything_differ_in_their_number() -> None:
    one, two = Run(SMALL), Run(SMALL)
    assert one.fingerprint() == two.fingerprint()
    for run in (one, two):
        run.apply(run.enabled()[0])
    assert one.fingerprint() == two.fingerprint()
    session = one.links[0].connection.session
    assert session is not None
    session.transfer_tags.add(77)
    assert one.fingerprint() != two.fingerprint()


def test_a_fingerprint_tells_one_object_from_two_equal_ones() -> None:
    shared = bytearray(b"data")
    assert fingerprint(([shared, shared],)) != fingerprint(([shared, bytearray(b"data")],))


def test_numbers_lead_to_the_same_events() -> None:
    run = Run(SMALL)
    events = []
    while enabled := run.enabled():
        events.append(enabled[-1])
        run.apply(enabled[-1])
    numbers = numbers_of(SMALL, tuple(events))
    again = Run(SMALL)
    replay(again, numbers)
    run.finish()
    assert again.fingerprint() == run.fingerprint()


def test_a_number_that_is_too_large_is_refused() -> None:
    with pytest.raises(ValueError, match="choice 2 is 9, and there are"):
        replay(Run(SMALL), (0, 9))


def test_a_scenario_is_data() -> None:
    assert replace(SMALL, steps=True).commands == SMALL.commands
