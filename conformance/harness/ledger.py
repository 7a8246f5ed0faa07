"""The controller's book of a run: every case's result, what nobody could foresee, and the exit code."""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from conformance.harness.assembly import make_run
from conformance.harness.cards import CaseCard
from conformance.harness.gate import Harvest, Problem
from conformance.harness.live import Live
from conformance.harness.place import MEETING_KEY
from conformance.harness.profiles import find_profile, load_profile
from conformance.harness.results import PROPERTY, CaseResult, unpack
from conformance.harness.settings import Settings
from conformance.harness.verdicts import Exit, exit_code
from reports.bundle import write_reports
from reports.model import VERDICTS, Run

if TYPE_CHECKING:
    from xdist.workermanage import WorkerController

OUTPUT_KEY = "conformance_harvest"
"""Where a worker of pytest-xdist leaves its harvest for the controller."""


_OURS = (Exit.DEVIATIONS, Exit.HARNESS)
"""Exit codes that mean the same to pytest's users, too; the others would contradict what pytest says of their tests."""


class Ledger:
    """Plugin of the controlling process.

    results: by identifier, in the order in which cases ended. harvest: what collection came to. problem: why
    nothing ran. started: wall clock, in seconds since the epoch. code: the exit code, once the session has
    finished. written: the reports that were left behind.
    """

    def __init__(self, settings: Settings, live: Live) -> None:
        self.settings = settings
        self._live = live
        self._begun = False
        self._meeting: tempfile.TemporaryDirectory[str] | None = None
        self.results: dict[str, CaseResult] = {}
        self.harvest = Harvest()
        self.problem: Problem | None = None
        self.started = time.time()
        self.duration = 0.0
        self.code: Exit | None = None
        self.written: list[Path] = []

    def in_order(self) -> list[CaseResult]:
        """The results in the order of the suites, however the work was spread."""
        rank = {identifier: place for place, identifier in enumerate(self.harvest.order)}
        return sorted(self.results.values(), key=lambda result: rank.get(result.card.identifier, len(rank)))

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Enter a case's result."""
        octets = dict(report.user_properties).get(PROPERTY)
        if isinstance(octets, bytes):
            self._enter(unpack(octets))
        elif report.failed:
            self._enter(_crashed(report))

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A suite that cannot be imported stops the run."""
        if report.failed and self.problem is None:
            last = str(report.longrepr).strip().rpartition("\n")[2]
            self.problem = Problem(int(Exit.HARNESS), f"{report.nodeid} cannot be collected: {last}")

    def begin(self, total: int) -> None:
        """Note that `total` cases are going to run."""
        if not self._begun:
            self._begun = True
            self._live.begin(total)

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: list[str]) -> None:
        """The first worker to have collected says how many cases there are."""
        self.begin(len(ids))

    def stale(self) -> list[str]:
        """Rules that the profile tolerates and that no case saw broken, although all cases ran."""
        if not self.settings.profile or not self.harvest.complete:
            return []
        seen = {name for result in self.results.values() for name in result.tolerated}
        return sorted(load_profile(find_profile(self.settings.profile)).tolerated - seen)

    def take_harvest(self, harvest: Harvest) -> None:
        """Note what collection came to; every worker says the same, and a problem must not get lost."""
        if harvest.problem is not None:
            self.problem = harvest.problem
        if harvest.order:
            self.harvest = harvest

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: WorkerController) -> None:
        """Tell a worker of pytest-xdist where it can wait for the others."""
        if self._meeting is None:
            self._meeting = tempfile.TemporaryDirectory(prefix="chiscsi-")
        node.workerinput[MEETING_KEY] = self._meeting.name

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: WorkerController, error: object) -> None:
        """Take over what a worker of pytest-xdist leaves behind."""
        output: dict[str, Any] = getattr(node, "workeroutput", {})
        if OUTPUT_KEY in output:
            self.take_harvest(msgspec.msgpack.decode(output[OUTPUT_KEY], type=Harvest))

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Settle the exit code."""
        self.duration = time.time() - self.started
        self._live.end()
        self.code = self._settle(exitstatus)
        if self.settings.live != "pytest" or self.code in _OURS:
            session.exitstatus = int(self.code)
        if self._meeting is not None:
            self._meeting.cleanup()
        if self.settings.out and self.results:
            self.written = write_reports(self.run(session.config), Path(self.settings.out))

    def run(self, config: pytest.Config) -> Run:
        """The record of the run."""
        workers = config.getoption("numprocesses", None)
        environment = {"workers": str(workers)} if workers else {}
        return make_run(
            self.in_order(),
            self.settings,
            started=self.started,
            duration=self.duration,
            environment=environment,
        )

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Under plain pytest, say what its own summary cannot."""
        if self.problem is not None:
            terminalreporter.write_line(f"conformance: {self.problem.text}", red=True)
        counts = Counter(result.verdict for result in self.results.values())
        if counts:
            shown = ", ".join(f"{counts[verdict]} {verdict}" for verdict in VERDICTS if counts[verdict])
            terminalreporter.write_line(f"conformance: {shown}")

    def _settle(self, exitstatus: int) -> Exit:
        if self.problem is not None:
            return Exit(self.problem.exit)
        if exitstatus == pytest.ExitCode.INTERNAL_ERROR:
            return Exit.HARNESS
        if exitstatus == pytest.ExitCode.INTERRUPTED:
            return Exit.INTERRUPTED
        code = exit_code(result.verdict for result in self.results.values())
        return Exit.DEVIATIONS if code is Exit.GOOD and self.stale() else code

    def _enter(self, result: CaseResult) -> None:
        self.results[result.card.identifier] = result
        self._live.finished(result)
        for identifier in result.doubted:
            earlier = self.results.get(identifier)
            if earlier is not None and earlier.verdict == "pass":
                earlier.verdict = "inconclusive"
                earlier.observed = (
                    f"it passed, but afterwards the target was no longer sound (see {result.card.identifier})"
                )
                self._live.revised(earlier)


def _crashed(report: pytest.TestReport) -> CaseResult:
    """The result of a case whose worker process died with it."""
    name = report.nodeid.rpartition("::")[2]
    card = CaseCard(
        identifier=report.nodeid,
        suite=report.nodeid.rpartition("/")[0].rpartition("/")[2],
        title=name,
        rule="",
        requirements=(),
        level="",
        destructive=False,
        disturbs=False,
        needs=(),
        time_limit=None,
    )
    return CaseResult(card=card, verdict="harness-error", observed=str(report.longrepr), started=time.time())
