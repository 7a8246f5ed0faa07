"""Faults of limits and of logical block provisioning (SBC-3)."""

from __future__ import annotations

from typing import Any

from chiscsi_target.scsi import verify
from tests.mutants.planting import Plant, mutant
from tests.mutants.scsi_seams import cdb, put_count, returned

_INQUIRY, _SAMES, _STATUS, _UNMAP = 0x12, (0x41, 0x93), 0x9E, 0x42
_LIMITS = "SBC-3 6.6.3, Block Limits VPD page"
_TRANSFER, _OPTIMAL = slice(8, 12), slice(12, 16)
_HALVED = (_TRANSFER, slice(20, 24), slice(24, 28), slice(36, 44), slice(44, 48))


def _page(plant: Plant, number: int, change: Any) -> None:
    """Alter a VPD page."""

    def alter(data: bytearray, octets: bytes) -> None:
        if octets[1] and octets[2] == number:
            change(data)

    returned(plant, alter, _INQUIRY)


@mutant(_LIMITS, "scsi-limits-01 scsi-limits-03 scsi-limits-04 scsi-limits-05 scsi-limits-07")
def commands_may_exceed_their_limits(plant: Plant) -> None:
    """Commands are executed that name up to twice as much as VPD page B0h allows."""

    def change(data: bytearray) -> None:
        for place in _HALVED:
            data[place] = (int.from_bytes(data[place]) // 2).to_bytes(place.stop - place.start)

    _page(plant, 0xB0, change)


@mutant(_LIMITS, "scsi-limits-02")
def less_can_be_compared_than_the_page_says(plant: Plant) -> None:
    """COMPARE AND WRITE takes one block, and MAXIMUM COMPARE AND WRITE LENGTH is 255."""
    plant.replace(verify, "MOST_COMPARED_BLOCKS", 1)


@mutant(_LIMITS, "scsi-limits-06")
def wsnz_is_ignored(plant: Plant) -> None:
    """WRITE SAME of no blocks writes one, although WSNZ is set."""

    def change(octets: bytearray, _: Any) -> None:
        if octets[0] == _SAMES[0] and not any(octets[7:9]):
            put_count(octets, 1)
        if octets[0] == _SAMES[1] and not any(octets[10:14]):
            put_count(octets, 1)

    cdb(plant, change, *_SAMES)


@mutant(_LIMITS, "scsi-limits-08")
def the_best_is_more_than_the_most(plant: Plant) -> None:
    """OPTIMAL TRANSFER LENGTH is more than MAXIMUM TRANSFER LENGTH."""

    def change(data: bytearray) -> None:
        data[_OPTIMAL] = (int.from_bytes(data[_TRANSFER]) + 1).to_bytes(4)

    _page(plant, 0xB0, change)


def _status(plant: Plant, value: int) -> None:
    """Have GET LBA STATUS always tell one provisioning status."""

    def change(data: bytearray, octets: bytes) -> None:
        if octets[1] & 0x1F == 0x12:
            data[20] = data[20] & 0xF0 | value

    returned(plant, change, _STATUS)


@mutant("SBC-3 5.4, GET LBA STATUS command", "scsi-status-03 scsi-status-04 scsi-status-05")
def no_block_is_mapped(plant: Plant) -> None:
    """GET LBA STATUS tells that blocks are deallocated that were written."""
    _status(plant, 1)


@mutant("SBC-3 5.4, GET LBA STATUS command", "scsi-status-04")
def every_block_is_mapped(plant: Plant) -> None:
    """GET LBA STATUS tells that blocks are mapped that were unmapped."""
    _status(plant, 0)


@mutant("SBC-3 6.6, Logical Block Provisioning VPD page", "scsi-provisioning-01")
def the_page_knows_no_unmap(plant: Plant) -> None:
    """LBPME is set, and VPD page B2h offers neither UNMAP nor WRITE SAME with UNMAP."""

    def change(data: bytearray) -> None:
        data[5] &= 0x1F

    _page(plant, 0xB2, change)


@mutant("SBC-3 5.28, UNMAP command: ANCHOR", "scsi-provisioning-02")
def unmap_ignores_anchor(plant: Plant) -> None:
    """ANCHOR of UNMAP is ignored: blocks that were to be anchored are deallocated."""

    def change(octets: bytearray, _: Any) -> None:
        octets[1] &= ~1

    cdb(plant, change, _UNMAP)
