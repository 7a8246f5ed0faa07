from __future__ import annotations

from collections.abc import Callable

import pytest

from iscsi_wire.scsi import Read6, Read10, Read12, Read16, Write6, Write10, Write12, Write16
from tests.chiscsi_target.scsi.rig import BLOCK, BLOCKS, READ_ONLY, Rig

Cdb = Callable[..., bytes]

READS: dict[str, Cdb] = {
    "READ(6)": lambda lba, count: Read6.make(logical_block_address=lba, transfer_length=count).encode(),
    "READ(10)": lambda lba, count: Read10.make(logical_block_address=lba, transfer_length=count).encode(),
    "READ(12)": lambda lba, count: Read12.make(logical_block_address=lba, transfer_length=count).encode(),
    "READ(16)": lambda lba, count: Read16.make(logical_block_address=lba, transfer_length=count).encode(),
}
WRITES: dict[str, Cdb] = {
    "WRITE(6)": lambda lba, count: Write6.make(logical_block_address=lba, transfer_length=count).encode(),
    "WRITE(10)": lambda lba, count: Write10.make(logical_block_address=lba, transfer_length=count).encode(),
    "WRITE(12)": lambda lba, count: Write12.make(logical_block_address=lba, transfer_length=count).encode(),
    "WRITE(16)": lambda lba, count: Write16.make(logical_block_address=lba, transfer_length=count).encode(),
}
LONG_READS = {name: cdb for name, cdb in READS.items() if name != "READ(6)"}
LONG_WRITES = {name: cdb for name, cdb in WRITES.items() if name != "WRITE(6)"}

reads = pytest.mark.parametrize("cdb", READS.values(), ids=READS)
writes = pytest.mark.parametrize("cdb", WRITES.values(), ids=WRITES)
long_reads = pytest.mark.parametrize("cdb", LONG_READS.values(), ids=LONG_READS)
long_writes = pytest.mark.parametrize("cdb", LONG_WRITES.values(), ids=LONG_WRITES)

A, B = b"a" * BLOCK, b"b" * BLOCK


@pytest.mark.parametrize("write, read", [*zip(WRITES.values(), READS.values(), strict=True)], ids=READS)
def test_what_was_written_is_read(write: Cdb, read: Cdb) -> None:
    rig = Rig()
    assert rig.write(write(5, 2), A + B).status == 0
    outcome = rig.run(read(4, 4), length=4 * BLOCK)
    assert outcome.data == bytes(BLOCK) + A + B + bytes(BLOCK)
    assert (outcome.status, outcome.residual) == (0, 0)


@pytest.mark.parametrize("lun, number", [(0, 0), (16383, 1)])
def test_each_unit_has_its_own_medium(lun: int, number: int) -> None:
    rig = Rig(Rig.disk("size=1M"), Rig.disk("size=1M", 16383))
    rig.write(WRITES["WRITE(10)"](0, 1), A, lun=lun)
    assert [rig.read_blocks(0, 1, each) for each in (0, 16383)] == [A if number == n else bytes(BLOCK) for n in (0, 1)]


def test_addresses_of_64_bits() -> None:
    unit = Rig.disk("size=32T")
    rig = Rig(unit)
    last = (32 << 40) // BLOCK - 1
    assert last > 0xFFFFFFFF
    assert rig.write(WRITES["WRITE(16)"](last, 1), A).status == 0
    assert rig.run(READS["READ(16)"](last, 1), length=BLOCK).data == A
    assert rig.run(READS["READ(16)"](last & 0xFFFFFFFF, 1), length=BLOCK).data == bytes(BLOCK)


def test_blocks_of_4096_octets() -> None:
    rig = Rig(Rig.disk("size=1M,BLOCK=4096"))
    rig.write(WRITES["WRITE(10)"](255, 1), b"x" * 4096)
    assert rig.run(READS["READ(10)"](255, 1), length=4096).data == b"x" * 4096
    assert rig.run(READS["READ(10)"](256, 1), length=4096).sense == (5, 0x21, 0)


# The end of the medium


@reads
@pytest.mark.parametrize("lba, count", [(BLOCKS - 1, 2), (BLOCKS, 1), (BLOCKS - 7, 8), (0x1FFFFF, 1)])
def test_a_read_beyond_the_end_is_out_of_range(cdb: Cdb, lba: int, count: int) -> None:
    outcome = Rig().run(cdb(lba, count), length=count * BLOCK)
    assert (outcome.status, outcome.sense, outcome.data) == (2, (5, 0x21, 0), b"")
    assert outcome.residual == count * BLOCK


@writes
@pytest.mark.parametrize("lba, count", [(BLOCKS - 1, 2), (BLOCKS, 1), (0x1FFFFF, 1)])
def test_a_write_beyond_the_end_is_out_of_range_and_writes_nothing(cdb: Cdb, lba: int, count: int) -> None:
    rig = Rig()
    outcome = rig.write(cdb(lba, count), A * count)
    assert (outcome.status, outcome.sense) == (2, (5, 0x21, 0))
    assert not any(rig.read_blocks(BLOCKS - 1, 1))


@pytest.mark.parametrize("lba", [1 << 63, (1 << 64) - 1])
def test_addresses_do_not_wrap(lba: int) -> None:
    assert Rig().run(READS["READ(16)"](lba, 1), length=BLOCK).sense == (5, 0x21, 0)


# Transfer lengths


@long_reads
def test_a_read_of_no_blocks_is_good(cdb: Cdb) -> None:
    outcome = Rig().run(cdb(0, 0))
    assert (outcome.status, outcome.residual) == (0, 0)
    assert Rig().run(cdb(0, 0), length=BLOCK).residual == BLOCK


@long_writes
def test_a_write_of_no_blocks_is_good_and_writes_nothing(cdb: Cdb) -> None:
    rig = Rig()
    assert rig.write(cdb(0, 0), b"").status == 0
    outcome = rig.write(cdb(0, 0), A)
    assert (outcome.status, outcome.residual) == (0, BLOCK)
    assert not any(rig.read_blocks(0, 1))


@pytest.mark.parametrize("cdb", [*LONG_READS.values(), *LONG_WRITES.values()], ids=[*LONG_READS, *LONG_WRITES])
@pytest.mark.parametrize("lba", [BLOCKS, BLOCKS + 1, 0xFFFFFFFF])
def test_no_blocks_beyond_the_end_are_out_of_range(cdb: Cdb, lba: int) -> None:
    assert Rig().run(cdb(lba, 0)).sense == (5, 0x21, 0)


def test_a_short_cdbs_length_of_0_means_256_blocks() -> None:
    rig = Rig()
    outcome = rig.run(READS["READ(6)"](0, 0), length=256 * BLOCK)
    assert (outcome.status, len(outcome.data), outcome.residual) == (0, 256 * BLOCK, 0)
    assert rig.write(WRITES["WRITE(6)"](0, 0), A * 256).status == 0
    assert rig.read_blocks(255, 2) == A + bytes(BLOCK)


@pytest.mark.parametrize("name, octet", [("READ(10)", 7), ("READ(12)", 6), ("READ(16)", 10)])
def test_a_read_longer_than_block_limits_say_is_refused(name: str, octet: int) -> None:
    rig = Rig(Rig.disk("size=64M"))
    most = (16 << 20) // BLOCK
    refused = rig.run(READS[name](0, most + 1), length=(most + 1) * BLOCK)
    assert (refused.status, refused.sense, refused.field) == (2, (5, 0x24, 0), (octet, None))
    assert len(rig.run(READS[name](0, most), length=most * BLOCK).data) == most * BLOCK


@pytest.mark.parametrize("name, octet", [("WRITE(12)", 6), ("WRITE(16)", 10)])
def test_a_write_longer_than_block_limits_say_is_refused(name: str, octet: int) -> None:
    refused = Rig(Rig.disk("size=64M")).write(WRITES[name](0, 32769), b"", length=32769 * BLOCK)
    assert (refused.sense, refused.field) == ((5, 0x24, 0), (octet, None))


# What the initiator expects against what the CDB asks for (RFC 7143, 11.4.5)

RESIDUALS = [(1, 0, 0), (1, 200, 200), (2, BLOCK, BLOCK), (1, 10000, BLOCK), (2, 2 * BLOCK, 2 * BLOCK)]


@reads
@pytest.mark.parametrize("count, expected, moved", RESIDUALS)
def test_residuals_of_reads(cdb: Cdb, count: int, expected: int, moved: int) -> None:
    rig = Rig()
    rig.write(WRITES["WRITE(10)"](0, 2), A + B)
    outcome = rig.run(cdb(0, count), length=expected)
    assert (outcome.status, outcome.residual) == (0, expected - count * BLOCK)
    assert outcome.data == (A + B)[:moved]


@writes
@pytest.mark.parametrize("count, expected, moved", RESIDUALS)
def test_residuals_of_writes(cdb: Cdb, count: int, expected: int, moved: int) -> None:
    """No more is written than the CDB asks for, nor than the initiator sends."""
    rig = Rig()
    rig.write(WRITES["WRITE(10)"](0, 3), A * 3)
    outcome = rig.write(cdb(0, count), b"n" * expected)
    assert (outcome.status, outcome.residual) == (0, expected - count * BLOCK)
    assert rig.read_blocks(0, 3) == b"n" * moved + (A * 3)[moved:]


@reads
@pytest.mark.parametrize("expected", [BLOCK, 2 * BLOCK])
def test_a_read_for_which_data_is_offered_moves_nothing(cdb: Cdb, expected: int) -> None:
    outcome = Rig().write(cdb(0, 1), b"x" * expected)
    assert (outcome.status, outcome.data, outcome.residual) == (0, b"", expected)


@writes
def test_a_write_for_which_data_is_expected_is_refused(cdb: Cdb) -> None:
    outcome = Rig().run(cdb(0, 1), length=BLOCK)
    assert (outcome.status, outcome.sense) == (2, (5, 0x0E, 3))


@writes
def test_a_write_without_direction_or_data_is_an_overflow(cdb: Cdb) -> None:
    """Neither R nor W goes with an Expected Data Transfer Length of 0 (RFC 7143, 11.3.1)."""
    outcome = Rig().run(cdb(0, 1))
    assert (outcome.status, outcome.residual) == (0, -BLOCK)


# Flags


@pytest.mark.parametrize("cdb", [*LONG_READS.values(), *LONG_WRITES.values()], ids=[*LONG_READS, *LONG_WRITES])
@pytest.mark.parametrize("flags", [0x10, 0x08, 0x02, 0x1A])
def test_dpo_fua_and_fua_nv_are_taken(cdb: Cdb, flags: int) -> None:
    octets = bytearray(cdb(0, 1))
    octets[1] |= flags
    rig = Rig()
    data = A if octets[0] & 0x02 else None
    outcome = rig.write(bytes(octets), data) if data else rig.run(bytes(octets), length=BLOCK)
    assert (outcome.status, outcome.residual) == (0, 0)


@pytest.mark.parametrize("cdb", [*LONG_READS.values(), *LONG_WRITES.values()], ids=[*LONG_READS, *LONG_WRITES])
@pytest.mark.parametrize("octet, bits, bit", [(1, 0x20, 5), (1, 0xE0, 7), (1, 0x01, 0), (-1, 0x08, 3), (-1, 0x01, 0)])
def test_protection_obsolete_bits_and_control_are_refused(cdb: Cdb, octet: int, bits: int, bit: int) -> None:
    octets = bytearray(cdb(0, 1))
    octets[octet] |= bits
    outcome = Rig().stack.run(bytes(octets), data=A if octets[0] & 0x02 else None, length=BLOCK)
    assert (outcome.status, outcome.sense) == (2, (5, 0x24, 0))
    assert outcome.field == (octet % len(octets), bit)


@pytest.mark.parametrize("cdb", [READS["READ(6)"], WRITES["WRITE(6)"]], ids=["READ(6)", "WRITE(6)"])
def test_bits_above_a_short_address_are_refused(cdb: Cdb) -> None:
    octets = bytearray(cdb(0, 1))
    octets[1] |= 0x40
    assert Rig().stack.run(bytes(octets), length=BLOCK).field == (1, 6)
    octets[1], octets[5] = 0, 0x08
    assert Rig().stack.run(bytes(octets), length=BLOCK).field == (5, 3)


def test_a_group_number_is_taken_and_its_reserved_bits_are_refused() -> None:
    assert Rig().run("28 00 00000000 1f 0001 00", length=BLOCK).status == 0
    assert Rig().run("28 00 00000000 20 0001 00", length=BLOCK).field == (6, 5)
    assert Rig().run("88 00 0000000000000000 00000001 1f 00", length=BLOCK).status == 0
    assert Rig().run("88 00 0000000000000000 00000001 80 00", length=BLOCK).field == (14, 7)


# Write protection


@writes
def test_a_read_only_unit_is_write_protected(cdb: Cdb) -> None:
    outcome = Rig().write(cdb(0, 1), A, lun=READ_ONLY)
    assert (outcome.status, outcome.sense) == (2, (7, 0x27, 0))
    assert not any(Rig().read_blocks(0, 1, READ_ONLY))


# SYNCHRONIZE CACHE


def synchronize(lba: int, count: int) -> tuple[str, str]:
    return f"35 00 {lba:08x} 00 {count:04x} 00", f"91 00 {lba:016x} {count:08x} 00 00"


@pytest.mark.parametrize("lba, count", [(0, 0), (0, BLOCKS), (BLOCKS - 1, 1), (BLOCKS - 1, 0)])
def test_synchronize_cache_is_good_within_the_medium(lba: int, count: int) -> None:
    for cdb in synchronize(lba, count):
        assert Rig().run(cdb).status == 0
        assert Rig().run(cdb, lun=READ_ONLY).status == 0


@pytest.mark.parametrize("lba, count", [(0, BLOCKS + 1), (BLOCKS, 0), (BLOCKS, 1), (0xFFFFFFFF, 2)])
def test_synchronize_cache_beyond_the_end_is_out_of_range(lba: int, count: int) -> None:
    for cdb in synchronize(lba, count):
        assert Rig().run(cdb).sense == (5, 0x21, 0)


@pytest.mark.parametrize("flags, status", [(0x02, 0), (0x04, 0), (0x06, 0), (0x01, 2), (0x08, 2)])
def test_synchronize_cache_takes_immed_and_sync_nv_only(flags: int, status: int) -> None:
    assert Rig().run(f"35 {flags:02x} 00000000 00 0000 00").status == status


def test_data_that_is_expected_of_synchronize_cache_is_all_missing() -> None:
    assert Rig().run("35 00 00000000 00 0000 00", length=BLOCK).residual == BLOCK
