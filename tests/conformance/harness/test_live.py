"""Progress as people see it."""

from __future__ import annotations

import io

from rich.console import Console

from conformance.harness.cards import CaseCard
from conformance.harness.live import Bar, Plain, Quiet, make_live
from conformance.harness.results import CaseResult, pack, unpack
from reports.model import Verdict


def _result(identifier: str, verdict: Verdict, observed: str = "") -> CaseResult:
    card = CaseCard(
        identifier=identifier,
        suite="alpha",
        title=f"Title of {identifier}",
        rule="A rule.",
        requirements=("7143-6.3-01",),
        level="MUST",
        destructive=False,
        disturbs=False,
        needs=(),
        time_limit=None,
    )
    return CaseResult(card=card, verdict=verdict, observed=observed)


def test_plain_progress_is_a_numbered_line_a_case_whatever_it_contains() -> None:
    text = io.StringIO()
    live = Plain(text)
    live.begin(10)
    live.finished(_result("good-01", "pass"))
    live.finished(_result("bad-01", "fail", "octets [bold]\n and [/] more"))
    live.revised(_result("good-01", "inconclusive", "the target died"))
    live.end()
    assert text.getvalue().splitlines() == [
        " 1/10 pass            good-01  Title of good-01",
        " 2/10 fail            bad-01  Title of bad-01 - octets [bold] and [/] more",
        "      inconclusive    good-01  Title of good-01 - the target died",
    ]


def test_above_the_bar_only_what_needs_attention_scrolls_by() -> None:
    text = io.StringIO()
    live = Bar(Console(file=text, force_terminal=True, width=100, highlight=False))
    live.begin(2)
    live.finished(_result("good-01", "pass"))
    live.finished(_result("bad-01", "fail", "NOP-In came"))
    live.revised(_result("good-01", "inconclusive", "the target died"))
    live.end()
    shown = text.getvalue()
    assert "bad-01" in shown
    assert "Title of bad-01" in shown
    assert "2/2" in shown
    assert shown.count("Title of good-01") == 1


def test_somebody_else_shows_progress_under_pytest_and_for_programs() -> None:
    assert isinstance(make_live("pytest"), Quiet)
    assert isinstance(make_live("quiet"), Quiet)
    assert isinstance(make_live("plain"), Plain)
    assert isinstance(make_live("bar"), Bar)


def test_a_result_survives_the_way_from_the_worker() -> None:
    result = _result("bad-01", "fail", "NOP-In came")
    assert unpack(pack(result)) == result
