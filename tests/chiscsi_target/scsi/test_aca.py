"""ACA conditions and QERR: what a failed command does to those beside it and behind it (SAM-5, clause 5)."""

from __future__ import annotations

import pytest

from chiscsi_target.api import (
    ISCSI_RESPONSE_TMF_COMPLETE,
    ISCSI_TMF_FUNCTION_CLEAR_ACA,
    ISCSI_TMF_FUNCTION_LOGICAL_UNIT_RESET,
    chiscsi_scsi_command,
)
from chiscsi_target.api.constants import ISCSI_TASK_ATTRIBUTES_ACA, ISCSI_TASK_ATTRIBUTES_ORDERED
from chiscsi_target.scsi.aca import naca
from iscsi_wire.scsi_page_codes import QueueError
from tests.chiscsi_target.fakes import FakeHandle
from tests.chiscsi_target.scsi.rig import BLOCK, Rig

READY, READY_NACA = "00 00 00 00 00 00", "00 00 00 00 00 04"
BAD, BAD_NACA = "00 ff 00 00 00 00", "00 ff 00 00 00 04"
WRITE = "2a 00 00000000 00 0001 00"
GOOD, CHECK, BUSY, ACA_ACTIVE = 0, 2, 0x08, 0x30
ONE, TWO = 1, 2


def status(rig: Rig, cdb: str, session: int = ONE, attribute: int = 0) -> int:
    rig.stack.reset(b"")
    sc = rig.stack.command(bytes.fromhex(cdb), session=session)
    sc.sc_attribute = attribute
    assert rig.server.fp_scsi_cmd_cdb_rcved(sc) == 0
    assert rig.stack.completions == 1
    rig.server.fp_scsi_cmd_cleanup(sc)
    return sc.sc_status


def waiting(rig: Rig, session: int, attribute: int = 0) -> chiscsi_scsi_command:
    """A WRITE whose data have not come yet."""
    rig.stack.reset(bytes(BLOCK))
    sc = rig.stack.command(bytes.fromhex(WRITE), session=session, write=True, length=BLOCK)
    sc.sc_attribute = attribute
    assert rig.server.fp_scsi_cmd_cdb_rcved(sc) == 0
    return sc


@pytest.fixture
def rig() -> Rig:
    rig = Rig()
    for session in (ONE, TWO):
        rig.server.session_added(session, f"iqn.i{session}", b"\x80" + bytes(5), "iqn.t")
        assert status(rig, READY, session) == CHECK
    return rig


@pytest.mark.parametrize(
    "cdb, set_", [(READY_NACA, True), (READY, False), ("28 00 00000000 00 0001 04", True), ("c0" + "ff" * 15, False)]
)
def test_naca_is_a_bit_of_the_control_octet(cdb: str, set_: bool) -> None:
    assert naca(Rig().stack.command(bytes.fromhex(cdb))) == set_


def test_without_naca_a_failure_is_over_with_its_status(rig: Rig) -> None:
    assert [status(rig, BAD), status(rig, READY), status(rig, READY, TWO)] == [CHECK, GOOD, GOOD]


def test_nothing_but_an_aca_command_gets_by_an_aca_condition(rig: Rig) -> None:
    assert status(rig, BAD_NACA) == CHECK
    assert [status(rig, READY), status(rig, READY_NACA)] == [ACA_ACTIVE, ACA_ACTIVE]
    assert [status(rig, READY, TWO), status(rig, READY_NACA, TWO)] == [BUSY, ACA_ACTIVE]
    assert status(rig, READY, attribute=ISCSI_TASK_ATTRIBUTES_ACA) == GOOD
    assert status(rig, READY) == ACA_ACTIVE


def test_there_is_one_aca_command_at_a_time(rig: Rig) -> None:
    status(rig, BAD_NACA)
    sc = waiting(rig, ONE, ISCSI_TASK_ATTRIBUTES_ACA)
    assert status(rig, READY, attribute=ISCSI_TASK_ATTRIBUTES_ACA) == ACA_ACTIVE
    rig.server.fp_scsi_cmd_cleanup(sc)
    assert status(rig, READY, attribute=ISCSI_TASK_ATTRIBUTES_ACA) == GOOD


@pytest.mark.parametrize("session", [ONE, TWO])
def test_an_aca_command_without_the_condition_is_a_mistake(rig: Rig, session: int) -> None:
    if session == TWO:
        status(rig, BAD_NACA)
    sc = rig.stack.command(bytes.fromhex(READY), session=session)
    sc.sc_attribute = ISCSI_TASK_ATTRIBUTES_ACA
    rig.stack.reset(b"")
    rig.server.fp_scsi_cmd_cdb_rcved(sc)
    assert (sc.sc_sense_key, sc.sc_sense_asc, sc.sc_sense_ascq) == (5, 0x49, 0)


def test_a_failed_aca_command_ends_the_condition_or_keeps_it_up(rig: Rig) -> None:
    status(rig, BAD_NACA)
    assert status(rig, BAD_NACA, attribute=ISCSI_TASK_ATTRIBUTES_ACA) == CHECK
    assert status(rig, READY) == ACA_ACTIVE
    assert status(rig, BAD, attribute=ISCSI_TASK_ATTRIBUTES_ACA) == CHECK
    assert status(rig, READY) == GOOD


def begun(rig: Rig) -> bool:
    """Whether a WRITE has asked for its data since the stack was reset."""
    return rig.stack.sreq is not None


def manage(rig: Rig, function: int, session: int) -> None:
    handle = FakeHandle()
    assert rig.server.fp_tmf_execute(session, handle, 1, function, 0, None) == 0
    assert handle.answers == [(ISCSI_RESPONSE_TMF_COMPLETE, None)]


def test_clear_aca_clears_the_session_s_own_condition(rig: Rig) -> None:
    status(rig, BAD_NACA)
    manage(rig, ISCSI_TMF_FUNCTION_CLEAR_ACA, TWO)
    assert status(rig, READY) == ACA_ACTIVE
    manage(rig, ISCSI_TMF_FUNCTION_CLEAR_ACA, ONE)
    assert [status(rig, READY), status(rig, READY, TWO)] == [GOOD, GOOD]


def test_a_reset_and_the_end_of_the_session_clear_it(rig: Rig) -> None:
    status(rig, BAD_NACA)
    manage(rig, ISCSI_TMF_FUNCTION_LOGICAL_UNIT_RESET, ONE)
    assert [status(rig, READY), status(rig, READY)] == [CHECK, GOOD]  # the reset is told
    status(rig, BAD_NACA)
    rig.server.session_removed(ONE)
    assert status(rig, READY, TWO) == CHECK  # the reset is told first
    assert status(rig, READY, TWO) == GOOD


def test_preempt_and_abort_helps_another_session_out(rig: Rig) -> None:
    for session in (ONE, TWO):
        key = bytes(8) + session.to_bytes(8) + bytes(8)
        assert rig.stack.run("5f 00 00 0000 00000018 00", data=key, session=session).status == GOOD
    status(rig, BAD_NACA)
    assert status(rig, READY, TWO) == BUSY
    keys = TWO.to_bytes(8) + ONE.to_bytes(8) + bytes(8)
    assert rig.stack.run("5f 05 01 0000 00000018 00", data=keys, session=TWO).status == GOOD
    assert status(rig, READY, TWO) == GOOD


def test_what_waits_starts_when_the_condition_is_cleared(rig: Rig) -> None:
    running = waiting(rig, TWO)
    waiting(rig, TWO, ISCSI_TASK_ATTRIBUTES_ORDERED)
    assert not begun(rig)
    failing = rig.stack.command(bytes.fromhex(BAD_NACA), session=ONE)
    failing.sc_attribute = 3
    rig.server.fp_scsi_cmd_cdb_rcved(failing)
    rig.server.fp_scsi_cmd_cleanup(failing)
    rig.server.fp_scsi_cmd_cleanup(running)
    rig.stack.reset(bytes(BLOCK))
    assert not begun(rig)
    manage(rig, ISCSI_TMF_FUNCTION_CLEAR_ACA, ONE)
    assert begun(rig)


def test_with_task_sets_of_their_own_others_do_not_notice(rig: Rig) -> None:
    rig.server.units[0].tasks.divided = True
    status(rig, BAD_NACA)
    assert [status(rig, READY), status(rig, READY_NACA, TWO)] == [ACA_ACTIVE, GOOD]


# QERR


@pytest.mark.parametrize(
    "qerr, divided, ended",
    [
        (QueueError.CONTINUE, False, []),
        (QueueError.ABORT_ALL, False, [ONE, TWO]),
        (QueueError.ABORT_ALL, True, [ONE]),
        (QueueError.ABORT_OWN, False, [ONE]),
    ],
)
@pytest.mark.parametrize("tas", [False, True])
def test_qerr_ends_the_other_commands(rig: Rig, qerr: int, divided: bool, ended: list[int], tas: bool) -> None:
    unit = rig.server.units[0]
    unit.qerr, unit.tasks.divided, unit.tas = qerr, divided, tas
    told: dict[int, tuple[list[chiscsi_scsi_command], int]] = {}
    rig.server.abort_by(lambda session, commands, status: told.setdefault(session, (list(commands), status)))
    others = {session: waiting(rig, session) for session in (ONE, TWO)}
    assert status(rig, BAD) == CHECK
    assert told == {session: ([others[session]], 0x40 if tas and session == TWO else 0) for session in ended}
    cleared = TWO in ended and not tas
    assert rig.run(READY, session=TWO).sense == ((6, 0x2F, 0) if cleared else (0, 0, 0))


def test_a_driver_s_failure_counts_as_well(rig: Rig) -> None:
    """It is seen when its status is sent."""
    sc = waiting(rig, ONE)
    sc.sc_cmd = sc.sc_cmd[:9] + b"\x04" + sc.sc_cmd[10:]
    sc.fail(3, 0x0C, 0)
    rig.server.note_failure(sc)
    assert status(rig, READY) == ACA_ACTIVE
    rig.server.fp_scsi_cmd_cleanup(sc)
    assert status(rig, READY) == ACA_ACTIVE


def test_a_status_without_sense_data_is_no_failure(rig: Rig) -> None:
    sc = waiting(rig, ONE)
    sc.sc_cmd = sc.sc_cmd[:9] + b"\x04" + sc.sc_cmd[10:]
    sc.sc_status = 0x28
    rig.server.note_failure(sc)
    assert status(rig, READY) == GOOD
