from __future__ import annotations

import pytest

from tests.chiscsi_target.scsi.rig import BLOCKS, Rig

CONDITION_MET = 0x04


@pytest.mark.parametrize(
    "form", ["34 {flags:02x} {lba:08x} 00 {count:04x} 00", "90 {flags:02x} {lba:016x} {count:08x} 00 00"]
)
def test_pre_fetch(form: str) -> None:
    rig = Rig()
    for flags, count in ((0, 8), (2, 0)):
        assert rig.run(form.format(flags=flags, lba=0, count=count)).status == CONDITION_MET
    assert rig.run(form.format(flags=0, lba=BLOCKS, count=1)).sense == (5, 0x21, 0)


def test_there_are_no_defects() -> None:
    rig = Rig()
    assert rig.run("37 00 1d 00000000 00ff 00", length=255).data == bytes.fromhex("00 1d 0000")
    assert rig.run("b7 0d 00000000 000000ff 00 00", length=255).data == bytes.fromhex("00 0d 0000 00000000")
