"""The reference of the control protocol is what the code says, and its example works."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from chiscsi_target.control.dispatcher import Dispatcher
from chiscsi_target.control.methods import METHODS
from chiscsi_target.control.reference import page
from chiscsi_target.control.server import ControlServer
from tests.chiscsi_target.stand import NAME, Stand
from tests.tree import ROOT


def test_the_page_is_up_to_date() -> None:
    assert (ROOT / "docs/reference/control-protocol.md").read_text(encoding="utf-8") == page()


def test_every_method_has_its_row() -> None:
    assert re.findall(r"^\| `(\w+)` \|", page(), re.MULTILINE) == list(METHODS)


def test_the_example_runs(tmp_path: Path) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", page(), re.DOTALL)
    server = ControlServer(tmp_path / "control", Dispatcher(Stand().module).call)
    server.start()
    try:
        run = subprocess.run([sys.executable, "-c", example], cwd=tmp_path, capture_output=True, text=True, timeout=30)
    finally:
        server.stop()
    assert run.returncode == 0, run.stderr
    assert f"{NAME} 0" in run.stdout and "'protocol': 1" in run.stdout
