"""EXTENDED COPY(LID1): within a unit, between units, and all that can be in the way."""

from __future__ import annotations

import pytest

from chiscsi_target.api import LU_FLAG_OFFLINE, LU_FLAG_SYNC
from chiscsi_target.errors import DriverError
from chiscsi_target.scsi.copy_results import CopyResult
from chiscsi_target.scsi.extended_copy import tracked
from chiscsi_target.scsi.long_work import PIECE
from iscsi_wire.scsi import FixedSense
from iscsi_wire.scsi_copy_codes import CopyStatus
from tests.chiscsi_target.scsi.copies import HERE, copy, copy_list, cscd, fill, pattern, segment
from tests.chiscsi_target.scsi.rig import BLOCK, BLOCKS, Rig

ABORTED, FAILURE, UNREACHABLE = (0xA, 0, 0), (0xA, 0x0D, 1), (0xA, 0x08, 4)
NOT_REACHABLE, WRONG_TYPE, INEXACT, FIELD = (0xA, 0x0D, 2), (0xA, 0x0D, 3), (0xA, 0x26, 0x0A), (5, 0x26, 0)
CONFLICT = 0x18


def rig() -> Rig:
    return Rig(
        Rig.disk("size=1M"), Rig.disk("size=1M", 1), Rig.disk("size=1M,RO", 2), Rig.disk("size=1M,BLOCK=4096", 3)
    )


def copied(test: Rig, *segments: bytes, to: int = 0) -> bytes:
    """The parameter list for segments from logical unit 0 to another."""
    return copy_list([cscd(test, 0), cscd(test, to)], list(segments))


def said(sense_data: bytes, place: int) -> tuple[int, int, int, int]:
    """Status and sense that a copy source (0) or copy destination (1) is said to have had."""
    sense = FixedSense.decode(sense_data)
    start = sense.command_specific_information.to_bytes(4)[place]
    assert start >= 18
    forwarded = FixedSense.decode(sense_data, start + 1, truncated=True)
    return sense_data[start], forwarded.sense_key, forwarded.asc, forwarded.ascq


def test_blocks_are_copied_within_a_unit() -> None:
    test = rig()
    fill(test, 8, pattern(16))
    assert copy(test, copied(test, segment(8, 100, 16))).status == 0
    assert test.read_blocks(98, 20) == bytes(2 * BLOCK) + pattern(16) + bytes(2 * BLOCK)
    assert test.read_blocks(8, 16) == pattern(16)


def test_segments_are_processed_in_order_between_units() -> None:
    test = rig()
    fill(test, 0, pattern(8))
    assert copy(test, copied(test, segment(0, 4, 8, destination=1), segment(2, 4, 1, destination=1), to=1)).status == 0
    assert test.read_blocks(4, 8, lun=1) == pattern(3)[2 * BLOCK :] + pattern(8)[BLOCK:]


def test_the_unit_that_gets_the_command_needs_no_descriptor() -> None:
    test = rig()
    fill(test, 0, pattern(2), lun=1)
    assert copy(test, copy_list([], [segment(0, 9, 2, source=HERE, destination=HERE)]), lun=1).status == 0
    assert test.read_blocks(9, 2, lun=1) == pattern(2)


@pytest.mark.parametrize("start, target", [(0, 5), (5, 0), (0, 2048), (2048, 0), (3, 3)])
def test_ranges_may_overlap(start: int, target: int) -> None:
    """Whichever comes first, and however many pieces it takes."""
    blocks = 2 * PIECE // BLOCK + 100
    test = Rig(Rig.disk("size=8M"))
    data = pattern(blocks)
    for at in range(0, blocks, 1000):
        fill(test, start + at, data[at * BLOCK : (at + 1000) * BLOCK])
    assert copy(test, copied(test, segment(start, target, blocks))).status == 0
    assert test.read_blocks(target, blocks) == data


def test_zeros_take_no_storage_on_a_thin_unit() -> None:
    test = rig()
    fill(test, 0, pattern(64))
    assert copy(test, copied(test, segment(256, 0, 64))).status == 0
    assert test.read_blocks(0, 64) == bytes(64 * BLOCK)
    medium = test.server.units[0].medium
    assert medium is not None and not medium.extent(0)[0]


def test_nothing_to_copy_is_no_error() -> None:
    test = rig()
    assert copy(test, b"").status == 0
    assert copy(test, copy_list([], [])).status == 0
    assert copy(test, copied(test, segment(BLOCKS + 9, BLOCKS + 9, 0))).status == 0


@pytest.mark.parametrize("dc, start, target, count, length", [(0, 0, 2, 16, 8192), (1, 8, 3, 2, 8192), (0, 0, 0, 0, 0)])
def test_blocks_of_other_lengths_that_come_out_even(dc: int, start: int, target: int, count: int, length: int) -> None:
    test = rig()
    fill(test, 0, pattern(64))
    ends = [cscd(test, 0), cscd(test, 3, block=4096)]
    assert copy(test, copy_list(ends, [segment(start, target, count, destination=1, dc=dc)])).status == 0
    found = test.run(f"28 00 {target:08x} 00 0002 00", length=8192, lun=3).data
    assert found[:length] == pattern(64)[start * BLOCK : start * BLOCK + length]


def test_the_rest_of_a_block_is_filled_where_pad_says_so() -> None:
    test = rig()
    fill(test, 0, pattern(8))
    fill(test, 0, pattern(1, 9, 4096), lun=3, size=4096)
    part = segment(0, 0, 3, destination=1)
    assert copy(test, copy_list([cscd(test, 0), cscd(test, 3, block=4096)], [part])).sense == INEXACT
    padded = [cscd(test, 0), cscd(test, 3, block=4096, pad=1)]
    assert copy(test, copy_list(padded, [segment(0, 0, 3, destination=1, cat=1)])).sense == INEXACT
    assert copy(test, copy_list(padded, [part])).status == 0
    assert test.run("28 00 00000000 00 0001 00", length=4096, lun=3).data == pattern(3) + bytes(5 * BLOCK)


def test_the_rest_of_a_source_block_is_left_out_where_pad_says_so() -> None:
    test = rig()
    fill(test, 0, pattern(1, 3, 4096), lun=3, size=4096)
    part = segment(0, 0, 3, source=1, dc=1)
    assert copy(test, copy_list([cscd(test, 0), cscd(test, 3, block=4096)], [part])).sense == INEXACT
    assert copy(test, copy_list([cscd(test, 0), cscd(test, 3, block=4096, pad=1)], [part])).status == 0
    assert test.read_blocks(0, 4) == pattern(1, 3, 4096)[: 3 * BLOCK] + bytes(BLOCK)


@pytest.mark.parametrize(
    "part, place", [(segment(BLOCKS - 7, 0, 8), 0), (segment(0, BLOCKS - 7, 8), 1), (segment(1 << 63, 0, 1), 0)]
)
def test_blocks_that_are_not_there_abort_the_copy(part: bytes, place: int) -> None:
    test = rig()
    outcome = copy(test, copied(test, part))
    assert outcome.sense == ABORTED
    assert said(outcome.sense_data, place) == (2, 5, 0x21, 0)


def test_what_was_copied_before_the_failure_is_copied() -> None:
    test = rig()
    fill(test, 0, pattern(4))
    outcome = copy(test, copied(test, segment(0, 8, 4), segment(0, BLOCKS, 4)))
    assert outcome.sense == ABORTED
    assert FixedSense.decode(outcome.sense_data).command_specific_information & 0xFFFF == 1
    assert test.read_blocks(8, 4) == pattern(4)


def test_ends_that_are_not_there() -> None:
    test = rig()
    assert copy(test, copied(test, segment(0, 0, 1, destination=2))).sense == UNREACHABLE
    assert copy(test, copy_list([cscd(test, 0, kind=1)], [segment(0, 8, 1)])).sense == WRONG_TYPE
    unknown = bytearray(cscd(test, 0))
    unknown[15] ^= 1
    assert copy(test, copy_list([bytes(unknown)], [segment(0, 8, 1)])).sense == NOT_REACHABLE
    other = copied(test, segment(0, 8, 1, destination=1), to=1)
    test.server.units[1].lu.flags |= LU_FLAG_OFFLINE
    assert copy(test, other).sense == NOT_REACHABLE


def test_a_unit_that_the_session_does_not_see_is_not_there() -> None:
    test = rig()
    data = copied(test, segment(0, 8, 1, destination=1), to=1)
    test.server.restrict(1, [0], lambda number: True)
    assert copy(test, data).sense == NOT_REACHABLE


def test_the_length_of_blocks_has_to_be_right() -> None:
    test = rig()
    assert copy(test, copy_list([cscd(test, 0, block=4096)], [segment(0, 8, 1)])).sense == FIELD


def test_a_copy_does_not_write_where_its_session_may_not() -> None:
    test = rig()
    fill(test, 0, pattern(1))
    outcome = copy(test, copied(test, segment(0, 0, 1, destination=1), to=2))
    assert outcome.sense == FAILURE
    assert said(outcome.sense_data, 1) == (2, 7, 0x27, 0)
    test.server.restrict(1, None, lambda number: number != 1)
    assert copy(test, copied(test, segment(0, 0, 1, destination=1), to=1)).sense == FAILURE
    assert test.read_blocks(0, 1, lun=1) == bytes(BLOCK)


def test_reservations_of_both_ends_count() -> None:
    test = rig()
    fill(test, 0, pattern(1))
    assert test.run("16 00 00 00 00 00", lun=1, session=2).status == 0
    for part in (segment(0, 0, 1, destination=1), segment(0, 0, 1, source=1)):
        outcome = copy(test, copied(test, part, to=1))
        assert outcome.sense == NOT_REACHABLE
        start = max(FixedSense.decode(outcome.sense_data).command_specific_information.to_bytes(4)[:2])
        assert outcome.sense_data[start] == CONFLICT
    assert copy(test, copied(test, segment(0, 9, 1))).status == 0
    assert test.run("16 00 00 00 00 00", session=2).status == 0
    assert copy(test, copied(test, segment(0, 9, 1))).status == CONFLICT


def test_a_read_only_reservation_lets_a_copy_read() -> None:
    """Write Exclusive: what it allows a READ it allows the copy that reads."""
    test = rig()
    fill(test, 0, pattern(1), lun=1)
    test.server.session_added(2, "iqn.2024-01.com.example:other", bytes(6), "iqn.t")
    key = (1).to_bytes(8)
    for lun in (0, 1, 2, 3):
        test.run("00 00 00 00 00 00", lun=lun, session=2)
    register = test.stack.run("5f 00 00 00 00 00 00 00 18 00", data=bytes(8) + key + bytes(8), lun=1, session=2)
    reserve = test.stack.run("5f 01 01 00 00 00 00 00 18 00", data=key + bytes(16), lun=1, session=2)
    assert (register.status, reserve.status) == (0, 0)
    assert copy(test, copied(test, segment(0, 0, 1, source=1), to=1)).status == 0
    assert test.read_blocks(0, 1) == pattern(1)
    assert copy(test, copied(test, segment(0, 0, 1, destination=1), to=1)).sense == NOT_REACHABLE


@pytest.mark.parametrize("whose, place", [("read", 0), ("write", 1)])
def test_a_medium_that_fails_aborts_the_copy(whose: str, place: int, monkeypatch: pytest.MonkeyPatch) -> None:
    test = rig()
    fill(test, 0, pattern(1))

    def broken(*_arguments: object) -> bytes:
        raise DriverError(3, 0x11)

    medium = test.server.units[0 if whose == "read" else 1].medium
    monkeypatch.setattr(type(medium), whose, broken)
    outcome = copy(test, copied(test, segment(0, 0, 1, destination=1), to=1))
    assert outcome.sense == FAILURE
    assert said(outcome.sense_data, place) == (2, 3, 0x11, 0)


def test_what_was_copied_is_safe_where_there_is_no_write_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    test = rig()
    flushed: list[object] = []

    def flush(medium: object) -> None:
        flushed.append(medium)

    monkeypatch.setattr(type(test.server.units[0].medium), "flush", flush)
    assert copy(test, copied(test, segment(0, 8, 8, destination=1), to=1)).status == 0
    assert flushed == [test.server.units[1].medium]
    test.server.units[1].lu.flags &= ~LU_FLAG_SYNC
    assert copy(test, copied(test, segment(0, 8, 8, destination=1), to=1)).status == 0
    assert len(flushed) == 1


def test_a_copy_that_nobody_goes_on_with_has_failed() -> None:
    result = CopyResult(0)
    command = rig().stack.command(bytes(16))
    steps = tracked(command, result, iter((5, 6, 7)))
    assert (next(steps), next(steps)) == (5, 6)
    assert (result.status, result.command) == (CopyStatus.IN_PROGRESS, command)
    del steps
    assert (result.status, result.transferred, result.failure, result.command) == (CopyStatus.FAILED, 11, None, None)


def test_with_descriptor_sense_the_failure_is_told_in_descriptors() -> None:
    test = rig()
    test.server.units[0].lu.descriptor_sense = True
    data = copy(test, copied(test, segment(0, BLOCKS, 1))).sense_data
    assert data[:4] == bytes((0x72, 0x0A, 0, 0))
    assert data[8:10] == bytes((0x01, 10)) and data[10 + 10] == 0x0C
    assert data[22:24] == bytes((2, 2))  # the copy destination's CHECK CONDITION
