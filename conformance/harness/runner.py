"""Running one case: health, turn, time limit, fixtures and function, verdict, and one report for all of it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Literal

import pytest
from _pytest.runner import runtestprotocol

from conformance.harness.cards import CaseCard
from conformance.harness.clockwork import time_limit
from conformance.harness.gate import Gate
from conformance.harness.results import PROPERTY, CaseResult, pack
from conformance.harness.settings import Settings
from conformance.harness.station import Station
from conformance.harness.verdicts import Ending, Phase, judge, measured, passed
from conformance.requirements import load_catalogue
from reports.model import Verdict

_CALM: frozenset[Verdict] = frozenset({"pass", "non-strict", "unsupported"})
Outcome = Literal["passed", "failed", "skipped"]
_OUTCOMES: dict[Verdict, Outcome] = {
    "unsupported": "skipped",
    "known-deviation": "skipped",
    "fail": "failed",
    "inconclusive": "failed",
    "harness-error": "failed",
}
NOT_SURVIVED = "not run: the target does not survive it, and there is no --revive to restart it"
_PHASES: dict[str, Phase] = {"setup": "setup", "call": "call", "teardown": "teardown"}


class Runner:
    """Plugin that runs cases, in the only process or in each worker of pytest-xdist."""

    def __init__(self, settings: Settings, gate: Gate, station: Station) -> None:
        self._settings = settings
        self._gate = gate
        self._station = station
        self._failure: tuple[Phase, BaseException] | None = None
        self._limit = 0.0

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
        """Run one case and report it once; what is no case is left to pytest."""
        if item.nodeid not in self._gate.cards:
            return None
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        report = _report(item, self._run(item, nextitem))
        item.ihook.pytest_runtest_logreport(report=report)
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_setup(self) -> Iterator[None]:
        """Arrange within the time limit."""
        with time_limit(self._limit):
            return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self) -> Iterator[None]:
        """Run the function within the time limit."""
        with time_limit(self._limit):
            return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_teardown(self) -> Iterator[None]:
        """Tidy up within the time limit."""
        with time_limit(self._limit):
            return (yield)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> pytest.TestReport | None:
        """Keep what was raised, first of all; pytest's own report would format a traceback that nobody reads."""
        if item.nodeid not in self._gate.cards:
            return None
        phase = _PHASES[call.when]
        if call.excinfo is not None and self._failure is None:
            self._failure = (phase, call.excinfo.value)
        return _plain_report(item, phase, "passed" if call.excinfo is None else "failed", None, call.duration)

    def _run(self, item: pytest.Item, nextitem: pytest.Item | None) -> CaseResult:
        card, station = self._gate.cards[item.nodeid], self._station
        started, start = time.time(), time.perf_counter()
        station.begin(item.path, " ".join(card.requirements))
        fatal = next((entry for entry in self._gate.profile.of(card.identifier) if entry.fatal), None)
        if station.gone:
            ending = Ending("inconclusive", observed=station.gone)
        elif fatal is not None and self._settings.foreign and not self._settings.revive:
            ending = Ending("known-deviation", observed=NOT_SURVIVED, clause=fatal.clause, deviation=str(fatal))
        else:
            attempt = self._attempt(item, nextitem, card, alone=card.disturbs or fatal is not None)
            result = self._result(card, measured(card, attempt, self._gate.profile))
            result.doubted = self._look_back(result, last=nextitem is None or nextitem.path != item.path)
            result.started, result.duration = started, time.perf_counter() - start
            return result
        item.session._setupstate.teardown_exact(nextitem)
        return self._result(card, ending)

    def _result(self, card: CaseCard, ending: Ending) -> CaseResult:
        evidence = self._station.evidence
        return CaseResult(
            card=card,
            verdict=ending.verdict,
            expected=ending.expected,
            observed=ending.observed,
            clause=ending.clause,
            field=ending.field,
            started=time.time(),
            worker=self._station.place.worker,
            events=evidence.events(ending.cause),
            tolerated=evidence.broken(self._gate.profile.tolerated),
            deviation=ending.deviation,
            traceback=ending.traceback,
        )

    def _attempt(self, item: pytest.Item, nextitem: pytest.Item | None, card: CaseCard, alone: bool) -> Ending:
        self._failure = None
        self._limit = self._settings.time_limit if card.time_limit is None else card.time_limit
        with self._station.turn(alone):
            runtestprotocol(item, log=False, nextitem=nextitem)
        self._limit = 0.0
        return self._ending(card)

    def _ending(self, card: CaseCard) -> Ending:
        if self._failure is None:
            return passed(self._station.evidence.remarks)
        phase, error = self._failure
        return judge(card, phase, error, load_catalogue(), self._gate.root)

    def _look_back(self, result: CaseResult, last: bool) -> list[str]:
        """Whether the target survived: asked after each module, and at once when a case did not end well."""
        if result.verdict == "pass":
            self._station.passed(result.card.identifier)
        if not last and result.verdict in _CALM:
            return []
        return self._station.examine(result.card.identifier)


def _report(item: pytest.Item, result: CaseResult) -> pytest.TestReport:
    """The one report of a case, in pytest's terms for whoever else listens, with the result attached."""
    outcome: Outcome = _OUTCOMES.get(result.verdict, "passed")
    longrepr: str | tuple[str, int, str] | None = None
    if outcome == "skipped":
        longrepr = (str(item.path), 0, f"{result.verdict}: {result.reason}")
    elif outcome == "failed":
        longrepr = f"{result.verdict}: expected {result.expected}; observed {result.observed}\n{result.traceback}"
    report = _plain_report(item, "call", outcome, longrepr, result.duration)
    report.user_properties.append((PROPERTY, pack(result)))
    return report


def _plain_report(
    item: pytest.Item,
    when: Phase,
    outcome: Outcome,
    longrepr: str | tuple[str, int, str] | None,
    duration: float,
) -> pytest.TestReport:
    return pytest.TestReport(
        nodeid=item.nodeid,
        location=item.location,
        keywords={item.name: 1},
        outcome=outcome,
        longrepr=longrepr,
        when=when,
        duration=duration,
    )
