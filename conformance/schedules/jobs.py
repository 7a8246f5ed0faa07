"""Sharing the time of an exploration out over scenarios, and over processes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, field
from time import monotonic

from conformance.schedules.catalogue import SCENARIOS
from conformance.schedules.search import Finding, Tally, exhaust, walk
from conformance.schedules.shrink import shrink

_SYSTEMATIC = 0.75  # the part of a scenario's time that goes to all schedules in order; the rest is for random walks


@dataclass(frozen=True)
class Wishes:
    """What an exploration is to do.

    Attributes:
        names: the scenarios.
        depth: choices up to which all schedules are run; None for what each scenario says.
        walks: random walks behind that, for each scenario; `seed` makes them.
        seconds: for all together, or None to go on until everything is done.
        workers: processes.
    """

    names: tuple[str, ...]
    depth: int | None = None
    walks: int = 1000
    seed: int = 1
    seconds: float | None = None
    workers: int = 1


@dataclass
class Result:
    """What came of a scenario: of the systematic search, and of the walks."""

    name: str
    systematic: Tally = field(default_factory=Tally)
    walked: Tally = field(default_factory=Tally)
    seconds: float = 0.0

    @property
    def findings(self) -> list[Finding]:
        """What both found."""
        return [*self.systematic.findings, *self.walked.findings]


def explore_one(wishes: Wishes, name: str, seconds: float) -> Iterator[Result]:
    """Explore a scenario; yields the growing result behind each schedule, the last time with shrunk findings."""
    scenario, result, start = SCENARIOS[name], Result(name), monotonic()
    depth = scenario.depth if wishes.depth is None else wishes.depth
    searches = (
        exhaust(scenario, depth, lambda: monotonic() - start > seconds * _SYSTEMATIC),
        walk(scenario, wishes.seed, wishes.walks, lambda: monotonic() - start > seconds),
    )
    for kind, search in zip(("systematic", "walked"), searches, strict=True):
        for tally in search:
            setattr(result, kind, tally)
            result.seconds = monotonic() - start
            yield result
        if result.findings:
            break
    for tally in (result.systematic, result.walked):
        tally.findings = [shrink(finding) for finding in tally.findings]
    yield result


def _whole(wishes: Wishes, name: str, seconds: float) -> Result:
    """The same in another process."""
    *_, last = explore_one(wishes, name, seconds)
    return last


def explore(wishes: Wishes) -> Iterator[Result]:
    """Explore all scenarios; yields results as they grow, and each for the last time when it is done."""
    if wishes.workers > 1:
        yield from _in_parallel(wishes)
        return
    end = math.inf if wishes.seconds is None else monotonic() + wishes.seconds
    for number, name in enumerate(wishes.names):
        share = (end - monotonic()) / (len(wishes.names) - number)
        yield from explore_one(wishes, name, max(share, 0.0))


def _in_parallel(wishes: Wishes) -> Iterator[Result]:
    share = math.inf if wishes.seconds is None else wishes.seconds * wishes.workers / len(wishes.names)
    with ProcessPoolExecutor(wishes.workers) as pool:
        running: set[Future[Result]] = {pool.submit(_whole, wishes, name, share) for name in wishes.names}
        while running:
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                yield future.result()
