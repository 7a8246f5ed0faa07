"""SEND DIAGNOSTIC and RECEIVE DIAGNOSTIC RESULTS (SPC-4, 6.42): a self-test, and the page that lists the pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from chiscsi_target.errors import DriverError
from chiscsi_target.scsi.commands import Command, Direction, parameter_list_length
from chiscsi_target.scsi.refused import Refused
from chiscsi_target.scsi.reply import finish, send
from chiscsi_target.scsi.sense import (
    FAILED_SELF_TEST,
    INVALID_FIELD_IN_CDB,
    INVALID_FIELD_IN_PARAMETER_LIST,
    PARAMETER_LIST_LENGTH_ERROR,
    Field,
)
from iscsi_wire import scsi
from iscsi_wire.scsi_page_codes import DiagnosticPageCode, SelfTestCode

if TYPE_CHECKING:
    from chiscsi_target.api.scsi_command import chiscsi_scsi_command
    from chiscsi_target.scsi.logical_unit import LogicalUnit

__all__ = ["DIAGNOSTIC_COMMANDS", "receive_diagnostic_results", "send_diagnostic"]

_CODE_FIELD, _FORMAT_FIELD, _LENGTH_FIELD, _PAGE_FIELD = Field(1, 7), Field(1, 4), Field(3), Field(2)
_SUPPORTED: Final = bytes((DiagnosticPageCode.SUPPORTED_PAGES,))
_HEAD: Final = scsi.DiagnosticPage.STRUCT.size


def send_diagnostic(
    unit: LogicalUnit, sc: chiscsi_scsi_command, cdb: scsi.SendDiagnostic, data: bytes | bytearray
) -> int:
    """SEND DIAGNOSTIC: the default or the short self-test, in the foreground; or a diagnostic page.

    DEVOFFL and UNITOFFL permit a test to disturb others, which none does.
    """
    if cdb.self_test_code not in (SelfTestCode.NONE, SelfTestCode.FOREGROUND_SHORT):
        raise Refused(INVALID_FIELD_IN_CDB, _CODE_FIELD)
    if cdb.selftest and cdb.self_test_code:
        raise Refused(INVALID_FIELD_IN_CDB, _CODE_FIELD)
    test = cdb.selftest or cdb.self_test_code
    if cdb.parameter_list_length:
        if test:
            raise Refused(INVALID_FIELD_IN_CDB, _LENGTH_FIELD)
        if not cdb.pf:
            raise Refused(INVALID_FIELD_IN_CDB, _FORMAT_FIELD)
    if len(data) != cdb.parameter_list_length:
        raise Refused(PARAMETER_LIST_LENGTH_ERROR)
    if data:
        _check_page(bytes(data))
    if test:
        _test(unit)
    return finish(sc)


def _check_page(data: bytes) -> None:
    """The one page that there is has no parameters when it is sent."""
    if len(data) < _HEAD:
        raise Refused(PARAMETER_LIST_LENGTH_ERROR)
    page_code, _, page_length = scsi.DiagnosticPage.STRUCT.unpack_from(data)
    if page_code != DiagnosticPageCode.SUPPORTED_PAGES:
        raise Refused(INVALID_FIELD_IN_PARAMETER_LIST, Field(0, in_data=True))
    if page_length or len(data) > _HEAD:
        raise Refused(INVALID_FIELD_IN_PARAMETER_LIST, Field(2, in_data=True))


def _test(unit: LogicalUnit) -> None:
    """The self-test: the first and the last block can be read."""
    if unit.medium is None:
        return
    block = 1 << unit.lu.sect_shift
    try:
        for offset in (0, unit.lu.size - block):
            unit.medium.read(offset, block)
    except DriverError as error:
        raise Refused(FAILED_SELF_TEST) from error


def receive_diagnostic_results(_unit: LogicalUnit, sc: chiscsi_scsi_command, cdb: scsi.ReceiveDiagnosticResults) -> int:
    """RECEIVE DIAGNOSTIC RESULTS: the list of pages, whether it is asked for (PCV) or was sent before."""
    if cdb.page_code != DiagnosticPageCode.SUPPORTED_PAGES:
        raise Refused(INVALID_FIELD_IN_CDB, _PAGE_FIELD)
    return send(sc, scsi.DiagnosticPage.make(parameters=_SUPPORTED).encode(), cdb.allocation_length)


DIAGNOSTIC_COMMANDS: Final = (
    Command(scsi.ReceiveDiagnosticResults, Direction.IN, receive_diagnostic_results),
    Command(
        scsi.SendDiagnostic,
        Direction.OUT,
        execute_with_data=send_diagnostic,
        data_length=parameter_list_length,
    ),
)
