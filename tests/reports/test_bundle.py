from __future__ import annotations

from pathlib import Path

from reports.bundle import write_reports
from reports.model import Run
from reports.store import read_run
from tests.reports.sample_run import STARTED, sample_run


def test_a_run_leaves_all_its_reports_in_one_directory(tmp_path: Path) -> None:
    run = sample_run(20)
    paths = write_reports(run, tmp_path / "out" / "run")
    assert [path.name for path in paths] == ["index.html", "junit.xml", "results.json", "allure"]
    assert sorted(path.name for path in (tmp_path / "out" / "run").iterdir()) == sorted(path.name for path in paths)
    assert read_run(paths[2]) == run


def test_an_empty_run_leaves_reports_too(tmp_path: Path) -> None:
    page, *_ = write_reports(Run("0.1.0", "target", "memory", STARTED), tmp_path)
    assert "Nothing ran" in page.read_text("utf-8")
