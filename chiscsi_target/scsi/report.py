"""REPORT SUPPORTED OPERATION CODES and REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS (SPC-4, 6.35, 6.36).

What is supported is what the command table has rows for: nothing is listed twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from chiscsi_target.scsi.commands import LONG_CDB, Command, Direction
from chiscsi_target.scsi.refused import Refused
from chiscsi_target.scsi.reply import send
from chiscsi_target.scsi.sense import INVALID_FIELD_IN_CDB, Field
from iscsi_wire import scsi
from iscsi_wire.scsi_parameter_codes import CommandSupport, ReportingOptions

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from chiscsi_target.api.scsi_command import chiscsi_scsi_command
    from chiscsi_target.scsi.logical_unit import LogicalUnit

__all__ = [
    "REPORT_COMMANDS",
    "report_supported_operation_codes",
    "report_supported_task_management_functions",
]

_OPTIONS_FIELD, _CODE_FIELD, _ACTION_FIELD = Field(2, 2), Field(3), Field(4)
_SERVICE_ACTION: Final = 0x1F
_RECOMMENDED_SECONDS: Final = 60
_LEAST_ALLOCATION: Final = 4
_NO_TIMEOUTS: Final = bytes(12)


def _timeouts(wanted: int) -> bytes:
    """The timeouts of a command, if they are asked for: one for all, as nothing here takes longer than a flush."""
    return scsi.CommandTimeouts.make(recommended_command_timeout=_RECOMMENDED_SECONDS).encode() if wanted else b""


def report_supported_operation_codes(
    unit: LogicalUnit, sc: chiscsi_scsi_command, cdb: scsi.ReportSupportedOperationCodes
) -> int:
    """REPORT SUPPORTED OPERATION CODES."""
    rows = [row for row in unit.commands if row.supported(unit)]
    if cdb.reporting_options == ReportingOptions.ALL:
        data = b"".join(_descriptor(row, cdb.rctd) for row in _in_order(rows))
        return send(sc, scsi.AllCommandsData.make(descriptors=data).encode(), cdb.allocation_length)
    if cdb.reporting_options > ReportingOptions.ONE:
        raise Refused(INVALID_FIELD_IN_CDB, _OPTIONS_FIELD)
    return send(sc, _one_command(unit, rows, cdb), cdb.allocation_length)


def _in_order(rows: Iterable[Command]) -> list[Command]:
    return sorted(rows, key=lambda row: (row.cdb.OPERATION_CODE, row.cdb.SERVICE_ACTION or 0))


def _descriptor(row: Command, timeouts: int) -> bytes:
    action = row.cdb.SERVICE_ACTION
    descriptor = scsi.CommandDescriptor.make(
        operation_code=row.cdb.OPERATION_CODE,
        service_action=action or 0,
        ctdp=int(bool(timeouts)),
        servactv=int(action is not None),
        cdb_length=row.cdb.STRUCT.size,
    )
    return descriptor.encode() + _timeouts(timeouts)


def _one_command(unit: LogicalUnit, rows: Sequence[Command], cdb: scsi.ReportSupportedOperationCodes) -> bytes:
    """Whether one command is supported, and which bits of its CDB mean something."""
    same_code = [row for row in rows if cdb.requested_operation_code == row.cdb.OPERATION_CODE]
    by_action = any(row.cdb.SERVICE_ACTION is not None for row in same_code)
    if cdb.reporting_options == ReportingOptions.ONE_WITHOUT_SERVICE_ACTION and by_action:
        raise Refused(INVALID_FIELD_IN_CDB, _CODE_FIELD)
    if cdb.reporting_options == ReportingOptions.ONE_WITH_SERVICE_ACTION and same_code and not by_action:
        raise Refused(INVALID_FIELD_IN_CDB, _ACTION_FIELD)
    action = cdb.requested_service_action if by_action else None
    found = next((row for row in same_code if action == row.cdb.SERVICE_ACTION), None)
    if found is None:
        return scsi.OneCommandData.make(support=CommandSupport.NOT_SUPPORTED).encode()
    data = scsi.OneCommandData.make(
        ctdp=int(bool(cdb.rctd)), support=CommandSupport.BY_THE_STANDARD, cdb_usage_data=_usage_data(unit, found)
    )
    return data.encode() + _timeouts(cdb.rctd)


def _usage_data(unit: LogicalUnit, row: Command) -> bytes:
    """The usage map, with operation code and service action themselves in their places."""
    usage = bytearray(row.usage_of(unit))
    usage[0] = row.cdb.OPERATION_CODE or 0
    if len(usage) == LONG_CDB:
        usage[7:10] = bytes((LONG_CDB - 8,)) + (row.cdb.SERVICE_ACTION or 0).to_bytes(2)
    elif row.cdb.SERVICE_ACTION is not None:
        usage[1] = usage[1] & ~_SERVICE_ACTION | row.cdb.SERVICE_ACTION
    return bytes(usage)


def report_supported_task_management_functions(
    _unit: LogicalUnit, sc: chiscsi_scsi_command, cdb: scsi.ReportSupportedTaskManagementFunctions
) -> int:
    """REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS: those of RFC 7143, 11.5.1 that are executed."""
    if cdb.allocation_length < _LEAST_ALLOCATION:
        raise Refused(INVALID_FIELD_IN_CDB, Field(6))
    functions = scsi.SupportedTaskManagementFunctions.make(ats=1, atss=1, cacas=1, ctss=1, lurs=1, trs=1)
    functions.additional_data_length = len(_NO_TIMEOUTS) if cdb.repd else 0
    return send(sc, functions.encode() + (_NO_TIMEOUTS if cdb.repd else b""), cdb.allocation_length)


_IN: Final = Direction.IN

REPORT_COMMANDS: Final = (
    Command(scsi.ReportSupportedOperationCodes, _IN, report_supported_operation_codes),
    Command(scsi.ReportSupportedTaskManagementFunctions, _IN, report_supported_task_management_functions),
)
