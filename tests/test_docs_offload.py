"""docs/reference/offload.md is what the code does: its program's output, reasons, modes, limits, quirks, messages."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from chiscsi_target.api import chiscsi_sgvec
from chiscsi_target.core.buffers import cannot_copy
from chiscsi_target.core.full_pages import not_full_pages
from chiscsi_target.offload import limits, messages
from chiscsi_target.offload.page_pods import LEAST_PODS
from chiscsi_target.offload.reasons import Reason
from chiscsi_target.offload.terminator import Offload
from chiscsi_target.offload.ulp_connection import PLACE_FROM
from chiscsi_target.quirks import QUIRK_NAMES
from conformance import ctl_tables
from tests.test_docs_examples import block, blocks
from tests.tree import ROOT

DOCUMENT = "docs/reference/offload.md"
TEXT = (ROOT / DOCUMENT).read_text(encoding="utf-8")


def rows(heading: str) -> list[list[str]]:
    """The cells of the table below a heading, without its head; code spans without their marks."""
    section = TEXT.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    lines = re.findall(r"^\| (.*) \|$", section, re.MULTILINE)
    return [[cell.strip("` ") for cell in line.split(" | ")] for line in lines[2:]]


def test_the_program_prints_what_the_page_says(tmp_path: Path) -> None:
    path = tmp_path / "program.py"
    path.write_text(block(DOCUMENT, "python"), encoding="utf-8")
    run = subprocess.run([sys.executable, path], cwd=ROOT, capture_output=True, text=True, timeout=200, check=True)
    printed = run.stdout.partition("a write of 32 KiB:\n")[2].partition("is over\n")[0]
    assert printed == block(DOCUMENT, "text")


def test_every_reason_has_its_row_in_its_words() -> None:
    assert [row[0] for row in rows("What is copied, and why")] == [str(reason) for reason in Reason]
    said = " ".join(cell for row in rows("What is copied, and why") for cell in row)
    assert f"fewer than {PLACE_FROM} octets" in said and f"fewer than {LEAST_PODS} pods" in said


def test_every_mode_has_its_row() -> None:
    assert [row[0] for row in rows("Modes")] == [way.value for way in Offload]


def test_the_limits_are_the_codes() -> None:
    received, sent = limits.ULP_PAYLOADS
    numbers = [received, sent, limits.NIC_PAYLOADS[0], limits.ISO_PAYLOAD, PLACE_FROM]
    assert [int(row[1]) for row in rows("Limits")] == numbers
    assert limits.NIC_PAYLOADS[0] == limits.NIC_PAYLOADS[1]


def test_the_quirks_exist() -> None:
    assert {row[0] for row in rows("Quirks")} <= set(QUIRK_NAMES)


def test_the_messages_of_the_log_are_the_codes() -> None:
    full, missing, _ = (row[0] for row in rows("Messages of the log"))
    page = bytearray(8192)
    vectors = [chiscsi_sgvec(sg_page=page, sg_length=length) for length in (4096, 3072, 4096)]
    assert list(not_full_pages(vectors, 3, 8192, 65536)) == [full]
    vector = chiscsi_sgvec(sg_length=512)
    assert re.sub("0x[0-9a-f]+", "0x", cannot_copy([vector], 2, vector)) == re.sub("0x[0-9a-f]+", "0x", missing)


def test_the_trace_is_made_of_messages_that_there_are() -> None:
    known = {name for name in messages.__all__ if name.isupper()}
    (console,) = blocks(DOCUMENT, "console")
    lines = [line for line in console.splitlines() if line != "..."]
    assert len(lines) > 5 and {line.split()[0] for line in lines} <= known
    drawn = set(re.findall(r"\b(?:CPL|FW|ULP)_[A-Z_]+\b", TEXT))
    assert drawn <= known


def test_the_tables_of_the_control_interface_have_the_columns_shown() -> None:
    for column in ("Connections in ULP mode", "Page pods", *ctl_tables._PLACEMENT):
        assert column in TEXT
