"""The well known logical unit REPORT LUNS, which is there whatever other logical units there are (SPC-4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from chiscsi_target.api.logical_unit import chiscsi_lun
from chiscsi_target.scsi.commands import handlers
from chiscsi_target.scsi.logical_unit import Device, LogicalUnit
from chiscsi_target.scsi.sense import NO_SENSE
from chiscsi_target.scsi.status import REPORT_LUNS_UNIT
from iscsi_wire.scsi import Inquiry, ReportLuns, RequestSense, TestUnitReady
from iscsi_wire.scsi_page_codes import PeripheralDeviceType

if TYPE_CHECKING:
    from chiscsi_target.api.lun_class import chiscsi_target_lun_class

__all__ = ["report_luns_unit"]

_COMMANDS: Final = frozenset((Inquiry, ReportLuns, RequestSense, TestUnitReady))
"""What such a unit has to support, and all that it has (SPC-4, REPORT LUNS well known logical unit)."""


def report_luns_unit(device: Device, lun_class: chiscsi_target_lun_class) -> LogicalUnit:
    """Make the unit; `lun_class` is never called for it."""
    rows = [row for row in device.commands if row.cdb in _COMMANDS]
    unit = LogicalUnit(chiscsi_lun(lun_class, REPORT_LUNS_UNIT, ""), device, handlers(rows), present=False)
    unit.peripheral = int(PeripheralDeviceType.WELL_KNOWN_LOGICAL_UNIT)
    unit.standing_sense = NO_SENSE
    return unit
