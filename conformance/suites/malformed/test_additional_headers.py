from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from conformance.api import NopOut, RejectReason, ScsiCommand, ScsiResponse, Session, case, expect, variants
from conformance.suites.blocks import pattern
from initiator_sim.expectation import Expectation
from initiator_sim.starting import lun_field
from iscsi_wire.scsi import TestUnitReady

_REFUSED = {RejectReason.PROTOCOL_ERROR, RejectReason.COMMAND_NOT_SUPPORTED, RejectReason.INVALID_PDU_FIELD}
_VARIABLE_LENGTH, _XDWRITEREAD = 0x7F, 0x53


def _refused() -> Expectation[Any]:
    """The PDU is refused, or ends the session as a format error does (RFC 7143, 7.7)."""
    return expect.any_of(expect.rejected(_REFUSED), expect.connection_closed())


def _send(session: Session, ahs: bytes) -> None:
    """Send TEST UNIT READY with additional header segments."""
    cdb = TestUnitReady().encode().ljust(16, b"\0")
    session.send(ScsiCommand, attr=1, lun=lun_field(session.initiator.lun), cdb=cdb, ahs=ahs, immediate=1)


def _variable_length_command(length: int) -> bytes:
    """Return a CDB of SPC's variable length format, of a service action that nobody has."""
    return bytes([_VARIABLE_LENGTH, 0, 0, 0, 0, 0, 0, length - 8, 0xFF, 0xF0]).ljust(length, b"\0")


@case("ahs-extended-cdb-01", "7143-11.2.1-01", "7143-4.6-01", "7143-11.1-01")
@variants("length", [20, 32, 36, 260], ids=["short", "usual", "not-padded", "longest"])
def test_extended_cdb_is_understood(session: Session, length: int) -> None:
    """> Whenever the CDB is larger than 16 bytes, an Extended CDB AHS MUST be used to contain the CDB spillover.

    The command is unknown, so it ends with CHECK CONDITION; the PDU that carries it is in order.
    """
    result = session.command(_variable_length_command(length))
    result.expect(expect.any_of(expect.check_condition(key=5), expect.rejected(RejectReason.COMMAND_NOT_SUPPORTED)))
    session.nop(b"still in step", immediate=1)


@case("ahs-extended-cdb-02", "7143-11.1-01", "7143-4.6-01", needs="immediate-data")
def test_data_behind_an_extended_cdb_are_found(session: Session) -> None:
    """Immediate data lie behind the additional header segments, and the next PDU behind the data."""
    data = pattern(512)
    result = session.command(_variable_length_command(32), write=data, immediate_data=len(data))
    result.expect(expect.any_of(expect.check_condition(key=5), expect.rejected(RejectReason.COMMAND_NOT_SUPPORTED)))
    session.nop(b"still in step", immediate=1)


_IMPOSSIBLE: Mapping[str, bytes] = {
    "beyond-the-area": b"\x00\xff\x01\x00" + bytes(4),
    "far-beyond": b"\xff\xff\x02\x00" + bytes(4),
    "empty": b"\x00\x00\x01\x00" + bytes(4),
    "read-length-of-wrong-size": b"\x00\x02\x02\x00" + bytes(4),
}


@case("ahs-length-01", "7143-7.7-01", level="FORMAT")
@variants("area", _IMPOSSIBLE.values(), ids=_IMPOSSIBLE)
def test_impossible_segment_length_does_not_put_the_target_out_of_step(session: Session, area: bytes) -> None:
    """> Inconsistent field contents are format errors.

    Nobody has to look closely at a segment that the command does not need (RFC 7143, 7.10), but TotalAHSLength tells
    where the PDU goes on.
    """
    _send(session, area)
    session.expect(expect.any_of(_refused(), expect.pdu(ScsiResponse)))
    if not session.connection.ended:
        session.nop(b"still in step", immediate=1)


@case("ahs-type-01", "7143-11-04")
@variants("code", [0, 3, 63], ids=["zero", "three", "last"])
def test_reserved_segment_type_is_a_protocol_error(session: Session, code: int) -> None:
    """> 0 - Reserved; 3 - 63 Reserved.
    > Receipt of reserved code values in defined fields MUST be reported as a protocol error.
    """
    _send(session, bytes([0, 5, code, 0]) + bytes(4))
    session.expect(expect.any_of(_refused(), expect.pdu(ScsiResponse, status=2)))


@case("ahs-place-01", "7143-11.2.1.5-02", "7143-4.6-01", level="FORMAT")
def test_segment_where_none_belongs_does_not_put_the_target_out_of_step(session: Session) -> None:
    """> The TotalAHSLength is only used in PDUs that have an AHS and MUST be 0 in all other PDUs.

    A NOP-Out with one is refused, or served without it; what follows is understood.
    """
    session.send(NopOut, ahs=bytes([0, 5, 1, 0]) + bytes(4), data=b"behind", immediate=1)
    session.expect(expect.any_of(_refused(), expect.nop_in(data=b"behind")))
    if not session.connection.ended:
        session.nop(b"still in step")


@case("ahs-bidirectional-01", "7143-4.2.5.2-13", "7143-11.4-01", level="FORMAT")
def test_bidirectional_command_is_answered(session: Session) -> None:
    """> For bidirectional operations, an additional header segment MUST be present in the header sequence that
    > indicates the Bidirectional Read Expected Data Transfer Length.

    Few logical units know such commands; those that do not say so.
    """
    cdb = bytes([_XDWRITEREAD, 0, 0, 0, 0, 0, 0, 0, 1, 0])
    result = session.command(cdb, read=512, write=pattern(512))
    refused = expect.rejected({RejectReason.COMMAND_NOT_SUPPORTED, RejectReason.INVALID_PDU_FIELD})
    result.expect(expect.any_of(expect.good(residual=None), expect.check_condition(), refused))


@case("ahs-bidirectional-02", "7143-7.7-01", level="FORMAT")
def test_bidirectional_command_without_read_length_is_answered(session: Session) -> None:
    """A command with R and W that does not say how much it reads is refused or fails; it is not left unanswered."""
    cdb = bytes([_XDWRITEREAD, 0, 0, 0, 0, 0, 0, 0, 1, 0])
    task = session.start(cdb, write=pattern(512), read=1)
    task.expect(expect.any_of(_refused(), expect.good(residual=None), expect.check_condition()))
