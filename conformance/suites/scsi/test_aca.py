"""Auto contingent allegiance (ACA): what NACA in the CONTROL byte does, what passes, and how the condition ends."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from conformance.api import (
    CommandResult,
    ScsiStatus,
    Session,
    TaskManagementFunction,
    TaskManagementResponseCode,
    Unsupported,
    expect,
    variants,
)
from conformance.suites.scsi.commands import (
    INVALID_FIELD,
    LBA_OUT_OF_RANGE,
    READS,
    READY,
    blocks,
    capacity,
    data_of,
    inquiry,
    refused,
    scsi_case,
    settle,
)
from conformance.suites.scsi.modes import TST, change, mode_page, mode_select, require_changeable
from conformance.suites.scsi.reservations import held, preempt_and_abort
from initiator_sim.expectation import Expectation
from iscsi_wire.constants import TaskAttribute

_SOURCE = "SAM-5, auto contingent allegiance"
_NACA = 0x04
_NORMACA = 0x20
_ACTIVE: Expectation[CommandResult] = expect.status(ScsiStatus.ACA_ACTIVE)
attributes = variants("naca", [0, _NACA], ids=["plain", "naca"])


def _with(cdb: bytes, naca: int = _NACA) -> bytes:
    """A command with NACA in the CONTROL byte, which is the last octet."""
    return cdb[:-1] + bytes((cdb[-1] | naca,))


def _has_aca(session: Session) -> bool:
    return bool(data_of(session, inquiry(), 255, 36)[3] & _NORMACA)


@dataclass(frozen=True)
class _Pair:
    """Two sessions of different initiators, and a READ that fails: its CDB and length."""

    one: Session
    other: Session
    failing: bytes
    length: int

    def fail(self, session: Session, naca: int, attribute: int = TaskAttribute.SIMPLE) -> None:
        """Have a command end with CHECK CONDITION."""
        cdb = _with(self.failing, naca)
        session.command(cdb, read=self.length, attr=attribute).expect(refused(LBA_OUT_OF_RANGE, 0))


def _clear(session: Session) -> int:
    return int(session.task_management(TaskManagementFunction.CLEAR_ACA).header.response)


@pytest.fixture
def aca(session: Session, second_session: Session) -> Iterator[_Pair]:
    """Two sessions on a unit that has ACA; no condition outlives the case."""
    if not _has_aca(session):
        raise Unsupported("NORMACA is 0: the target has no ACA")
    count, length = capacity(session)
    settle(second_session)
    yield _Pair(session, second_session, blocks(READS[10], count, 1), length)
    for each in (session, second_session):
        _clear(each)
        settle(each)


@scsi_case("scsi-aca-01", "SPC-4 6.6.2, standard INQUIRY data: NORMACA", disturbs=True)
def test_naca_is_taken_where_normaca_says_so(session: Session) -> None:
    """NACA is an invalid field of the CDB where NORMACA is 0, and changes nothing of a command that succeeds."""
    supported = _has_aca(session)
    session.command(_with(READY)).expect(expect.good() if supported else refused(INVALID_FIELD, 0))
    session.command(READY).expect(expect.good())


@scsi_case("scsi-aca-02", _SOURCE, disturbs=True)
@attributes
def test_a_failure_with_naca_stops_other_commands(aca: _Pair, naca: int) -> None:
    """CHECK CONDITION of a command with NACA establishes ACA: other commands of that nexus end with ACA ACTIVE."""
    aca.fail(aca.one, _NACA)
    aca.one.command(_with(READY, naca)).expect(_ACTIVE)
    aca.one.command(_with(READY, naca)).expect(_ACTIVE)


@scsi_case("scsi-aca-03", _SOURCE, disturbs=True)
def test_a_failure_without_naca_stops_nothing(aca: _Pair) -> None:
    """CHECK CONDITION of a command without NACA establishes no ACA condition."""
    aca.fail(aca.one, 0)
    aca.one.command(READY).expect(expect.good())


@scsi_case("scsi-aca-04", _SOURCE, disturbs=True)
def test_a_command_with_the_aca_attribute_is_executed(aca: _Pair) -> None:
    """A command of the faulted nexus with the attribute ACA is executed, and does not end the condition."""
    aca.fail(aca.one, _NACA)
    aca.one.command(READY, attr=TaskAttribute.ACA).expect(expect.good())
    aca.one.command(READY).expect(_ACTIVE)


@scsi_case("scsi-aca-05", "SAM-5 7, CLEAR ACA", disturbs=True)
def test_clear_aca_ends_the_condition(aca: _Pair) -> None:
    """CLEAR ACA is answered "function complete", and commands are executed again."""
    aca.fail(aca.one, _NACA)
    code = _clear(aca.one)
    assert code == TaskManagementResponseCode.FUNCTION_COMPLETE, f"CLEAR ACA is answered with response {code}"
    aca.one.command(READY).expect(expect.good())


@scsi_case("scsi-aca-06", "SAM-5 7, CLEAR ACA", disturbs=True)
def test_clear_aca_of_another_nexus_ends_nothing(aca: _Pair) -> None:
    """CLEAR ACA ends the condition of the nexus that asks, not that of another."""
    aca.fail(aca.one, _NACA)
    _clear(aca.other)
    aca.one.command(READY).expect(_ACTIVE)


@scsi_case("scsi-aca-07", _SOURCE, disturbs=True)
@attributes
def test_other_nexuses_of_the_task_set_wait(aca: _Pair, naca: int) -> None:
    """With one task set for all, another nexus gets BUSY, or ACA ACTIVE with NACA; with one each, it is served."""
    divided = TST.value(mode_page(aca.one, TST.page))
    aca.fail(aca.one, _NACA)
    held_up = expect.status(ScsiStatus.ACA_ACTIVE if naca else ScsiStatus.BUSY)
    aca.other.command(_with(READY, naca)).expect(expect.good() if divided else held_up)


@scsi_case("scsi-aca-08", "SAM-5, task attribute exception conditions", disturbs=True)
def test_the_aca_attribute_without_aca_is_refused(aca: _Pair) -> None:
    """A command with the attribute ACA while no ACA condition is in force ends with INVALID MESSAGE ERROR."""
    aca.one.command(READY, attr=TaskAttribute.ACA).expect(refused(0x49, 0))


@scsi_case("scsi-aca-09", _SOURCE, disturbs=True)
@attributes
def test_a_failing_aca_command_decides_by_its_own_naca(aca: _Pair, naca: int) -> None:
    """CHECK CONDITION of the ACA command ends the condition; with NACA it establishes another one."""
    aca.fail(aca.one, _NACA)
    aca.fail(aca.one, naca, TaskAttribute.ACA)
    aca.one.command(READY).expect(_ACTIVE if naca else expect.good())


@scsi_case("scsi-aca-10", _SOURCE, disturbs=True)
def test_a_reset_ends_the_condition(aca: _Pair) -> None:
    """LOGICAL UNIT RESET ends ACA conditions."""
    aca.fail(aca.one, _NACA)
    aca.one.task_management(TaskManagementFunction.LOGICAL_UNIT_RESET)
    settle(aca.one)
    aca.one.command(READY).expect(expect.good())


@scsi_case("scsi-aca-11", "SPC-4 5.12.11, preempting and aborting", disturbs=True)
def test_preempt_and_abort_ends_the_condition(pair: tuple[Session, Session], aca: _Pair) -> None:
    """PREEMPT AND ABORT is executed although another nexus is faulted, and ends the condition of whom it preempts."""
    one, other = held(pair, 1, registered_both=True)
    settle(other)
    aca.fail(one, _NACA)
    preempt_and_abort(other)
    settle(one)
    one.command(READY).expect(expect.good())


@scsi_case("scsi-aca-12", "SPC-4 7.5, Control mode page: TST", disturbs=True)
def test_task_sets_of_their_own_do_not_wait(aca: _Pair) -> None:
    """With TST 001b each nexus has a task set of its own, and the ACA condition of another does not touch it."""
    require_changeable(aca.one, TST)
    before = mode_page(aca.one, TST.page)
    change(aca.one, TST, 1)
    settle(aca.other)
    aca.fail(aca.one, _NACA)
    try:
        aca.other.command(READY).expect(expect.good())
        aca.one.command(READY).expect(_ACTIVE)
    finally:
        _clear(aca.one)
        mode_select(aca.one, before)
