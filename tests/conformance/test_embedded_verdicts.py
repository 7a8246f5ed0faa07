"""The shipped suites on the embedded target: green, and the same whichever way they run."""

from __future__ import annotations

import pytest

from conformance.harness.conform import judge
from conformance.harness.settings import Settings


@pytest.mark.timeout(300)
def test_all_cases_end_the_same_over_tcp_and_in_memory() -> None:
    """Unsupported is allowed, red is not: what this target lacks it has declared."""
    in_memory = judge(Settings(transport="memory"))
    over_tcp = judge(Settings(transport="tcp"))
    verdicts = {identifier: result.verdict for identifier, result in in_memory.items()}
    assert verdicts == {identifier: result.verdict for identifier, result in over_tcp.items()}
    assert len(verdicts) > 90 and set(verdicts.values()) <= {"pass", "non-strict", "unsupported"}


@pytest.mark.timeout(300)
def test_cases_end_well_on_the_card_over_a_bad_link() -> None:
    """What a case sees of iSCSI does not depend on the segments that it came in, nor on those that were lost."""
    suites = ["login", "numbering", "data_transfer", "digests", "malformed", "task_management", "logout"]
    link = "loss=0.05,reorder=0.05,duplicate=0.02,delay=0.0005,seed=7"
    results = judge(Settings(transport="card", link=link, patience=300.0, suite=suites))
    assert len(results) > 350
    assert {result.verdict for result in results.values()} <= {"pass", "non-strict", "unsupported"}
