"""The healthy target: 20,000 schedules and more, spread over all scenarios, and not one violation."""

from __future__ import annotations

from collections import deque
from itertools import chain, islice

import pytest

from chiscsi_target.core import watched_task
from chiscsi_target.core.task_states import READ, WRITE, TaskEvent, event_between
from chiscsi_target.offload.ulp_connection import UlpConnection
from conformance.schedules.catalogue import SCENARIOS
from conformance.schedules.plan import Command, Manage
from conformance.schedules.search import exhaust, walk
from iscsi_wire.constants import TaskManagementFunction as Function

SYSTEMATIC, WALKS = 450, 100
"""Of each scenario. Schedules in order are all different; what is walked at random comes on top."""
SMALL = {
    "slow-transport": 282,
    "slow-transport-adapter": 282,
    "abort-task-read": 332,
    "phases-read-aborted": 208,
    "placing": 220,
    "placing-adapter": 226,
}
"""Scenarios that have no more schedules."""
WALKED = (
    "completions nothing-asked-for driver-aborts holes lun-reset cold-reset clear-task-set-adapter session-aborted "
    "phases phases-read-aborted"
).split()
"""Scenarios that lead commands through all of their machines."""
FUNCTIONS = [function for function in Function if function <= Function.TASK_REASSIGN]


@pytest.mark.slow
@pytest.mark.parametrize("name", SCENARIOS)
def test_no_schedule_breaks_an_invariant(name: str) -> None:
    scenario = SCENARIOS[name]
    for tally in exhaust(scenario, scenario.depth, lambda: False):
        assert not tally.findings, tally.findings[0]
        if tally.schedules == SYSTEMATIC:
            break
    assert tally.schedules == SMALL.get(name, SYSTEMATIC)
    for tally in walk(scenario, 1, WALKS, lambda: False):
        assert not tally.findings, tally.findings[0]


def test_there_are_20_000_different_schedules() -> None:
    assert sum(SMALL.get(name, SYSTEMATIC) for name in SCENARIOS) >= 20_000


def test_every_row_of_the_machines_is_walked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Guide, 7.3.5.2 and 7.3.5.3: each move that the tables have is one that commands make."""
    walked: set[tuple[bool, int, TaskEvent]] = set()

    def noting(is_write: bool, old: int, new: int, *, failed: bool) -> TaskEvent:
        event = event_between(is_write, old, new, failed=failed)
        walked.add((is_write, old, event))
        return event

    monkeypatch.setattr(watched_task, "event_between", noting)
    for name in WALKED:
        deque(walk(SCENARIOS[name], 1, 60, lambda: False), maxlen=0)
    tables = ((False, READ), (True, WRITE))
    assert walked == {(is_write, old, event) for is_write, table in tables for old in table for event in table[old]}


@pytest.mark.parametrize("name", [name for name, scenario in SCENARIOS.items() if scenario.adapter])
def test_the_adapter_places_what_is_solicited(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    placed: list[int] = []
    closed = UlpConnection.closed

    def noting(ulp: UlpConnection) -> None:
        placed.append(ulp.placed)
        closed(ulp)

    monkeypatch.setattr(UlpConnection, "closed", noting)
    in_order = islice(exhaust(SCENARIOS[name], 40, lambda: any(placed)), 50)
    deque(chain(in_order, walk(SCENARIOS[name], 1, 150, lambda: any(placed))), maxlen=0)
    asked_for = any(each.length > each.immediate + each.unsolicited for each in SCENARIOS[name].commands if each.writes)
    assert any(placed) == asked_for


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
