"""Task attributes: what runs beside what, and what waits (SAM-5, clause 8)."""

from __future__ import annotations

from typing import cast

from hypothesis import given
from hypothesis import strategies as st

from chiscsi_target.api.constants import (
    ISCSI_TASK_ATTRIBUTES_HEAD_OF_QUEUE,
    ISCSI_TASK_ATTRIBUTES_ORDERED,
    ISCSI_TASK_ATTRIBUTES_SIMPLE,
)
from chiscsi_target.api.scsi_command import chiscsi_scsi_command
from chiscsi_target.scsi.task_set import TaskSet

SIMPLE, ORDERED, HEAD = (
    ISCSI_TASK_ATTRIBUTES_SIMPLE,
    ISCSI_TASK_ATTRIBUTES_ORDERED,
    ISCSI_TASK_ATTRIBUTES_HEAD_OF_QUEUE,
)


class Command:
    """A command that only has a task attribute."""

    def __init__(self, attribute: int) -> None:
        self.sc_attribute = attribute


class Unit:
    """A task set with a log of what began to run."""

    def __init__(self) -> None:
        self.tasks = TaskSet()
        self.started: list[chiscsi_scsi_command] = []

    def arrive(self, attribute: int) -> chiscsi_scsi_command:
        sc = cast("chiscsi_scsi_command", Command(attribute))
        if self.tasks.admit(sc, self.started.append):
            self.started.append(sc)
        return sc

    def end(self, sc: chiscsi_scsi_command) -> None:
        self.tasks.ended(sc, self.started.append)


def test_simple_commands_run_beside_each_other() -> None:
    unit = Unit()
    assert unit.started == [] and [unit.arrive(SIMPLE), unit.arrive(SIMPLE)] == unit.started


def test_an_ordered_command_runs_at_once_when_nothing_is_before_it() -> None:
    unit = Unit()
    assert [unit.arrive(ORDERED)] == unit.started


def test_an_ordered_command_waits_for_those_before_it() -> None:
    unit = Unit()
    first, second = unit.arrive(SIMPLE), unit.arrive(SIMPLE)
    ordered = unit.arrive(ORDERED)
    unit.end(second)
    assert ordered not in unit.started
    unit.end(first)
    assert unit.started == [first, second, ordered]


def test_commands_behind_an_ordered_one_wait_for_it() -> None:
    unit = Unit()
    ordered = unit.arrive(ORDERED)
    behind = [unit.arrive(SIMPLE), unit.arrive(SIMPLE), unit.arrive(ORDERED), unit.arrive(SIMPLE)]
    assert unit.started == [ordered]
    unit.end(ordered)
    assert unit.started == [ordered, *behind[:2]]


def test_head_of_queue_waits_for_nothing() -> None:
    unit = Unit()
    ordered = unit.arrive(ORDERED)
    unit.arrive(SIMPLE)
    assert [ordered, unit.arrive(HEAD)] == unit.started


def test_a_command_that_is_aborted_while_it_waits_never_runs() -> None:
    unit = Unit()
    first = unit.arrive(SIMPLE)
    ordered = unit.arrive(ORDERED)
    behind = unit.arrive(SIMPLE)
    unit.end(ordered)
    assert unit.started == [first, behind]


@given(st.lists(st.tuples(st.sampled_from((SIMPLE, ORDERED, HEAD)), st.integers(0, 5))))
def test_no_command_runs_beside_an_ordered_one_that_came_before_or_after_it(events: list[tuple[int, int]]) -> None:
    """Commands arrive, and running ones end in any order; in the end all of them ran."""
    unit = Unit()
    arrived: list[chiscsi_scsi_command] = []
    ended: set[chiscsi_scsi_command] = set()

    def running() -> list[chiscsi_scsi_command]:
        return [sc for sc in unit.started if sc not in ended]

    def end(sc: chiscsi_scsi_command) -> None:
        ended.add(sc)
        unit.end(sc)

    for attribute, ends in events:
        arrived.append(unit.arrive(attribute))
        for _ in range(min(ends, len(running()))):
            end(running()[0])
        beside = [sc for sc in running() if sc.sc_attribute != HEAD]
        assert len(beside) <= 1 or all(sc.sc_attribute == SIMPLE for sc in beside)
    while running():
        end(running()[-1])
    assert set(unit.started) == set(arrived) and len(unit.started) == len(arrived)
