"""The scripts that set up a machine, tried on pretend ones: a PATH of stand-ins that note how they were called."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

from tests.tree import ROOT, parse, python_files

SCRIPT = (ROOT / "scripts" / "install-peers").read_text(encoding="utf-8")
SIGNS = dict(re.findall(r'^    "([a-z0-9-]+) (\S+)"$', SCRIPT, re.MULTILINE))
"""Debian's packages that the script installs, each with the program or file by which it knows that it is there."""


class PretendMachine:
    """A PATH with the shell's own tools and stand-ins for what would change the machine."""

    def __init__(self, directory: Path) -> None:
        self.bin = directory / "bin"
        self.bin.mkdir()
        self.calls = directory / "calls"
        self.calls.touch()
        for tool in ("bash", "basename", "dirname", "env", "rm", "mv", "tee", "chmod", "cat"):
            (self.bin / tool).symlink_to(Path("/usr/bin") / tool)

    def stand_in(self, name: str, body: str = "") -> None:
        """Put a program called `name` on the PATH: it notes its arguments, then does `body`."""
        program = self.bin / name
        program.write_text(f'#!/usr/bin/env bash\necho "{name} $*" >>"{self.calls}"\n{body}\n', encoding="utf-8")
        program.chmod(0o755)

    def user(self, number: int) -> None:
        """Be the user with this number."""
        self.stand_in("id", f"echo {number}")

    def run(self, script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run one of the scripts here."""
        command = ["/usr/bin/bash", str(ROOT / "scripts" / script), *arguments]
        return subprocess.run(command, env={"PATH": str(self.bin)}, capture_output=True, text=True, timeout=30)

    def called(self, program: str) -> list[str]:
        """How `program` was called, in order."""
        return [line for line in self.calls.read_text().splitlines() if line.split()[0] == program]


@pytest.fixture
def machine(tmp_path: Path) -> PretendMachine:
    return PretendMachine(tmp_path)


def test_without_root_the_command_is_said_and_nothing_is_done(machine: PretendMachine) -> None:
    machine.user(1000)
    machine.stand_in("apt-get")
    machine.stand_in("sudo", "exit 1")  # it would ask for a password
    run = machine.run("apt-install", "tgt", "istgt")
    assert run.returncode == 3
    assert "sudo apt-get install --no-install-recommends tgt istgt" in run.stderr
    assert machine.called("apt-get") == []


def test_without_apt_the_packages_are_named(machine: PretendMachine) -> None:
    machine.user(0)
    run = machine.run("apt-install", "tgt")
    assert run.returncode == 3
    assert "no apt-get" in run.stderr
    assert "tgt" in run.stderr


def test_daemons_are_held_back_while_packages_are_installed_and_no_longer(machine: PretendMachine) -> None:
    machine.user(1000)
    machine.stand_in("apt-get")
    machine.stand_in("sudo", "cat >/dev/null")  # takes every command for itself, and does none
    run = machine.run("apt-install", "tgt")
    assert run.returncode == 0, run.stderr
    calls = machine.called("sudo")
    policy = next(n for n, call in enumerate(calls) if "tee /usr/sbin/policy-rc.d" in call)
    install = next(n for n, call in enumerate(calls) if "install --no-install-recommends tgt" in call)
    lifted = next(n for n, call in enumerate(calls) if "rm -f /usr/sbin/policy-rc.d" in call)
    assert policy < install < lifted


def test_a_failing_install_lifts_the_policy_and_is_not_hidden(machine: PretendMachine) -> None:
    machine.user(1000)
    machine.stand_in("apt-get")
    machine.stand_in("sudo", 'cat >/dev/null; case "$*" in *no-install-recommends*) exit 100 ;; esac')
    run = machine.run("apt-install", "tgt")
    assert run.returncode == 100
    assert "rm -f /usr/sbin/policy-rc.d" in machine.called("sudo")[-1]


def test_install_peers_does_nothing_when_everything_is_there(machine: PretendMachine) -> None:
    for program in [*(sign for sign in SIGNS.values() if "/" not in sign), "apt-get"]:
        machine.stand_in(program)
    listed = machine.run("install-peers", "--list")
    # QEMU's iSCSI driver is a file below /usr/lib, which this pretend machine shares with the real one.
    assert set(listed.stdout.split()) <= {"qemu-block-extra"}
    assert machine.called("apt-get") == []


def test_install_peers_says_what_it_would_install_and_what_that_means(machine: PretendMachine) -> None:
    machine.user(1000)
    machine.stand_in("apt-get")
    missing = machine.run("install-peers", "--list").stdout.split()
    run = machine.run("install-peers")
    assert set(missing) <= set(SIGNS)
    assert run.returncode == 3
    assert f"apt-get install --no-install-recommends {' '.join(missing)}" in run.stderr
    assert "will be skipped" in run.stderr


def packages_asked_for(path: Path) -> set[str]:
    """What a file gives for an argument called `package`, in a call or as its default."""
    keywords: list[tuple[str | None, ast.expr | None]] = []
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.Call):
            keywords += [(keyword.arg, keyword.value) for keyword in node.keywords]
        elif isinstance(node, ast.arguments):
            keywords += [(arg.arg, value) for arg, value in zip(node.kwonlyargs, node.kw_defaults, strict=True)]
    return {str(value.value) for name, value in keywords if name == "package" and isinstance(value, ast.Constant)}


def test_install_peers_brings_every_peer_that_a_test_asks_for() -> None:
    files = [path for path in python_files("tests", "benchmarks") if path.name != "test_peers.py"]
    asked = set().union(*map(packages_asked_for, files))
    assert {"tgt", "sg3-utils"} <= asked
    assert asked - set(SIGNS) == set()
