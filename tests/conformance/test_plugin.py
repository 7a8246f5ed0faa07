"""The plugin under pytest itself, for people who keep their own test suites."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from reports.store import read_run
from tests.conformance.harness.running import FAKE, HEAD
from tests.tree import ROOT

CASES = '''
@case("good-01", ANY)
def test_good(session):
    """The target answers."""
    session.nop(b"hello")

@case("bad-01", ANY)
def test_bad(session):
    """The target refuses."""
    session.send(NopOut, data=b"x")
    session.expect(expect.rejected({4}))

@case("lacking-01", ANY, needs="header-digest")
def test_lacking(session):
    """Needs what is not there."""
'''


def _pytest(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-p", "conformance.plugin", "-p", "no:cacheprovider", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    return subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True, timeout=200)


def test_cases_run_under_plain_pytest_beside_other_tests(tmp_path: Path) -> None:
    suites = tmp_path / "suites" / "alpha"
    suites.mkdir(parents=True)
    (suites / "test_alpha.py").write_text(HEAD + CASES)
    (tmp_path / "test_other.py").write_text("def test_other():\n    assert True\n")
    out = tmp_path / "out"
    options = ["--iscsi-transport=memory", f"--iscsi-factory={FAKE}", f"--iscsi-out={out}"]
    result = _pytest(tmp_path, *options, f"--iscsi-suites={tmp_path / 'suites'}", "-rs")
    assert "1 failed, 2 passed, 1 skipped" in result.stdout, result.stdout + result.stderr
    assert "fail: expected Reject, reason 0x4" in result.stdout
    assert "unsupported: the target settles for HeaderDigest=None" in result.stdout
    assert result.returncode == 1
    assert [case.verdict for case in read_run(out / "results.json").cases] == ["pass", "fail", "unsupported"]


def test_the_options_are_explained(tmp_path: Path) -> None:
    help_text = _pytest(tmp_path, "--help").stdout
    assert "iscsi conformance:" in help_text
    assert "--iscsi-url=" in help_text
