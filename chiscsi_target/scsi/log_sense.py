"""LOG SENSE, LOG SELECT and the log pages (SPC-4, 6.8, 6.7 and 7.3).

A unit of this kind has little to log: no thermometer, nothing that spins. What it cannot know is told as unknown. None
of its log parameters is a counter, so that threshold and default values are the current ones.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from chiscsi_target.scsi.commands import Command, Direction, parameter_list_length
from chiscsi_target.scsi.mode_pages import informational_exception
from chiscsi_target.scsi.refused import Refused
from chiscsi_target.scsi.reply import finish, send
from chiscsi_target.scsi.sense import (
    INVALID_FIELD_IN_CDB,
    INVALID_FIELD_IN_PARAMETER_LIST,
    PARAMETER_LIST_LENGTH_ERROR,
    Field,
)
from iscsi_wire import scsi
from iscsi_wire.scsi_page_codes import LogPageCode

if TYPE_CHECKING:
    from chiscsi_target.api.scsi_command import chiscsi_scsi_command
    from chiscsi_target.scsi.logical_unit import LogicalUnit

__all__ = ["LOG_COMMANDS", "log_select", "log_sense"]

_SAVE_FIELD, _PAGE_FIELD, _SUBPAGE_FIELD, _POINTER_FIELD = Field(1, 0), Field(2, 5), Field(3), Field(5)
_LIST_LENGTH_FIELD: Final = Field(7)
_ALL_SUBPAGES: Final = 0xFF
_UNKNOWN_TEMPERATURE: Final = 0xFF
_HEAD: Final = scsi.LogPage.STRUCT.size
_CODE: Final = 0x3F


def _temperature(_unit: LogicalUnit) -> list[bytes]:
    """Temperature and reference temperature."""
    return [
        scsi.TemperatureLogParameter.make(parameter_code=code, temperature=_UNKNOWN_TEMPERATURE).encode()
        for code in (0, 1)
    ]


def _cycles(_unit: LogicalUnit) -> list[bytes]:
    """Dates of manufacture and accounting that nobody has set, and cycles of what neither starts nor loads."""
    dates = [scsi.DateLogParameter.make(parameter_code=code) for code in (1, 2)]
    counts = [scsi.CycleLogParameter.make(parameter_code=code) for code in (3, 4, 5, 6)]
    return [parameter.encode() for parameter in (*dates, *counts)]


def _exceptions(unit: LogicalUnit) -> list[bytes]:
    """The informational exception that is pending."""
    sense = informational_exception(unit)
    return [
        scsi.InformationalExceptionsLogParameter.make(
            asc=sense.asc, ascq=sense.ascq, most_recent_temperature_reading=_UNKNOWN_TEMPERATURE
        ).encode()
    ]


_PAGES: Final[dict[int, Callable[[LogicalUnit], list[bytes]]]] = {
    LogPageCode.TEMPERATURE: _temperature,
    LogPageCode.START_STOP_CYCLE_COUNTER: _cycles,
    LogPageCode.INFORMATIONAL_EXCEPTIONS: _exceptions,
}
"""The pages with log parameters, in ascending order."""
_CODES: Final = (LogPageCode.SUPPORTED_PAGES, *_PAGES)


def _listed(page_code: int) -> bytes:
    """Page and subpage codes: of all pages, or of one (SPC-4, Supported Subpages log page)."""
    codes = _CODES if page_code == LogPageCode.SUPPORTED_PAGES else (page_code,)
    return b"".join(bytes((code, subpage)) for code in codes for subpage in (0, _ALL_SUBPAGES))


def _check_page(page_code: int, subpage_code: int) -> None:
    if page_code not in _CODES:
        raise Refused(INVALID_FIELD_IN_CDB, _PAGE_FIELD)
    if subpage_code not in (0, _ALL_SUBPAGES):
        raise Refused(INVALID_FIELD_IN_CDB, _SUBPAGE_FIELD)


def log_sense(unit: LogicalUnit, sc: chiscsi_scsi_command, cdb: scsi.LogSense) -> int:
    """LOG SENSE: the parameters of a page from PARAMETER POINTER on."""
    if cdb.sp:
        raise Refused(INVALID_FIELD_IN_CDB, _SAVE_FIELD)
    _check_page(cdb.page_code, cdb.subpage_code)
    logged = cdb.subpage_code == 0 and cdb.page_code in _PAGES
    found = _PAGES[cdb.page_code](unit) if logged else []
    codes = [int.from_bytes(parameter[:2]) for parameter in found]
    if cdb.parameter_pointer > max(codes, default=0):
        raise Refused(INVALID_FIELD_IN_CDB, _POINTER_FIELD)
    if logged:
        data = b"".join(each for code, each in zip(codes, found, strict=True) if code >= cdb.parameter_pointer)
    else:
        data = _listed(cdb.page_code) if cdb.subpage_code else bytes(_CODES)
    page = scsi.LogPage.make(
        ds=int(logged),
        spf=int(bool(cdb.subpage_code)),
        page_code=cdb.page_code,
        subpage_code=cdb.subpage_code,
        parameters=data,
    )
    return send(sc, page.encode(), cdb.allocation_length)


def log_select(_unit: LogicalUnit, sc: chiscsi_scsi_command, cdb: scsi.LogSelect, data: bytes | bytearray) -> int:
    """LOG SELECT: parameters may be reset, all of which are what they are by default; none can be set."""
    if cdb.sp:
        raise Refused(INVALID_FIELD_IN_CDB, _SAVE_FIELD)
    if cdb.parameter_list_length and (cdb.pcr or cdb.page_code or cdb.subpage_code):
        raise Refused(INVALID_FIELD_IN_CDB, _LIST_LENGTH_FIELD)
    _check_page(cdb.page_code, cdb.subpage_code)
    if len(data) != cdb.parameter_list_length:
        raise Refused(PARAMETER_LIST_LENGTH_ERROR)
    if data:
        _check_list(bytes(data))
    return finish(sc)


def _check_list(data: bytes) -> None:
    """Refuse the first page that is unknown, or has a parameter."""
    at = 0
    while at < len(data):
        if len(data) < at + _HEAD:
            raise Refused(PARAMETER_LIST_LENGTH_ERROR)
        length = int.from_bytes(data[at + 2 : at + _HEAD])
        if data[at] & _CODE not in _PAGES:
            raise Refused(INVALID_FIELD_IN_PARAMETER_LIST, Field(at, 5, in_data=True))
        if len(data) < at + _HEAD + length:
            raise Refused(PARAMETER_LIST_LENGTH_ERROR)
        if length:
            raise Refused(INVALID_FIELD_IN_PARAMETER_LIST, Field(at + _HEAD, in_data=True))
        at += _HEAD


LOG_COMMANDS: Final = (
    Command(
        scsi.LogSelect,
        Direction.OUT,
        execute_with_data=log_select,
        data_length=parameter_list_length,
    ),
    Command(scsi.LogSense, Direction.IN, log_sense),
)
