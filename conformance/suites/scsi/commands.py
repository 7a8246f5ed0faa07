"""What cases about SCSI commands have in common: CDBs of every size, and how a target says that it lacks a command."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any, TypeVar

from conformance.api import CommandResult, Session, Unsupported, case, expect
from initiator_sim.expectation import Expectation, Mismatch

F = TypeVar("F", bound=Callable[..., Any])

ILLEGAL_REQUEST, DATA_PROTECT, MISCOMPARE = 5, 7, 0xE
NO_COMMAND, LBA_OUT_OF_RANGE, INVALID_FIELD, NO_UNIT, LIST_LENGTH = 0x20, 0x21, 0x24, 0x25, 0x1A
READS = {6: 0x08, 10: 0x28, 12: 0xA8, 16: 0x88}
WRITES = {6: 0x0A, 10: 0x2A, 12: 0xAA, 16: 0x8A}
VERIFIES = {10: 0x2F, 12: 0xAF, 16: 0x8F}
WRITE_VERIFIES = {10: 0x2E, 12: 0xAE, 16: 0x8E}
SYNCHRONIZES = {10: 0x35, 16: 0x91}
PREFETCHES = {10: 0x34, 16: 0x90}
WRITE_SAMES = {10: 0x41, 16: 0x93}
GET_LBA_STATUS, COMPARE_AND_WRITE, OR_WRITE, WRITE_ATOMIC, UNMAP = 0x12, 0x89, 0x8B, 0x9C, 0x42
READY = bytes(6)
_MOST_ATTENTIONS = 6


def scsi_case(identifier: str, source: str, **rest: Any) -> Callable[[F], F]:
    """Make a case whose rule is from a SCSI standard: `scsi_case("scsi-read-01", "SBC-3 5.11, READ (10) command")`."""
    return case(identifier, **{"source": source, "level": "MUST"} | rest)


def blocks(code: int, lba: int, count: int, flags: int = 0) -> bytes:
    """The CDB of a command that names blocks; its size is that of its operation code's group (SPC-4)."""
    group = code >> 5
    if group == 0:
        return bytes((code,)) + lba.to_bytes(3) + bytes((count & 0xFF, 0))
    form = {1: ">BBLxHx", 2: ">BBLxHx", 4: ">BBQLxx", 5: ">BBLLxx"}[group]
    return struct.pack(form, code, flags, lba, count)


def run(session: Session, cdb: bytes, **arguments: Any) -> CommandResult:
    """Execute a command.

    Raises:
        Unsupported: the target says that it does not have it.
    """
    result = session.command(cdb, **arguments)
    sense = result.sense
    if sense is not None and (sense.key, sense.asc) == (ILLEGAL_REQUEST, NO_COMMAND):
        raise Unsupported(f"the target has no command {cdb[0]:02X}h")
    return result


def offered(session: Session, cdb: bytes, **arguments: Any) -> CommandResult:
    """Execute a command with a service action, or with a feature that a target need not have.

    One that reads is first sent without room for data: a target that does not have it may send some all the same.

    Raises:
        Unsupported: it ends with INVALID COMMAND OPERATION CODE or INVALID FIELD IN CDB.
    """
    if "read" in arguments:
        _decline(run(session, cdb), cdb)
    result = run(session, cdb, **arguments)
    _decline(result, cdb)
    return result


def _decline(result: CommandResult, cdb: bytes) -> None:
    sense = result.sense
    if sense is not None and (sense.key, sense.asc) == (ILLEGAL_REQUEST, INVALID_FIELD):
        raise Unsupported(f"the target has no such command {cdb[:2].hex(' ')}")


def offered_data(session: Session, cdb: bytes, length: int, least: int = 4) -> bytes:
    """What such a command returns; at least so many octets."""
    return _enough(offered(session, cdb, read=length), least)


def settle(session: Session) -> None:
    """Take in what a session still has to be told."""
    for _ in range(_MOST_ATTENTIONS):
        if not session.command(READY).status:
            return


def inquiry(page: int | None = None, length: int = 255) -> bytes:
    """The CDB of INQUIRY: standard data, or a vital product data page."""
    return struct.pack(">BBBHx", 0x12, page is not None, page or 0, length)


def units(session: Session) -> list[int]:
    """The logical units that a session sees, its own before all others."""
    data = data_of(session, struct.pack(">BxB3xLxx", 0xA0, 0, 4096), 4096)
    found = [int.from_bytes(data[at : at + 2]) & 0x3FFF for at in range(8, len(data), 8)]
    return sorted(found, key=lambda lun: lun != session.initiator.lun)


def refused(asc: int, ascq: int | None = None) -> Expectation[CommandResult]:
    """The command ends with ILLEGAL REQUEST and this additional sense code."""
    return expect.check_condition(ILLEGAL_REQUEST, asc, ascq)


def data_of(session: Session, cdb: bytes, length: int, least: int = 4) -> bytes:
    """What a command returns that has to succeed, and to bring at least so many octets."""
    return _enough(run(session, cdb, read=length), least)


def _enough(result: CommandResult, least: int) -> bytes:
    def judge(result: CommandResult) -> CommandResult | Mismatch:
        return result if result.received >= least else Mismatch(f"{result.received} octets came", "data")

    result.expect(expect.good(residual=None))
    result.expect(Expectation(f"at least {least} octets", judge))
    return result.data[: result.received]


def capacity(session: Session) -> tuple[int, int]:
    """The number of blocks and the length of one, as READ CAPACITY (10) tells them."""
    last, length = struct.unpack(">LL", data_of(session, bytes((0x25,)).ljust(10, b"\0"), 8, 8))
    if last == 0xFFFFFFFF:
        raise Unsupported("READ CAPACITY (10) cannot tell the size of so large a disk")
    return last + 1, length


def capacity_16(session: Session) -> bytes:
    """What READ CAPACITY (16) returns."""
    return data_of(session, struct.pack(">BB8xLxx", 0x9E, 0x10, 32), 32, 16)


def require_no_protection(session: Session) -> None:
    """Go on only if the unit has no protection information."""
    if capacity_16(session)[12] & 1:
        raise Unsupported("the unit is formatted with protection information")


def require_thin(session: Session) -> None:
    """Go on only if the unit gives storage back (LBPME), and returns zeros for it (LBPRZ)."""
    if capacity_16(session)[14] & 0xC0 != 0xC0:
        raise Unsupported("the unit is fully provisioned, or says nothing of what unmapped blocks hold")
