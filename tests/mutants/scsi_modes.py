"""Faults of MODE SELECT and of what mode pages do (SPC-4; SBC-3)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from chiscsi_target.scsi import mode_pages, mode_select
from chiscsi_target.scsi.logical_unit import LogicalUnit
from chiscsi_target.scsi.mode_pages import ModePages
from chiscsi_target.scsi.refused import Refused
from iscsi_wire.scsi_page_codes import ModePageCode
from tests.mutants.planting import Original, Plant, mutant
from tests.mutants.scsi_seams import cdb, returned

_SENSE, _SENSE_10, _SELECT = 0x1A, 0x5A, 0x15
_COMMAND = "SPC-4 6.11, MODE SELECT (6) command"
_CONTROL_PAGE = (ModePageCode.CONTROL, 0)


@mutant("SPC-4 6.11, MODE SELECT (6) command: MODE PARAMETERS CHANGED", "scsi-mode-04")
def nobody_is_told_of_a_mode(plant: Plant) -> None:
    """A change of mode parameters leaves no unit attention condition."""

    def establish(original: Original, unit: LogicalUnit, session: Any, sense: Any) -> None:
        if (sense.asc, sense.ascq) != (0x2A, 0x01):
            original(unit, session, sense)

    plant.wrap(LogicalUnit, "establish_attention", establish)


@mutant(_COMMAND, "scsi-mode-05")
def every_mode_select_is_a_change(plant: Plant) -> None:
    """MODE SELECT of the current values is told as a change."""
    plant.wrap(ModePages, "select", lambda original, *args, **rest: original(*args, **rest) or True)


@mutant(_COMMAND, "scsi-mode-06")
def what_cannot_be_changed_is_passed_over(plant: Plant) -> None:
    """MODE SELECT of a field that cannot be changed is no error, and changes nothing."""

    def page(original: Original, unit: LogicalUnit, data: bytes, at: int, selected: Any) -> int:
        try:
            return int(original(unit, data, at, selected))
        except Refused:
            return len(data)

    plant.wrap(mode_select, "_page", page)


@mutant(_COMMAND, "scsi-mode-07")
def short_mode_lists_are_empty(plant: Plant) -> None:
    """A parameter list that is cut off is taken for an empty one."""

    def change(octets: bytearray, _: Any) -> None:
        if octets[4] < 8:
            octets[4] = 0

    cdb(plant, change, _SELECT)


@mutant(
    "SPC-4 6.13, MODE SENSE (6) command: page control", "scsi-mode-08.changeable-caching scsi-mode-08.default-control"
)
def other_values_are_shorter(plant: Plant) -> None:
    """Changeable and default values lack the last octet of the page."""

    def change(data: bytearray, octets: bytes) -> None:
        if octets[2] >> 6:
            del data[-1]
            data[0] -= 1

    returned(plant, change, _SENSE)


def _control(plant: Plant, attribute: Any) -> None:
    """Undo a part of what the Control mode page does."""
    page = mode_pages.PAGES[_CONTROL_PAGE]

    def put(unit: LogicalUnit, values: Any) -> None:
        page.put(unit, values)
        attribute(unit)

    plant.row(mode_pages.PAGES, _CONTROL_PAGE, replace(page, put=put))


@mutant("SPC-4 7.5, Control mode page: SWP", "scsi-mode-09")
def software_write_protection_does_nothing(plant: Plant) -> None:
    """SWP can be set, and writes go on."""
    _control(plant, lambda unit: setattr(unit, "swp", False))


@mutant("SPC-4 7.5, Control mode page: D_SENSE", "scsi-mode-10.descriptor")
def d_sense_does_nothing(plant: Plant) -> None:
    """D_SENSE can be set, and sense data stay in fixed format."""
    _control(plant, lambda unit: setattr(unit.lu, "descriptor_sense", False))


@mutant("SPC-4 7.5, Control mode page: D_SENSE", "scsi-mode-10.fixed")
def sense_data_are_always_descriptors(plant: Plant) -> None:
    """D_SENSE is 0, and sense data are in descriptor format."""
    _control(plant, lambda unit: setattr(unit.lu, "descriptor_sense", True))


@mutant("SPC-4 7.5, mode parameters: current values after a reset", "scsi-mode-11")
def modes_outlive_resets(plant: Plant) -> None:
    """LOGICAL UNIT RESET leaves the mode parameters what they are."""
    plant.replace(ModePages, "revert", lambda _: None)


@mutant(_COMMAND, "scsi-mode-12")
def sp_is_ignored(plant: Plant) -> None:
    """SP is no error where nothing can be saved."""

    def change(octets: bytearray, _: Any) -> None:
        octets[1] &= ~1

    cdb(plant, change, _SELECT)


@mutant("SPC-4 7.5, mode parameter header formats", "scsi-mode-13")
def long_mode_data_are_others(plant: Plant) -> None:
    """MODE SENSE (10) returns other values than MODE SENSE (6)."""

    def change(data: bytearray, _: bytes) -> None:
        data[-1] ^= 1

    returned(plant, change, _SENSE_10)


@mutant("SBC-3 6.5, Caching mode page: WCE", "scsi-mode-14")
def wce_is_told_the_wrong_way_round(plant: Plant) -> None:
    """WCE is 0 where there is a write cache, and 1 where there is none."""

    def change(data: bytearray, octets: bytes) -> None:
        if octets[2] == ModePageCode.CACHING:
            data[4 + data[3] + 2] ^= 0x04

    returned(plant, change, _SENSE)


@mutant("SBC-3 6.5, mode parameter block descriptors", "scsi-mode-15")
def block_descriptors_are_not_looked_at(plant: Plant) -> None:
    """A block descriptor with another number of blocks is taken, and changes nothing."""
    plant.replace(mode_select, "_check_descriptor", lambda *_: None)
