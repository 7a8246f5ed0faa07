"""Commands that compare, and commands that write with a look at what is there."""

from __future__ import annotations

import pytest

from chiscsi_target.scsi.verify import MOST_ATOMIC_BLOCKS
from iscsi_wire.scsi import BlockLimits, FixedSense
from tests.chiscsi_target.fakes import Outcome
from tests.chiscsi_target.scsi.rig import BLOCK, BLOCKS, READ_ONLY, Rig

MISCOMPARE, OUT_OF_RANGE, INVALID_FIELD = (0xE, 0x1D, 0), (5, 0x21, 0), (5, 0x24, 0)
INFORMATION_UNIT, WRITE_PROTECTED = (5, 0x0E, 3), (7, 0x27, 0)
ONE, TWO = b"\x11" * BLOCK, b"\x22" * BLOCK

VERIFY = ["2f {flags:02x} {lba:08x} 00 {count:04x} 00", "af {flags:02x} {lba:08x} {count:08x} 00 00"]
VERIFY.append("8f {flags:02x} {lba:016x} {count:08x} 00 00")
WRITE_AND_VERIFY = ["2e {flags:02x} {lba:08x} 00 {count:04x} 00", "ae {flags:02x} {lba:08x} {count:08x} 00 00"]
WRITE_AND_VERIFY.append("8e {flags:02x} {lba:016x} {count:08x} 00 00")
ALL, ONE_BLOCK, RESERVED = 0x02, 0x06, 0x04


@pytest.fixture
def rig() -> Rig:
    """Blocks 0 and 1 are ones, block 2 is twos."""
    made = Rig()
    assert made.write("2a 00 00000000 00 0003 00", ONE + ONE + TWO).status == 0
    return made


def information(outcome: Outcome) -> int:
    """INFORMATION of a command's sense data."""
    sense = FixedSense.decode(outcome.sense_data)
    assert sense.valid
    return int(sense.information)


def verify(rig: Rig, form: str, data: bytes, count: int, flags: int, lba: int = 0) -> Outcome:
    return rig.write(form.format(flags=flags, lba=lba, count=count), data)


@pytest.mark.parametrize("form", VERIFY)
def test_verify_compares_all_blocks(rig: Rig, form: str) -> None:
    assert verify(rig, form, ONE + ONE + TWO, 3, ALL).status == 0
    assert verify(rig, form, ONE + TWO + TWO, 3, ALL).sense == MISCOMPARE


@pytest.mark.parametrize("form", VERIFY)
def test_verify_compares_each_block_with_the_same(rig: Rig, form: str) -> None:
    assert verify(rig, form, ONE, 2, ONE_BLOCK).status == 0
    assert verify(rig, form, ONE, 3, ONE_BLOCK).sense == MISCOMPARE
    assert verify(rig, form, b"", 0, ONE_BLOCK).status == 0


@pytest.mark.parametrize("form", VERIFY)
def test_verify_without_data_reads_only(rig: Rig, form: str) -> None:
    assert rig.run(form.format(flags=0, lba=0, count=BLOCKS)).status == 0
    assert rig.run(form.format(flags=0, lba=BLOCKS, count=0)).sense == OUT_OF_RANGE
    assert rig.run(form.format(flags=0, lba=1, count=BLOCKS)).sense == OUT_OF_RANGE


@pytest.mark.parametrize("form", VERIFY)
def test_verify_is_refused(rig: Rig, form: str) -> None:
    assert verify(rig, form, ONE, 1, RESERVED).field == (1, 2)
    assert verify(rig, form, ONE, 2, ALL).sense == INFORMATION_UNIT
    assert verify(rig, form, ONE + ONE, 1, ALL).sense == INFORMATION_UNIT


@pytest.mark.parametrize("form", WRITE_AND_VERIFY)
def test_write_and_verify_writes(rig: Rig, form: str) -> None:
    for flags in (0, ALL):
        assert rig.write(form.format(flags=flags, lba=4, count=2), TWO + ONE).status == 0
        assert rig.read_blocks(4, 2) == TWO + ONE
    assert rig.write(form.format(flags=0, lba=0, count=0), b"").status == 0


@pytest.mark.parametrize("form", WRITE_AND_VERIFY)
def test_write_and_verify_is_refused(rig: Rig, form: str) -> None:
    assert rig.write(form.format(flags=ONE_BLOCK, lba=0, count=1), ONE).field == (1, 2)
    assert rig.write(form.format(flags=0, lba=BLOCKS, count=1), ONE).sense == OUT_OF_RANGE
    assert rig.write(form.format(flags=0, lba=0, count=1), ONE, lun=READ_ONLY).sense == WRITE_PROTECTED


def test_or_write_sets_bits(rig: Rig) -> None:
    assert rig.write(f"8b 00 {1:016x} 00000002 00 00", TWO + ONE).status == 0
    assert rig.read_blocks(0, 3) == ONE + b"\x33" * BLOCK * 2
    assert rig.write(f"8b 00 {BLOCKS:016x} 00000001 00 00", ONE).sense == OUT_OF_RANGE
    assert rig.write(f"8b 00 {0:016x} 00000001 00 00", ONE, lun=READ_ONLY).sense == WRITE_PROTECTED


def test_write_atomic(rig: Rig) -> None:
    assert rig.write(f"9c 08 {5:016x} 0000 0002 00 00", ONE + TWO).status == 0
    assert rig.read_blocks(5, 2) == ONE + TWO
    assert rig.write(f"9c 00 {0:016x} 0001 0001 00 00", ONE).field == (10, None)
    assert rig.write(f"9c 00 {0:016x} 0000 {MOST_ATOMIC_BLOCKS + 1:04x} 00 00", ONE).field == (12, None)
    assert rig.write(f"9c 00 {0:016x} 0000 0002 00 00", ONE).sense == INFORMATION_UNIT
    limits = BlockLimits.decode(rig.run("12 01 b0 00ff 00", length=255).data)
    assert limits.maximum_atomic_transfer_length == MOST_ATOMIC_BLOCKS


def compare_and_write(rig: Rig, lba: int, count: int, data: bytes, lun: int = 0) -> Outcome:
    return rig.write(f"89 00 {lba:016x} 000000 {count:02x} 00 00", data, lun=lun)


def test_compare_and_write_writes_what_matches(rig: Rig) -> None:
    assert compare_and_write(rig, 1, 2, ONE + TWO + TWO + ONE).status == 0
    assert rig.read_blocks(0, 3) == ONE + TWO + ONE


def test_compare_and_write_says_where_the_difference_is(rig: Rig) -> None:
    wrong = ONE + TWO[:100] + b"x" + TWO[101:]
    outcome = compare_and_write(rig, 1, 2, wrong + ONE + ONE)
    assert outcome.sense == MISCOMPARE and information(outcome) == BLOCK + 100
    assert rig.read_blocks(0, 3) == ONE + ONE + TWO


def test_compare_and_write_is_refused(rig: Rig) -> None:
    assert compare_and_write(rig, BLOCKS - 1, 2, ONE * 4).sense == OUT_OF_RANGE
    assert compare_and_write(rig, 0, 1, ONE).field == (13, None)
    assert compare_and_write(rig, 0, 1, ONE * 3).field == (13, None)
    assert compare_and_write(rig, 0, 0, b"").status == 0
    assert compare_and_write(rig, 0, 1, ONE * 2, lun=READ_ONLY).sense == WRITE_PROTECTED
