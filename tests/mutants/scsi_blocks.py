"""Faults of the commands that name blocks (SBC-3)."""

from __future__ import annotations

from typing import Any

from chiscsi_target.drivers.memory_medium import MemoryMedium
from chiscsi_target.scsi import provisioning, verify
from tests.mutants.planting import Plant, mutant
from tests.mutants.scsi_seams import cdb, count_of, put_count, put_range, range_of

_READS, _WRITES = (0x08, 0x28, 0xA8, 0x88), (0x0A, 0x2A, 0xAA, 0x8A)
_WRITE_VERIFIES, _VERIFIES, _SAMES = (0x2E, 0xAE, 0x8E), (0x2F, 0xAF, 0x8F), (0x41, 0x93)
_PREFETCHES, _SYNCHRONIZES = (0x34, 0x90), (0x35, 0x91)
_NO_BLOCK = (1 << 64) - 1


@mutant("SBC-3 5.33, WRITE (10) command", "scsi-transfer-01")
def writes_land_a_block_later(plant: Plant) -> None:
    """WRITE writes the blocks behind those addressed."""
    cdb(plant, lambda octets, _: put_range(octets, range_of(octets) + 1), *_WRITES)


@mutant("SBC-3, READ (6) command", "scsi-transfer-02")
def read_6_of_no_blocks_reads_one(plant: Plant) -> None:
    """READ (6) with a TRANSFER LENGTH of 0 reads a single block."""

    def change(octets: bytearray, _: Any) -> None:
        octets[4] = octets[4] or 1

    cdb(plant, change, 0x08)


@mutant("SBC-3 5.11, READ (10) command", "scsi-transfer-03")
def transfers_of_no_blocks_are_refused(plant: Plant) -> None:
    """A TRANSFER LENGTH of 0 is an error."""
    cdb(plant, lambda octets, _: count_of(octets) or put_range(octets, _NO_BLOCK), *_READS[1:], *_WRITES[1:])


@mutant(
    "SBC-3 5.11, READ (10) command",
    "scsi-range-01 scsi-range-02 scsi-range-03 scsi-range-04 scsi-range-05 scsi-compare-03 scsi-status-02",
)
def addresses_wrap_around(plant: Plant) -> None:
    """Whatever lies beyond the medium is looked for at its beginning."""

    def change(octets: bytearray, server: Any) -> None:
        if range_of(octets) + max(count_of(octets), 1) > server.units[0].lu.block_count:
            put_range(octets, 0)

    with_blocks = (*_READS, *_WRITES, *_WRITE_VERIFIES, *_VERIFIES, *_SAMES, *_PREFETCHES, *_SYNCHRONIZES)
    cdb(plant, change, *with_blocks, 0x89, 0x8B, 0x9E)


@mutant("SBC-3 4.22, protection information model", "scsi-protect-01 scsi-protect-02")
def protection_fields_are_ignored(plant: Plant) -> None:
    """RDPROTECT and WRPROTECT of a unit without protection information are taken for 0."""

    def change(octets: bytearray, _: Any) -> None:
        octets[1] &= 0x1F

    cdb(plant, change, *_READS[1:], *_WRITES[1:], *_WRITE_VERIFIES, *_SAMES)


@mutant("SBC-3 5.29, VERIFY (10) command", "scsi-verify-02 scsi-compare-02")
def nothing_is_compared(plant: Plant) -> None:
    """Data and blocks are never found to differ."""
    plant.replace(verify, "_compare", lambda *_: None)


@mutant("SBC-3 5.29, VERIFY (10) command", "scsi-verify-03")
def reserved_bytchk_compares_nothing(plant: Plant) -> None:
    """BYTCHK 10b is taken for 00b."""

    def change(octets: bytearray, _: Any) -> None:
        if octets[1] >> 1 & 3 == 2:
            octets[1] &= ~0x06

    cdb(plant, change, *_VERIFIES)


@mutant("SBC-3 5.37, WRITE AND VERIFY (10) command", "scsi-write-verify-01")
def write_and_verify_only_verifies(plant: Plant) -> None:
    """WRITE AND VERIFY is executed as VERIFY."""

    def change(octets: bytearray, _: Any) -> None:
        octets[0] |= 1

    cdb(plant, change, *_WRITE_VERIFIES)


@mutant("SBC-3 5.26, SYNCHRONIZE CACHE (10) command", "scsi-synchronize-01 scsi-prefetch-01 scsi-verify-01")
def blocks_are_missed_where_no_data_move(plant: Plant) -> None:
    """VERIFY, PRE-FETCH and SYNCHRONIZE CACHE find that their blocks are out of range."""
    cdb(plant, lambda octets, _: put_range(octets, _NO_BLOCK), *_VERIFIES, *_PREFETCHES, *_SYNCHRONIZES)


@mutant("SBC-3 5.43, WRITE SAME (10) command", "scsi-same-01")
def write_same_writes_a_block_more(plant: Plant) -> None:
    """WRITE SAME writes the block behind its range, too."""
    cdb(plant, lambda octets, _: put_count(octets, count_of(octets) + 1), *_SAMES)


@mutant("SBC-3 5.44, WRITE SAME (16) command", "scsi-same-02")
def write_same_without_data_writes_once(plant: Plant) -> None:
    """WRITE SAME (16) with NDOB writes a single block."""
    cdb(plant, lambda octets, _: octets[1] & 1 and put_count(octets, 1), 0x93)


@mutant("SBC-3 5.43, WRITE SAME (10) command", "scsi-same-03")
def anchor_is_ignored(plant: Plant) -> None:
    """ANCHOR without UNMAP is no error."""

    def change(octets: bytearray, _: Any) -> None:
        octets[1] &= ~0x10

    cdb(plant, change, *_SAMES)


@mutant("SBC-3 5.28, UNMAP command", "scsi-unmap-01 scsi-same-04.zeros-10 scsi-same-04.zeros-16")
def unmapped_blocks_keep_their_data(plant: Plant) -> None:
    """UNMAP does nothing, although LBPRZ says that blocks read as zeros."""
    plant.replace(MemoryMedium, "discard", lambda *_: None)


@mutant("SBC-3 5.28, UNMAP command", "scsi-unmap-02")
def short_unmap_lists_are_empty(plant: Plant) -> None:
    """A parameter list that is too short for its header unmaps nothing, and is no error."""
    cdb(plant, lambda octets, _: int.from_bytes(octets[7:9]) < 8 and put_count(octets, 0), 0x42)


@mutant("SBC-3 5.28, UNMAP command", "scsi-unmap-03")
def empty_unmap_lists_are_refused(plant: Plant) -> None:
    """A PARAMETER LIST LENGTH of 0 is an error."""
    cdb(plant, lambda octets, _: int.from_bytes(octets[7:9]) or put_count(octets, 4), 0x42)


@mutant("SBC-3 5.28, UNMAP command", "scsi-unmap-04")
def unmap_takes_any_range(plant: Plant) -> None:
    """UNMAP of blocks that are not there succeeds."""
    plant.replace(provisioning, "check_range", lambda *_: None)
    plant.replace(MemoryMedium, "discard", lambda *_: None)


@mutant("SBC-3 5.4, GET LBA STATUS command", "scsi-status-01.5")
def lba_status_begins_with_the_first_block(plant: Plant) -> None:
    """GET LBA STATUS tells of the medium from its beginning, whatever was asked for."""
    cdb(plant, lambda octets, _: octets[1] & 0x1F == 0x12 and put_range(octets, 0), 0x9E)


@mutant("SBC-3 5.2, COMPARE AND WRITE command", "scsi-compare-01")
def compare_and_write_takes_the_next_block(plant: Plant) -> None:
    """COMPARE AND WRITE compares the blocks behind those addressed."""
    cdb(plant, lambda octets, _: put_range(octets, range_of(octets) + 1), 0x89)


@mutant("SBC-3 5.5, ORWRITE (16) command", "scsi-or-01")
def orwrite_overwrites(plant: Plant) -> None:
    """ORWRITE is executed as WRITE (16)."""

    def change(octets: bytearray, _: Any) -> None:
        octets[0] = 0x8A

    cdb(plant, change, 0x8B)


@mutant("SBC-4, WRITE ATOMIC (16) command", "scsi-atomic-01")
def write_atomic_writes_elsewhere(plant: Plant) -> None:
    """WRITE ATOMIC (16) writes the blocks behind those addressed."""
    cdb(plant, lambda octets, _: put_range(octets, range_of(octets) + 1), 0x9C)
