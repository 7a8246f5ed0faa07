"""Going through the schedules of a scenario: all of them up to a bound, then random ones beyond it.

A schedule is a list of choice numbers: at every point the number of the event that happens, of those that are possible.
Behind the last number, what was begun is brought to its end in one order, without anything new.

What is pruned: a run stops where it comes to a state that was there before with at least as many choices still to be
made. All that can follow was gone through from there, since a state (see `fingerprint`) holds all that the rest of a
run depends on, the judges' own memory included; so no violation can be missed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random
from typing import TypeAlias

from conformance.schedules.choices import Event
from conformance.schedules.invariants import Violation
from conformance.schedules.plan import Scenario
from conformance.schedules.run import Run

Numbers: TypeAlias = tuple[int, ...]
Stop: TypeAlias = Callable[[], bool]
LONGEST_WALK = 400


@dataclass(frozen=True)
class Finding:
    """A schedule that breaks an invariant: its events, and what it broke."""

    scenario: Scenario
    events: tuple[Event, ...]
    violation: Violation


@dataclass
class Tally:
    """What a search did.

    Attributes:
        schedules: those that were run, all different; `merged`, how many of them ended in a state known before.
        states: different states met in which there was a choice. `deepest`: the most choices in one schedule.
        complete: there is no other schedule within the bound.
        findings: what was found.
    """

    schedules: int = 0
    merged: int = 0
    states: int = 0
    deepest: int = 0
    complete: bool = False
    findings: list[Finding] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        """Take another search's figures in."""
        self.schedules += other.schedules
        self.merged += other.merged
        self.states += other.states
        self.deepest = max(self.deepest, other.deepest)
        self.findings += other.findings


class _Search:
    """Depth first, each schedule from its beginning: nothing of the target has to be copied or undone."""

    def __init__(self, scenario: Scenario, depth: int) -> None:
        self.tally = Tally()
        self._scenario = scenario
        self._depth = depth
        self._path: list[tuple[list[Event], int]] = []
        self._met: dict[int, int] = {}  # state -> choices that could still be made there

    def next(self) -> Finding | None:
        """Run the next schedule."""
        run = Run(self._scenario)
        for events, chosen in self._path:
            run.apply(events[chosen])
        run.check()
        if not self._extend(run):
            run.finish()
        tally = self.tally
        tally.schedules += 1
        tally.states = len(self._met)
        tally.deepest = max(tally.deepest, len(self._path))
        finding = None
        if run.violation is not None:
            finding = Finding(self._scenario, tuple(events[chosen] for events, chosen in self._path), run.violation)
            tally.findings.append(finding)
        self._turn()
        return finding

    def _extend(self, run: Run) -> bool:
        """Go on to the bound, with the first of all choices; returns whether the run was cut off as known."""
        while run.violation is None:
            events = run.enabled()
            left = self._depth - sum(len(each) > 1 for each, _ in self._path)
            if not events or left <= 0:
                break
            if len(events) > 1:
                # Where only one thing can happen, to know the state costs more than it saves.
                state = run.fingerprint()
                if self._met.get(state, -1) >= left:
                    self.tally.merged += 1
                    return True
                self._met[state] = left
            self._path.append((events, 0))
            run.apply(events[0])
            run.check()
        return False

    def _turn(self) -> None:
        """Go to the next schedule: the last choice that has an alternative left takes it."""
        path = self._path
        while path and path[-1][1] + 1 >= len(path[-1][0]):
            path.pop()
        if path:
            events, chosen = path.pop()
            path.append((events, chosen + 1))
        else:
            self.tally.complete = True


def exhaust(scenario: Scenario, depth: int, stop: Stop, *, patience: int = 1) -> Iterator[Tally]:
    """Run all schedules with up to `depth` choices; yields the growing tally behind each.

    Args:
        scenario: what to run.
        depth: the bound.
        stop: asked behind each schedule; ends the search early.
        patience: findings behind which the search ends.
    """
    search = _Search(scenario, depth)
    while not search.tally.complete:
        search.next()
        yield search.tally
        if len(search.tally.findings) >= patience or stop():
            return


def walk(scenario: Scenario, seed: int, walks: int, stop: Stop, *, patience: int = 1) -> Iterator[Tally]:
    """Run random schedules to their very end; yields the growing tally behind each.

    The numbers of a walk come from seed and count alone, so a search can be repeated. A schedule that was there before
    does not count.
    """
    tally = Tally()
    met: set[int] = set()
    for count in range(walks):
        random = Random(f"{scenario.name} {seed} {count}")
        run = Run(scenario)
        events: list[Event] = []
        choices: list[int] = []
        while run.violation is None and len(events) < LONGEST_WALK and (enabled := run.enabled()):
            chosen = random.randrange(len(enabled))
            choices.append(chosen)
            events.append(enabled[chosen])
            run.apply(enabled[chosen])
            run.check()
        run.finish()
        known = len(met)
        met.add(hash(tuple(choices)))
        tally.schedules += len(met) - known
        tally.deepest = max(tally.deepest, len(choices))
        if run.violation is not None:
            tally.findings.append(Finding(scenario, tuple(events), run.violation))
        yield tally
        if len(tally.findings) >= patience or stop():
            return


# A schedule by its numbers


def replay(run: Run, numbers: Numbers) -> None:
    """Run a schedule by its choice numbers, to the end.

    Raises:
        ValueError: a number is too large: there are not so many events at that point.
    """
    for place, number in enumerate(numbers):
        events = run.enabled()
        if number >= len(events):
            raise ValueError(f"choice {place + 1} is {number}, and there are {len(events)} events to choose from")
        run.apply(events[number])
        run.check()
    run.finish()


def numbers_of(scenario: Scenario, events: tuple[Event, ...]) -> Numbers:
    """The choice numbers of a schedule that is given by its events."""
    run, numbers = Run(scenario), []
    for event in events:
        numbers.append(run.enabled().index(event))
        run.apply(event)
    return tuple(numbers)
