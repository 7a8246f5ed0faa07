"""The suite about CHAP judges other people's targets, which deviate where their profiles say so, and nowhere else."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from conformance.credentials import PASSWORD, TARGET_PASSWORD
from initiator_sim.chap import Account
from tests.interop.istgt import running_istgt
from tests.interop.processes import RunningTarget
from tests.interop.tgt import running_tgt

pytestmark = pytest.mark.interop

ACCOUNT = Account("user", b"secret-of-user1", "disk", b"secret-of-disk1")
Running = Callable[..., AbstractContextManager[RunningTarget]]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("running", "cases"),
    [
        pytest.param(running_tgt, "chap", id="tgt"),
        # All 94 take istgt three minutes: it waits where it should refuse.
        pytest.param(running_istgt, "chap-failure", id="istgt"),
    ],
)
def test_deviations_are_known(running: Running, cases: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ACCOUNT.target_secret is not None
    monkeypatch.setenv(PASSWORD, ACCOUNT.secret.decode())
    monkeypatch.setenv(TARGET_PASSWORD, ACCOUNT.target_secret.decode())
    with running(account=ACCOUNT) as target:
        command = [
            sys.executable,
            "-m",
            "conformance.cli",
            "conform",
            target.url,
            "--suite",
            "authentication",
            "-k",
            cases,
        ]
        command += ["--profile", f"{target.name}-chap", "--user", ACCOUNT.name, "--target-user", ACCOUNT.target_name]
        run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=200)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "no deviation (exit code 0)" in run.stdout
