"""Logical block provisioning: what GET LBA STATUS tells of blocks that were written or unmapped, and VPD page B2h."""

from __future__ import annotations

import struct

from conformance.api import CommandResult, Scratch, Session, Unsupported, expect, variants
from conformance.suites.blocks import contents, fill, pattern
from conformance.suites.scsi.commands import (
    GET_LBA_STATUS,
    INVALID_FIELD,
    UNMAP,
    WRITE_SAMES,
    blocks,
    capacity_16,
    data_of,
    inquiry,
    offered_data,
    refused,
    require_thin,
    run,
    scsi_case,
)

_STATUS = "SBC-3 5.4, GET LBA STATUS command"
_PAGE = "SBC-3 6.6, Logical Block Provisioning VPD page"
_MAPPED, _DEALLOCATED = 0, 1
_UNMAP_BIT = 0x08
_BLOCKS = 4096
two_sizes = variants("size", [10, 16], ids=["10", "16"])


def _unmap(session: Session, lba: int, count: int, flags: int = 0) -> CommandResult:
    data = struct.pack(">HH4xQL4x", 22, 16, lba, count)
    return run(session, struct.pack(">BB5xHx", UNMAP, flags, len(data)), write=data)


def _status(session: Session, lba: int) -> tuple[int, int]:
    """Provisioning status of a block, and how many blocks from it on are alike."""
    data = offered_data(session, struct.pack(">BBQLxx", 0x9E, GET_LBA_STATUS, lba, 24), 24, 24)
    count, status = struct.unpack_from(">LB", data, 16)
    return status & 0xF, count


def _provisioning(session: Session) -> bytes:
    if 0xB2 not in data_of(session, inquiry(0), 255)[4:]:
        raise Unsupported("the target has no VPD page B2h")
    return data_of(session, inquiry(0xB2), 255, 8)


@scsi_case("scsi-status-03", _STATUS)
def test_written_blocks_are_mapped(session: Session, scratch: Scratch) -> None:
    """After a WRITE the PROVISIONING STATUS of its blocks is mapped."""
    fill(session, scratch, pattern(8 * scratch.block_size))
    status, _ = _status(session, scratch.start + 3)
    assert status == _MAPPED, f"the PROVISIONING STATUS of a block that was written is {status:X}h"


@scsi_case("scsi-status-04", _STATUS, level="SHOULD")
def test_unmapped_blocks_are_told_so(session: Session, scratch: Scratch) -> None:
    """GET LBA STATUS tells that blocks in the midst of a large region are not mapped after UNMAP of all of it."""
    require_thin(session)
    count = min(_BLOCKS, scratch.blocks)
    fill(session, scratch, pattern(scratch.block_size * count))
    assert _status(session, scratch.start + count // 2)[0] == _MAPPED
    _unmap(session, scratch.start, count).expect(expect.good())
    status, _ = _status(session, scratch.start + count // 2)
    assert status != _MAPPED, "the blocks are mapped still"


@scsi_case("scsi-status-05", _STATUS)
def test_a_write_into_an_unmapped_region_maps_its_blocks(session: Session, scratch: Scratch) -> None:
    """A block that is written after UNMAP is mapped again, and its neighbours still read as zeros."""
    require_thin(session)
    count = min(_BLOCKS, scratch.blocks)
    fill(session, scratch, pattern(scratch.block_size * count))
    _unmap(session, scratch.start, count).expect(expect.good())
    fill(session, scratch, pattern(scratch.block_size, 9), at=count // 2)
    assert _status(session, scratch.start + count // 2)[0] == _MAPPED
    wanted = bytes(scratch.block_size) + pattern(scratch.block_size, 9) + bytes(scratch.block_size)
    assert contents(session, scratch, 3, at=count // 2 - 1) == wanted


@scsi_case("scsi-same-04", "SBC-3 5.43, WRITE SAME (10) command: UNMAP")
@two_sizes
@variants("block", [0, 7], ids=["zeros", "pattern"])
def test_write_same_with_unmap_reads_as_what_was_sent(
    session: Session, scratch: Scratch, size: int, block: int
) -> None:
    """WRITE SAME with UNMAP leaves blocks that read as the block sent, whether they are unmapped or written."""
    require_thin(session)
    if not _provisioning(session)[5] & (0x40 if size == 16 else 0x20):
        raise Unsupported(f"VPD page B2h: no UNMAP in WRITE SAME ({size})")
    data = pattern(scratch.block_size, block) if block else bytes(scratch.block_size)
    fill(session, scratch, pattern(10 * scratch.block_size, 1))
    run(session, blocks(WRITE_SAMES[size], scratch.start + 1, 8, _UNMAP_BIT), write=data).expect(expect.good())
    old = pattern(10 * scratch.block_size, 1)
    assert contents(session, scratch, 10) == old[: scratch.block_size] + data * 8 + old[9 * scratch.block_size :]


@scsi_case("scsi-provisioning-01", _PAGE)
def test_both_pages_agree_on_provisioning(session: Session) -> None:
    """LBPME of READ CAPACITY (16) is set if page B2h offers UNMAP, or WRITE SAME with it; LBPRZ is in both or none."""
    page, told = _provisioning(session), capacity_16(session)[14]
    assert bool(page[5] & 0xE0) == bool(told & 0x80), f"page B2h has {page[5]:02X}h, READ CAPACITY (16) {told:02X}h"
    assert bool(page[5] & 0x1C) == bool(told & 0x40), f"LBPRZ: page B2h {page[5]:02X}h, READ CAPACITY (16) {told:02X}h"


@scsi_case("scsi-provisioning-02", "SBC-3 5.28, UNMAP command: ANCHOR")
def test_blocks_are_anchored_where_they_can_be(session: Session, scratch: Scratch) -> None:
    """UNMAP with ANCHOR is an invalid field of the CDB where ANC_SUP is 0; else the blocks keep their storage, and read
    as zeros.
    """
    require_thin(session)
    count = min(_BLOCKS, scratch.blocks)
    fill(session, scratch, pattern(scratch.block_size * count))
    result = _unmap(session, scratch.start, count, flags=1)
    if not _provisioning(session)[5] & 0x02:
        result.expect(refused(INVALID_FIELD, 0))
        return
    result.expect(expect.good())
    status, _ = _status(session, scratch.start + count // 2)
    assert status != _DEALLOCATED, "a block that was anchored is deallocated"
    assert contents(session, scratch, 1, at=count // 2) == bytes(scratch.block_size)
