"""Self-tests and diagnostic pages, READ BUFFER and WRITE BUFFER, and which task management functions are reported."""

from __future__ import annotations

import struct

from conformance.api import (
    Session,
    TaskManagementFunction,
    TaskManagementResponseCode,
    Unsupported,
    expect,
    variants,
)
from conformance.suites.blocks import pattern
from conformance.suites.scsi.commands import INVALID_FIELD, offered, offered_data, refused, run, scsi_case, settle

_SEND = "SPC-4 6.42, SEND DIAGNOSTIC command"
_RECEIVE = "SPC-4, RECEIVE DIAGNOSTIC RESULTS command"
_WRITE_BUFFER, _READ_BUFFER = "SPC-4 6.49, WRITE BUFFER command", "SPC-4 6.18, READ BUFFER command"
_FUNCTIONS = "SPC-4 6.36, REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS command"
_DATA, _DESCRIPTOR, _ECHO, _ECHO_DESCRIPTOR = 2, 3, 0x0A, 0x0B
_SELFTEST, _SHORT = 0x04, 0xA0
_EBOS = 0x01
_CLEAR_ACA, _ABORT_TASK, _ABORT_TASK_SET, _RESET = 0x20, 0x80, 0x40, 0x08


@scsi_case("scsi-diagnostic-01", _SEND, disturbs=True)
@variants("flags", [_SELFTEST, _SHORT], ids=["default", "short"])
def test_a_self_test_passes(session: Session, flags: int) -> None:
    """The default self-test, and the short one in the foreground, end with GOOD on a sound unit."""
    cdb = bytes((0x1D, flags, 0, 0, 0, 0))
    (run(session, cdb) if flags == _SELFTEST else offered(session, cdb)).expect(expect.good())


@scsi_case("scsi-diagnostic-02", _SEND, disturbs=True, level="SHOULD")
def test_one_self_test_is_asked_for(session: Session) -> None:
    """SELFTEST together with a SELF-TEST CODE, which then has to be 000b, is an invalid field of the CDB."""
    run(session, bytes((0x1D, _SELFTEST | _SHORT, 0, 0, 0, 0))).expect(refused(INVALID_FIELD, 0))


@scsi_case("scsi-diagnostic-03", _RECEIVE)
def test_diagnostic_pages_list_themselves(session: Session) -> None:
    """Diagnostic page 00h lists the pages that there are, itself among them, in ascending order."""
    data = offered_data(session, bytes((0x1C, 1, 0, 0, 255, 0)), 255)
    length = int.from_bytes(data[2:4])
    assert data[0] == 0 and length + 4 == len(data), f"page {data[0]:02X}h, PAGE LENGTH {length}, {len(data)} octets"
    pages = list(data[4:])
    assert pages[:1] == [0] and pages == sorted(set(pages)), f"the pages are {data[4:].hex(' ')}"


@scsi_case("scsi-diagnostic-04", _RECEIVE)
def test_a_diagnostic_page_that_is_not_there_is_refused(session: Session) -> None:
    """A diagnostic page that is not listed is an invalid field of the CDB."""
    pages = offered_data(session, bytes((0x1C, 1, 0, 0, 255, 0)), 255)[4:]
    page = max(set(range(0x80)) - set(pages))
    run(session, bytes((0x1C, 1, page, 0, 255, 0)), read=255).expect(refused(INVALID_FIELD, 0))


def _read_buffer(mode: int, length: int, *, buffer: int = 0, offset: int = 0) -> bytes:
    return bytes((0x3C, mode, buffer)) + offset.to_bytes(3) + length.to_bytes(3) + b"\0"


def _write_buffer(mode: int, length: int, *, buffer: int = 0, offset: int = 0) -> bytes:
    return bytes((0x3B, mode, buffer)) + offset.to_bytes(3) + length.to_bytes(3) + b"\0"


def _data_capacity(session: Session) -> int:
    return int.from_bytes(offered_data(session, _read_buffer(_DESCRIPTOR, 4), 4)[1:4])


def _echo_descriptor(session: Session) -> tuple[int, bool]:
    """Capacity of the echo buffer, and whether each nexus has its own (EBOS)."""
    data = offered_data(session, _read_buffer(_ECHO_DESCRIPTOR, 4), 4)
    return int.from_bytes(data[2:4]) & 0x1FFF, bool(data[0] & _EBOS)


@scsi_case("scsi-buffer-01", _WRITE_BUFFER, disturbs=True)
@variants("offset", [0, 64], ids=["0", "64"])
def test_the_data_buffer_returns_what_was_written(session: Session, offset: int) -> None:
    """READ BUFFER in data mode returns what WRITE BUFFER in data mode has written there."""
    if _data_capacity(session) < offset + 512:
        raise Unsupported("the data buffer is too small")
    data = pattern(512, offset)
    offered(session, _write_buffer(_DATA, 512, offset=offset), write=data).expect(expect.good())
    run(session, _read_buffer(_DATA, 512, offset=offset), read=512).expect(expect.good(data=data))


@scsi_case("scsi-buffer-02", _WRITE_BUFFER, disturbs=True)
def test_writes_behind_the_data_buffer_are_refused(session: Session) -> None:
    """More octets than BUFFER CAPACITY leaves room for are an invalid field of the CDB, and change nothing."""
    room = _data_capacity(session)
    if not 0 < room < 0xFFFFFF:
        raise Unsupported(f"BUFFER CAPACITY is {room}")
    before = run(session, _read_buffer(_DATA, 4, offset=room - 4), read=4).expect(expect.good()).data
    data = bytes(octet ^ 0xFF for octet in before) * 2
    run(session, _write_buffer(_DATA, 8, offset=room - 4), write=data).expect(refused(INVALID_FIELD, 0))
    run(session, _read_buffer(_DATA, 4, offset=room - 4), read=4).expect(expect.good(data=before))


@scsi_case("scsi-buffer-03", _READ_BUFFER, disturbs=True)
def test_the_echo_buffer_returns_what_its_nexus_wrote(session: Session, second_session: Session) -> None:
    """READ BUFFER in echo mode returns what the same nexus wrote; with EBOS another's write does not touch it."""
    room, own = _echo_descriptor(session)
    length = min(room, 256)
    mine, others = pattern(length, 1), pattern(length, 2)
    offered(session, _write_buffer(_ECHO, length), write=mine).expect(expect.good())
    if own:
        run(second_session, _write_buffer(_ECHO, length), write=others).expect(expect.good())
    run(session, _read_buffer(_ECHO, length), read=length).expect(expect.good(data=mine))


@scsi_case("scsi-buffer-04", _READ_BUFFER)
def test_an_echo_buffer_that_nobody_wrote_has_nothing(session: Session, second_session: Session) -> None:
    """With EBOS, READ BUFFER in echo mode before any WRITE BUFFER of that nexus is a COMMAND SEQUENCE ERROR."""
    if not _echo_descriptor(session)[1]:
        raise Unsupported("EBOS is 0: all nexuses share the echo buffer")
    run(second_session, _read_buffer(_ECHO, 16), read=16).expect(refused(0x2C, 0))


@scsi_case("scsi-buffer-05", _READ_BUFFER)
@variants("mode", [0x0F, 0x1E], ids=["0f", "1e"])
def test_reserved_buffer_modes_are_refused(session: Session, mode: int) -> None:
    """A MODE of READ BUFFER that is reserved is an invalid field of the CDB."""
    _data_capacity(session)
    run(session, _read_buffer(mode, 16), read=16).expect(refused(INVALID_FIELD, 0))


def _reported(session: Session, *, repd: int = 0) -> bytes:
    return offered_data(session, struct.pack(">BBB3xLxx", 0xA3, 0x0D, repd << 7, 32), 32)


@scsi_case("scsi-functions-01", _FUNCTIONS, disturbs=True)
@variants(
    "function, bit",
    [(TaskManagementFunction.CLEAR_ACA, _CLEAR_ACA), (TaskManagementFunction.ABORT_TASK_SET, _ABORT_TASK_SET)],
    ids=["clear-aca", "abort-task-set"],
)
def test_functions_are_there_if_they_are_reported(session: Session, function: int, bit: int) -> None:
    """A function whose bit is set is answered "function complete", and another "not supported"."""
    told = bool(_reported(session)[0] & bit)
    code = session.task_management(function).header.response
    settle(session)
    unsupported = code == TaskManagementResponseCode.FUNCTION_NOT_SUPPORTED
    assert told != unsupported, f"the bit is {int(told)}, and the response is {code}"


@scsi_case("scsi-functions-02", _FUNCTIONS)
def test_mandatory_functions_are_reported(session: Session) -> None:
    """ABORT TASK and LOGICAL UNIT RESET, which every logical unit has, are reported."""
    told = _reported(session)[0]
    assert told & _ABORT_TASK and told & _RESET, f"the bits are {told:08b}b"


@scsi_case("scsi-functions-03", _FUNCTIONS)
def test_extended_data_are_there_on_request(session: Session) -> None:
    """With REPD the parameter data have the length of the extended format, 16 octets; without, 4."""
    assert len(_reported(session)) == 4, "without REPD other than 4 octets came"
    data = _reported(session, repd=1)
    assert (len(data), data[3]) == (16, 12), f"{len(data)} octets came, ADDITIONAL DATA LENGTH is {data[3]}"
