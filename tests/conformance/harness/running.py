"""Runs the harness on suites that a test writes, in this process, and hands back what came of it."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from conformance.harness.cards import CaseCard
from conformance.harness.conform import UsageError, chosen_cases, conform
from conformance.harness.settings import Settings
from reports.model import Case, Run
from reports.store import read_run

FAKE = "tests.conformance.fakes:start"
HEAD = """
import time

import pytest

from conformance.api import *

ANY = "7143-4.2.4-03"
"""
_numbers = itertools.count()


@dataclass
class Outcome:
    """What a run left behind: exit code, results, and what it said."""

    code: int
    run: Run | None
    out: str
    err: str

    @property
    def verdicts(self) -> dict[str, str]:
        """Verdicts by case."""
        assert self.run is not None
        return {case.id: case.verdict for case in self.run.cases}

    def case(self, identifier: str) -> Case:
        """One case's record."""
        assert self.run is not None
        (found,) = (case for case in self.run.cases if case.id == identifier)
        return found


class Bench:
    """Where a test writes suites and runs them."""

    def __init__(self, directory: Path, capture: pytest.CaptureFixture[str] | None = None) -> None:
        self.suites = directory / "suites"
        self.out = directory / "out"
        self._capture = capture
        self.number = next(_numbers)

    def write(self, source: str, suite: str = "alpha") -> None:
        """Add a suite of one file; module names differ from test to test, since modules stay imported."""
        folder = self.suites / suite
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"test_{suite}_{self.number}.py").write_text(HEAD + source)

    def run(self, *, keyword: str = "", workers: str = "", first: bool = False, **wishes: Any) -> Outcome:
        """Run them, on the fake target in memory unless `wishes` say otherwise."""
        defaults: dict[str, Any] = {"suites": str(self.suites), "out": str(self.out), "factory": FAKE}
        if not wishes.get("url"):
            defaults["transport"] = "memory"
        shutil.rmtree(self.out, ignore_errors=True)
        self._said()
        try:
            code = conform(Settings(**(defaults | wishes)), keyword, workers, first)
        except UsageError as error:
            return Outcome(2, None, "", str(error))
        results = self.out / "results.json"
        return Outcome(code, read_run(results) if results.exists() else None, *self._said())

    def cards(self) -> Sequence[CaseCard]:
        """The cards of all cases that were written."""
        return chosen_cases(Settings(suites=str(self.suites)))

    def _said(self) -> tuple[str, str]:
        if self._capture is None:
            return "", ""
        said = self._capture.readouterr()
        return said.out, said.err


@pytest.fixture
def bench(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Bench:
    """A bench whose runs do not change this process's environment."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    return Bench(tmp_path, capsys)
