"""Commands that do not exist, and REPORT SUPPORTED OPERATION CODES."""

from __future__ import annotations

import struct

from conformance.api import Session, Unsupported, expect, variants
from conformance.suites.scsi.commands import INVALID_FIELD, NO_COMMAND, data_of, refused, scsi_case

_MANDATORY = {"ready": 0x00, "sense": 0x03, "inquiry": 0x12, "luns": 0xA0}


def _report(options: int, code: int = 0, action: int = 0) -> bytes:
    return struct.pack(">BBBBHLxx", 0xA3, 0x0C, options, code, action, 8192)


def _told(session: Session, cdb: bytes) -> bytes:
    result = session.command(cdb, read=8192)
    if result.sense is not None and result.sense.asc in (NO_COMMAND, INVALID_FIELD):
        raise Unsupported("the target has no REPORT SUPPORTED OPERATION CODES")
    result.expect(expect.good(residual=None))
    return result.data[: result.received]


@scsi_case("scsi-opcode-01", "SPC-4, operation codes")
@variants("code", [0x02, 0x1F, 0xC1, 0xE7, 0xFF], ids=["02", "1f", "c1", "e7", "ff"])
def test_operation_codes_that_do_not_exist_are_refused(session: Session, code: int) -> None:
    """An operation code that the device server does not have is INVALID COMMAND OPERATION CODE."""
    session.command(bytes((code,)).ljust(16, b"\0")).expect(refused(NO_COMMAND, 0))


@scsi_case("scsi-opcode-02", "SPC-4, service actions")
@variants("action", [0x00, 0x0F, 0x1F], ids=["00", "0f", "1f"])
def test_service_actions_that_do_not_exist_are_refused(session: Session, action: int) -> None:
    """A service action of SERVICE ACTION IN (16) that is not there is an invalid field, or no such command."""
    cdb = bytes((0x9E, action)).ljust(16, b"\0")
    session.command(cdb).expect(expect.any_of(refused(INVALID_FIELD), refused(NO_COMMAND)))


@scsi_case("scsi-codes-01", "SPC-4 6.35, REPORT SUPPORTED OPERATION CODES: all commands")
@variants("code", _MANDATORY.values(), ids=_MANDATORY)
def test_the_list_of_commands_has_the_mandatory_ones(session: Session, code: int) -> None:
    """All commands are listed: what every device server has to have is among them."""
    data = _told(session, _report(0))
    length, listed, at = int.from_bytes(data[:4]), set(), 4
    assert length + 4 == len(data), f"COMMAND DATA LENGTH is {length}, and {len(data)} octets came"
    while at + 8 <= len(data):
        listed.add(data[at])
        at += 20 if data[at + 5] & 0x02 else 8
    assert code in listed, f"the list has {sorted(listed)}"


@scsi_case("scsi-codes-02", "SPC-4 6.35, REPORT SUPPORTED OPERATION CODES: one command")
@variants("code, size", [(0x12, 6), (0x28, 10), (0xA0, 12), (0x88, 16)], ids=["12", "28", "a0", "88"])
def test_usage_data_begin_with_the_operation_code(session: Session, code: int, size: int) -> None:
    """The CDB usage data of a command are as long as its CDB, and begin with its operation code."""
    data = _told(session, _report(1, code))
    assert data[1] & 7 == 3, f"SUPPORT is {data[1] & 7}"
    assert (int.from_bytes(data[2:4]), data[4]) == (size, code)


@scsi_case("scsi-codes-03", "SPC-4 6.35, REPORT SUPPORTED OPERATION CODES: one command")
def test_a_command_that_is_not_there_is_told_to_be_so(session: Session) -> None:
    """SUPPORT is 001b for an operation code that the device server does not have."""
    _told(session, _report(0))
    data = data_of(session, _report(1, 0xC1), 8192)
    assert data[1] & 7 == 1, f"SUPPORT is {data[1] & 7}"


@scsi_case("scsi-codes-04", "SPC-4 6.35, REPORT SUPPORTED OPERATION CODES command")
@variants("options", [4, 7], ids=["4", "7"])
def test_reserved_reporting_options_are_refused(session: Session, options: int) -> None:
    """REPORTING OPTIONS from 100b on are reserved."""
    _told(session, _report(0))
    session.command(_report(options, 0x12), read=8192).expect(refused(INVALID_FIELD))
