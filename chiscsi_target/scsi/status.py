"""Commands that ask how a logical unit or its target is: ready, sense, capacity, inventory.

TEST UNIT READY, REQUEST SENSE and REPORT LUNS (SPC-4, 6.47, 6.39 and 6.33), READ CAPACITY (SBC-3, 5.15 and 5.16).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from chiscsi_target.scsi.mode_pages import informational_exception
from chiscsi_target.scsi.provisioning import is_thin
from chiscsi_target.scsi.readiness import standing_sense
from chiscsi_target.scsi.reply import fail, good, send
from chiscsi_target.scsi.sense import INVALID_FIELD_IN_CDB, NO_SENSE, Field, descriptor_format, fixed_format
from iscsi_wire.scsi import ReadCapacity10Data, ReadCapacity16Data, ReportLunsData
from iscsi_wire.scsi_parameter_codes import SelectReport

if TYPE_CHECKING:
    from chiscsi_target.api.scsi_command import chiscsi_scsi_command
    from chiscsi_target.scsi.logical_unit import LogicalUnit
    from iscsi_wire.scsi import ReadCapacity10, ReadCapacity16, ReportLuns, RequestSense, TestUnitReady

__all__ = ["REPORT_LUNS_UNIT", "read_capacity_10", "read_capacity_16", "report_luns", "request_sense", "unit_ready"]

_LARGEST_ADDRESS_10: Final = 0xFFFFFFFF
_LEAST_ALLOCATION: Final = 16
_PERIPHERAL_NUMBERS: Final = 256
_FLAT_SPACE: Final = 0x4000
_FLAT_NUMBERS: Final = 0x4000
_EXTENDED_FLAT_SPACE: Final = 0xD2 << 56
REPORT_LUNS_UNIT: Final = 0xC101
"""The well known logical unit REPORT LUNS, by a number beyond those of all others (SPC-4, well known units)."""
_ADDRESSABLE: Final = frozenset((SelectReport.ADDRESSED, SelectReport.ALL, SelectReport.SINGLE_LEVEL))
"""The values of SELECT REPORT with which the logical units are listed, and with which the well known one is."""
_WELL_KNOWN: Final = frozenset((SelectReport.WELL_KNOWN, SelectReport.ALL))
_KNOWN_SELECTIONS: Final = frozenset((*_ADDRESSABLE, *_WELL_KNOWN, SelectReport.ADMINISTRATIVE))
_SELECT_REPORT_FIELD, _ALLOCATION_LENGTH_FIELD = Field(2), Field(6)


def unit_ready(_unit: LogicalUnit, sc: chiscsi_scsi_command, _cdb: TestUnitReady) -> int:
    """TEST UNIT READY: when the medium is not ready, the command does not come here (`readiness`)."""
    return good(sc)


def request_sense(unit: LogicalUnit, sc: chiscsi_scsi_command, cdb: RequestSense) -> int:
    """REQUEST SENSE: a pending unit attention condition is reported as data, and is then no longer pending.

    DESC decides the format, and D_SENSE does not: that is for sense data beside a CHECK CONDITION (SPC-4, D_SENSE).
    """
    sense, progress = unit.take_attention(sc.sc_sess), None
    if sense is None:
        sense, progress = standing_sense(unit)
    if sense == NO_SENSE:
        sense = informational_exception(unit)
    data = descriptor_format(sense, progress) if cdb.desc else fixed_format(sense, progress)
    return send(sc, data, cdb.allocation_length)


def read_capacity_10(unit: LogicalUnit, sc: chiscsi_scsi_command, _cdb: ReadCapacity10) -> int:
    """READ CAPACITY (10): ffffffffh stands for a medium that only READ CAPACITY (16) can describe."""
    lu = unit.lu
    data = ReadCapacity10Data.make(
        returned_logical_block_address=min(lu.block_count - 1, _LARGEST_ADDRESS_10),
        logical_block_length=1 << lu.sect_shift,
    ).encode()
    return send(sc, data, len(data))


def read_capacity_16(unit: LogicalUnit, sc: chiscsi_scsi_command, cdb: ReadCapacity16) -> int:
    """READ CAPACITY (16)."""
    lu = unit.lu
    data = ReadCapacity16Data.make(
        returned_logical_block_address=lu.block_count - 1,
        logical_block_length=1 << lu.sect_shift,
        p_type=max(lu.protection - 1, 0),
        prot_en=int(bool(lu.protection)),
        logical_blocks_per_physical_block_exponent=lu.physical_block_exponent,
        lbpme=int(is_thin(unit)),
        lbprz=int(is_thin(unit)),
    )
    return send(sc, data.encode(), cdb.allocation_length)


def _lun_field(number: int) -> int:
    """A logical unit number in 64 bits (SAM-5): by peripheral device, flat, or extended flat addressing."""
    if number < _FLAT_NUMBERS:
        return (number if number < _PERIPHERAL_NUMBERS else _FLAT_SPACE | number) << 48
    return _EXTENDED_FLAT_SPACE | number << 32


def report_luns(unit: LogicalUnit, sc: chiscsi_scsi_command, cdb: ReportLuns) -> int:
    """REPORT LUNS; there are no administrative logical units.

    "The ALLOCATION LENGTH field [...] should be at least 16" (SPC-4): less cannot tell even one logical unit, and is
    refused as SPC-2 had it. LUN LIST LENGTH counts what there is, not what fits (RFC 7143, 11.4.5.3).
    """
    if cdb.select_report not in _KNOWN_SELECTIONS:
        return fail(unit, sc, INVALID_FIELD_IN_CDB, _SELECT_REPORT_FIELD)
    if cdb.allocation_length < _LEAST_ALLOCATION:
        return fail(unit, sc, INVALID_FIELD_IN_CDB, _ALLOCATION_LENGTH_FIELD)
    device = unit.device
    visible = device.visible.get(sc.sc_sess)
    fields = []
    if cdb.select_report in _ADDRESSABLE:
        present = sorted(device.units) if visible is None else range(len(visible))
        fields = [_lun_field(number) for number in present]
    if cdb.select_report in _WELL_KNOWN:
        fields.append(REPORT_LUNS_UNIT << 48)
    data = ReportLunsData.make(luns=fields)
    return send(sc, data.encode(), cdb.allocation_length)
