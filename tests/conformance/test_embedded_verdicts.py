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
