"""SANITIZE: what it leaves, what is refused meanwhile and afterwards, and what ends it."""

from __future__ import annotations

import struct

import pytest

from chiscsi_target.api.constants import SC_FLAG_SESS_ABORT
from chiscsi_target.errors import DriverError
from iscsi_wire.scsi import BlockDeviceCharacteristics
from tests.chiscsi_target.scsi.operating import PATTERN, READY, SIZE, Operating
from tests.chiscsi_target.scsi.rig import BLOCK, Rig

IN_PROGRESS, FAILED, INVALID_FIELD, PROTECTED = (2, 0x04, 0x1B), (3, 0x31, 3), (5, 0x24, 0), (7, 0x27, 0)
ERASE, EXIT = "48 02 00 00000000 0000 00", "48 1f 00 00000000 0000 00"
AUSE, IMMED = 0x20, 0x80
READ_ONLY = 1


def overwrite(pattern: bytes, count: int = 1, *, flags: int = 0, length: int | None = None) -> tuple[str, bytes]:
    data = struct.pack(">BxH", count, len(pattern) if length is None else length) + pattern
    return f"48 {1 | flags:02x} 00 00000000 {len(data):04x} 00", data


def test_an_overwrite_leaves_the_pattern_everywhere() -> None:
    rig = Operating()
    cdb, data = overwrite(b"abc")
    rig.begin(cdb, data)
    before = rig.stack.completions
    rig.finish()
    assert (before, rig.stack.completions) == (0, 1)
    assert rig.content() == (b"abc" * BLOCK)[:BLOCK] * (SIZE // BLOCK)


@pytest.mark.parametrize(("passes", "inverted"), [(1, False), (2, True), (3, False)])
def test_every_second_pass_may_be_inverted(passes: int, inverted: bool) -> None:
    rig = Operating()
    cdb, data = overwrite(b"\x0f", 0x80 | passes, flags=IMMED)
    assert rig.write(cdb, data).status == 0
    rig.finish()
    assert set(rig.content()) == {0xF0 if inverted else 0x0F}


def test_a_block_erase_gives_all_back() -> None:
    rig = Operating()
    rig.begin(ERASE)
    rig.finish()
    assert not any(rig.content())
    assert rig.medium is not None and rig.medium.extent(0)[0] is False
    page = BlockDeviceCharacteristics.decode(rig.run("12 01 b1 00ff 00", length=255).data)
    assert (page.wabereq, page.wacereq) == (1, 0)


def test_a_unit_that_keeps_its_storage_has_no_block_erase() -> None:
    rig = Rig(Rig.disk("size=1M,THICK"))
    assert rig.run(ERASE).sense == (5, 0x20, 0)
    assert BlockDeviceCharacteristics.decode(rig.run("12 01 b1 00ff 00", length=255).data).wabereq == 0


def test_meanwhile_nearly_all_is_refused_and_the_progress_told() -> None:
    rig = Operating()
    cdb, data = overwrite(b"\x55", flags=IMMED)
    assert rig.write(cdb, data).status == 0
    assert rig.progress() == 0
    seen = []
    while rig.step():
        assert rig.run(READY).sense == IN_PROGRESS
        seen.append(rig.progress())
    assert seen == [0x4000, 0x8000, 0xC000, 0xFFFF]
    assert rig.progress() == -1 and rig.run(READY).status == 0


@pytest.mark.parametrize(
    ("cdb", "length", "passes"),
    [
        ("12 00 00 00 60 00", 96, True),
        ("a0 00 00 00 00 00 00000020 00 00", 32, True),
        ("1b 00 00 00 01 00", 0, False),
        ("28 00 00000000 00 0001 00", BLOCK, False),
        ("25 00 00000000 00 0000 00", 8, False),
        (ERASE, 0, False),
    ],
)
def test_what_is_executed_meanwhile(cdb: str, length: int, passes: bool) -> None:
    rig = Operating()
    rig.write(*overwrite(b"\x55", flags=IMMED))
    outcome = rig.run(cdb, length=length)
    assert outcome.status == 0 if passes else outcome.sense == IN_PROGRESS


def test_the_operation_goes_on_when_its_command_is_aborted() -> None:
    rig = Operating()
    cdb, data = overwrite(b"\x55")
    scmd = rig.begin(cdb, data)
    rig.step()
    scmd.sc_flag |= SC_FLAG_SESS_ABORT
    rig.finish()
    assert (rig.stack.aborted, rig.stack.completions) == (1, 0)
    assert set(rig.content()) == {0x55}


def test_a_failure_stays_until_a_sanitize_succeeds() -> None:
    rig = Operating()
    fail(rig)
    assert rig.run(READY).sense == FAILED
    assert rig.run(EXIT).sense == INVALID_FIELD
    rig.begin(ERASE)
    rig.finish()
    assert rig.run(READY).status == 0


def test_a_failure_can_be_left_where_that_was_agreed_on() -> None:
    rig = Operating()
    fail(rig, AUSE)
    assert rig.run(READY).sense == FAILED
    assert rig.run(EXIT).status == 0
    assert rig.run(READY).status == 0
    assert rig.run(EXIT).status == 0


def fail(rig: Operating, flags: int = 0) -> None:
    """Have an overwrite fail at its first piece."""
    assert rig.medium is not None
    write = rig.medium.write

    def broken(offset: int, data: object) -> None:
        raise DriverError(0x3, 0x0C, message="planted")

    rig.medium.write = broken  # type: ignore[method-assign]
    cdb, data = overwrite(b"\x55", flags=flags)
    scmd = rig.begin(cdb, data)
    assert rig.step() is False
    assert (scmd.sc_sense_key, scmd.sc_sense_asc) == (3, 0x0C)
    rig.server.fp_scsi_cmd_cleanup(scmd)
    rig.medium.write = write  # type: ignore[method-assign]


@pytest.mark.parametrize(
    ("count", "pattern", "length"),
    [(0, b"a", None), (1, b"a", 0), (1, b"a", 2), (1, b"a" * BLOCK, BLOCK + 1), (0x21, b"a", 1)],
)
def test_lists_that_cannot_be(count: int, pattern: bytes, length: int | None) -> None:
    rig = Operating()
    cdb, data = overwrite(pattern, count, length=length)
    assert rig.write(cdb, data).sense == INVALID_FIELD
    assert rig.content() == PATTERN * (SIZE // BLOCK) and rig.run(READY).status == 0


@pytest.mark.parametrize("length", [0, 1, 4, BLOCK + 5])
def test_lengths_that_cannot_be(length: int) -> None:
    rig = Operating()
    outcome = rig.write(f"48 01 00 00000000 {length:04x} 00", bytes(length))
    assert (outcome.sense, outcome.field) == (INVALID_FIELD, (7, None))
    assert rig.write(f"48 01 00 00000000 {BLOCK + 4:04x} 00", b"\1\0\0\4").sense == INVALID_FIELD


@pytest.mark.parametrize("action", [2, 0x1F])
def test_only_an_overwrite_has_a_list(action: int) -> None:
    outcome = Operating().write(f"48 {action:02x} 00 00000000 0008 00", bytes(8))
    assert (outcome.sense, outcome.field) == (INVALID_FIELD, (7, None))


def test_reserved_bits_and_actions_that_are_none() -> None:
    rig = Operating()
    assert rig.run("48 42 00 00000000 0000 00").field == (1, 6)
    assert rig.run("48 02 01 00000000 0000 00").sense == INVALID_FIELD
    assert rig.run("48 03 00 00000000 0000 00").field == (1, 4)


def test_what_may_not_be_written_is_not_sanitized() -> None:
    rig = Operating(Rig.disk("size=1M,RO", READ_ONLY))
    cdb, data = overwrite(b"a")
    assert rig.write(cdb, data, lun=READ_ONLY).sense == PROTECTED
    assert rig.run(ERASE, lun=READ_ONLY).sense == PROTECTED
