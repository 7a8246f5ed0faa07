"""Blocks as they were at one time, while commands of all kinds change them."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chiscsi_target.errors import DriverError
from chiscsi_target.scsi.logical_unit import LogicalUnit
from chiscsi_target.scsi.refused import Refused
from chiscsi_target.scsi.rod_tokens import ROD_PIECE
from chiscsi_target.scsi.sense import INVALID_FIELD_IN_CDB
from chiscsi_target.scsi.snapshot import snapshot
from tests.chiscsi_target.scsi.copies import pattern
from tests.chiscsi_target.scsi.rig import BLOCK, Rig

SIZE = 4 * ROD_PIECE
BLOCKS = SIZE // BLOCK
Change = Callable[[Rig, int, int], object]


def made(options: str = "") -> Rig:
    """A unit of four pieces, full of data."""
    rig = Rig(Rig.disk(f"size={SIZE}{options}"))
    assert rig.write(f"2a 00 00000000 00 {BLOCKS:04x} 00", pattern(BLOCKS)).status == 0
    return rig


def unit(rig: Rig) -> LogicalUnit:
    return rig.server.units[0]


def write(rig: Rig, lba: int, count: int) -> int:
    return rig.write(f"2a 00 {lba:08x} 00 {count:04x} 00", b"w" * count * BLOCK).status


def write_same(rig: Rig, lba: int, count: int) -> int:
    return rig.write(f"93 00 {lba:016x} {count:08x} 00 00", b"s" * BLOCK).status


def or_write(rig: Rig, lba: int, count: int) -> int:
    return rig.write(f"8b 00 {lba:016x} {count:08x} 00 00", b"\xff" * count * BLOCK).status


def unmap(rig: Rig, lba: int, count: int, anchor: int = 0) -> int:
    data = struct.pack(">HH4xQI4x", 22, 16, lba, count)
    return rig.write(f"42 {anchor:02x} 00000000 00 0018 00", data).status


def anchor(rig: Rig, lba: int, count: int) -> int:
    return unmap(rig, lba, count, 1)


CHANGES = (write, write_same, or_write, unmap, anchor)
RANGE = st.tuples(st.integers(0, BLOCKS - 1), st.integers(1, 3000))
STEPS = st.lists(st.one_of(st.none(), st.tuples(st.sampled_from(CHANGES), RANGE)), max_size=8)


class Kept:
    """Takes the pieces."""

    def __init__(self) -> None:
        self.pieces: dict[int, bytes] = {}

    def __call__(self, number: int, data: bytes) -> None:
        assert number not in self.pieces
        self.pieces[number] = data

    @property
    def data(self) -> bytes:
        return b"".join(self.pieces[number] for number in sorted(self.pieces))


@pytest.mark.parametrize("options", ["", ",PI=1"])
@settings(max_examples=25)
@given(steps=STEPS, cut=st.integers(0, BLOCKS), rest=st.integers(0, 100))
def test_it_is_what_it_was_at_the_first_step(
    options: str, steps: list[tuple[Change, tuple[int, int]] | None], cut: int, rest: int
) -> None:
    """The ranges are the disk's two parts, in the other order, without a few blocks between them."""
    rig, kept = made(options), Kept()
    second = min(cut + rest, BLOCKS)
    ranges = [(second * BLOCK, SIZE - second * BLOCK), (0, cut * BLOCK)]
    reading = snapshot(unit(rig), ranges, kept)
    before = pattern(BLOCKS)
    octets = next(reading, 0)
    for step in steps:
        if step is None:
            octets += next(reading, 0)
        else:
            change, (lba, count) = step
            assert change(rig, lba, min(count, BLOCKS - lba)) == 0
    octets += sum(reading)
    assert kept.data == before[second * BLOCK :] + before[: cut * BLOCK]
    assert octets <= len(kept.data) and not unit(rig).watchers


def test_what_changed_before_the_first_step_is_in_it() -> None:
    rig, kept = made(), Kept()
    reading = snapshot(unit(rig), [(0, SIZE)], kept)
    write(rig, 0, 1)
    assert sum(reading) == SIZE
    assert kept.data[:BLOCK] == b"w" * BLOCK


def test_two_at_a_time_do_not_mind_each_other() -> None:
    rig, kept = made(), (Kept(), Kept())
    first = snapshot(unit(rig), [(0, SIZE)], kept[0])
    next(first)
    write(rig, BLOCKS - 8, 8)
    second = snapshot(unit(rig), [(0, SIZE)], kept[1])
    next(second)
    unmap(rig, BLOCKS - 8, 4)
    sum(first)
    sum(second)
    before = pattern(BLOCKS)[: -8 * BLOCK]
    assert kept[0].data == pattern(BLOCKS)
    assert kept[1].data == before + b"w" * 8 * BLOCK


def test_one_that_nobody_goes_on_with_watches_no_longer() -> None:
    rig = made()
    reading: Iterator[int] = snapshot(unit(rig), [(0, SIZE)], Kept())
    next(reading)
    assert unit(rig).watchers
    del reading
    assert not unit(rig).watchers
    assert unit(rig).medium is unit(rig).lu.medium
    assert unit(rig).execute == unit(rig).lu.lun_class.fp_scsi_cmd_cdb_rcved


def test_a_new_description_of_the_unit_does_not_end_it() -> None:
    rig, kept = made(), Kept()
    reading = snapshot(unit(rig), [(0, SIZE)], kept)
    next(reading)
    unit(rig).describe(unit(rig).lu)
    write(rig, BLOCKS - 1, 1)
    sum(reading)
    assert kept.data == pattern(BLOCKS)


@pytest.mark.parametrize("failure", [Refused(INVALID_FIELD_IN_CDB), DriverError(3, 0x11)])
def test_a_piece_that_fails_fails_the_snapshot_and_no_command(failure: Exception) -> None:
    rig = made()

    def refuse(number: int, data: bytes) -> None:
        if number == 3:
            raise failure

    reading = snapshot(unit(rig), [(0, SIZE)], refuse)
    next(reading)
    assert write(rig, BLOCKS - 1, 1) == write(rig, 0, BLOCKS) == 0
    with pytest.raises(type(failure)):
        next(reading)
    assert not unit(rig).watchers
