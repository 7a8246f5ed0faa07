"""What docs/reference says about the formats is what happens."""

from __future__ import annotations

import doctest

from iscsi_wire.generate import ROOT
from iscsi_wire.keys import KEYS
from iscsi_wire.pdus import PDUS
from iscsi_wire.scsi import CDBS

REFERENCE = ROOT / "docs" / "reference"


def test_the_examples_in_the_reference_run() -> None:
    failed, tried = doctest.testfile(str(REFERENCE / "formats.md"), module_relative=False)
    assert (failed, tried > 0) == (0, True)


def test_every_pdu_command_and_key_has_its_place_in_the_tables() -> None:
    pdus, scsi, keys = (
        (REFERENCE / f"formats-{name}.md").read_text(encoding="utf-8") for name in ("pdus", "scsi", "keys")
    )
    assert [kind.__name__ for kind in PDUS if f"\n## {kind.__name__}\n" not in pdus] == []
    assert [kind.__name__ for kind in CDBS if f"\n## {kind.__name__}\n" not in scsi] == []
    assert [name for name in KEYS if f"| `{name}` |" not in keys] == []
