"""Unit attention conditions: who is told, how often, and which commands neither tell nor clear them."""

from __future__ import annotations

from conformance.api import CommandResult, Session, TaskManagementFunction, expect, variants
from conformance.suites.scsi.commands import READY, data_of, inquiry, scsi_case, settle
from initiator_sim.expectation import Expectation

_SOURCE = "SAM-5 5.14, unit attention conditions"
_RESET: Expectation[CommandResult] = expect.check_condition(6, 0x29)
_REPORT_LUNS = bytes((0xA0, 0, 0, 0, 0, 0, 0, 0, 16, 0, 0, 0))
_REQUEST_SENSE = bytes((0x03, 0, 0, 0, 252, 0))
passing = variants("cdb, length", [(inquiry(length=36), 36), (_REPORT_LUNS, 4096)], ids=["inquiry", "luns"])


def _reset(one: Session, other: Session) -> None:
    """Have a LOGICAL UNIT RESET of one session establish a unit attention condition for the other."""
    settle(other)
    one.task_management(TaskManagementFunction.LOGICAL_UNIT_RESET)
    settle(one)


@scsi_case("scsi-attention-01", _SOURCE, disturbs=True)
def test_an_attention_is_reported_once(session: Session, second_session: Session) -> None:
    """A unit attention condition ends one command of its nexus, which is not executed, and is cleared by that."""
    _reset(session, second_session)
    second_session.command(READY).expect(_RESET)
    second_session.command(READY).expect(expect.good())


@scsi_case("scsi-attention-02", _SOURCE, disturbs=True)
@passing
def test_some_commands_leave_an_attention_alone(
    session: Session, second_session: Session, cdb: bytes, length: int
) -> None:
    """INQUIRY and REPORT LUNS are executed, and neither report nor clear a unit attention condition."""
    _reset(session, second_session)
    cdb = cdb if length == 36 else cdb[:6] + length.to_bytes(4) + cdb[10:]
    second_session.command(cdb, read=length).expect(expect.good(residual=None))
    second_session.command(READY).expect(_RESET)


@scsi_case("scsi-attention-03", "SPC-4 6.39, REQUEST SENSE command", disturbs=True)
def test_request_sense_returns_an_attention(session: Session, second_session: Session) -> None:
    """REQUEST SENSE succeeds, has the unit attention condition in its data, and clears it."""
    _reset(session, second_session)
    data = data_of(second_session, _REQUEST_SENSE, 252, 14)
    assert (data[2] & 0xF, data[12]) == (6, 0x29), (
        f"sense key {data[2] & 0xF:X}h, additional sense code {data[12]:02X}h"
    )
    second_session.command(READY).expect(expect.good())


@scsi_case("scsi-attention-04", _SOURCE, disturbs=True)
def test_each_nexus_is_told_by_itself(session: Session, second_session: Session) -> None:
    """That one nexus was told does not clear the condition of another."""
    settle(second_session)
    session.task_management(TaskManagementFunction.LOGICAL_UNIT_RESET)
    settle(session)
    second_session.command(READY).expect(_RESET)
