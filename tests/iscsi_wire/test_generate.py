"""The committed files are what the declarations give now, and the command says so."""

from __future__ import annotations

import dataclasses
import struct
from pathlib import Path
from typing import Any

import pytest

import iscsi_wire.structure
from iscsi_wire import generate
from iscsi_wire.formats.declare import bits, flag, octets, structure, tail, uint, word
from iscsi_wire.formats.emit import constant, emit_class, struct_format
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


def test_what_no_declaration_has_yet_gives_working_code() -> None:
    """Integers of odd widths, alone and with bits beside them, defaults among them, and a list without a length."""
    declared = structure(
        "Odd",
        "Odd structure",
        "1.2",
        uint("count", "COUNT", "1.2", 24, default=0x010203),
        word("octets_3_7", flag("set", "SET", "1.2"), bits("number", "NUMBER", "1.2", 39)),
        octets("mark", "MARK", "1.2", 2, default=b"\"'"),
        tail("numbers", "NUMBERS", "1.2", width=16),
    )
    namespace: dict[str, Any] = {**vars(iscsi_wire.structure), "__name__": __name__, "field": dataclasses.field}
    namespace |= {"dataclass": dataclasses.dataclass, "_ODD": struct.Struct(struct_format(declared))}
    exec(compile(emit_class(declared), "<generated>", "exec", dont_inherit=True), namespace)
    odd: Any = namespace["Odd"]
    made = odd.make(number=0x7F_FFFF_FFFE, set=1, numbers=[1, 0xFFFF])
    octets_on_wire = bytes.fromhex("010203 fffffffffe 2227 0001 ffff")
    assert (
        made.encode()
        == octets_on_wire
        == declared.construct.build(
            {
                "count_octets": {"count": 0x010203},
                "octets_3_7": {"set": 1, "number": 0x7F_FFFF_FFFE},
                "mark": b"\"'",
                "numbers": [1, 0xFFFF],
            }
        )
    )
    decoded = odd.decode(b"-" + octets_on_wire, 1)
    assert (decoded, decoded.count, decoded.set, decoded.number) == (made, 0x010203, 1, 0x7F_FFFF_FFFE)
    assert constant(declared) == "_ODD"


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
