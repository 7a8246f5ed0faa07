"""Everything that a run leaves behind, in one directory."""

from __future__ import annotations

from pathlib import Path

from reports.allure import write_allure
from reports.html import write_html
from reports.junit import write_junit
from reports.model import Run
from reports.store import write_run

__all__ = ["write_reports"]


def write_reports(run: Run, directory: Path) -> list[Path]:
    """Write every report of a run.

    Args:
        run: the run, complete.
        directory: where to; created with its parents when it is not there.

    Returns:
        index.html, junit.xml, results.json and the directory allure, in this order.

    Raises:
        OSError: a file cannot be written.
    """
    directory.mkdir(parents=True, exist_ok=True)
    names = ("index.html", "junit.xml", "results.json", "allure")
    page, junit, results, allure = paths = [directory / name for name in names]
    write_run(results, run)
    write_junit(junit, run)
    write_html(page, run)
    write_allure(allure, run)
    return paths
