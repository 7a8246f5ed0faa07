"""Every invariant finds a fault that was planted, in the scenario that is meant to show it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from conformance.schedules.catalogue import SCENARIOS
from conformance.schedules.invariants import INVARIANTS, Judge
from conformance.schedules.search import Finding, exhaust, walk
from conformance.schedules.shrink import shrink
from conformance.schedules.story import number_of, tell
from tests.conformance.schedules.plants import PLANTS
from tests.mutants.planting import Plant

SYSTEMATIC, WALKS = 150, 250


@pytest.fixture
def plant() -> Iterator[Plant]:
    plant = Plant()
    yield plant
    plant.undo()


def find(scenario: str, invariant: str) -> Finding:
    """The first schedule that breaks this invariant before any other."""
    searches = (
        exhaust(SCENARIOS[scenario], 40, lambda: False, patience=10_000),
        walk(SCENARIOS[scenario], 1, WALKS, lambda: False, patience=10_000),
    )
    for search in searches:
        for tally in search:
            for finding in tally.findings[-1:]:
                if finding.violation.invariant == invariant:
                    return finding
            if tally.schedules >= SYSTEMATIC and search is searches[0]:
                break
    raise AssertionError(f"nothing breaks {invariant!r}")


@pytest.mark.parametrize("name", PLANTS)
def test_a_planted_fault_is_found_shrunk_and_told(name: str, plant: Plant) -> None:
    fault = PLANTS[name]
    fault.plant(plant)
    finding = find(fault.scenario, fault.invariant)
    short = shrink(finding)
    assert short.violation.invariant == fault.invariant
    assert len(short.events) <= len(finding.events)
    scenario, _, numbers = number_of(short).partition(":")
    story, run = tell(SCENARIOS[scenario], tuple(int(number) for number in numbers.split(".") if number))
    assert run.violation == short.violation
    assert story[-len(run.judge.violations)] == f"VIOLATION {short.violation}"


def test_every_invariant_finds_a_fault() -> None:
    assert {fault.invariant for fault in PLANTS.values()} == set(INVARIANTS)


def test_there_is_no_violation_of_nothing() -> None:
    with pytest.raises(KeyError):
        Judge().accuse("tidiness", "a mess")
