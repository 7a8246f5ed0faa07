"""What every command has to check of the blocks that it names (SBC-3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chiscsi_target.api.logical_unit import LU_FLAG_SYNC
from chiscsi_target.scsi.refused import Refused
from chiscsi_target.scsi.sense import (
    INVALID_FIELD_IN_CDB,
    LBA_OUT_OF_RANGE,
    PERIPHERAL_DEVICE_WRITE_FAULT,
    WRITE_PROTECTED,
    Field,
)

if TYPE_CHECKING:
    from chiscsi_target.api.medium import Medium
    from chiscsi_target.api.scsi_command import chiscsi_scsi_command
    from chiscsi_target.scsi.logical_unit import LogicalUnit

__all__ = ["check_granted", "check_range", "check_writable", "has_medium", "make_safe", "medium_of"]


def has_medium(unit: LogicalUnit) -> bool:
    """Whether a logical unit has the commands that need a medium."""
    return unit.lu.medium is not None


def medium_of(unit: LogicalUnit) -> Medium:
    """The medium of a unit that has one."""
    medium = unit.medium
    assert medium is not None, "a command that needs a medium says so in its row"
    return medium


def check_range(unit: LogicalUnit, lba: int, count: int, most: int = 0, field: Field | None = None) -> None:
    """Check that blocks are there.

    Args:
        unit: the logical unit.
        lba: the first block; with a count of 0 it has to be one of the medium's all the same.
        count: how many.
        most: how many one such command may name, as VPD page B0h says; 0 for any number.
        field: the field of the CDB that says how many.

    Raises:
        Refused: they are not, or are too many.
    """
    if lba + (count or 1) > unit.lu.block_count:
        raise Refused(LBA_OUT_OF_RANGE)
    if most and count > most:
        raise Refused(INVALID_FIELD_IN_CDB, field)


def check_writable(unit: LogicalUnit, sc: chiscsi_scsi_command) -> None:
    """Check that the session of a command may write.

    Raises:
        Refused: it may not.
    """
    if unit.lu.read_only or unit.swp:
        raise Refused(WRITE_PROTECTED)
    check_granted(unit, sc)


def check_granted(unit: LogicalUnit, sc: chiscsi_scsi_command) -> None:
    """Check that the access list lets the session of a command change things.

    Raises:
        Refused: it does not (behaviour file, 2.6).
    """
    if sc.sc_sess in unit.protected:
        unit.device.denied(sc)
        raise Refused(PERIPHERAL_DEVICE_WRITE_FAULT)


def make_safe(unit: LogicalUnit, *, forced: bool = False) -> None:
    """Bring what a command wrote to stable storage before its status, where there is no write cache (WCE).

    Args:
        unit: the logical unit.
        forced: whether the command asks for it in any case (FUA).
    """
    if forced or unit.lu.flags & LU_FLAG_SYNC:
        medium_of(unit).flush()
