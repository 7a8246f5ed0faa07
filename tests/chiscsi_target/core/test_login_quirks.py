"""What release 3.14 does otherwise at login, each switch in both positions (behaviour file, 11)."""

from __future__ import annotations

import pytest

from chiscsi_target.quirks import Quirks
from iscsi_wire.pdus import LoginResponse
from iscsi_wire.text import format_pairs
from tests.chiscsi_target.bench import status_of
from tests.chiscsi_target.peer import Peer
from tests.chiscsi_target.scripted import CheckingClass, HoldingDriver
from tests.chiscsi_target.stand import NAME, Stand

OPERATIONAL = 1


class Checked:
    """A target whose logins are looked at by a driver that answers when told."""

    def __init__(self, quirks: Quirks) -> None:
        self.checking = CheckingClass()
        self.stand = Stand(driver=HoldingDriver(), target_class=self.checking, quirks=quirks)

    def begin(self, csg: int = 1, nsg: int | None = 3) -> Peer:
        peer = self.stand.connect()
        peer.send(peer.login_request(csg, nsg), format_pairs(peer.names(NAME)))
        return peer

    def first(self, status: int = 0) -> None:
        handle = self.checking.checks[0][0]
        self.stand.module.chiscsi_target_first_login_check_done(handle, status >> 8, status & 0xFF, 0)

    def stage(self, status: int = 0) -> None:
        handle = self.checking.checks[0][0]
        self.stand.module.chiscsi_target_login_stage_check_done(handle, status >> 8, status & 0xFF)


@pytest.mark.parametrize("on, stages", [(False, [0, OPERATIONAL]), (True, [OPERATIONAL])])
def test_stage_check_once(on: bool, stages: list[int]) -> None:
    checked = Checked(Quirks(stage_check_once=on))
    checked.checking.on_first = lambda _: checked.first()
    checked.checking.on_stage = lambda *_: checked.stage()
    peer = checked.stand.connect()
    peer.ask(peer.names(NAME), csg=0, nsg=1)
    assert status_of(peer.ask([])[0]) == 0
    assert [stage for _, stage in checked.checking.checks if stage is not None] == stages


@pytest.mark.parametrize("on, stage", [(False, 0), (True, OPERATIONAL)])
def test_a_login_that_leaves_the_operational_stage_out_is_checked_once(on: bool, stage: int) -> None:
    """The guide has it checked when it enters security, release 3.14 when it is past that (behaviour file, 2.1)."""
    checked = Checked(Quirks(stage_check_once=on))
    checked.checking.on_first = lambda _: checked.first()
    peer = checked.begin(csg=0)
    assert [stage for _, stage in checked.checking.checks if stage is not None] == [stage]
    assert peer.silent()
    checked.stage(0x0202)
    assert status_of(peer.take(LoginResponse)[0]) == 0x0202


@pytest.mark.parametrize("on, status", [(False, 0x0202), (True, 0)])
def test_last_answer_wins(on: bool, status: int) -> None:
    checked = Checked(Quirks(last_answer_wins=on))
    peer = checked.begin()
    checked.first(0x0202)
    checked.stage()
    assert status_of(peer.take(LoginResponse)[0]) == status


@pytest.mark.parametrize("on, status", [(False, 0x0202), (True, 0x0300)])
def test_of_two_refusals(on: bool, status: int) -> None:
    checked = Checked(Quirks(last_answer_wins=on))
    peer = checked.begin()
    checked.first(0x0202)
    checked.stage(0x0300)
    assert status_of(peer.take(LoginResponse)[0]) == status


@pytest.mark.parametrize("later", [False, True])
@pytest.mark.parametrize("on", [False, True])
def test_async_reject_stays_open(on: bool, later: bool) -> None:
    """The module leaves it to the initiator, or to the login timer, when the answer came outside the hook."""
    checked = Checked(Quirks(async_reject_stays_open=on))
    checked.checking.on_first = lambda _: checked.first()
    if not later:
        checked.checking.on_stage = lambda *_: checked.stage(0x0202)
    peer = checked.begin()
    if later:
        checked.stage(0x0202)
    assert status_of(peer.take(LoginResponse)[0]) == 0x0202
    peer.receive()
    assert peer.closed == (not (on and later))
    if on and later:
        peer.send(peer.nop_out())
        assert peer.silent()
        checked.stand.shell.advance(300)
        peer.receive()
    assert [connection.closed for connection in checked.stand.peers] == [True] and checked.stand.sessions == []


@pytest.mark.parametrize("on", [False, True])
def test_reuse_tsih(on: bool) -> None:
    stand = Stand(quirks=Quirks(reuse_tsih=on))
    old = stand.login()
    new = stand.login()
    assert (new.tsih == old.tsih) == on and len(stand.sessions) == 1
    registry = stand.module.directory.registry
    assert registry._tsihs == {new.tsih}
    other = stand.login(isid=b"\x40\0\0\0\0\x09")
    assert other.tsih not in (0, new.tsih)
    stand.pipe(new).close()
    stand.pipe(other).close()
    assert registry._tsihs == set()


@pytest.mark.parametrize("on", [False, True])
def test_login_time_zero_closes(on: bool) -> None:
    """0 means no limit; the module closes at its next tick, a second later."""
    stand = Stand(quirks=Quirks(login_time_zero_closes=on))
    stand.module.directory.registry.globals.login_complete_time = 0
    peer = stand.connect()
    stand.shell.advance(0.9)
    peer.receive()
    assert not peer.closed
    stand.shell.advance(10_000)
    peer.receive()
    assert peer.closed == on
