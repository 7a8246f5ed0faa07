"""What becomes of third-party copies, asked with Third-party Copy IN; and what copies there can be (SPC-4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from chiscsi_target.scsi.commands import Command, Direction
from chiscsi_target.scsi.copy_list import DESCRIPTOR_TYPES, LONGEST_LIST, LONGEST_SEGMENT, MOST_CSCDS, MOST_SEGMENTS
from chiscsi_target.scsi.copy_results import MOST_REMEMBERED
from chiscsi_target.scsi.ranges import has_medium
from chiscsi_target.scsi.refused import Refused
from chiscsi_target.scsi.reply import send
from chiscsi_target.scsi.sense import INVALID_FIELD_IN_CDB, Field, fixed_format
from iscsi_wire import scsi
from iscsi_wire.constants import ScsiStatus
from iscsi_wire.scsi_copy_codes import CopyStatus, TransferCountUnits

if TYPE_CHECKING:
    from chiscsi_target.api.scsi_command import chiscsi_scsi_command
    from chiscsi_target.scsi.copy_results import CopyResult
    from chiscsi_target.scsi.logical_unit import LogicalUnit

__all__ = [
    "RECEIVE_COPY_COMMANDS",
    "failure_sense",
    "receive_data",
    "receive_failure",
    "receive_parameters",
    "receive_status",
]

_IDENTIFIER_FIELD: Final = Field(2)
_LARGEST_COUNT: Final = 0xFFFFFFFF
_UNITS: Final = (
    (TransferCountUnits.BYTES, 0),
    (TransferCountUnits.KIBIBYTES, 10),
    (TransferCountUnits.MEBIBYTES, 20),
)


def _found(unit: LogicalUnit, sc: chiscsi_scsi_command, identifier: int) -> CopyResult:
    result = unit.copies.find(sc.sc_sess, identifier)
    if result is None:
        raise Refused(INVALID_FIELD_IN_CDB, _IDENTIFIER_FIELD)
    return result


def receive_status(unit: LogicalUnit, sc: chiscsi_scsi_command, cdb: scsi.ReceiveCopyStatus) -> int:
    """RECEIVE COPY STATUS(LID1): of a copy that is over, it is told once."""
    result = _found(unit, sc, cdb.list_identifier)
    units, shift = next((each for each in _UNITS if result.transferred >> each[1] <= _LARGEST_COUNT), _UNITS[-1])
    data = scsi.CopyStatusData.make(
        copy_command_status=int(result.status),
        segments_processed=result.segments,
        transfer_count_units=int(units),
        transfer_count=result.transferred >> shift,
    )
    if result.status == CopyStatus.COMPLETED:
        unit.copies.drop(sc.sc_sess, cdb.list_identifier)
    return send(sc, data.encode(), cdb.allocation_length)


def receive_data(unit: LogicalUnit, sc: chiscsi_scsi_command, cdb: scsi.ReceiveCopyData) -> int:
    """RECEIVE COPY DATA(LID1): copies between block devices hold no data."""
    _found(unit, sc, cdb.list_identifier)
    return send(sc, scsi.CopyDataData().encode(), cdb.allocation_length)


def receive_parameters(unit: LogicalUnit, sc: chiscsi_scsi_command, cdb: scsi.ReceiveCopyOperatingParameters) -> int:
    """RECEIVE COPY OPERATING PARAMETERS: the same for all units."""
    data = scsi.CopyOperatingParameters.make(
        snlid=1,
        maximum_cscd_descriptor_count=MOST_CSCDS,
        maximum_segment_descriptor_count=MOST_SEGMENTS,
        maximum_descriptor_list_length=LONGEST_LIST,
        maximum_segment_length=LONGEST_SEGMENT,
        total_concurrent_copies=MOST_REMEMBERED,
        maximum_concurrent_copies=MOST_REMEMBERED,
        implemented_descriptor_types=list(DESCRIPTOR_TYPES),
    )
    data.available_data = len(data.encode()) - 4
    return send(sc, data.encode(), cdb.allocation_length)


def failure_sense(result: CopyResult) -> bytes:
    """The sense data that a copy failed with; nothing if it did not."""
    reason = result.failure
    if reason is None:
        return b""
    return reason.sense_data or fixed_format(reason.sense, reason.field, reason.information)


def receive_failure(unit: LogicalUnit, sc: chiscsi_scsi_command, cdb: scsi.ReceiveCopyFailureDetails) -> int:
    """RECEIVE COPY FAILURE DETAILS(LID1): AVAILABLE DATA is 0 for a copy that did not fail; told once otherwise."""
    result = unit.copies.find(sc.sc_sess, cdb.list_identifier)
    sense = b"" if result is None else failure_sense(result)
    if not sense:
        return send(sc, bytes(4), cdb.allocation_length)
    data = scsi.CopyFailureDetails.make(extended_copy_command_status=int(ScsiStatus.CHECK_CONDITION), sense_data=sense)
    data.available_data = len(data.encode()) - 4
    unit.copies.drop(sc.sc_sess, cdb.list_identifier)
    return send(sc, data.encode(), cdb.allocation_length)


_IN: Final = Direction.IN

RECEIVE_COPY_COMMANDS: Final = (
    Command(scsi.ReceiveCopyStatus, _IN, receive_status, needs=has_medium),
    Command(scsi.ReceiveCopyData, _IN, receive_data, needs=has_medium),
    # Initiators that know SPC-3 have a LIST IDENTIFIER there, which does not matter.
    Command(scsi.ReceiveCopyOperatingParameters, _IN, receive_parameters, ignored=("rsvd_2",), needs=has_medium),
    Command(scsi.ReceiveCopyFailureDetails, _IN, receive_failure, needs=has_medium),
)
