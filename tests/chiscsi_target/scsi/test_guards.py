"""Guards stand before every command while they are in force, the most important first."""

from __future__ import annotations

from chiscsi_target.api.scsi_command import chiscsi_scsi_command
from chiscsi_target.scsi.guards import Guards, Precedence
from chiscsi_target.scsi.logical_unit import LogicalUnit
from chiscsi_target.scsi.reply import end
from tests.chiscsi_target.scsi.rig import Rig

BUSY, RESERVATION_CONFLICT = 0x08, 0x18
READY = "00 00 00 00 00 00"


def answering(status: int) -> object:
    return lambda unit, sc: end(sc, status)


def test_no_guard_is_false() -> None:
    guards = Guards()
    assert not guards
    guards.post(Precedence.RESERVATION, lambda unit, sc: None)
    assert guards
    guards.withdraw(Precedence.RESERVATION)
    guards.withdraw(Precedence.RESERVATION)
    assert not guards


def test_a_guard_answers_in_the_place_of_the_command_until_it_is_withdrawn() -> None:
    rig = Rig()
    guards = rig.server.units[0].guards
    guards.post(Precedence.RESERVATION, answering(RESERVATION_CONFLICT))  # type: ignore[arg-type]
    assert rig.run(READY).status == RESERVATION_CONFLICT
    guards.withdraw(Precedence.RESERVATION)
    assert rig.run(READY).status == 0


def test_a_guard_lets_commands_pass() -> None:
    seen = []

    def watch(unit: LogicalUnit, sc: chiscsi_scsi_command) -> int | None:
        seen.append((unit.lu.lun, sc.sc_cmd[0]))
        return None

    rig = Rig()
    rig.server.units[0].guards.post(Precedence.MEDIUM, watch)
    assert rig.run(READY).status == 0
    assert seen == [(0, 0)]


def test_the_most_important_guard_answers_whatever_came_first() -> None:
    rig = Rig()
    guards = rig.server.units[0].guards
    guards.post(Precedence.RESERVATION, answering(RESERVATION_CONFLICT))  # type: ignore[arg-type]
    guards.post(Precedence.TASK_SET, answering(BUSY))  # type: ignore[arg-type]
    assert rig.run(READY).status == BUSY
