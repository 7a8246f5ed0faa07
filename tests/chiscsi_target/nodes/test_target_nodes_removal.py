"""What is under way while a target is removed or a session aborted: commands, logins, task management (1.4 and 1.7)."""

from __future__ import annotations

from typing import Any

import pytest

from chiscsi_target.api import ReturnCode, chiscsi_scsi_cmd_abort_status
from iscsi_wire.constants import TaskManagementFunction as Function
from iscsi_wire.text import format_pairs
from tests.chiscsi_target.bench import Watched
from tests.chiscsi_target.peer import read10, write10
from tests.chiscsi_target.scripted import CheckingClass, HoldingDriver
from tests.chiscsi_target.stand import NAME, Stand


def test_removal_in_order() -> None:
    """Behaviour file, 1.4 and 1.7: sessions go first, each with its hooks in order, then the units."""
    watched = Watched()
    peer = watched.stand.login()
    peer.command("00")
    idle = watched.stand.connect()
    watched.driver.events.clear()
    assert watched.stand.module.chiscsi_target_remove(None, NAME) == 0
    assert watched.hooks == ["abort", "session_removed"]
    idle.receive()
    assert idle.closed and watched.stand.sessions == []


@pytest.mark.parametrize("hook", ["on_cdb", "on_abort"])
def test_a_driver_may_remove_its_target_from_a_hook(hook: str) -> None:
    watched = Watched()
    stand, driver = watched.stand, watched.driver
    results: list[int] = []

    def remove(_: Any) -> int:
        results.append(stand.module.chiscsi_target_remove(None, NAME))
        return 0

    setattr(driver, hook, remove)
    peer = stand.login()
    peer.command("00")
    if hook == "on_abort":
        stand.pipe(peer).close()
    stand.pump()
    assert results == [0] and stand.sessions == [] and stand.module.directory.registry.nodes == {}


@pytest.mark.parametrize("answered", ["never", "afterwards"])
def test_a_login_that_waits_for_the_driver_when_its_target_goes(answered: str) -> None:
    """Its connection is closed; an answer that comes later is ignored (behaviour file, 2.2)."""
    checking = CheckingClass()
    stand = Stand(driver=HoldingDriver(), target_class=checking)
    peer = stand.connect()
    peer.send(peer.login_request(), format_pairs(peer.names(NAME)))
    assert stand.module.chiscsi_target_remove(None, NAME) == 0
    assert peer.receive() == [] and peer.closed
    if answered == "afterwards":
        handle = checking.checks[0][0]
        stand.module.chiscsi_target_first_login_check_done(handle, 0, 0, 0)
        stand.module.chiscsi_target_login_stage_check_done(handle, 0, 0)
        stand.pump()
        assert stand.module.directory._logins == {}
    assert stand.sessions == [] and checking.calls == []


def test_task_management_that_the_driver_never_answers_does_not_hold_a_target() -> None:
    """Neither its removal nor other sessions wait for it; the answer may come when all is over."""
    watched = Watched()
    stand, driver = watched.stand, watched.driver
    peer = stand.login()
    peer.manage(Function.LOGICAL_UNIT_RESET)
    other = stand.login(isid=b"\x40\0\0\0\0\x02")
    assert other.ping(b"on")[1] == b"on"
    assert stand.module.chiscsi_target_remove(None, NAME) == 0
    assert (
        stand.sessions == []
        and [name for name in watched.hooks if name == "session_removed"] == ["session_removed"] * 2
    )
    driver.answer()
    stand.pump()


def test_commands_that_are_held_are_released_when_the_driver_lets_go() -> None:
    """In order: abort, session removed; cleanup last, once, by whatever the driver calls (behaviour file, 1.7)."""
    watched = Watched()
    stand, driver = watched.stand, watched.driver
    peer = stand.login()
    peer.command(read10(0, 8), 4096)
    peer.command(write10(0, 8), 4096, write=True)
    reading, writing = driver.commands
    driver.events.clear()
    assert stand.module.chiscsi_target_remove(None, NAME) == 0
    assert watched.hooks == ["abort", "abort", "session_removed"]
    assert driver.complete(reading, b"d" * 4096) == 0
    assert chiscsi_scsi_cmd_abort_status(writing) == 0
    stand.pump()
    assert watched.hooks == ["abort", "abort", "session_removed", "cleanup", "cleanup"]
    assert [sc.sc_sess for sc in driver.commands] == [None, None]


@pytest.mark.parametrize("hook", ["on_cdb", "on_abort", "on_tmf"])
def test_a_session_is_aborted_from_a_hook(hook: str) -> None:
    """It is marked, and closed when the hook has returned; other sessions go on."""
    watched = Watched()
    stand, driver = watched.stand, watched.driver
    peer, other = stand.login(), stand.login(isid=b"\x40\0\0\0\0\x02")
    handle = stand.session(peer).handle
    seen: list[int] = []

    def abort(_: Any) -> int:
        seen.append(stand.module.chiscsi_target_session_abort(handle))
        assert len(stand.sessions) == 2
        return 0

    setattr(driver, hook, abort)
    peer.command("00")
    if hook == "on_tmf":
        peer.manage(Function.LOGICAL_UNIT_RESET)
    if hook == "on_abort":
        peer.manage(Function.ABORT_TASK, peer.command(write10(0, 8), 4096, write=True))
        driver.give(driver.last)
        stand.module.chiscsi_target_session_abort(handle)
    stand.pump()
    peer.receive()
    assert set(seen) == {0} and peer.closed and len(stand.sessions) == 1
    assert other.ping(b"on")[1] == b"on"


@pytest.mark.parametrize("handle", [0, None, 4711, -1])
def test_a_session_that_there_is_not_cannot_be_aborted(handle: Any) -> None:
    assert Stand().module.chiscsi_target_session_abort(handle) == -ReturnCode.EINVAL


def test_a_target_that_goes_while_a_login_takes_its_sessions_place() -> None:
    """A reinstatement waits for the old session's end; the removal takes both."""
    watched = Watched()
    stand = watched.stand
    stand.login()
    late = stand.connect()
    late.send(late.login_request(), format_pairs(late.names(NAME)))
    assert stand.module.chiscsi_target_remove(None, NAME) == 0
    late.receive()
    assert late.closed and stand.sessions == [] and stand.module.directory.registry._tsihs == set()
