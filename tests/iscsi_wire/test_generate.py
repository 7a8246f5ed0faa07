"""The committed files are what the declarations give now, and the command says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from iscsi_wire import generate
from iscsi_wire.generate import OUTPUTS, ROOT, main, stale, write


def test_no_generated_file_is_stale() -> None:
    assert list(stale()) == [], "run: python -m iscsi_wire.generate"


def test_a_changed_file_is_stale_until_it_is_written_again(tmp_path: Path) -> None:
    assert write(tmp_path) == list(OUTPUTS)
    assert list(stale(tmp_path)) == []
    changed = tmp_path / "iscsi_wire" / "pdus.py"
    changed.write_text(changed.read_text().replace("OPCODE: ClassVar[int] = 0x01", "OPCODE: ClassVar[int] = 0x02"))
    assert list(stale(tmp_path)) == ["iscsi_wire/pdus.py"]
    assert write(tmp_path) == ["iscsi_wire/pdus.py"]
    assert changed.read_bytes() == (ROOT / "iscsi_wire" / "pdus.py").read_bytes()


def test_check_names_stale_files_and_writes_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(generate, "stale", lambda: stale(tmp_path))
    assert main(["--check"]) == 1
    assert capsys.readouterr().out.splitlines() == [f"stale: {path}" for path in OUTPUTS]
    assert list(tmp_path.iterdir()) == []


def test_check_is_content_with_the_committed_files(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--check"]) == 0
    assert main([]) == 0
    assert capsys.readouterr().out == ""


def test_other_arguments_get_the_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--force"]) == 2
    assert "--check" in capsys.readouterr().err
