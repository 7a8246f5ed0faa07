"""The healthy target: 20,000 schedules and more, spread over all scenarios, and not one violation."""

from __future__ import annotations

import pytest

from conformance.schedules.catalogue import SCENARIOS
from conformance.schedules.plan import Command, Manage
from conformance.schedules.search import exhaust, walk
from iscsi_wire.constants import TaskManagementFunction as Function

SYSTEMATIC, WALKS = 500, 350
"""Of each scenario: with 29 of them 24,650, less what the small ones do not have, some 21,500."""
FUNCTIONS = [function for function in Function if function <= Function.TASK_REASSIGN]


@pytest.mark.slow
@pytest.mark.parametrize("name", SCENARIOS)
def test_no_schedule_breaks_an_invariant(name: str) -> None:
    scenario = SCENARIOS[name]
    systematic = walked = 0
    for tally in exhaust(scenario, scenario.depth, lambda: False):
        assert not tally.findings, tally.findings[0]
        systematic = tally.schedules
        if systematic == SYSTEMATIC:
            break
    for tally in walk(scenario, 1, 2 * WALKS, lambda: False):
        assert not tally.findings, tally.findings[0]
        walked = tally.schedules
        if walked == WALKS:
            break
    assert systematic + walked >= 250


def test_the_scenarios_are_those_that_the_issue_names() -> None:
    steps = [step for scenario in SCENARIOS.values() for program in scenario.programs for step in program]
    kinds = {type(step).__name__ for step in steps}
    assert kinds == {"Command", "Manage", "Logout", "Lose", "AbortSession", "RemoveTarget"}
    managed = {(step.function, step.urgent) for step in steps if isinstance(step, Manage)}
    assert {function for function, _ in managed} == set(FUNCTIONS)
    assert {urgent for _, urgent in managed} == {True, False}
    commands = [step for step in steps if isinstance(step, Command)]
    assert {command.kind for command in commands} == {"read", "write", "none"}
    assert {way for command in commands for way in command.may} == {"fail", "short", "abort"}


def test_names_are_unique_in_a_scenario() -> None:
    for scenario in SCENARIOS.values():
        names = [command.name for command in scenario.commands]
        assert len(names) == len(set(names)), scenario.name
