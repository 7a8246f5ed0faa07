"""FORMAT UNIT with and without its parameter lists."""

from __future__ import annotations

import struct

import pytest

from chiscsi_target.errors import DriverError
from tests.chiscsi_target.scsi.operating import PATTERN, READY, SIZE, Operating
from tests.chiscsi_target.scsi.rig import BLOCK, Rig

PLAIN = "04 00 00 00 00 00"
SHORT, LONG = "04 10 00 00 00 00", "04 30 00 00 00 00"
FOV, IP, IMMED = 0x80, 0x08, 0x02
IN_PROGRESS, FAILED = (2, 0x04, 4), (3, 0x31, 1)
INVALID_FIELD, LIST_FIELD, LIST_LENGTH = (5, 0x24, 0), (5, 0x26, 0), (5, 0x1A, 0)


@pytest.mark.parametrize("options", ["", ",THICK"])
def test_the_medium_is_as_new(options: str) -> None:
    rig = Operating(options=options)
    rig.begin(PLAIN)
    rig.finish()
    assert rig.stack.completions == 1
    assert not any(rig.content())
    assert rig.medium is not None and rig.medium.extent(0)[0] is bool(options)


@pytest.mark.parametrize(("cdb", "header"), [(SHORT, "00 {flags:02x} 0000"), (LONG, "00 {flags:02x} 00 00 00000000")])
def test_immed_completes_the_command_at_once(cdb: str, header: str) -> None:
    rig = Operating(options=",THICK")
    assert rig.write(cdb, bytes.fromhex(header.format(flags=FOV | IMMED))).status == 0
    assert rig.run(READY).sense == IN_PROGRESS
    seen = []
    while rig.step():
        seen.append(rig.progress())
    assert seen == [0x4000, 0x8000, 0xC000, 0xFFFF]
    assert rig.run(READY).status == 0


def test_a_pattern_is_repeated_in_each_block() -> None:
    rig = Operating()
    rig.begin(SHORT, struct.pack(">BBHBBH", 0, FOV | IP, 0, 0, 1, 3) + b"xyz")
    rig.finish()
    assert rig.content() == (b"xyz" * BLOCK)[:BLOCK] * (SIZE // BLOCK)


def test_the_default_pattern_is_ours() -> None:
    rig = Operating()
    rig.begin(SHORT, struct.pack(">BBHBBH", 0, FOV | IP, 0, 0, 0, 0))
    rig.finish()
    assert not any(rig.content())


@pytest.mark.parametrize(
    ("cdb", "data", "sense"),
    [
        (SHORT, b"\0\0\0", LIST_LENGTH),
        (LONG, bytes(4), LIST_LENGTH),
        (SHORT, bytes((0, IP | FOV, 0, 0)), LIST_LENGTH),
        (SHORT, bytes((0, IP, 0, 0, 0, 0, 0, 0)), LIST_FIELD),
        (SHORT, bytes((1, 0, 0, 0)), LIST_FIELD),
        (SHORT, bytes((0, 0, 0, 8)) + bytes(8), LIST_FIELD),
        (LONG, bytes((0, 0, 0, 0x10, 0, 0, 0, 0)), LIST_FIELD),
        (SHORT, struct.pack(">BBHBBH", 0, FOV | IP, 0, 0, 1, 4) + b"xyz", LIST_FIELD),
        (SHORT, struct.pack(">BBHBBH", 0, FOV | IP, 0, 0, 1, 0), LIST_FIELD),
        (SHORT, struct.pack(">BBHBBH", 0, FOV | IP, 0, 0, 2, 1) + b"x", LIST_FIELD),
        (SHORT, struct.pack(">BBHBBH", 0, FOV | IP, 0, 0, 1, BLOCK + 1) + bytes(BLOCK + 1), LIST_FIELD),
        ("04 17 00 00 00 00", bytes(4), INVALID_FIELD),
    ],
)
def test_lists_that_are_refused(cdb: str, data: bytes, sense: tuple[int, int, int]) -> None:
    rig = Operating()
    assert rig.write(cdb, data).sense == sense
    assert rig.content() == PATTERN * (SIZE // BLOCK) and not rig.steps


@pytest.mark.parametrize("cdb", ["04 20 00 00 00 00", "04 08 00 00 00 00", "04 01 00 00 00 00", "04 00 01 00 00 00"])
def test_cdbs_that_are_refused(cdb: str) -> None:
    assert Operating().run(cdb).sense == INVALID_FIELD


def test_a_failure_stays_until_a_format_succeeds() -> None:
    rig = Operating(options=",THICK")
    assert rig.medium is not None
    write = rig.medium.write

    def broken(offset: int, data: object) -> None:
        raise DriverError(0x3, 0x0C, message="planted")

    rig.medium.write = broken  # type: ignore[method-assign]
    rig.begin(PLAIN)
    assert rig.step() is False
    assert rig.run(READY).sense == FAILED
    rig.medium.write = write  # type: ignore[method-assign]
    rig.begin(PLAIN)
    rig.finish()
    assert rig.run(READY).status == 0


def test_what_may_not_be_written_is_not_formatted() -> None:
    assert Rig(Rig.disk("size=1M,RO")).run(PLAIN).sense == (7, 0x27, 0)
