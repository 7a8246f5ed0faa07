"""What one command may name as the Block Limits VPD page (B0h) says, and what happens to one that names more."""

from __future__ import annotations

import struct
from typing import NamedTuple

from conformance.api import Scratch, Session, Unsupported, expect, variants
from conformance.suites.blocks import contents, fill, pattern
from conformance.suites.scsi.commands import (
    COMPARE_AND_WRITE,
    INVALID_FIELD,
    READS,
    UNMAP,
    WRITE_ATOMIC,
    WRITE_SAMES,
    WRITES,
    blocks,
    capacity,
    data_of,
    inquiry,
    refused,
    require_thin,
    run,
    scsi_case,
)

_SOURCE = "SBC-3 6.6.3, Block Limits VPD page"
_PAGE = 0xB0
_INVALID_IN_LIST = 0x26


class _Limit(NamedTuple):
    """A field of the page: its name, first octet and length in octets."""

    name: str
    octet: int
    length: int


_COMPARE = _Limit("MAXIMUM COMPARE AND WRITE LENGTH", 5, 1)
_TRANSFER = _Limit("MAXIMUM TRANSFER LENGTH", 8, 4)
_UNMAP_BLOCKS = _Limit("MAXIMUM UNMAP LBA COUNT", 20, 4)
_UNMAP_RANGES = _Limit("MAXIMUM UNMAP BLOCK DESCRIPTOR COUNT", 24, 4)
_SAME = _Limit("MAXIMUM WRITE SAME LENGTH", 36, 8)
_ATOMIC = _Limit("MAXIMUM ATOMIC TRANSFER LENGTH", 44, 4)


def _page(session: Session) -> bytes:
    if _PAGE not in data_of(session, inquiry(0), 255)[4:]:
        raise Unsupported("the target has no VPD page B0h")
    return data_of(session, inquiry(_PAGE), 255).ljust(64, b"\0")


def _limit(session: Session, limit: _Limit, most: int) -> int:
    """What the page has in a field.

    Raises:
        Unsupported: it is 0 or all ones, which is no limit, or as much as a command can name (`most`).
    """
    value = int.from_bytes(_page(session)[limit.octet : limit.octet + limit.length])
    if not 0 < value < most:
        raise Unsupported(f"{limit.name} is {value}: a command cannot exceed it")
    return value


def _fits(session: Session, count: int) -> None:
    """Go on only if so many blocks are there: else the range would be refused first."""
    total, _ = capacity(session)
    if count > total:
        raise Unsupported(f"the limit is {count - 1} blocks, and the unit has {total}")


@scsi_case("scsi-limits-01", _SOURCE + ": MAXIMUM TRANSFER LENGTH", destructive=True)
@variants("codes", [READS, WRITES], ids=["read", "write"])
@variants("size", [10, 12, 16], ids=["10", "12", "16"])
def test_transfers_beyond_the_limit_are_refused(session: Session, codes: dict[int, int], size: int) -> None:
    """A TRANSFER LENGTH of more than MAXIMUM TRANSFER LENGTH is an invalid field of the CDB, and moves nothing."""
    count = _limit(session, _TRANSFER, 0xFFFF if size == 10 else 0xFFFFFFFF) + 1
    _fits(session, count)
    cdb = blocks(codes[size], 0, count)
    run(session, cdb).expect(refused(INVALID_FIELD, 0))


@scsi_case("scsi-limits-02", _SOURCE + ": MAXIMUM COMPARE AND WRITE LENGTH")
def test_compare_and_write_beyond_the_limit_is_refused(session: Session, scratch: Scratch) -> None:
    """COMPARE AND WRITE of as many blocks as the limit says is executed, and of one more refused."""
    count = _limit(session, _COMPARE, 0x100)
    old, new = pattern(count * scratch.block_size, 1), pattern(count * scratch.block_size, 2)
    fill(session, scratch, old)
    run(session, struct.pack(">BxQ3xBxx", COMPARE_AND_WRITE, scratch.start, count), write=old + new).expect(
        expect.good()
    )
    assert contents(session, scratch, count) == new
    if count == 0xFF:
        return
    cdb = struct.pack(">BxQ3xBxx", COMPARE_AND_WRITE, scratch.start, count + 1)
    run(session, cdb, write=bytes(2 * (count + 1) * scratch.block_size)).expect(refused(INVALID_FIELD, 0))


def _unmap(*ranges: tuple[int, int]) -> tuple[bytes, bytes]:
    """CDB and parameter list of UNMAP."""
    body = b"".join(struct.pack(">QL4x", lba, count) for lba, count in ranges)
    data = struct.pack(">HH4x", len(body) + 6, len(body)) + body
    return struct.pack(">BB5xHx", UNMAP, 0, len(data)), data


@scsi_case("scsi-limits-03", _SOURCE + ": MAXIMUM UNMAP BLOCK DESCRIPTOR COUNT")
def test_more_unmap_descriptors_than_the_limit_are_refused(session: Session, scratch: Scratch) -> None:
    """UNMAP with more descriptors than the limit says is INVALID FIELD IN PARAMETER LIST, and unmaps nothing."""
    require_thin(session)
    count = _limit(session, _UNMAP_RANGES, 4000) + 1
    old = pattern(scratch.block_size, 3)
    fill(session, scratch, old)
    cdb, data = _unmap(*[(scratch.start, 1)] * count)
    run(session, cdb, write=data).expect(refused(_INVALID_IN_LIST, 0))
    assert contents(session, scratch, 1) == old


@scsi_case("scsi-limits-04", _SOURCE + ": MAXIMUM UNMAP LBA COUNT", destructive=True)
def test_more_unmapped_blocks_than_the_limit_are_refused(session: Session) -> None:
    """UNMAP of more blocks than the limit says, by one descriptor or several, is refused."""
    require_thin(session)
    count = _limit(session, _UNMAP_BLOCKS, 0xFFFFFFFF)
    ranges = _limit(session, _UNMAP_RANGES, 0xFFFFFFFF)
    total, _ = capacity(session)
    if count >= total * ranges:
        raise Unsupported(f"no list of {ranges} descriptors names more than {count} of {total} blocks")
    part = min(count + 1, total)
    cdb, data = _unmap(*[(0, part)] * -(-(count + 1) // part))
    run(session, cdb, write=data).expect(refused(_INVALID_IN_LIST, 0))


@scsi_case("scsi-limits-05", _SOURCE + ": MAXIMUM WRITE SAME LENGTH", destructive=True)
@variants("size", [10, 16], ids=["10", "16"])
def test_write_same_beyond_the_limit_is_refused(session: Session, size: int) -> None:
    """WRITE SAME of more blocks than the limit says is an invalid field of the CDB."""
    _, length = capacity(session)
    count = _limit(session, _SAME, 0xFFFF if size == 10 else 0xFFFFFFFF) + 1
    _fits(session, count)
    run(session, blocks(WRITE_SAMES[size], 0, count), write=bytes(length)).expect(refused(INVALID_FIELD, 0))


@scsi_case("scsi-limits-06", _SOURCE + ": WSNZ", destructive=True)
@variants("size", [10, 16], ids=["10", "16"])
def test_write_same_of_no_blocks_goes_by_wsnz(session: Session, size: int) -> None:
    """With WSNZ, a NUMBER OF LOGICAL BLOCKS of 0 is an invalid field; it does not reach to the end of the medium."""
    if not _page(session)[4] & 1:
        raise Unsupported("WSNZ is 0: such a command would write all blocks")
    _, length = capacity(session)
    run(session, blocks(WRITE_SAMES[size], 0, 0), write=bytes(length)).expect(refused(INVALID_FIELD, 0))


@scsi_case("scsi-limits-07", "SBC-4, Block Limits VPD page: MAXIMUM ATOMIC TRANSFER LENGTH")
def test_atomic_writes_beyond_the_limit_are_refused(session: Session, scratch: Scratch) -> None:
    """WRITE ATOMIC (16) of more blocks than the limit says is an invalid field of the CDB, and writes nothing."""
    count = _limit(session, _ATOMIC, min(scratch.blocks, 0xFFFF)) + 1
    old = pattern(scratch.block_size, 5)
    fill(session, scratch, old)
    cdb = struct.pack(">BxQHHxx", WRITE_ATOMIC, scratch.start, 0, count)
    run(session, cdb, write=bytes(count * scratch.block_size)).expect(refused(INVALID_FIELD, 0))
    assert contents(session, scratch, 1) == old


@scsi_case("scsi-limits-08", _SOURCE)
def test_optimal_lengths_are_within_the_limits(session: Session) -> None:
    """OPTIMAL TRANSFER LENGTH is no more than MAXIMUM TRANSFER LENGTH, and PAGE LENGTH is 3Ch, or 0Ch of SBC-2."""
    page = _page(session)
    most, best = int.from_bytes(page[8:12]), int.from_bytes(page[12:16])
    assert int.from_bytes(page[2:4]) in (0x0C, 0x3C), f"PAGE LENGTH is {int.from_bytes(page[2:4]):02X}h"
    assert not most or best <= most, f"OPTIMAL TRANSFER LENGTH {best} is more than {most}"
