from __future__ import annotations

import pytest

from conformance.schedules.catalogue import SCENARIOS
from conformance.schedules.invariants import Violation
from conformance.schedules.search import Finding, walk
from conformance.schedules.shrink import shrink
from conformance.schedules.story import number_of, tell
from tests.conformance.schedules.plants import PLANTS
from tests.mutants.planting import Plant


def test_a_long_schedule_becomes_a_short_one() -> None:
    """Everything that has nothing to do with the fault goes; what is left cannot do without any event."""
    plant = Plant()
    PLANTS["aborted_commands_are_answered"].plant(plant)
    try:
        *_, tally = walk(SCENARIOS["abort-task-write"], 1, 400, lambda: False, patience=20)
        finding = max(tally.findings, key=lambda finding: len(finding.events))
        short = shrink(finding)
        assert short.violation.invariant == finding.violation.invariant
        assert 2 <= len(short.events) < len(finding.events)
        assert shrink(short).events == short.events
        assert number_of(short).startswith("abort-task-write:")
    finally:
        plant.undo()


def test_a_finding_that_does_not_come_again_is_left_as_it_is() -> None:
    scenario = SCENARIOS["completions"]
    finding = Finding(scenario, (("step", 0, ""),), Violation("held", "once upon a time"))
    assert shrink(finding) == finding


@pytest.mark.parametrize("numbers", [(), (0,), (2, 0, 1)])
def test_a_story_of_a_schedule_without_a_violation(numbers: tuple[int, ...]) -> None:
    lines, run = tell(SCENARIOS["completions"], numbers)
    assert run.violation is None
    assert not any(line.startswith("VIOLATION") for line in lines)
    assert len(numbers) == 0 or lines[0].startswith("command ")
