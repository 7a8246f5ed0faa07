"""libiscsi's whole tester over every kind of logical unit: no failure, and no excuse that is not needed."""

from __future__ import annotations

import pytest

from tests.interop.matrix.causes import stale, unexplained
from tests.interop.matrix.kinds import OURS
from tests.interop.matrix.run import Run, run_kinds

pytestmark = [pytest.mark.interop, pytest.mark.slow, pytest.mark.timeout(600), pytest.mark.xdist_group("libiscsi")]


@pytest.fixture(scope="module")
def run() -> Run:
    return run_kinds(OURS)


def test_every_test_was_run_on_every_kind_that_is_served(run: Run) -> None:
    assert {kind.name for kind in OURS} == set(run.results) | set(run.left_out)
    assert {kind: len(results) for kind, results in run.results.items()} == dict.fromkeys(run.results, 230)


def test_no_kind_fails_a_test_without_a_known_cause(run: Run) -> None:
    assert unexplained(run.results) == []


def test_every_known_cause_is_needed(run: Run) -> None:
    assert stale(run.results) == []
