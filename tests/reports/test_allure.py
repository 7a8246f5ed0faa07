from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from reports.allure import write_allure
from reports.model import Case, Requirement, Run, Verdict
from tests.reports.sample_run import STARTED, sample_run


def _results(directory: Path) -> dict[str, dict[str, Any]]:
    found = [json.loads(path.read_text("utf-8")) for path in directory.glob("*-result.json")]
    return {result["fullName"]: result for result in found}


def _one(directory: Path, case: Case, *catalogue: Requirement) -> dict[str, Any]:
    run = Run("0.1.0", "target", "memory", STARTED, cases=[case], requirements=list(catalogue))
    write_allure(directory, run)
    return _results(directory)[case.id]


def _labels(result: dict[str, Any], name: str) -> list[str]:
    return [label["value"] for label in result["labels"] if label["name"] == name]


def test_every_case_has_a_result_with_its_exchange_attached(tmp_path: Path) -> None:
    run = sample_run(36)
    write_allure(tmp_path, run)
    results = _results(tmp_path)
    assert set(results) == {case.id for case in run.cases}
    for case in run.cases:
        (attachment,) = results[case.id]["attachments"]
        text = (tmp_path / attachment["source"]).read_text("utf-8")
        assert attachment["type"] == "text/plain"
        assert case.repeat_command in text
        assert all(event.title in text for event in case.events if event.kind == "pdu")


def test_every_pdu_of_the_exchange_is_decoded_in_the_attachment(tmp_path: Path) -> None:
    case = sample_run(18).cases[0]
    result = _one(tmp_path, case)
    text = (tmp_path / result["attachments"][0]["source"]).read_text("utf-8")
    assert text.count("\n  opcode ") == sum(event.kind == "pdu" for event in case.events)


@pytest.mark.parametrize(
    ("verdict", "status"),
    [
        ("pass", "passed"),
        ("non-strict", "passed"),
        ("fail", "failed"),
        ("unsupported", "skipped"),
        ("known-deviation", "skipped"),
        ("inconclusive", "broken"),
        ("harness-error", "broken"),
    ],
)
def test_each_verdict_has_its_status_and_is_a_tag(tmp_path: Path, verdict: Verdict, status: str) -> None:
    result = _one(tmp_path, Case("a", "A", "s", verdict, expected="this", observed="that"))
    assert result["status"] == status
    assert verdict in _labels(result, "tag")
    if verdict != "pass":
        assert result["statusDetails"]["message"] == f"{verdict}: that\nexpected: this"


@pytest.mark.parametrize(
    ("levels", "severity"),
    [
        (["MUST"], "critical"),
        (["MAY", "MUST NOT"], "critical"),
        (["SHOULD"], "minor"),
        (["MAY"], "trivial"),
        (["FORMAT"], "normal"),
        ([], "normal"),
    ],
)
def test_the_strictest_requirement_gives_the_severity(tmp_path: Path, levels: list[str], severity: str) -> None:
    entries = [Requirement(f"7143-1-0{place}", "1", level, "text") for place, level in enumerate(levels)]
    case = Case("a", "A", "login", "pass", requirements=[entry.id for entry in entries], worker="gw1")
    result = _one(tmp_path, case, *entries)
    assert _labels(result, "severity") == [severity]
    assert _labels(result, "tag") == ["pass", *case.requirements]
    assert _labels(result, "suite") == ["login"]
    assert _labels(result, "thread") == ["gw1"]


def test_times_are_milliseconds_since_1970(tmp_path: Path) -> None:
    result = _one(tmp_path, Case("a", "A", "s", "pass", started=0.25, duration=0.5))
    assert result["start"] == round(STARTED.timestamp() * 1000) + 250
    assert result["stop"] - result["start"] == 500


def test_a_case_keeps_its_history_over_runs(tmp_path: Path) -> None:
    first = _one(tmp_path / "1", Case("a", "A", "s", "pass"))
    second = _one(tmp_path / "2", Case("a", "renamed", "s", "fail"))
    other = _one(tmp_path / "3", Case("b", "A", "s", "pass"))
    assert first["historyId"] == second["historyId"] != other["historyId"]


def test_each_event_is_a_step_and_the_offending_one_failed(tmp_path: Path) -> None:
    case = next(case for case in sample_run(18).cases if case.title == "StatSN rises by one with each status")
    steps = _one(tmp_path, case)["steps"]
    assert len(steps) == len(case.events)
    assert [place for place, entry in enumerate(steps) if entry["status"] == "failed"] == [
        event.index for event in case.events if event.marked
    ]


def test_the_environment_is_a_properties_file_whatever_its_values_hold(tmp_path: Path) -> None:
    environment = {"os name": "a=b: c\\d", "place": "Zürich 🙂"}
    write_allure(tmp_path, Run("0.1.0", "t", "tcp", STARTED, environment=environment))
    lines = (tmp_path / "environment.properties").read_text("ascii").splitlines()
    assert lines[-2] == r"os\ name=a\=b\:\ c\\d"
    assert lines[-1] == r"place=Z\u00fcrich\ \ud83d\ude42"


def test_results_of_an_earlier_run_are_removed(tmp_path: Path) -> None:
    _one(tmp_path, Case("old", "A", "s", "pass"))
    _one(tmp_path, Case("new", "A", "s", "pass"))
    assert set(_results(tmp_path)) == {"new"}
