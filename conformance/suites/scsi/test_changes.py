"""WRITE SAME, UNMAP, GET LBA STATUS, COMPARE AND WRITE, ORWRITE and WRITE ATOMIC."""

from __future__ import annotations

import struct

from conformance.api import Scratch, Session, expect, variants
from conformance.suites.blocks import contents, fill, pattern
from conformance.suites.scsi.commands import (
    COMPARE_AND_WRITE,
    GET_LBA_STATUS,
    INVALID_FIELD,
    LBA_OUT_OF_RANGE,
    LIST_LENGTH,
    MISCOMPARE,
    OR_WRITE,
    UNMAP,
    WRITE_ATOMIC,
    WRITE_SAMES,
    blocks,
    capacity,
    data_of,
    refused,
    require_thin,
    run,
    scsi_case,
)

two_sizes = variants("size", [10, 16], ids=["10", "16"])
_UNMAP_BIT, _ANCHOR_BIT, _NDOB = 0x08, 0x10, 0x01


def _unmap(*ranges: tuple[int, int]) -> bytes:
    body = b"".join(struct.pack(">QL4x", lba, count) for lba, count in ranges)
    return struct.pack(">HH4x", len(body) + 6, len(body)) + body


def _unmap_cdb(length: int, flags: int = 0) -> bytes:
    return struct.pack(">BB5xHx", UNMAP, flags, length)


def _compare_cdb(lba: int, count: int) -> bytes:
    return struct.pack(">BxQ3xBxx", COMPARE_AND_WRITE, lba, count)


@scsi_case("scsi-same-01", "SBC-3 5.43, WRITE SAME (10) command")
@two_sizes
@variants("count", [1, 7], ids=["1", "7"])
def test_write_same_repeats_its_block(session: Session, scratch: Scratch, size: int, count: int) -> None:
    """WRITE SAME writes one block of data to each block of the range, and to no other."""
    old, block = pattern(9 * scratch.block_size, 1), pattern(scratch.block_size, 2)
    fill(session, scratch, old)
    run(session, blocks(WRITE_SAMES[size], scratch.start + 1, count), write=block).expect(expect.good())
    wanted = old[: scratch.block_size] + block * count + old[(count + 1) * scratch.block_size :]
    assert contents(session, scratch, 9) == wanted


@scsi_case("scsi-same-02", "SBC-3 5.44, WRITE SAME (16) command")
def test_write_same_without_data_writes_zeros(session: Session, scratch: Scratch) -> None:
    """WRITE SAME (16) with NDOB takes no data, and writes zeros."""
    fill(session, scratch, pattern(3 * scratch.block_size))
    result = run(session, blocks(WRITE_SAMES[16], scratch.start, 3, _NDOB))
    result.expect(expect.any_of(expect.good(), refused(INVALID_FIELD)))
    assert result.status or contents(session, scratch, 3) == bytes(3 * scratch.block_size)


@scsi_case("scsi-same-03", "SBC-3 5.43, WRITE SAME (10) command")
@two_sizes
def test_anchor_without_unmap_is_refused(session: Session, scratch: Scratch, size: int) -> None:
    """> If the UNMAP bit is set to zero and the ANCHOR bit is set to one, ... INVALID FIELD IN CDB."""
    cdb = blocks(WRITE_SAMES[size], scratch.start, 1, _ANCHOR_BIT)
    run(session, cdb, write=bytes(scratch.block_size)).expect(refused(INVALID_FIELD, 0))


@scsi_case("scsi-unmap-01", "SBC-3 5.28, UNMAP command")
@variants("parts", [1, 3], ids=["one", "three"])
def test_unmapped_blocks_read_as_zeros(session: Session, scratch: Scratch, parts: int) -> None:
    """With LBPRZ, blocks that were unmapped are zeros; those beside them stay what they are."""
    require_thin(session)
    old = pattern(64 * scratch.block_size)
    fill(session, scratch, old)
    data = _unmap(*((scratch.start + 8 + 16 * part, 8) for part in range(parts)))
    run(session, _unmap_cdb(len(data)), write=data).expect(expect.good())
    wanted = bytearray(old)
    for part in range(parts):
        at = (8 + 16 * part) * scratch.block_size
        wanted[at : at + 8 * scratch.block_size] = bytes(8 * scratch.block_size)
    assert contents(session, scratch, 64) == bytes(wanted)


@scsi_case("scsi-unmap-02", "SBC-3 5.28, UNMAP command", destructive=True)
@variants("length", [1, 4, 7], ids=["1", "4", "7"])
def test_an_unmap_list_shorter_than_its_header_is_refused(session: Session, length: int) -> None:
    """A PARAMETER LIST LENGTH from 1 to 7 is a parameter list length error; 0 would be none."""
    require_thin(session)
    run(session, _unmap_cdb(length), write=bytes(length)).expect(refused(LIST_LENGTH, 0))


@scsi_case("scsi-unmap-03", "SBC-3 5.28, UNMAP command", destructive=True)
def test_an_empty_unmap_is_no_error(session: Session) -> None:
    """A PARAMETER LIST LENGTH of 0, or no descriptor, unmaps nothing."""
    require_thin(session)
    run(session, _unmap_cdb(0)).expect(expect.good())
    run(session, _unmap_cdb(8), write=_unmap()).expect(expect.good())


@scsi_case("scsi-unmap-04", "SBC-3 5.28, UNMAP command", destructive=True)
@variants("before", [0, 1], ids=["behind", "across"])
def test_unmap_beyond_the_medium_is_refused(session: Session, before: int) -> None:
    """A range that ends behind the last block is LOGICAL BLOCK ADDRESS OUT OF RANGE."""
    require_thin(session)
    count, _ = capacity(session)
    data = _unmap((count - before, 2))
    run(session, _unmap_cdb(len(data)), write=data).expect(refused(LBA_OUT_OF_RANGE, 0))


@scsi_case("scsi-status-01", "SBC-3 5.4, GET LBA STATUS command")
@variants("lba", [0, 5], ids=["0", "5"])
def test_lba_status_begins_with_the_block_asked_for(session: Session, lba: int) -> None:
    """The first descriptor is of the starting block; all of them are adjacent, and none is empty."""
    data = data_of(session, struct.pack(">BBQLxx", 0x9E, GET_LBA_STATUS, lba, 1024), 1024)
    following = lba
    for at in range(8, len(data), 16):
        first, count = struct.unpack_from(">QL", data, at)
        assert first == following and count, f"a descriptor of {count} blocks from {first} on follows block {following}"
        following += count
    assert following > lba, "there is no descriptor"


@scsi_case("scsi-status-02", "SBC-3 5.4, GET LBA STATUS command")
@variants("behind", [0, 1 << 40], ids=["behind", "far"])
def test_lba_status_beyond_the_medium_is_refused(session: Session, behind: int) -> None:
    """A starting block that is not there is LOGICAL BLOCK ADDRESS OUT OF RANGE."""
    count, _ = capacity(session)
    cdb = struct.pack(">BBQLxx", 0x9E, GET_LBA_STATUS, count + behind, 24)
    run(session, cdb, read=24).expect(refused(LBA_OUT_OF_RANGE, 0))


@scsi_case("scsi-compare-01", "SBC-3 5.2, COMPARE AND WRITE command")
@variants("count", [1, 2], ids=["1", "2"])
def test_compare_and_write_writes_what_it_has_compared(session: Session, scratch: Scratch, count: int) -> None:
    """COMPARE AND WRITE writes the second half of its data if the first is what the blocks hold."""
    old, new = pattern(count * scratch.block_size, 3), pattern(count * scratch.block_size, 4)
    fill(session, scratch, old)
    result = run(session, _compare_cdb(scratch.start, count), write=old + new)
    if count > 1 and result.status:
        result.expect(refused(INVALID_FIELD, 0))  # MAXIMUM COMPARE AND WRITE LENGTH may be 1
    else:
        result.expect(expect.good())
        assert contents(session, scratch, count) == new


@scsi_case("scsi-compare-02", "SBC-3 5.2, COMPARE AND WRITE command")
@variants("at", [0, -1], ids=["first", "last"])
def test_compare_and_write_changes_nothing_that_differs(session: Session, scratch: Scratch, at: int) -> None:
    """One octet that differs ends the command with MISCOMPARE, and nothing is written."""
    old = pattern(scratch.block_size, 3)
    fill(session, scratch, old)
    wanted = bytearray(old)
    wanted[at] ^= 1
    result = run(session, _compare_cdb(scratch.start, 1), write=bytes(wanted) + bytes(scratch.block_size))
    result.expect(expect.check_condition(MISCOMPARE, 0x1D, 0))
    assert contents(session, scratch, 1) == old


@scsi_case("scsi-compare-03", "SBC-3 5.2, COMPARE AND WRITE command", destructive=True)
@variants("before", [0], ids=["behind"])
def test_compare_and_write_beyond_the_medium_is_refused(session: Session, before: int) -> None:
    """A block that is not there is LOGICAL BLOCK ADDRESS OUT OF RANGE."""
    count, length = capacity(session)
    result = run(session, _compare_cdb(count - before, 1), write=bytes(2 * length))
    result.expect(refused(LBA_OUT_OF_RANGE, 0))


@scsi_case("scsi-or-01", "SBC-3 5.5, ORWRITE (16) command")
@variants("count", [1, 3], ids=["1", "3"])
def test_orwrite_adds_bits(session: Session, scratch: Scratch, count: int) -> None:
    """ORWRITE (16) writes the bitwise OR of the blocks and the data."""
    old, data = pattern(count * scratch.block_size, 3), pattern(count * scratch.block_size, 0x70)
    fill(session, scratch, old)
    run(session, blocks(OR_WRITE, scratch.start, count), write=data).expect(expect.good())
    assert contents(session, scratch, count) == bytes(one | other for one, other in zip(old, data, strict=True))


@scsi_case("scsi-atomic-01", "SBC-4, WRITE ATOMIC (16) command")
def test_write_atomic_writes(session: Session, scratch: Scratch) -> None:
    """WRITE ATOMIC (16) writes its blocks."""
    data = pattern(8 * scratch.block_size, 0x33)
    cdb = struct.pack(">BxQHHxx", WRITE_ATOMIC, scratch.start, 0, 8)
    run(session, cdb, write=data).expect(expect.good())
    assert contents(session, scratch, 8) == data
