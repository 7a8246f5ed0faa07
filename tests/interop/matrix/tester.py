"""`iscsi-test-cu`, libiscsi's SCSI tests (Debian's libiscsi-bin): run suite by suite, and read test by test."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from time import monotonic

from tests.peers import require_peer

__all__ = ["FAMILY", "Result", "Runner", "known_tests", "parse"]

FAMILY = "ALL"
"""The family that has every test; SCSI, iSCSI and LINUX are parts of it, with the same functions."""

PASSED, FAILED, SKIPPED, BROKEN, NOT_RUN = "passed", "failed", "skipped", "broken", "not run"
SECOND_NAME = "iqn.2026-11.test.chiscsi:second"
_TEST = re.compile(r"^  Test: (\S+) \.\.\.", re.MULTILINE)
_VERDICT = re.compile(r"^(?:passed|FAILED)", re.MULTILINE)
_SUMMARY = re.compile(r"^Run Summary:", re.MULTILINE)
_SKIP = re.compile(r"\[SKIP(?:PED|PING)\] *(.*)")
_ASSERTION = re.compile(r"^ +\d+\. (\S+?) +- (.*)$", re.MULTILINE)
_COMPLAINT = re.compile(r"\[FAILED\] *(.*)")
# What a test says that gives up without the word.
_SILENT = ("SWP is not changeable",)
_MOST_REASONS = 8
_GAVE_UP = "not begun: "


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a test: `ALL.Unmap.Simple`, a verdict, and the reason for each but `passed`.

    A test is `skipped` when it says so anywhere, even if it did a part of its work; `broken` when the tester crashed or
    was silent for too long in it; `not run` when there was no time left.
    """

    test: str
    verdict: str
    reason: str = ""

    @property
    def suite(self) -> str:
        """The name of its suite, such as `Unmap`."""
        return self.test.split(".")[1]


@cache
def known_tests(*families: str) -> dict[str, tuple[str, ...]]:
    """The tests of families, by default of all, by suite: `{"ALL.Unmap": ("ALL.Unmap.Simple", ...)}`.

    They are named as in the family ALL, in the tester's order.
    """
    program = str(require_peer("iscsi-test-cu", package="libiscsi-bin"))
    listed = subprocess.run([program, "--list"], capture_output=True, text=True, check=True).stdout.split()
    found: dict[str, list[str]] = {}
    for name in listed:
        family, _, rest = name.partition(".")
        suite, _, test = rest.partition(".")
        if family in (families or (FAMILY,)) and test:
            found.setdefault(f"{FAMILY}.{suite}", []).append(f"{FAMILY}.{rest}")
    return {suite: tuple(names) for suite, names in found.items()}


def parse(suite: str, text: str) -> list[Result]:
    """The results in what the tester printed about a suite; a test that has no verdict in it is left out."""
    text = _SUMMARY.split(text)[0]
    starts = list(_TEST.finditer(text))
    ends = [*(start.start() for start in starts), len(text)][1:]
    found = []
    for start, end in zip(starts, ends, strict=True):
        said = text[start.end() : end]
        verdict = _VERDICT.search(said)
        if verdict is not None:
            # What follows is of its assertions; the tester's own business between tests stands on the same line.
            before, after = said[: verdict.start()], said[verdict.end() :]
            test = f"{suite}.{start[1]}"
            found.append(_failed(test, before, after) if verdict[0] == "FAILED" else _went_well(test, before))
    return found


def _failed(test: str, said: str, assertions: str) -> Result:
    reasons = [*_COMPLAINT.findall(said), *(f"{place}: {what}" for place, what in _ASSERTION.findall(assertions))]
    return Result(test, FAILED, "; ".join(list(dict.fromkeys(reasons))[:_MOST_REASONS]))


def _went_well(test: str, said: str) -> Result:
    reasons = [each.strip() for each in _SKIP.findall(said)] + [each for each in _SILENT if each in said]
    return Result(test, SKIPPED, "; ".join(dict.fromkeys(reasons))) if reasons else Result(test, PASSED)


@dataclass(frozen=True, slots=True)
class Runner:
    """The tester beside one logical unit.

    Attributes:
        urls: of the unit, and of the same unit through another portal.
        seconds: how long a suite may take.
        deadline: monotonic time after which nothing more is begun.
        alive: whether the target is still there; the reason if it is not.
    """

    urls: tuple[str, ...]
    seconds: float
    deadline: float
    alive: Callable[[], str] = lambda: ""

    def run(self) -> Iterator[Result]:
        """Run every suite; where the tester breaks off, every test of the suite by itself."""
        for suite, names in known_tests().items():
            yield from self._suite(suite, names)

    def _suite(self, suite: str, names: tuple[str, ...]) -> list[Result]:
        said, broken = self._tell(suite)
        found = {each.test: each for each in parse(suite, said)}
        if broken and len(found) < len(names):
            found |= {name: self._one(suite, name) for name in names if name not in found}
        return [found.get(name, Result(name, BROKEN, broken or "it says nothing of the test")) for name in names]

    def _one(self, suite: str, name: str) -> Result:
        said, broken = self._tell(name)
        found = [each for each in parse(suite, said) if each.test == name]
        verdict = NOT_RUN if broken.startswith(_GAVE_UP) else BROKEN
        return found[0] if found else Result(name, verdict, broken.removeprefix(_GAVE_UP))

    def _tell(self, what: str) -> tuple[str, str]:
        """Run a suite or a test: what was said, and why it broke off if it did."""
        reason = self.alive() or ("" if monotonic() < self.deadline else "no time was left")
        if reason:
            return "", _GAVE_UP + reason
        program = str(require_peer("iscsi-test-cu", package="libiscsi-bin"))
        options = ["--dataloss", "--allow-sanitize", "--verbose", "--initiator-name-2", SECOND_NAME, "--test", what]
        command = ["stdbuf", "-oL", program, *options, *self.urls]
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, errors="replace"
        )
        try:
            said, _ = process.communicate(timeout=min(self.seconds, max(1.0, self.deadline - monotonic())))
        except subprocess.TimeoutExpired:
            process.kill()
            return process.communicate()[0], f"the tester was still busy after {self.seconds:g} s"
        crash = f"the tester was ended by signal {-process.returncode}" if process.returncode < 0 else ""
        return said, crash
