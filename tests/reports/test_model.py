from __future__ import annotations

import msgspec
import pytest

from reports.model import EVENT_KINDS, VERDICTS, Case, Run, red, verdict_counts
from tests.reports.sample_run import STARTED, sample_run


def test_every_verdict_is_counted_even_when_there_is_none_of_it() -> None:
    run = Run("0.1.0", "target", "memory", STARTED, cases=[Case("a", "A", "s", "fail"), Case("b", "B", "s", "fail")])
    assert verdict_counts(run) == {verdict: 2 if verdict == "fail" else 0 for verdict in VERDICTS}


def test_a_run_fails_by_broken_rules_and_by_cases_without_a_verdict() -> None:
    assert {verdict for verdict in VERDICTS if red(verdict)} == {"fail", "inconclusive", "harness-error"}


def test_an_unknown_verdict_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="verdict"):
        msgspec.json.decode(b'{"id": "a", "title": "A", "suite": "s", "verdict": "perhaps"}', type=Case)


def test_a_misspelled_member_is_refused_rather_than_lost() -> None:
    with pytest.raises(msgspec.ValidationError, match="exspected"):
        msgspec.json.decode(b'{"id":"a","title":"A","suite":"s","verdict":"pass","exspected":"x"}', type=Case)


def test_the_sample_run_shows_every_verdict_and_every_kind_of_event() -> None:
    run = sample_run()
    assert all(verdict_counts(run).values())
    assert {event.kind for case in run.cases for event in case.events} == set(EVENT_KINDS)


def test_the_sample_run_is_the_same_every_time() -> None:
    assert sample_run(40) == sample_run(40)
