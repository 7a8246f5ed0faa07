"""START STOP UNIT, PREVENT ALLOW MEDIUM REMOVAL, READ DEFECT DATA; and what FORMAT UNIT and SANITIZE refuse."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from conformance.api import CommandResult, Session, Unsupported, expect, settle, variants
from conformance.suites.scsi.commands import (
    INVALID_FIELD,
    LIST_LENGTH,
    READS,
    READY,
    blocks,
    capacity,
    data_of,
    inquiry,
    offered,
    refused,
    run,
    scsi_case,
    units,
)
from conformance.suites.scsi.commands import settle as settle_attentions

_START_STOP = "SBC-3 5.25, START STOP UNIT command"
_PREVENT = "SBC-3 5.10, PREVENT ALLOW MEDIUM REMOVAL command"
_DEFECTS = "SBC-3 5.17 and 5.18, READ DEFECT DATA commands"
_SANITIZE = "SBC-3 5.24, SANITIZE command"
_OVERWRITE, _FMTDATA = 0x01, 0x10
_STOPPED, _NO_MEDIUM, _PREVENTED = (2, 4, 2), (2, 0x3A), (5, 0x53, 2)


def _start_stop(flags: int, *, immediate: int = 0) -> bytes:
    """START is bit 0 of `flags`, LOEJ bit 1."""
    return bytes((0x1B, immediate, 0, 0, flags, 0))


@pytest.fixture
def startable(session: Session, second_session: Session) -> Iterator[tuple[Session, Session]]:
    """Two sessions on a unit that is stopped by one, and started in the end."""
    yield session, second_session
    session.command(_start_stop(1))
    settle_attentions(session)
    settle_attentions(second_session)


@scsi_case("scsi-stop-01", _START_STOP, disturbs=True)
def test_a_stopped_unit_is_not_ready(startable: tuple[Session, Session]) -> None:
    """Between START 0 and START 1, everybody's commands to the medium end with INITIALIZING COMMAND REQUIRED."""
    one, other = startable
    if data_of(one, inquiry(), 255, 36)[1] & 0x80:
        raise Unsupported("the medium is removable: to stop it may mean something else")
    run(one, _start_stop(0)).expect(expect.good())
    for each in startable:
        each.command(READY).expect(expect.check_condition(*_STOPPED))
        each.command(blocks(READS[10], 0, 0)).expect(expect.check_condition(*_STOPPED))
    run(one, _start_stop(1)).expect(expect.good())
    settle_attentions(other)
    other.command(READY).expect(expect.good())


@scsi_case("scsi-stop-02", _START_STOP, disturbs=True)
def test_a_stopped_unit_can_be_asked(startable: tuple[Session, Session]) -> None:
    """INQUIRY, REPORT LUNS and REQUEST SENSE are executed while the unit is stopped; the latter tells why it is not
    ready.
    """
    one, _ = startable
    if data_of(one, inquiry(), 255, 36)[1] & 0x80:
        raise Unsupported("the medium is removable: to stop it may mean something else")
    run(one, _start_stop(0)).expect(expect.good())
    one.command(inquiry(length=36), read=36).expect(expect.good())
    one.command(struct.pack(">BxB3xLxx", 0xA0, 0, 4096), read=4096).expect(expect.good(residual=None))
    data = data_of(one, bytes((0x03, 0, 0, 0, 252, 0)), 252, 14)
    found = (data[2] & 0xF, data[12], data[13])
    assert found == _STOPPED, f"REQUEST SENSE tells of {found[0]:X}h/{found[1]:02X}h/{found[2]:02X}h"


@scsi_case("scsi-stop-03", _START_STOP, disturbs=True)
@variants("immediate", [0, 1], ids=["wait", "immediate"])
def test_starting_what_runs_is_no_error(startable: tuple[Session, Session], immediate: int) -> None:
    """START 1 to a unit that is started already succeeds, with IMMED as well."""
    run(startable[0], _start_stop(1, immediate=immediate)).expect(expect.good())


@scsi_case("scsi-stop-04", _START_STOP + ": LOEJ", disturbs=True, level="SHOULD")
def test_a_fixed_medium_is_not_ejected(startable: tuple[Session, Session]) -> None:
    """LOEJ to a unit whose medium cannot be removed is refused, and the unit stays ready."""
    one, _ = startable
    if data_of(one, inquiry(), 255, 36)[1] & 0x80:
        raise Unsupported("the medium is removable")
    run(one, _start_stop(2)).expect(refused(INVALID_FIELD, 0))
    one.command(READY).expect(expect.good())


@dataclass(frozen=True)
class _Drive:
    """A unit with a removable medium, and two sessions on it."""

    one: Session
    other: Session
    lun: int

    def run(self, session: Session, cdb: bytes, read: int = 0) -> CommandResult:
        """Execute a command on it."""
        return session.command(cdb, read=read, lun=self.lun)

    def prevent(self, session: Session, value: int) -> CommandResult:
        """PREVENT ALLOW MEDIUM REMOVAL."""
        return self.run(session, bytes((0x1E, 0, 0, 0, value, 0)))


@pytest.fixture
def drive(session: Session, second_session: Session) -> Iterator[_Drive]:
    """A unit with a removable medium; in the end that is loaded, and nobody prevents its removal."""
    removable = [
        lun for lun in units(session) if session.command(inquiry(length=36), read=36, lun=lun).data[:2] == b"\0\x80"
    ]
    if not removable:
        raise Unsupported("no unit is a disk whose medium is removable")
    drive = _Drive(session, second_session, removable[0])
    settle(session, drive.lun)
    settle(second_session, drive.lun)
    yield drive
    for each in (session, second_session):
        drive.prevent(each, 0)
        drive.run(each, _start_stop(3))
        settle(each, drive.lun)


@scsi_case("scsi-eject-01", _START_STOP + ": LOEJ", disturbs=True)
def test_an_ejected_medium_is_not_present(drive: _Drive) -> None:
    """After LOEJ with START 0 commands end with MEDIUM NOT PRESENT; after LOEJ with START 1 the unit is ready again."""
    drive.run(drive.one, _start_stop(2)).expect(expect.good())
    drive.run(drive.one, READY).expect(expect.check_condition(*_NO_MEDIUM))
    drive.run(drive.one, inquiry(length=36), 36).expect(expect.good())
    drive.run(drive.one, _start_stop(3)).expect(expect.good())
    settle(drive.one, drive.lun)
    drive.run(drive.one, READY).expect(expect.good())


@scsi_case("scsi-eject-02", "SAM-5 5.14, unit attention conditions", disturbs=True)
def test_others_are_told_of_another_medium(drive: _Drive) -> None:
    """When a medium is loaded, other nexuses have the unit attention condition MEDIUM MAY HAVE CHANGED."""
    drive.run(drive.one, _start_stop(2)).expect(expect.good())
    drive.run(drive.other, READY).expect(expect.check_condition(*_NO_MEDIUM))
    drive.run(drive.one, _start_stop(3)).expect(expect.good())
    drive.run(drive.other, READY).expect(expect.check_condition(6, 0x28, 0))


@scsi_case("scsi-eject-03", _PREVENT, disturbs=True)
def test_removal_can_be_prevented(drive: _Drive) -> None:
    """While one nexus prevents the removal, nobody's LOEJ ejects the medium; when it allows it again, it does."""
    drive.prevent(drive.one, 1).expect(expect.good())
    for each in (drive.one, drive.other):
        drive.run(each, _start_stop(2)).expect(expect.check_condition(*_PREVENTED))
    drive.prevent(drive.other, 0).expect(expect.good())
    drive.run(drive.other, _start_stop(2)).expect(expect.check_condition(*_PREVENTED))
    drive.prevent(drive.one, 0).expect(expect.good())
    drive.run(drive.other, _start_stop(2)).expect(expect.good())


@scsi_case("scsi-defects-01", _DEFECTS)
@variants("size", [10, 12], ids=["10", "12"])
def test_defect_lists_are_as_long_as_they_say(session: Session, size: int) -> None:
    """READ DEFECT DATA tells which lists it returns, and DEFECT LIST LENGTH is what follows."""
    cdb = struct.pack(">BxB4xHx", 0x37, 0x18, 4096) if size == 10 else struct.pack(">BB4xL2x", 0xB7, 0x18, 4096)
    result = offered(session, cdb, read=4096)
    if result.sense is not None and result.sense.key == 1:
        raise Unsupported("there are no defect lists: RECOVERED ERROR")
    data = result.expect(expect.good(residual=None)).data[: result.received]
    head = 4 if size == 10 else 8
    length = int.from_bytes(data[head // 2 : head])
    assert data[1] & 0x18 == 0x18, f"PLISTV and GLISTV are {data[1] >> 3 & 3:02b}b"
    assert len(data) == min(length + head, 4096), f"DEFECT LIST LENGTH is {length}, and {len(data)} octets came"


@scsi_case("scsi-sanitize-01", _SANITIZE, disturbs=True, destructive=True)
@variants("length", [0, 4], ids=["0", "4"])
def test_an_overwrite_without_a_pattern_is_refused(session: Session, length: int) -> None:
    """SANITIZE, OVERWRITE whose parameter list has no initialization pattern is refused, and the unit stays ready."""
    cdb = struct.pack(">BB5xHx", 0x48, _OVERWRITE, length)
    data = bytes((1, 0, 0, 0))[:length]
    _supports(session, 0x48, _OVERWRITE)
    session.command(cdb, write=data).expect(expect.any_of(*(refused(code) for code in (INVALID_FIELD, 0x1A, 0x26))))
    session.command(READY).expect(expect.good())


@scsi_case("scsi-sanitize-02", _SANITIZE, disturbs=True, destructive=True)
def test_a_reserved_sanitize_action_is_refused(session: Session) -> None:
    """A service action of SANITIZE that is reserved is an invalid field of the CDB."""
    run(session, struct.pack(">BB5xHx", 0x48, 0x1E, 0)).expect(refused(INVALID_FIELD, 0))
    session.command(READY).expect(expect.good())


@scsi_case("scsi-format-01", "SBC-3 5.3, FORMAT UNIT command", disturbs=True, destructive=True)
def test_a_format_list_shorter_than_its_header_is_refused(session: Session) -> None:
    """FORMAT UNIT with FMTDATA and less than a parameter list header is refused, and nothing is formatted."""
    _supports(session, 0x04)
    session.command(bytes((0x04, _FMTDATA, 0, 0, 0, 0)), write=bytes(2)).expect(
        expect.any_of(refused(LIST_LENGTH), refused(0x26), refused(0x0E), refused(INVALID_FIELD))
    )
    session.command(READY).expect(expect.good())
    assert capacity(session)[0]


def _supports(session: Session, code: int, action: int | None = None) -> None:
    """Go on only if REPORT SUPPORTED OPERATION CODES has a command: to try it would destroy data.

    Raises:
        Unsupported: it has not, or there is no such report.
    """
    options = 1 if action is None else 2
    result = offered(session, struct.pack(">BBBBHLxx", 0xA3, 0x0C, options, code, action or 0, 64), read=64)
    if result.status or result.data[1] & 7 != 3:
        raise Unsupported(f"REPORT SUPPORTED OPERATION CODES does not have command {code:02X}h")
