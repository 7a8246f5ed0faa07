"""From how a case ended to its verdict, and from all verdicts to the exit code.

A target is judged only by what the case's own lines found. Whatever goes wrong before them (the fixtures could not
arrange the exchange) is inconclusive, and whatever this side got wrong is a harness error.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterable
from enum import IntEnum
from pathlib import Path
from typing import Literal, NamedTuple

import pytest

from conformance.harness.cards import CaseCard
from conformance.harness.interruptions import NotArranged
from conformance.harness.profiles import Profile
from conformance.requirements import Catalogue
from initiator_sim.outcomes import ExpectationFailed, Inconclusive, Unsupported
from iscsi_wire.records import Record
from reports.model import Verdict


class Exit(IntEnum):
    """Exit codes of `chiscsi conform`."""

    GOOD = 0
    """Every case passed, was non-strict, unsupported, or deviated as the profile says."""
    DEVIATIONS = 1
    """A case failed, was inconclusive, or did otherwise than the profile says."""
    USAGE = 2
    """An option, an address, a profile or a case identifier is wrong, or nobody answers at the address."""
    NOTHING_RAN = 3
    """No case was judged: none was chosen, or the target supports none of those chosen."""
    HARNESS = 4
    """The harness itself failed, so the run says nothing certain about the target."""
    INTERRUPTED = 130
    """Stopped from the keyboard; the reports hold what was done until then."""


_JUDGED: frozenset[Verdict] = frozenset({"pass", "non-strict", "fail", "known-deviation"})


def exit_code(verdicts: Iterable[Verdict]) -> Exit:
    """The exit code of a run with these verdicts; the graver one wins."""
    seen = set(verdicts)
    if "harness-error" in seen:
        return Exit.HARNESS
    if seen & {"fail", "inconclusive"}:
        return Exit.DEVIATIONS
    return Exit.GOOD if seen & _JUDGED else Exit.NOTHING_RAN


_PYTEST = ("/_pytest/", "/pluggy/", "/harness/runner.py")


class Ending(NamedTuple):
    """How a case ended: the verdict, why, and the record that it hangs on."""

    verdict: Verdict
    expected: str = ""
    observed: str = ""
    clause: str = ""
    cause: Record | None = None
    field: str = ""
    traceback: str = ""
    deviation: str = ""


Phase = Literal["setup", "call", "teardown"]


def judge(card: CaseCard, phase: Phase, error: BaseException, catalogue: Catalogue, suites: Path) -> Ending:
    """The verdict on a case that raised `error` in `phase`; `suites` is where the cases' own code lies."""
    match error:
        case Unsupported():
            return Ending("unsupported", observed=error.reason)
        case NotArranged():
            return _not_arranged(card, error.failure, catalogue)
        case Inconclusive():
            return Ending("inconclusive", observed=error.reason)
        case ExpectationFailed() if phase == "call":
            return _failure(_broken(card), card, error, catalogue)
        case ExpectationFailed():
            return _not_arranged(card, error, catalogue)
        case pytest.skip.Exception():
            return Ending("unsupported", observed=str(error))
        case AssertionError() if phase == "call" and _raised_under(error, suites):
            return Ending(_broken(card), card.rule, _first_paragraph(str(error)), clause_of(card, catalogue))
    return Ending("harness-error", observed=f"{type(error).__name__}: {error}", traceback=_trace(error))


def passed(remarks: list[str]) -> Ending:
    """The verdict on a case that ended well."""
    return Ending("non-strict", observed="; ".join(remarks)) if remarks else Ending("pass")


def measured(card: CaseCard, ending: Ending, profile: Profile) -> Ending:
    """The verdict once the target's profile has been asked: a known deviation, or no longer what the profile says."""
    known = profile.of(card.identifier)
    if not known or ending.verdict in ("inconclusive", "harness-error"):
        return ending
    if ending.verdict in ("fail", "non-strict"):
        explained = next((entry for entry in known if entry.explains(ending.observed)), None)
        if explained is not None:
            return ending._replace(verdict="known-deviation", deviation=str(explained))
    messages = " or ".join(repr(entry.message) for entry in known)
    found = ending.observed or "the case passed"
    expected = f"the deviation listed in target profile {profile.source}: {messages}"
    return ending._replace(verdict="fail", expected=expected, observed=f"{ending.verdict} instead: {found}")


def clause_of(card: CaseCard, catalogue: Catalogue, identifiers: str = "") -> str:
    """The places of the rules in words: of the requirements that a failure named, or else of the card's."""
    named = [word for word in identifiers.replace(",", " ").split() if word in catalogue]
    sections: dict[str, list[str]] = {}
    for identifier in named or card.requirements:
        entry = catalogue[identifier]
        places = sections.setdefault(entry.document, [])
        places += [entry.section] if entry.section not in places else []
    clauses = [
        f"{document} section{'s' if len(places) > 1 else ''} {', '.join(places)}"
        for document, places in sections.items()
    ]
    return "; ".join([*clauses, card.source] if card.source else clauses)


def _not_arranged(card: CaseCard, error: ExpectationFailed, catalogue: Catalogue) -> Ending:
    ending = _failure("inconclusive", card, error, catalogue)
    return ending._replace(observed=f"the case could not be arranged: {ending.observed}")


def _failure(verdict: Verdict, card: CaseCard, error: ExpectationFailed, catalogue: Catalogue) -> Ending:
    cause = error.pdu.record if error.pdu is not None else None
    return Ending(verdict, error.expected, error.observed, clause_of(card, catalogue, error.clause), cause, error.field)


def _broken(card: CaseCard) -> Verdict:
    """Advice may be ignored for a good reason; that is worth knowing and no failure."""
    return "non-strict" if card.advisory else "fail"


def _raised_under(error: BaseException, suites: Path) -> bool:
    """Whether the innermost frame belongs to the suites: an assertion of theirs is about the target, others are not."""
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    return frame is not None and Path(frame.tb_frame.f_code.co_filename).is_relative_to(suites)


def _trace(error: BaseException) -> str:
    """The traceback from the first frame that is ours: how pytest got there helps nobody."""
    summary = traceback.TracebackException.from_exception(error)
    ours = [frame for frame in summary.stack if not any(part in frame.filename for part in _PYTEST)]
    summary.stack = traceback.StackSummary.from_list(ours)
    return "".join(summary.format())


def _first_paragraph(text: str) -> str:
    """What an assertion says, without pytest's explanation of every operand."""
    return text.partition("\n")[0].strip() or "an assertion of the case does not hold"
