"""The configurations and the program of docs/how-to/configure-targets.md are what they claim to be."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from chiscsi_target.config.config_file import parse_file
from tests.tree import ROOT

TEXT = (ROOT / "docs" / "how-to" / "configure-targets.md").read_text(encoding="utf-8")
FILES = re.findall(r"^```text\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("number", range(4))
def test_each_file_is_right(number: int) -> None:
    assert len(FILES) == 4
    found = parse_file(FILES[number].encode(), "it.conf")
    assert [len(target.devices) for target in found.targets] == [[1, 2], [3], [1], [0]][number]


def test_the_program_prints_what_it_is_said_to_print(tmp_path: Path) -> None:
    found = re.search(r"^```python\n(.*?)^```\n\n((?:    [^\n]*\n)+)", TEXT, re.MULTILINE | re.DOTALL)
    assert found
    program = tmp_path / "program.py"
    program.write_text(found[1], encoding="utf-8")
    run = subprocess.run([sys.executable, program], cwd=ROOT, capture_output=True, text=True, timeout=200)
    assert run.stdout == re.sub(r"^ {4}", "", found[2], flags=re.MULTILINE), run.stderr
