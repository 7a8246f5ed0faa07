"""The page and the JSON of a matrix."""

from __future__ import annotations

import json

from tests.interop.matrix.kinds import OURS
from tests.interop.matrix.report import as_json, as_markdown
from tests.interop.matrix.tester import Result

THIN = [Result("ALL.A.one", "passed"), Result("ALL.A.two", "failed", "a|b"), Result("ALL.B.one", "skipped", "no")]
PEER = [Result("ALL.A.one", "broken", "signal 11")]
PAGE = as_markdown(OURS[:2], {"thin": THIN}, {"istgt": PEER}, {"file": "left out, since it is not there"})


def test_cells_count_passed_skipped_and_failed() -> None:
    assert "| A | 1 / 0 / 1 | 0 / 0 / 1 |" in PAGE
    assert "| B | 0 / 1 / 0 | 0 / 0 / 0 |" in PAGE
    assert "| **all** | **1 / 1 / 1** | **0 / 0 / 1** |" in PAGE


def test_failures_and_gaps_are_told() -> None:
    assert "| ALL.A.two | thin | **unexplained**: a\\|b |" in PAGE
    assert "## Executed and passed on no kind: 2" in PAGE
    assert "| ALL.B.one | no |  |" in PAGE
    assert "| istgt | ALL.A.one | broken: signal 11 |" in PAGE
    assert "- **file**: left out, since it is not there" in PAGE


def test_a_clean_matrix_says_so() -> None:
    page = as_markdown(OURS[:1], {"thin": THIN[:1]}, {}, {})
    assert "No test fails on any kind." in page
    assert "Every test is executed and passed on at least one kind." in page


def test_json_has_every_result() -> None:
    found = json.loads(as_json({"thin": THIN}, {"istgt": PEER}, {"file": "why"}))
    assert found["kinds"]["thin"]["ALL.A.two"] == {"verdict": "failed", "reason": "a|b"}
    assert found["kinds"]["istgt"]["ALL.A.one"]["verdict"] == "broken"
    assert found["left_out"] == {"file": "why"}
    assert found["never_passed"] == {"ALL.A.two": ["a|b"], "ALL.B.one": ["no"]}
