"""Login hooks and their answers: inside the hook, later, from another thread, wrong ones, or none."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from iscsi_wire.constants import LoginStatus
from iscsi_wire.pdus import LoginResponse, NopIn, ScsiCommand
from iscsi_wire.records import PduRecord
from iscsi_wire.text import format_pairs
from tests.chiscsi_target.bench import status_of
from tests.chiscsi_target.peer import Peer
from tests.chiscsi_target.scripted import CheckingClass, HoldingDriver
from tests.chiscsi_target.stand import NAME, Stand

SECURITY, OPERATIONAL = 0, 1
OTHER = "iqn.2026-11.org.example:other"


class Checked:
    """A target whose logins are looked at by a driver."""

    def __init__(self, *keys: tuple[str, str]) -> None:
        self.checking = CheckingClass()
        self.driver = HoldingDriver()
        self.stand = Stand(*keys, driver=self.driver, target_class=self.checking)
        self.module = self.stand.module

    def begin(self, csg: int = 1, **fields: Any) -> Peer:
        """A connection that has sent its first request."""
        peer = self.stand.connect(**fields)
        request = peer.login_request(csg, 3)
        peer.send(request, format_pairs(peer.names(NAME)))
        return peer

    def answer_first(self, handle: int, status: int = 0, max_cmd: int = 0) -> None:
        self.module.chiscsi_target_first_login_check_done(handle, status >> 8, status & 0xFF, max_cmd)

    def answer_stage(self, handle: int, status: int = 0) -> None:
        self.module.chiscsi_target_login_stage_check_done(handle, status >> 8, status & 0xFF)


@pytest.fixture
def checked() -> Checked:
    return Checked()


# Login hooks


def test_both_hooks_are_outstanding_at_once(checked: Checked) -> None:
    """Behaviour file, 2.2: a login that begins in the operational stage waits for both answers, in any order."""
    for first in (True, False):
        checked.checking.checks.clear()
        peer = checked.begin(isid=bytes((0x40, 0, 0, 0, 0, first)))
        ((handle, _), (same, stage)) = checked.checking.checks
        assert handle == same and stage == OPERATIONAL
        assert peer.silent()
        answers: list[Callable[[int], None]] = [checked.answer_first, checked.answer_stage]
        for answer in answers if first else reversed(answers):
            assert peer.silent()
            answer(handle)
        assert peer.take(LoginResponse)[0].tsih != 0


def test_hooks_by_stage(checked: Checked) -> None:
    """Guide, 5.1.3: once when the login starts in the security stage, once when it passes to the operational one."""
    checked.checking.on_first = checked.answer_first
    checked.checking.on_stage = lambda handle, _: checked.answer_stage(handle)
    peer = checked.stand.connect()
    peer.ask(peer.names(NAME), csg=0, nsg=None)
    handle = checked.checking.checks[0][0]
    assert checked.checking.checks == [(handle, None), (handle, SECURITY)]
    peer.ask([], csg=0, nsg=1)
    assert checked.checking.checks[2:] == [(handle, OPERATIONAL)]
    assert peer.ask([])[0].tsih
    assert len(checked.checking.checks) == 3


def test_the_hooks_are_told_who_comes_from_where(checked: Checked) -> None:
    checked.begin()
    (ends,) = checked.checking.endpoints
    assert str(ends.taddr) == "127.0.0.1:3260" and not ends.f_ipv6


def test_what_a_hook_writes_to_the_endpoints_is_its_own(checked: Checked) -> None:
    """Only `fp_select_redirection_portal` is to fill them (guide 5.1.7)."""
    peer = checked.begin()
    (ends,) = checked.checking.endpoints
    ends.taddr.ip, ends.iaddr.port = "198.51.100.1", 0
    handle = checked.checking.checks[0][0]
    checked.answer_first(handle)
    checked.answer_stage(handle)
    assert status_of(peer.take(LoginResponse)[0]) == 0
    known = checked.stand.connection(peer).endpoints
    assert known.taddr.ip == "127.0.0.1" and known.iaddr.port != 0


@pytest.mark.parametrize("way", ["inside", "later", "another thread"])
@pytest.mark.parametrize(
    "status",
    [
        0,
        LoginStatus.INITIATOR_ERROR,
        LoginStatus.AUTHORIZATION_FAILURE,
        LoginStatus.NOT_FOUND,
        LoginStatus.TARGET_REMOVED,
        LoginStatus.INVALID_DURING_LOGIN,
        LoginStatus.TARGET_ERROR,
        LoginStatus.SERVICE_UNAVAILABLE,
        LoginStatus.OUT_OF_RESOURCES,
        0x02F0,
    ],
)
def test_answers_of_the_driver(checked: Checked, status: int, way: str) -> None:
    """Whatever status it gives is the login's, and a refused connection is closed."""

    def answer(handle: int) -> None:
        checked.answer_first(handle, status)
        checked.answer_stage(handle)

    if way == "inside":
        checked.checking.on_first = answer
    peer = checked.begin()
    handle = checked.checking.checks[0][0]
    if way == "later":
        answer(handle)
    elif way == "another thread":
        thread = threading.Thread(target=answer, args=(handle,))
        thread.start()
        thread.join()
    if way == "inside":
        # Its second answer came before its second question: it is ignored, and given again.
        checked.answer_stage(handle)
    response, _ = peer.take(LoginResponse)
    assert status_of(response) == status
    peer.receive()
    assert peer.closed == bool(status)
    assert checked.module.directory._logins == {}


@pytest.mark.parametrize("status_class", [1, 4, 255])
def test_other_status_classes_are_taken_as_success(checked: Checked, status_class: int) -> None:
    peer = checked.begin()
    handle = checked.checking.checks[0][0]
    checked.answer_first(handle, status_class << 8 | 1)
    checked.answer_stage(handle)
    assert status_of(peer.take(LoginResponse)[0]) == 0
    assert f"login status class {status_class} taken as 0." in checked.stand.log


@pytest.mark.parametrize("answers", [(0x0202, 0), (0, 0x0202), (0x0202, 0x0300), (0x0300, 0x0202)])
def test_the_first_answer_that_is_not_0_wins(checked: Checked, answers: tuple[int, int]) -> None:
    """Behaviour file, 2.2: a later success does not cancel it."""
    peer = checked.begin()
    handle = checked.checking.checks[0][0]
    checked.answer_first(handle, answers[0])
    checked.answer_stage(handle, answers[1])
    assert status_of(peer.take(LoginResponse)[0]) == (answers[0] or answers[1])


def test_one_hooks_answer_is_not_anothers(checked: Checked) -> None:
    """A driver that answers one question twice has not answered the other."""
    peer = checked.begin()
    handle = checked.checking.checks[0][0]
    for _ in range(3):
        checked.answer_first(handle)
    assert peer.silent()
    assert f"no login waits for fp_first_login_check under handle {handle}." in checked.stand.log
    checked.answer_stage(handle)
    assert peer.take(LoginResponse)[0].tsih


@pytest.mark.parametrize("detail, on_wire", [(0x1FF, 0x02FF), (0x102, 0x0202), (-1, 0x02FF)])
def test_a_detail_is_one_octet(checked: Checked, detail: int, on_wire: int) -> None:
    """Guide, 5.1.2: it is an unsigned char, so it cannot spill into the class."""
    peer = checked.begin()
    handle = checked.checking.checks[0][0]
    checked.module.chiscsi_target_first_login_check_done(handle, 2, detail, 0)
    checked.answer_stage(handle)
    assert status_of(peer.take(LoginResponse)[0]) == on_wire


@pytest.mark.parametrize("max_cmd, size", [(0, 128), (1, 1), (64, 64), (129, 129), (5000, 200), (-1, 200)])
def test_the_driver_sets_the_window(max_cmd: int, size: int) -> None:
    checked = Checked(("TargetSessionMaxCmd", "200"))
    peer = checked.begin()
    handle = checked.checking.checks[0][0]
    checked.answer_first(handle, 0, max_cmd)
    checked.answer_stage(handle)
    response, _ = peer.take(LoginResponse)
    assert response.max_cmd_sn - response.exp_cmd_sn + 1 == size


def test_a_driver_that_never_answers(checked: Checked) -> None:
    """The login timer goes on (behaviour file, 2.1); an answer after it is ignored."""
    peer = checked.begin()
    handle = checked.checking.checks[0][0]
    checked.answer_stage(handle)
    checked.stand.shell.advance(300)
    assert peer.receive() == [] and peer.closed
    checked.answer_first(handle)
    checked.stand.pump()
    assert checked.module.directory._logins == {} and checked.stand.sessions == []


def test_a_connection_that_goes_while_the_driver_thinks(checked: Checked) -> None:
    peer = checked.begin()
    handle = checked.checking.checks[0][0]
    checked.stand.pipe(peer).reset()
    checked.answer_first(handle)
    checked.answer_stage(handle)
    checked.stand.pump()
    assert checked.module.directory._logins == {} and checked.stand.sessions == []
    assert checked.checking.calls == []


@pytest.mark.parametrize("handle", [0, 1, 4711])
def test_answers_that_nobody_asked_for(checked: Checked, handle: int) -> None:
    checked.answer_first(handle)
    checked.answer_stage(handle)
    checked.stand.pump()
    assert f"no login waits for fp_first_login_check under handle {handle}." in checked.stand.log


@pytest.mark.parametrize("hook", ["on_first", "on_stage"])
def test_a_hook_that_raises_refuses_the_login(checked: Checked, hook: str) -> None:
    def explode(*_: Any) -> None:
        raise RuntimeError("no opinion")

    setattr(checked.checking, hook, explode)
    peer = checked.begin()
    handle = checked.checking.checks[0][0]
    if hook == "on_first":
        checked.answer_stage(handle)
    else:
        checked.answer_first(handle)
    assert status_of(peer.take(LoginResponse)[0]) == LoginStatus.TARGET_ERROR
    assert "RuntimeError: no opinion" in checked.stand.log
    assert checked.module.directory._logins == {}


def test_discovery_sessions_are_not_looked_at(checked: Checked) -> None:
    peer = checked.stand.connect()
    peer.login("", session_type="Discovery")
    assert checked.checking.checks == []


def test_further_connections_are_not_looked_at() -> None:
    checked = Checked(("MaxConnections", "2"))
    peer = checked.stand.connect()
    peer.send(peer.login_request(), format_pairs([*peer.names(NAME), ("MaxConnections", "2")]))
    handle = checked.checking.checks[0][0]
    checked.answer_first(handle)
    checked.answer_stage(handle)
    peer.tsih = peer.take(LoginResponse)[0].tsih
    checked.stand.join(peer)
    assert len(checked.checking.checks) == 2
    assert [name for name, _ in checked.checking.calls] == ["session_added"]


def test_pdus_behind_a_login_wait_for_its_end(checked: Checked) -> None:
    """Sent at once with the last request: handled when the session is there, and recorded once."""
    peer = checked.stand.connect()
    login = peer.octets(peer.login_request(), format_pairs(peer.names(NAME)))
    command = ScsiCommand.make(final=1, initiator_task_tag=5, cmd_sn=1, cdb=bytes(16))
    peer.pipe.send(login + peer.octets(command) + peer.octets(peer.nop_out(cmd_sn=2), b"behind"))
    handle = checked.checking.checks[0][0]
    assert checked.driver.calls == []
    checked.answer_first(handle)
    checked.answer_stage(handle)
    (response, _), (echo, data) = peer.receive()
    assert isinstance(response, LoginResponse) and isinstance(echo, NopIn) and data == b"behind"
    assert checked.driver.calls == ["cdb_rcved"]
    assert len([record for record in checked.stand.of_type(PduRecord) if record.direction == "in"]) == 3
