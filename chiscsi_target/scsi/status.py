"""Commands that ask how a logical unit or its target is: ready, sense, capacity, inventory (SPC-4; SBC-3)."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from chiscsi_target.scsi.reply import fail, good, send
from chiscsi_target.scsi.sense import INVALID_FIELD_IN_CDB, Field, descriptor_format, fixed_format

if TYPE_CHECKING:
    from chiscsi_target.api.scsi_command import chiscsi_scsi_command
    from chiscsi_target.scsi.logical_unit import LogicalUnit

__all__ = ["read_capacity_10", "read_capacity_16", "report_luns", "request_sense", "unit_ready"]

_READ_CAPACITY_16: Final = struct.Struct(">BBQIBB")
_REPORT_LUNS: Final = struct.Struct(">BBBxxxIBB")
_REQUEST_SENSE: Final = struct.Struct(">BBxxBB")

_MOST_BLOCKS_10: Final = 0xFFFFFFFF
_LEAST_ALLOCATION: Final = 16
_PERIPHERAL_NUMBERS: Final = 256
_FLAT_ADDRESSING: Final = 0x4000

_ONLY_WELL_KNOWN: Final = 1
_SELECT_REPORT: Final = (0, _ONLY_WELL_KNOWN, 2)
"""Logical units, well known ones (there are none), and both (SPC-4, 6.33)."""


def unit_ready(_unit: LogicalUnit, sc: chiscsi_scsi_command) -> int:
    """TEST UNIT READY (SPC-4, 6.47)."""
    return good(sc)


def request_sense(unit: LogicalUnit, sc: chiscsi_scsi_command) -> int:
    """REQUEST SENSE: a pending unit attention condition is reported as data, and cleared (SPC-4, 6.39)."""
    _, desc, allocation_length, _ = _REQUEST_SENSE.unpack_from(sc.sc_cmd)
    sense = unit.take_attention(sc.sc_sess) or unit.standing_sense
    return send(sc, descriptor_format(sense) if desc else fixed_format(sense), allocation_length)


def read_capacity_10(unit: LogicalUnit, sc: chiscsi_scsi_command) -> int:
    """READ CAPACITY(10): ffffffffh for a medium that only READ CAPACITY(16) can describe (SBC-3, 5.15)."""
    lu = unit.lu
    return send(sc, struct.pack(">II", min(lu.block_count - 1, _MOST_BLOCKS_10), 1 << lu.sect_shift), 8)


def read_capacity_16(unit: LogicalUnit, sc: chiscsi_scsi_command) -> int:
    """READ CAPACITY(16) (SBC-3, 5.16)."""
    _, _, _, allocation_length, _, _ = _READ_CAPACITY_16.unpack_from(sc.sc_cmd)
    lu = unit.lu
    return send(sc, struct.pack(">QI20x", lu.block_count - 1, 1 << lu.sect_shift), allocation_length)


def _lun_field(number: int) -> int:
    """A logical unit number as SAM-5 4.7 writes it: peripheral addressing, or flat where that does not reach."""
    return (number if number < _PERIPHERAL_NUMBERS else _FLAT_ADDRESSING | number) << 48


def report_luns(unit: LogicalUnit, sc: chiscsi_scsi_command) -> int:
    """REPORT LUNS, answered for any logical unit number (SPC-4, 6.33)."""
    _, _, select, allocation_length, _, _ = _REPORT_LUNS.unpack_from(sc.sc_cmd)
    if select not in _SELECT_REPORT:
        return fail(sc, INVALID_FIELD_IN_CDB, Field(2))
    if allocation_length < _LEAST_ALLOCATION:
        return fail(sc, INVALID_FIELD_IN_CDB, Field(6))
    luns = [] if select == _ONLY_WELL_KNOWN else [_lun_field(number) for number in sorted(unit.device.units)]
    return send(sc, struct.pack(f">I4x{len(luns)}Q", 8 * len(luns), *luns), allocation_length)
