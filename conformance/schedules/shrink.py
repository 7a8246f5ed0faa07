"""From a schedule that breaks an invariant to a short one that breaks the same."""

from __future__ import annotations

from conformance.schedules.choices import Event
from conformance.schedules.invariants import Violation
from conformance.schedules.plan import Scenario
from conformance.schedules.run import Run
from conformance.schedules.search import Finding


def shrink(finding: Finding) -> Finding:
    """Leave out events as long as the same invariant breaks: halves first, then ever smaller pieces, then one by one.

    What is left out may make other events impossible: these are left out too. What was begun is brought to its end.
    """
    best = _attempt(finding.scenario, finding.events, finding.violation) or finding
    size = max(len(best.events) // 2, 1)
    while True:
        shorter = _without_a_piece(best, size)
        if shorter is not None:
            best = shorter
        elif size == 1:
            return best
        else:
            size //= 2


def _without_a_piece(finding: Finding, size: int) -> Finding | None:
    events = finding.events
    for start in range(len(events) - 1, -1, -size):
        first = max(start - size + 1, 0)
        shorter = _attempt(finding.scenario, events[:first] + events[start + 1 :], finding.violation)
        if shorter is not None and len(shorter.events) < len(events):
            return shorter
    return None


def _attempt(scenario: Scenario, events: tuple[Event, ...], violation: Violation) -> Finding | None:
    """Run those of the events that are possible; returns what they broke if it is the same invariant."""
    run, happened = Run(scenario), []
    for event in events:
        if run.violation is not None:
            break
        if event in run.enabled():
            happened.append(event)
            run.apply(event)
            run.check()
    run.finish()
    if run.violation is None or run.violation.invariant != violation.invariant:
        return None
    return Finding(scenario, tuple(happened), run.violation)
