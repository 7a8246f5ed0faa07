"""REPORT SUPPORTED OPERATION CODES and REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS: CDBs and parameter data (SPC-4)."""

from __future__ import annotations

from iscsi_wire.formats.declare import (
    Format,
    bits,
    cdb,
    flag,
    reserved,
    reserved_bits,
    structure,
    tail,
    uint,
    word,
)
from iscsi_wire.formats.scsi_common import allocation_length, control, operation_code, service_action
from iscsi_wire.scsi_codes import OperationCode
from iscsi_wire.scsi_parameter_codes import CommandSupport, MaintenanceIn, ReportingOptions
from iscsi_wire.structure import Kind

_CODES = "SPC-4, REPORT SUPPORTED OPERATION CODES command"
_ALL = "SPC-4, All_commands parameter data format"
_ONE = "SPC-4, One_command parameter data format"
_TIMEOUTS = "SPC-4, Command timeouts descriptor"
_FUNCTIONS = "SPC-4, REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS command"

REPORT_SUPPORTED_OPERATION_CODES: Format = cdb(
    "ReportSupportedOperationCodes",
    OperationCode.MAINTENANCE_IN,
    _CODES,
    operation_code(OperationCode.MAINTENANCE_IN),
    service_action(MaintenanceIn.REPORT_SUPPORTED_OPERATION_CODES),
    word(
        "octet_2",
        flag("rctd", "RCTD", _CODES),
        reserved_bits("rsvd_2", 4, _CODES),
        bits("reporting_options", "REPORTING OPTIONS", _CODES, 3, codes=ReportingOptions),
    ),
    uint("requested_operation_code", "REQUESTED OPERATION CODE", _CODES, 8, codes=OperationCode),
    uint("requested_service_action", "REQUESTED SERVICE ACTION", _CODES, 16),
    allocation_length(32, _CODES),
    reserved("rsvd_10", 8, _CODES),
    control(),
    service_action=int(MaintenanceIn.REPORT_SUPPORTED_OPERATION_CODES),
    title=MaintenanceIn.REPORT_SUPPORTED_OPERATION_CODES.label,
)

COMMAND_DESCRIPTOR: Format = structure(
    "CommandDescriptor",
    "Command descriptor",
    _ALL,
    uint("operation_code", "OPERATION CODE", _ALL, 8, codes=OperationCode),
    reserved("rsvd_1", 8, _ALL),
    uint("service_action", "SERVICE ACTION", _ALL, 16),
    reserved("rsvd_4", 8, _ALL),
    word("octet_5", reserved_bits("rsvd_5", 6, _ALL), flag("ctdp", "CTDP", _ALL), flag("servactv", "SERVACTV", _ALL)),
    uint("cdb_length", "CDB LENGTH", _ALL, 16, kind=Kind.LENGTH),
    doc="A command timeouts descriptor follows it if CTDP is set.",
)

ALL_COMMANDS: Format = structure(
    "AllCommandsData",
    "All_commands parameter data",
    _ALL,
    uint("command_data_length", "COMMAND DATA LENGTH", _ALL, 32, kind=Kind.LENGTH),
    tail("descriptors", "Command descriptors", _ALL, length="command_data_length", counts_from=4),
)

ONE_COMMAND: Format = structure(
    "OneCommandData",
    "One_command parameter data",
    _ONE,
    reserved("rsvd_0", 8, _ONE),
    word(
        "octet_1",
        flag("ctdp", "CTDP", _ONE),
        reserved_bits("rsvd_1", 4, _ONE),
        bits("support", "SUPPORT", _ONE, 3, codes=CommandSupport),
    ),
    uint("cdb_size", "CDB SIZE", _ONE, 16, kind=Kind.LENGTH),
    tail("cdb_usage_data", "CDB USAGE DATA", _ONE, length="cdb_size", counts_from=4),
)

COMMAND_TIMEOUTS: Format = structure(
    "CommandTimeouts",
    "Command timeouts descriptor",
    _TIMEOUTS,
    uint("descriptor_length", "DESCRIPTOR LENGTH", _TIMEOUTS, 16, kind=Kind.LENGTH, default=0x0A),
    reserved("rsvd_2", 8, _TIMEOUTS),
    uint("command_specific", "COMMAND SPECIFIC", _TIMEOUTS, 8),
    uint("nominal_command_processing_timeout", "NOMINAL COMMAND PROCESSING TIMEOUT", _TIMEOUTS, 32),
    uint("recommended_command_timeout", "RECOMMENDED COMMAND TIMEOUT", _TIMEOUTS, 32),
)

REPORT_SUPPORTED_TASK_MANAGEMENT_FUNCTIONS: Format = cdb(
    "ReportSupportedTaskManagementFunctions",
    OperationCode.MAINTENANCE_IN,
    _FUNCTIONS,
    operation_code(OperationCode.MAINTENANCE_IN),
    service_action(MaintenanceIn.REPORT_SUPPORTED_TASK_MANAGEMENT_FUNCTIONS),
    word("octet_2", flag("repd", "REPD", _FUNCTIONS), reserved_bits("rsvd_2", 7, _FUNCTIONS)),
    reserved("rsvd_3", 8, _FUNCTIONS),
    reserved("rsvd_4", 16, _FUNCTIONS),
    allocation_length(32, _FUNCTIONS),
    reserved("rsvd_10", 8, _FUNCTIONS),
    control(),
    service_action=int(MaintenanceIn.REPORT_SUPPORTED_TASK_MANAGEMENT_FUNCTIONS),
    title=MaintenanceIn.REPORT_SUPPORTED_TASK_MANAGEMENT_FUNCTIONS.label,
)

SUPPORTED_TASK_MANAGEMENT_FUNCTIONS: Format = structure(
    "SupportedTaskManagementFunctions",
    "Supported task management functions",
    _FUNCTIONS,
    word(
        "octet_0",
        flag("ats", "ATS", _FUNCTIONS),
        flag("atss", "ATSS", _FUNCTIONS),
        flag("cacas", "CACAS", _FUNCTIONS),
        flag("ctss", "CTSS", _FUNCTIONS),
        flag("lurs", "LURS", _FUNCTIONS),
        flag("qts", "QTS", _FUNCTIONS),
        flag("trs", "TRS", _FUNCTIONS),
        flag("wakes", "WAKES", _FUNCTIONS),
    ),
    word(
        "octet_1",
        reserved_bits("rsvd_1", 5, _FUNCTIONS),
        flag("qaes", "QAES", _FUNCTIONS),
        flag("qtss", "QTSS", _FUNCTIONS),
        flag("itnrs", "ITNRS", _FUNCTIONS),
    ),
    reserved("rsvd_2", 8, _FUNCTIONS),
    uint("additional_data_length", "REPORT TASK MANAGEMENT FUNCTIONS DATA LENGTH", _FUNCTIONS, 8, kind=Kind.LENGTH),
    doc="With REPD twelve bytes of timeouts follow it.",
)

FORMATS: tuple[Format, ...] = (
    REPORT_SUPPORTED_OPERATION_CODES,
    REPORT_SUPPORTED_TASK_MANAGEMENT_FUNCTIONS,
    COMMAND_DESCRIPTOR,
    ALL_COMMANDS,
    ONE_COMMAND,
    COMMAND_TIMEOUTS,
    SUPPORTED_TASK_MANAGEMENT_FUNCTIONS,
)
