"""READ, WRITE, VERIFY, SYNCHRONIZE CACHE and PRE-FETCH of every size, with right and wrong addresses."""

from __future__ import annotations

from conformance.api import Scratch, Session, expect, variants
from conformance.suites.blocks import contents, fill, pattern
from conformance.suites.scsi.commands import (
    INVALID_FIELD,
    LBA_OUT_OF_RANGE,
    MISCOMPARE,
    PREFETCHES,
    READS,
    SYNCHRONIZES,
    VERIFIES,
    WRITE_SAMES,
    WRITE_VERIFIES,
    WRITES,
    blocks,
    capacity,
    refused,
    require_no_protection,
    run,
    scsi_case,
)

sizes = variants("size", [6, 10, 12, 16], ids=["6", "10", "12", "16"])
long_sizes = variants("size", [10, 12, 16], ids=["10", "12", "16"])
two_sizes = variants("size", [10, 16], ids=["10", "16"])
places = variants("before", [0, 1], ids=["behind", "across"])
protections = variants("protect", [1, 3, 5], ids=["1", "3", "5"])
_MAXIMA = {"10": (10, 0xFFFFFFFE), "12": (12, 0xFFFFFFFE), "16": (16, 1 << 63), "wrapping": (16, (1 << 64) - 1)}
maxima = variants("size, lba", list(_MAXIMA.values()), ids=list(_MAXIMA))


@scsi_case("scsi-transfer-01", "SBC-3 5.11 to 5.13 and 5.33 to 5.35, READ and WRITE commands")
@sizes
@variants("other", [6, 10, 12, 16], ids=["read6", "read10", "read12", "read16"])
def test_what_one_size_writes_another_reads(session: Session, scratch: Scratch, size: int, other: int) -> None:
    """WRITE and READ of all sizes address the same blocks."""
    data = pattern(3 * scratch.block_size, size)
    run(session, blocks(WRITES[size], scratch.start + 2, 3), write=data).expect(expect.good())
    run(session, blocks(READS[other], scratch.start + 2, 3), read=len(data)).expect(expect.good(data=data))


@scsi_case("scsi-transfer-02", "SBC-3, READ (6) command")
def test_read_6_of_no_blocks_is_one_of_256(session: Session, scratch: Scratch) -> None:
    """In READ (6) a TRANSFER LENGTH of 0 stands for 256 blocks."""
    length = 256 * scratch.block_size
    run(session, blocks(READS[6], scratch.start, 0), read=length).expect(expect.good())


@scsi_case("scsi-transfer-03", "SBC-3 5.11, READ (10) command")
@long_sizes
@variants("codes", [READS, WRITES], ids=["read", "write"])
def test_a_transfer_of_no_blocks_is_no_error(
    session: Session, scratch: Scratch, size: int, codes: dict[int, int]
) -> None:
    """A TRANSFER LENGTH of 0 moves nothing, and is no error."""
    run(session, blocks(codes[size], scratch.start, 0)).expect(expect.good())


@scsi_case("scsi-range-01", "SBC-3 5.11, READ (10) command")
@sizes
@places
def test_reads_beyond_the_medium_are_refused(session: Session, size: int, before: int) -> None:
    """Blocks behind the last one, or a range that ends there, are LOGICAL BLOCK ADDRESS OUT OF RANGE."""
    count, length = capacity(session)
    run(session, blocks(READS[size], count - before, 2), read=2 * length).expect(refused(LBA_OUT_OF_RANGE, 0))


@scsi_case("scsi-range-02", "SBC-3 5.11, READ (10) command")
@maxima
def test_reads_at_the_largest_addresses_are_refused(session: Session, size: int, lba: int) -> None:
    """An address is compared in all its bits: nothing wraps around."""
    _, length = capacity(session)
    run(session, blocks(READS[size], lba, 2), read=2 * length).expect(refused(LBA_OUT_OF_RANGE, 0))


@scsi_case("scsi-range-03", "SBC-3 5.33, WRITE (10) command", destructive=True)
@sizes
@places
def test_writes_beyond_the_medium_write_nothing(session: Session, size: int, before: int) -> None:
    """A WRITE that ends behind the last block is refused, and the blocks that are there stay what they are."""
    count, length = capacity(session)
    last = blocks(READS[16], count - 1, 1)
    held = run(session, last, read=length).expect(expect.good()).data
    data = bytes(octet ^ 0xFF for octet in held) * 2
    run(session, blocks(WRITES[size], count - before, 2), write=data).expect(refused(LBA_OUT_OF_RANGE, 0))
    run(session, last, read=length).expect(expect.good(data=held))


@scsi_case(
    "scsi-range-04", "SBC-3 5.8, 5.26 and 5.29, PRE-FETCH, SYNCHRONIZE CACHE and VERIFY commands", destructive=True
)
@places
@variants(
    "code",
    [*SYNCHRONIZES.values(), *VERIFIES.values(), *PREFETCHES.values()],
    ids=["sync10", "sync16", "verify10", "verify12", "verify16", "prefetch10", "prefetch16"],
)
def test_ranges_beyond_the_medium_are_refused(session: Session, code: int, before: int) -> None:
    """Commands that move no data check their ranges as well."""
    count, _ = capacity(session)
    run(session, blocks(code, count - before, 2)).expect(refused(LBA_OUT_OF_RANGE, 0))


@scsi_case(
    "scsi-range-05", "SBC-3 5.5, 5.37 and 5.43, ORWRITE, WRITE AND VERIFY and WRITE SAME commands", destructive=True
)
@places
@variants(
    "code, data",
    [(code, 2) for code in WRITE_VERIFIES.values()] + [(code, 1) for code in WRITE_SAMES.values()] + [(0x8B, 2)],
    ids=["verify10", "verify12", "verify16", "same10", "same16", "or16"],
)
def test_other_writes_beyond_the_medium_are_refused(session: Session, code: int, data: int, before: int) -> None:
    """WRITE AND VERIFY, WRITE SAME and ORWRITE check their ranges."""
    count, length = capacity(session)
    run(session, blocks(code, count - before, 2), write=bytes(data * length)).expect(refused(LBA_OUT_OF_RANGE, 0))


@scsi_case("scsi-protect-01", "SBC-3 4.22, protection information model")
@long_sizes
@protections
def test_rdprotect_without_protection_is_refused(session: Session, size: int, protect: int) -> None:
    """A unit without protection information refuses an RDPROTECT that is not 0."""
    require_no_protection(session)
    _, length = capacity(session)
    cdb = blocks(READS[size], 0, 1, protect << 5)
    run(session, cdb, read=length).expect(refused(INVALID_FIELD, 0))


@scsi_case("scsi-protect-02", "SBC-3 4.22, protection information model")
@protections
@variants(
    "code",
    [WRITES[10], WRITES[12], WRITES[16], *WRITE_VERIFIES.values(), *WRITE_SAMES.values()],
    ids=["10", "12", "16", "verify10", "verify12", "verify16", "same10", "same16"],
)
def test_wrprotect_without_protection_is_refused(session: Session, scratch: Scratch, code: int, protect: int) -> None:
    """A unit without protection information refuses a WRPROTECT that is not 0, and writes nothing."""
    require_no_protection(session)
    fill(session, scratch, pattern(scratch.block_size))
    cdb = blocks(code, scratch.start, 1, protect << 5)
    run(session, cdb, write=bytes(scratch.block_size)).expect(refused(INVALID_FIELD, 0))
    assert contents(session, scratch, 1) == pattern(scratch.block_size)


@scsi_case("scsi-verify-01", "SBC-3 5.29, VERIFY (10) command")
@long_sizes
@variants("check", [0, 1, 3], ids=["no-data", "data", "one-block"])
def test_verify_of_equal_blocks_succeeds(session: Session, scratch: Scratch, size: int, check: int) -> None:
    """VERIFY succeeds when the blocks hold the data sent: all of them, or with BYTCHK 11b one for all."""
    block = pattern(scratch.block_size, 5)
    fill(session, scratch, block * 3)
    data = {0: b"", 1: block * 3, 3: block}[check]
    result = run(session, blocks(VERIFIES[size], scratch.start, 3, check << 1), write=data)
    result.expect(expect.good())


@scsi_case("scsi-verify-02", "SBC-3 5.29, VERIFY (10) command")
@long_sizes
@variants("check", [1, 3], ids=["data", "one-block"])
def test_verify_of_other_data_is_a_miscompare(session: Session, scratch: Scratch, size: int, check: int) -> None:
    """VERIFY ends with MISCOMPARE when a single octet of the last block differs."""
    block = pattern(scratch.block_size, 5)
    fill(session, scratch, block * 2 + block[:-1] + bytes((block[-1] ^ 1,)))
    data = block * 3 if check == 1 else block
    result = run(session, blocks(VERIFIES[size], scratch.start, 3, check << 1), write=data)
    result.expect(expect.check_condition(MISCOMPARE, 0x1D, 0))


@scsi_case("scsi-verify-03", "SBC-3 5.29, VERIFY (10) command")
@long_sizes
def test_the_reserved_bytchk_is_refused(session: Session, scratch: Scratch, size: int) -> None:
    """BYTCHK 10b is reserved."""
    run(session, blocks(VERIFIES[size], scratch.start, 1, 2 << 1)).expect(refused(INVALID_FIELD, 0))


@scsi_case("scsi-write-verify-01", "SBC-3 5.37, WRITE AND VERIFY (10) command")
@long_sizes
@variants("check", [0, 1], ids=["plain", "compared"])
def test_write_and_verify_writes(session: Session, scratch: Scratch, size: int, check: int) -> None:
    """WRITE AND VERIFY writes, whatever BYTCHK has it compare."""
    data = pattern(2 * scratch.block_size, 9 + check)
    run(session, blocks(WRITE_VERIFIES[size], scratch.start, 2, check << 1), write=data).expect(expect.good())
    assert contents(session, scratch, 2) == data


@scsi_case("scsi-synchronize-01", "SBC-3 5.26, SYNCHRONIZE CACHE (10) command", destructive=True)
@two_sizes
@variants("count", [0, 1], ids=["rest", "one"])
@variants("flags", [0, 2], ids=["wait", "immediate"])
def test_synchronize_cache_succeeds(session: Session, size: int, count: int, flags: int) -> None:
    """SYNCHRONIZE CACHE of a block, or of the rest of the medium, succeeds; with IMMED as well."""
    run(session, blocks(SYNCHRONIZES[size], 0, count, flags)).expect(expect.good())


@scsi_case("scsi-prefetch-01", "SBC-3 5.8, PRE-FETCH (10) command")
@two_sizes
@variants("flags", [0, 2], ids=["wait", "immediate"])
def test_prefetch_succeeds(session: Session, size: int, flags: int) -> None:
    """PRE-FETCH ends with GOOD, or with CONDITION MET if all of the blocks fit into the cache."""
    run(session, blocks(PREFETCHES[size], 0, 1, flags)).expect(expect.status(0x00, 0x04))
