"""PRE-FETCH and READ DEFECT DATA (SBC-3, 5.8, 5.9, 5.17 and 5.18), of a medium without cache and without defects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from chiscsi_target.scsi.commands import Command, Direction
from chiscsi_target.scsi.ranges import check_range
from chiscsi_target.scsi.reply import end, send
from iscsi_wire import scsi
from iscsi_wire.constants import ScsiStatus

if TYPE_CHECKING:
    from chiscsi_target.api.scsi_command import chiscsi_scsi_command
    from chiscsi_target.scsi.logical_unit import LogicalUnit

__all__ = [
    "PREPARING_COMMANDS",
    "pre_fetch",
    "read_defect_data_10",
    "read_defect_data_12",
]


def pre_fetch(unit: LogicalUnit, sc: chiscsi_scsi_command, cdb: scsi.PreFetch10 | scsi.PreFetch16) -> int:
    """PRE-FETCH: every block is as near as it can be, which CONDITION MET tells."""
    check_range(unit, cdb.logical_block_address, cdb.prefetch_length)
    return end(sc, ScsiStatus.CONDITION_MET)


def read_defect_data_10(_unit: LogicalUnit, sc: chiscsi_scsi_command, cdb: scsi.ReadDefectData10) -> int:
    """READ DEFECT DATA (10): the lists are valid, and empty."""
    header = scsi.DefectData10.make(
        plistv=cdb.req_plist, glistv=cdb.req_glist, defect_list_format=cdb.defect_list_format
    )
    return send(sc, header.encode(), cdb.allocation_length)


def read_defect_data_12(_unit: LogicalUnit, sc: chiscsi_scsi_command, cdb: scsi.ReadDefectData12) -> int:
    """READ DEFECT DATA (12): likewise."""
    header = scsi.DefectData12.make(
        plistv=cdb.req_plist, glistv=cdb.req_glist, defect_list_format=cdb.defect_list_format
    )
    return send(sc, header.encode(), cdb.allocation_length)


_NONE, _IN = Direction.NONE, Direction.IN

PREPARING_COMMANDS: Final = (
    Command(scsi.PreFetch10, _NONE, pre_fetch),
    Command(scsi.ReadDefectData10, _IN, read_defect_data_10),
    Command(scsi.PreFetch16, _NONE, pre_fetch),
    Command(scsi.ReadDefectData12, _IN, read_defect_data_12),
)
