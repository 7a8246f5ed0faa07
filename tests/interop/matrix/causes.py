"""Why a test is not executed and passed: a table, in which every entry has to be needed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from tests.interop.matrix.tester import PASSED, SKIPPED, Result

__all__ = ["CAUSES", "FAILURES", "Cause", "explained", "never_passed", "stale", "unexplained"]


@dataclass(frozen=True, slots=True)
class Cause:
    """What keeps a test from passing: patterns of tests, of kinds and of what is said, and the cause in a sentence.

    With `sometimes` the outcome depends on who is faster, so an entry that nothing needed is no mistake.
    """

    test: str
    kind: str
    text: str
    says: str = "*"
    sometimes: bool = False

    def covers(self, kind: str, result: Result) -> bool:
        """Whether it is about this result."""
        found = fnmatchcase(result.test, self.test) and fnmatchcase(kind, self.kind)
        return found and fnmatchcase(result.reason, self.says)


FAILURES: tuple[Cause, ...] = (
    Cause(
        "*",
        "read-only",
        "the test writes, and the unit refuses that as it has to: WRITE PROTECTED (SBC-3, write protection)",
        says="*0x2700*",
    ),
    Cause(
        "ALL.Write10.Async",
        "read-only",
        "the same: the test prints no sense data",
        says="test_async_write.c:45*",
    ),
    Cause(
        "ALL.iSCSITMF.*Async",
        "read-only",
        "the same, where the refusal is faster than the function that should abort the write",
        says="*SCSI_STATUS_CHECK_CONDITION*",
        sometimes=True,
    ),
    Cause(
        "ALL.*Copy*",
        "read-only",
        "the destination of the copy is the write-protected unit itself: COPY ABORTED, THIRD PARTY DEVICE FAILURE",
        says="*0x0d01*",
    ),
    Cause(
        "ALL.GetLBAStatus.UnmapSingle",
        "512e",
        "a mistake of the test: it asks for the status of one block and expects that of the next physical block",
        says="*lba offset in first descriptor*",
    ),
    Cause(
        "ALL.Sanitize.Reset",
        "*",
        "the test wants an overwrite that lasts longer than four seconds, then waits for minutes",
        says="TESTUNITREADY failed with wrong sense*",
    ),
)
"""Tests that fail, or break the tester, for a reason that is not the target's."""

_NO_CRYPTO = "there is no encryption on the medium whose key a CRYPTOGRAPHIC ERASE could change"

CAUSES: tuple[Cause, ...] = (
    Cause("ALL.Sanitize.CryptoErase", "*", _NO_CRYPTO),
    Cause("ALL.Sanitize.Readonly", "*", f"executed but for one part: {_NO_CRYPTO}"),
    Cause("ALL.Sanitize.Reservations", "*", f"executed but for one part: {_NO_CRYPTO}"),
    Cause("ALL.Sanitize.Reset", "*", "needs a disk that takes seconds to overwrite, and minutes of patience"),
)
"""Tests that are executed and passed on no kind at all."""

Matrix = Mapping[str, Iterable[Result]]
"""The results of each kind."""


def _fails(result: Result) -> bool:
    return result.verdict not in (PASSED, SKIPPED)


def explained(kind: str, result: Result, causes: Iterable[Cause] = FAILURES) -> Cause | None:
    """The cause of a failure, if there is one in the table."""
    return next((cause for cause in causes if cause.covers(kind, result)), None)


def unexplained(matrix: Matrix, causes: Iterable[Cause] = FAILURES) -> list[str]:
    """Every failure without a cause, as a line."""
    causes = tuple(causes)
    return [
        f"{kind}: {result.test}: {result.verdict}: {result.reason}"
        for kind, results in matrix.items()
        for result in results
        if _fails(result) and explained(kind, result, causes) is None
    ]


def never_passed(matrix: Matrix) -> dict[str, tuple[str, ...]]:
    """The tests that passed on no kind, each with what was said instead, each reason once."""
    reasons: dict[str, dict[str, None]] = {}
    passed = set()
    for results in matrix.values():
        for result in results:
            if result.verdict == PASSED:
                passed.add(result.test)
            else:
                reasons.setdefault(result.test, {})[result.reason] = None
    return {test: tuple(said) for test, said in reasons.items() if test not in passed}


def stale(matrix: Matrix, failures: Iterable[Cause] = FAILURES, causes: Iterable[Cause] = CAUSES) -> list[str]:
    """Every entry of the tables that explains nothing any more, as a line."""
    every = [(kind, result) for kind, results in matrix.items() for result in results if _fails(result)]
    idle = [
        cause
        for cause in failures
        if not cause.sometimes and not any(cause.covers(kind, result) for kind, result in every)
    ]
    open_tests = never_passed(matrix)
    idle += [cause for cause in causes if not any(fnmatchcase(test, cause.test) for test in open_tests)]
    return [f"{cause.test} ({cause.kind}): {cause.text}" for cause in idle]
