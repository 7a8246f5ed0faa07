"""LOG SENSE and LOG SELECT: CDBs, log pages and log parameters (SPC-4)."""

from __future__ import annotations

from iscsi_wire.formats.declare import (
    Described,
    Format,
    bits,
    cdb,
    flag,
    octets,
    reserved,
    reserved_bits,
    structure,
    tail,
    uint,
    word,
)
from iscsi_wire.formats.scsi_common import allocation_length, control, operation_code
from iscsi_wire.scsi_codes import OperationCode
from iscsi_wire.scsi_page_codes import LogPageCode, LogPageControl
from iscsi_wire.structure import Kind

_SENSE = "SPC-4, LOG SENSE command"
_SELECT = "SPC-4, LOG SELECT command"
_PAGE = "SPC-4, log page format"
_PARAMETER = "SPC-4, log parameter format"
_TEMPERATURE = "SPC-4, Temperature log page"
_CYCLES = "SPC-4, Start-Stop Cycle Counter log page"
_EXCEPTIONS = "SPC-4, Informational Exceptions log page"


def _page(section: str) -> tuple[Described, Described]:
    """Bytes 2 and 3 of both CDBs."""
    return (
        word(
            "octet_2",
            bits("pc", "PC", section, 2, codes=LogPageControl),
            bits("page_code", "PAGE CODE", section, 6, codes=LogPageCode),
        ),
        uint("subpage_code", "SUBPAGE CODE", section, 8),
    )


LOG_SELECT: Format = cdb(
    "LogSelect",
    OperationCode.LOG_SELECT,
    _SELECT,
    operation_code(OperationCode.LOG_SELECT),
    word("octet_1", reserved_bits("rsvd_1", 6, _SELECT), flag("pcr", "PCR", _SELECT), flag("sp", "SP", _SELECT)),
    *_page(_SELECT),
    reserved("rsvd_4", 8, _SELECT),
    reserved("rsvd_5", 16, _SELECT),
    uint("parameter_list_length", "PARAMETER LIST LENGTH", _SELECT, 16, kind=Kind.LENGTH),
    control(),
)

LOG_SENSE: Format = cdb(
    "LogSense",
    OperationCode.LOG_SENSE,
    _SENSE,
    operation_code(OperationCode.LOG_SENSE),
    word(
        "octet_1",
        reserved_bits("rsvd_1", 6, _SENSE),
        reserved_bits("ppc", 1, _SENSE),  # obsolete in SPC-4
        flag("sp", "SP", _SENSE),
    ),
    *_page(_SENSE),
    reserved("rsvd_4", 8, _SENSE),
    uint("parameter_pointer", "PARAMETER POINTER", _SENSE, 16),
    allocation_length(16, _SENSE),
    control(),
)

LOG_PAGE: Format = structure(
    "LogPage",
    "Log page",
    _PAGE,
    word(
        "octet_0",
        flag("ds", "DS", _PAGE),
        flag("spf", "SPF", _PAGE),
        bits("page_code", "PAGE CODE", _PAGE, 6, codes=LogPageCode),
    ),
    uint("subpage_code", "SUBPAGE CODE", _PAGE, 8),
    uint("page_length", "PAGE LENGTH", _PAGE, 16, kind=Kind.LENGTH),
    tail("parameters", "Log parameters", _PAGE, length="page_length", counts_from=4),
    doc="In the pages that list what is supported, page codes stand in the place of log parameters.",
)


def _control_octet(section: str, *, ascii_list: bool = False) -> Described:
    """Byte 2 of a log parameter, of one that is no counter."""
    return word(
        "octet_2",
        flag("du", "DU", section),
        reserved_bits("rsvd_2", 1, section),
        flag("tsd", "TSD", section),
        flag("etc", "ETC", section),
        bits("tmc", "TMC", section, 2),
        bits("format_and_linking", "FORMAT AND LINKING", section, 2, default=1 if ascii_list else 3),
    )


def _parameter_head(section: str, length: int, *, ascii_list: bool = False) -> tuple[Described, ...]:
    """Bytes 0 to 3 of a log parameter."""
    return (
        uint("parameter_code", "PARAMETER CODE", section, 16),
        _control_octet(section, ascii_list=ascii_list),
        uint("parameter_length", "PARAMETER LENGTH", section, 8, kind=Kind.LENGTH, default=length),
    )


TEMPERATURE_PARAMETER: Format = structure(
    "TemperatureLogParameter",
    "Temperature log parameter",
    _TEMPERATURE,
    *_parameter_head(_TEMPERATURE, 2),
    reserved("rsvd_4", 8, _TEMPERATURE),
    uint("temperature", "TEMPERATURE", _TEMPERATURE, 8),
    doc="Parameter 0001h is the reference temperature, in the same form.",
)

DATE_PARAMETER: Format = structure(
    "DateLogParameter",
    "Date of Manufacture and Accounting Date log parameters",
    _CYCLES,
    *_parameter_head(_CYCLES, 6, ascii_list=True),
    octets("year", "YEAR", _CYCLES, 4, kind=Kind.TEXT, default=b"    "),
    octets("week", "WEEK", _CYCLES, 2, kind=Kind.TEXT, default=b"  "),
)

CYCLE_PARAMETER: Format = structure(
    "CycleLogParameter",
    "Log parameters that count cycles",
    _CYCLES,
    *_parameter_head(_CYCLES, 4),
    uint("cycles", "CYCLE COUNT", _CYCLES, 32),
)

EXCEPTIONS_PARAMETER: Format = structure(
    "InformationalExceptionsLogParameter",
    "Informational Exceptions General log parameter",
    _EXCEPTIONS,
    *_parameter_head(_EXCEPTIONS, 4),
    uint("asc", "INFORMATIONAL EXCEPTION ADDITIONAL SENSE CODE", _EXCEPTIONS, 8),
    uint("ascq", "INFORMATIONAL EXCEPTION ADDITIONAL SENSE CODE QUALIFIER", _EXCEPTIONS, 8),
    uint("most_recent_temperature_reading", "MOST RECENT TEMPERATURE READING", _EXCEPTIONS, 8),
    uint("vendor_specific", "Vendor specific", _EXCEPTIONS, 8, default=0xFF),
    doc="Programs take the vendor specific octet for a threshold temperature; FFh is none.",
)

FORMATS: tuple[Format, ...] = (
    LOG_SELECT,
    LOG_SENSE,
    LOG_PAGE,
    TEMPERATURE_PARAMETER,
    DATE_PARAMETER,
    CYCLE_PARAMETER,
    EXCEPTIONS_PARAMETER,
)
