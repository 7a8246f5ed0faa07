"""A schedule as a story that a person can read: what happened, which hooks and calls it led to, which PDUs came."""

from __future__ import annotations

from conformance.schedules.plan import Scenario
from conformance.schedules.run import Run
from conformance.schedules.search import Finding, Numbers, numbers_of, replay


def number_of(finding: Finding) -> str:
    """The name by which a schedule is run again: `SCENARIO:1.4.0.2`."""
    numbers = numbers_of(finding.scenario, finding.events)
    return f"{finding.scenario.name}:{'.'.join(map(str, numbers))}"


def tell(scenario: Scenario, numbers: Numbers) -> tuple[list[str], Run]:
    """Run a schedule, and write down what happens.

    Returns:
        The story, line by line, and the run.

    Raises:
        ValueError: the numbers are not those of a schedule.
    """
    lines: list[str] = []
    run = Run(scenario, lines.append)
    replay(run, numbers)
    story = [line[2:] if line.startswith("> ") else f"    {line}" for line in lines]
    return [*story, *(f"VIOLATION {violation}" for violation in run.judge.violations)], run
