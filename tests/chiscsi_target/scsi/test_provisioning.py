"""UNMAP, WRITE SAME and GET LBA STATUS on a thin unit, on one that is not, and on one without a medium."""

from __future__ import annotations

import struct
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chiscsi_target.scsi.provisioning import MOST_UNMAP_BLOCKS, MOST_UNMAP_DESCRIPTORS, MOST_WRITE_SAME_BLOCKS
from iscsi_wire.scsi import BlockLimits, LbaStatusData, LogicalBlockProvisioning
from tests.chiscsi_target.fakes import Outcome
from tests.chiscsi_target.scsi.rig import BLOCK, BLOCKS, READ_ONLY, Rig

INVALID_OPERATION_CODE, INVALID_FIELD, OUT_OF_RANGE = (5, 0x20, 0), (5, 0x24, 0), (5, 0x21, 0)
LIST_LENGTH, LIST_FIELD, INFORMATION_UNIT, WRITE_PROTECTED = (5, 0x1A, 0), (5, 0x26, 0), (5, 0x0E, 3), (7, 0x27, 0)
PATTERN = bytes(range(256)) * (BLOCK // 256)


def unmap(rig: Rig, *ranges: tuple[int, int], lun: int = 0, anchor: int = 0) -> Outcome:
    descriptors = b"".join(struct.pack(">QI4x", lba, count) for lba, count in ranges)
    data = struct.pack(">HH4x", len(descriptors) + 6, len(descriptors)) + descriptors
    return rig.write(f"42 {anchor:02x} 00000000 00 {len(data):04x} 00", data, lun=lun)


def write_same(rig: Rig, lba: int, count: int, data: bytes, flags: int = 0) -> Outcome:
    return rig.write(f"93 {flags:02x} {lba:016x} {count:08x} 00 00", data)


def filled(rig: Rig, blocks: int = 64) -> None:
    assert rig.write(f"2a 00 00000000 00 {blocks:04x} 00", PATTERN * blocks).status == 0


def extents(rig: Rig, lba: int = 0, room: int = 1000) -> list[tuple[int, int, int]]:
    outcome = rig.run(f"9e 12 {lba:016x} {8 + 16 * room:08x} 00 00", length=8 + 16 * room)
    assert outcome.status == 0
    return [
        (each.lba_status_logical_block_address, each.number_of_logical_blocks, each.provisioning_status)
        for each in LbaStatusData.decode(outcome.data).descriptors
    ]


def thick(rig: Rig) -> None:
    """Have the unit's medium keep its storage."""
    medium = rig.server.units[0].lu.medium
    assert medium is not None
    medium.thin = False  # type: ignore[misc]  # the class says that it is


def test_what_is_unmapped_reads_as_zeros_and_has_no_storage() -> None:
    rig = Rig()
    filled(rig)
    assert unmap(rig, (8, 16), (40, 1)).status == 0
    assert rig.read_blocks(0, 64) == PATTERN * 8 + bytes(16 * BLOCK) + PATTERN * 16 + bytes(BLOCK) + PATTERN * 23
    assert extents(rig) == [(0, 8, 0), (8, 16, 1), (24, 16, 0), (40, 1, 1), (41, 23, 0), (64, BLOCKS - 64, 1)]


def test_the_whole_list_is_checked_before_the_first_block_goes() -> None:
    rig = Rig()
    filled(rig)
    assert unmap(rig, (0, 8), (BLOCKS - 1, 2)).sense == OUT_OF_RANGE
    assert rig.read_blocks(0, 8) == PATTERN * 8


def test_ranges_of_nothing_and_lists_of_nothing_are_no_error() -> None:
    rig = Rig()
    assert unmap(rig).status == 0
    assert unmap(rig, (BLOCKS + 7, 0)).status == 0
    assert rig.run("42 00 00000000 00 0000 00").status == 0


def test_an_incomplete_descriptor_is_ignored() -> None:
    rig = Rig()
    filled(rig)
    data = struct.pack(">HH4xQI4x", 30, 24, 0, 8) + bytes(8)
    assert rig.write(f"42 00 00000000 00 {len(data):04x} 00", data).status == 0
    assert rig.read_blocks(0, 16) == bytes(8 * BLOCK) + PATTERN * 8


def test_limits_of_unmap() -> None:
    rig = Rig()
    assert rig.write("42 00 00000000 00 0007 00", bytes(7)).sense == LIST_LENGTH
    assert unmap(rig, *[(0, 1)] * (MOST_UNMAP_DESCRIPTORS + 1)).sense == LIST_FIELD
    assert unmap(rig, (0, MOST_UNMAP_BLOCKS + 1)).sense == LIST_FIELD
    assert unmap(rig, (0, 1), lun=READ_ONLY).sense == WRITE_PROTECTED


def test_a_unit_that_keeps_its_storage_has_no_unmap() -> None:
    rig = Rig()
    thick(rig)
    assert unmap(rig, (0, 1)).sense == INVALID_OPERATION_CODE
    assert write_same(rig, 0, 1, bytes(BLOCK), flags=0x08).field == (1, 3)
    assert extents(rig) == [(0, BLOCKS, 0)]


def test_a_unit_without_a_medium_has_none_of_these_commands() -> None:
    rig = Rig()
    rig.server.units[0].lu.medium = None
    for cdb, data in (("42 00 00000000 00 0008 00", bytes(8)), (f"93 00 {0:016x} 00000001 00 00", bytes(BLOCK))):
        assert rig.write(cdb, data).sense == INVALID_OPERATION_CODE
    assert rig.run(f"9e 12 {0:016x} 00000018 00 00", length=24).sense == INVALID_OPERATION_CODE


@pytest.mark.parametrize(
    "opcode", ["41 {flags} {lba:08x} 00 {count:04x} 00", "93 {flags} {lba:016x} {count:08x} 00 00"]
)
def test_one_block_is_written_over_and_over(opcode: str) -> None:
    rig = Rig()
    outcome = rig.write(opcode.format(flags="00", lba=3, count=5), PATTERN)
    assert outcome.status == 0
    assert rig.read_blocks(2, 7) == bytes(BLOCK) + PATTERN * 5 + bytes(BLOCK)


def test_write_same_of_zeros_with_unmap_gives_back() -> None:
    rig = Rig()
    filled(rig)
    assert write_same(rig, 16, 8, bytes(BLOCK), flags=0x08).status == 0
    assert extents(rig)[:3] == [(0, 16, 0), (16, 8, 1), (24, 40, 0)]


def test_write_same_of_other_data_writes_them_whatever_unmap_says() -> None:
    rig = Rig()
    assert write_same(rig, 16, 8, PATTERN, flags=0x08).status == 0
    assert rig.read_blocks(16, 8) == PATTERN * 8


def test_without_data_out_zeros_are_written() -> None:
    rig = Rig()
    filled(rig)
    assert rig.run(f"93 01 {8:016x} 00000008 00 00").status == 0
    assert rig.read_blocks(0, 24) == PATTERN * 8 + bytes(8 * BLOCK) + PATTERN * 8


def test_a_count_of_zero_reaches_to_the_end_of_a_thick_unit_only() -> None:
    rig = Rig()
    assert write_same(rig, BLOCKS - 3, 0, PATTERN).sense == INVALID_FIELD
    thick(rig)
    assert write_same(rig, BLOCKS - 3, 0, PATTERN).status == 0
    assert rig.read_blocks(BLOCKS - 4, 4) == bytes(BLOCK) + PATTERN * 3


def test_refusals_of_write_same() -> None:
    rig = Rig()
    assert write_same(rig, BLOCKS - 1, 2, PATTERN).sense == OUT_OF_RANGE
    assert write_same(rig, 0, 1, PATTERN, flags=0x10).field == (1, 4)
    assert write_same(rig, 0, 1, PATTERN[:100]).sense == INFORMATION_UNIT
    assert write_same(rig, 0, 1, PATTERN * 2).sense == INFORMATION_UNIT
    assert not any(rig.read_blocks(0, 2))


def test_get_lba_status_begins_where_it_is_asked_and_ends_with_the_room() -> None:
    rig = Rig()
    filled(rig, 24)
    assert unmap(rig, (8, 8)).status == 0
    assert extents(rig, lba=10, room=2) == [(10, 6, 1), (16, 8, 0)]
    assert rig.run(f"9e 12 {BLOCKS:016x} 00000018 00 00", length=24).sense == OUT_OF_RANGE
    assert len(rig.run(f"9e 12 {0:016x} 00000008 00 00", length=8).data) == 8


@given(st.lists(st.tuples(st.integers(0, 200), st.integers(1, 60), st.booleans()), max_size=8))
def test_extents_adjoin_each_other_and_cover_the_medium(steps: list[tuple[int, int, bool]]) -> None:
    rig = Rig()
    mapped: set[int] = set()
    for lba, count, write in steps:
        blocks = set(range(lba, lba + count))
        if write:
            assert rig.write(f"2a 00 {lba:08x} 00 {count:04x} 00", PATTERN * count).status == 0
            mapped |= blocks
        else:
            assert unmap(rig, (lba, count)).status == 0
            mapped -= blocks
    found = extents(rig)
    assert [lba for lba, _, _ in found] == [0, *(lba + count for lba, count, _ in found)][:-1]
    assert sum(count for _, count, _ in found) == BLOCKS
    assert mapped <= {block for lba, count, status in found if status == 0 for block in range(lba, lba + count)}


def test_the_limits_are_told() -> None:
    rig = Rig()
    limits = BlockLimits.decode(rig.run("12 01 b0 00ff 00", length=255).data)
    assert (limits.maximum_unmap_lba_count, limits.maximum_unmap_block_descriptor_count) == (
        MOST_UNMAP_BLOCKS,
        MOST_UNMAP_DESCRIPTORS,
    )
    assert (limits.wsnz, limits.maximum_write_same_length) == (1, MOST_WRITE_SAME_BLOCKS)
    page = LogicalBlockProvisioning.decode(rig.run("12 01 b2 00ff 00", length=255).data)
    assert (page.lbpu, page.lbpws, page.lbpws10, page.lbprz, page.anc_sup, page.provisioning_type) == (1, 1, 1, 1, 1, 2)
    thick(rig)
    limits = BlockLimits.decode(rig.run("12 01 b0 00ff 00", length=255).data)
    assert (limits.maximum_unmap_lba_count, limits.wsnz, limits.maximum_write_same_length) == (0, 0, 0)
    assert not any(rig.run("12 01 b2 00ff 00", length=255).data[4:])


@pytest.mark.parametrize("flags", [0x00, 0x08, 0x10])
def test_write_protection_comes_before_what_a_read_only_medium_has_not(flags: int) -> None:
    unit = Rig.disk("size=1M,RO")
    rig = Rig(unit)
    thick(rig)
    assert write_same(rig, 0, 1, PATTERN, flags=flags).sense == WRITE_PROTECTED


# Anchored blocks

ANCHOR, UNMAP = 0x10, 0x08


class DiscardingMedium:
    """A `Medium` that cannot anchor, and nothing more."""

    thin = True

    def discard(self, offset: int, length: int) -> None:
        """Discard nothing: there is nothing."""

    def flush(self) -> None:
        """Flush nothing either."""


def test_anchored_blocks_read_as_zeros_and_are_told_apart() -> None:
    rig = Rig()
    filled(rig)
    assert unmap(rig, (8, 16), (100, 3), anchor=1).status == 0
    assert rig.read_blocks(0, 64) == PATTERN * 8 + bytes(16 * BLOCK) + PATTERN * 40
    assert extents(rig)[:4] == [(0, 8, 0), (8, 16, 2), (24, 40, 0), (64, 32, 1)]
    assert (100, 3, 2) in extents(rig)
    assert extents(rig, lba=12, room=1) == [(12, 12, 2)]


def test_unmap_deallocates_them_and_a_write_maps_them() -> None:
    rig = Rig()
    assert unmap(rig, (0, 64), anchor=1).status == 0
    assert rig.write("2a 00 00000008 00 0001 00", PATTERN).status == 0
    assert write_same(rig, 16, 8, PATTERN).status == 0
    assert unmap(rig, (32, 16)).status == 0
    assert extents(rig)[:6] == [(0, 8, 2), (8, 1, 0), (9, 7, 2), (16, 8, 0), (24, 8, 2), (32, 16, 1)]
    assert rig.read_blocks(8, 1) == PATTERN


def test_write_same_anchors_zeros_only() -> None:
    rig = Rig()
    filled(rig)
    assert write_same(rig, 0, 8, bytes(BLOCK), flags=UNMAP | ANCHOR).status == 0
    assert rig.run(f"93 19 {8:016x} 00000008 00 00").status == 0  # and no data
    assert write_same(rig, 16, 8, PATTERN[::-1], flags=UNMAP | ANCHOR).status == 0
    assert rig.write("41 18 00000018 00 0008 00", bytes(BLOCK)).status == 0
    assert extents(rig)[:4] == [(0, 16, 2), (16, 8, 0), (24, 8, 2), (32, 32, 0)]
    assert rig.read_blocks(0, 32) == bytes(16 * BLOCK) + PATTERN[::-1] * 8 + bytes(8 * BLOCK)


def test_anchoring_much_is_done_in_steps() -> None:
    rig = Rig(Rig.disk("size=64M"))
    steps: list[Callable[[], bool]] = []
    rig.server.work_by(steps.append)
    rig.stack.reset(struct.pack(">HH4xQI4x", 22, 16, 0, 1 << 16))
    scmd = rig.stack.command(bytes.fromhex("42 01 00000000 00 0018 00"), length=24, write=True)
    assert rig.server.fp_scsi_cmd_cdb_rcved(scmd) == 0
    rig.stack.deliver(scmd)
    (step,) = steps
    assert extents(rig)[0] == (0, 1 << 12, 2)
    rig.stack.reset(b"")
    while step():
        pass
    assert rig.stack.completions == 1
    assert extents(rig)[0] == (0, 1 << 16, 2)


def test_a_unit_that_cannot_anchor_says_so_and_refuses() -> None:
    rig = Rig()
    rig.server.units[0].medium = DiscardingMedium()  # type: ignore[assignment]  # nothing else is called
    assert unmap(rig, (0, 1)).status == 0
    assert unmap(rig, (0, 1), anchor=1).field == (1, 0)
    assert write_same(rig, 0, 1, bytes(BLOCK), flags=UNMAP | ANCHOR).field == (1, 4)
    assert LogicalBlockProvisioning.decode(rig.run("12 01 b2 00ff 00", length=255).data).anc_sup == 0


@pytest.mark.parametrize("kind, unmap_bits, same_bits", [("anchors", 1, 0x18), ("discards", 0, 0x08), ("keeps", 0, 0)])
def test_usage_maps_have_the_bits_that_mean_something_to_the_unit(kind: str, unmap_bits: int, same_bits: int) -> None:
    rig = Rig()
    if kind == "discards":
        rig.server.units[0].medium = DiscardingMedium()  # type: ignore[assignment]  # nothing else is called
    elif kind == "keeps":
        thick(rig)
    usage = [rig.run(f"a3 0c 01 {code} 0000 000000ff 00 00", length=255).data[4:] for code in ("42", "41", "93")]
    assert usage[0][1:2] == (bytes([unmap_bits]) if kind != "keeps" else b"")
    assert [each[1] & 0x18 for each in usage[1:]] == [same_bits, same_bits]


@pytest.mark.parametrize("protection", [1, 3])
def test_blocks_with_protection_information_are_anchored_too(protection: int) -> None:
    rig = Rig(Rig.disk(f"size=1M,PI={protection}"))
    filled(rig)
    assert unmap(rig, (8, 16), anchor=1).status == 0
    assert extents(rig)[:3] == [(0, 8, 0), (8, 16, 2), (24, 40, 0)]
    assert rig.read_blocks(8, 16) == bytes(16 * BLOCK)
    # And their tuples say that nobody has written them: all ones.
    assert rig.run("28 20 00000008 00 0001 00", length=BLOCK + 8).data == bytes(BLOCK) + b"\xff" * 8
    same = bytes(BLOCK) + b"\xff" * 8
    assert rig.write(f"93 38 {0:016x} 00000008 00 00", same).status == 0
    assert extents(rig)[0] == (0, 24, 2)
