"""The tutorials do what they say: their programs are built piece by piece, and their commands say what is printed."""

from __future__ import annotations

import doctest
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tree import ROOT

TUTORIAL = ROOT / "docs" / "tutorial" / "your-first-driver.md"
HOW_TO = ROOT / "docs" / "how-to" / "test-your-driver.md"
SAMPLE = ROOT / "chiscsi_target" / "drivers" / "samples" / "single_phase.py"
BLOCK = re.compile(r"^```(python|console)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NAMED = re.compile(r"# (\w+\.py)\n")


def blocks(document: Path) -> list[tuple[str, str]]:
    """The blocks of a document, in order: language and text."""
    return BLOCK.findall(document.read_text(encoding="utf-8"))


def follow(document: Path, home: Path, program: str) -> None:
    """Do what a document says: a block of Python goes to the end of `program`, or into the file that it names."""
    (home / program).write_text("", encoding="utf-8")
    for language, text in blocks(document):
        if language == "console":
            for command, expected in commands(text):
                compare(command, expected, home)
        elif name := NAMED.match(text):
            (home / name[1]).write_text(text, encoding="utf-8")
        else:
            with (home / program).open("a", encoding="utf-8") as file:
                file.write(text)


def commands(text: str) -> list[tuple[str, str]]:
    """The commands of a block, each with what it prints."""
    parts = re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]
    return [(command, printed) for command, _, printed in (part.partition("\n") for part in parts)]


def compare(command: str, expected: str, home: Path) -> None:
    """Run a command in a shell; `...` in what is expected stands for anything."""
    programs = Path(sys.executable).parent
    environment = os.environ | {"PATH": f"{programs}:{os.environ['PATH']}", "COLUMNS": "120", "NO_COLOR": "1"}
    run = subprocess.run(
        command,
        shell=True,
        cwd=home,
        env=environment,
        capture_output=True,
        text=True,
        timeout=200,
        stdin=subprocess.DEVNULL,
    )
    printed = run.stdout + run.stderr
    options = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    assert doctest.OutputChecker().check_output(expected, printed, options), f"$ {command}\n{printed}"


@pytest.mark.slow
def test_the_driver_of_the_tutorial_is_built_and_tried(tmp_path: Path) -> None:
    follow(TUTORIAL, tmp_path, "my_disk.py")


def test_the_driver_of_the_tutorial_is_the_sample() -> None:
    pieces = [text for language, text in blocks(TUTORIAL) if language == "python" and not NAMED.match(text)]
    lines = [line for line in "".join(pieces).splitlines() if line]
    assert lines == [line for line in SAMPLE.read_text(encoding="utf-8").splitlines() if line]


@pytest.mark.slow
def test_the_guide_to_testing_does_what_it_says(tmp_path: Path) -> None:
    follow(HOW_TO, tmp_path, "my_disk.py")
