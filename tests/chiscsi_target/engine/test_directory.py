"""What crosses sessions: reinstatement, further connections, discovery, targets that are removed."""

from __future__ import annotations

from typing import Any

import pytest

from chiscsi_target.api import SC_FLAG_SESS_ABORT
from chiscsi_target.core.connection import Connection
from chiscsi_target.core.login import Login
from chiscsi_target.core.session import Session
from iscsi_wire.constants import AsyncEvent, LoginStatus
from iscsi_wire.pdus import AsyncMessage, LoginResponse, TextResponse
from iscsi_wire.text import format_pairs, parse_pairs
from tests.chiscsi_target.bench import Watched, status_of
from tests.chiscsi_target.peer import ISID, Pairs, Peer, read10
from tests.chiscsi_target.stand import NAME, Stand

OTHER = "iqn.2026-11.org.example:other"
CONNECTIONS = ("MaxConnections", "3")


@pytest.fixture
def watched() -> Watched:
    return Watched()


# Sessions with the same ISID


def test_session_reinstatement(watched: Watched) -> None:
    """The old session is closed, hooks and all, before the last response of the new one (behaviour file, 2.4)."""
    stand, driver = watched.stand, watched.driver
    old = stand.login()
    old.command(read10(0, 8), 4096)
    driver.events.clear()
    new = stand.login()
    assert watched.hooks == ["abort", "session_removed", "session_added"]
    assert new.tsih not in (0, old.tsih)
    assert old.receive() == [] and old.closed and not stand.pipe(old).was_reset
    (session,) = stand.sessions
    assert session is stand.session(new)
    assert stand.transitions("session") == ["N1", "N2", "N1", "N3", "N2"]
    assert driver.last.sc_flag & SC_FLAG_SESS_ABORT


def test_another_isid_is_another_session(watched: Watched) -> None:
    one = watched.stand.login()
    two = watched.stand.login(isid=b"\x40\0\0\0\0\x02")
    assert len(watched.stand.sessions) == 2 and one.tsih != two.tsih
    assert one.ping(b"1")[1] == b"1" and two.ping(b"2")[1] == b"2"


def test_another_portal_group_is_another_session() -> None:
    """RFC 7143, 4.4.3: the ISID rule is about one portal group."""
    stand = Stand(("PortalGroup", "1@127.0.0.1:3260"), ("PortalGroup", "2@127.0.0.1:3261"))
    one, two = stand.login(portal=0), stand.login(portal=1)
    assert len(stand.sessions) == 2
    assert one.ping(b"1")[1] == b"1" and two.ping(b"2")[1] == b"2"


def test_a_refused_login_replaces_nothing(watched: Watched) -> None:
    old = watched.stand.login()
    peer = watched.stand.connect()
    response, _ = peer.ask([*peer.names(NAME), ("MaxBurstLength", "512"), ("MaxBurstLength", "512")])
    assert response.status_class == 2
    assert old.ping(b"still")[1] == b"still"


def test_two_logins_with_the_same_isid_at_once(watched: Watched) -> None:
    """Both are on their way when the first concludes: the second replaces it, and one session is left."""
    first, second = watched.stand.connect(), watched.stand.connect()
    for peer in (first, second):
        peer.ask(peer.names(NAME), nsg=None)
    assert first.ask([])[0].tsih
    assert first.ping(b"first")[1] == b"first"
    assert second.ask([])[0].tsih
    assert first.receive() == [] and first.closed
    assert len(watched.stand.sessions) == 1 and second.ping(b"second")[1] == b"second"


def test_two_logins_replace_the_same_session(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both wait for the old session's end; whoever comes second has to replace the first as well."""
    stand = watched.stand
    stand.login()
    first, second = stand.connect(), stand.connect()
    waiting: list[tuple[Login, Session, Connection | None]] = []
    directory = stand.module.directory
    original = directory.close_replaced

    def delay(login: Login, session: Session, connection: Connection | None) -> None:
        waiting.append((login, session, connection))
        login.await_answer()

    monkeypatch.setattr(directory, "close_replaced", delay)
    for peer in (first, second):
        peer.send(peer.login_request(), format_pairs(peer.names(NAME)))
        assert peer.silent()
    monkeypatch.setattr(directory, "close_replaced", original)
    for login, session, connection in waiting:
        login._answers_due -= 1
        original(login, session, connection)
        stand.pump()
    assert first.receive() and first.closed
    assert second.take(LoginResponse)[0].tsih
    (left,) = stand.sessions
    assert left is stand.session(second) and second.ping(b"mine")[1] == b"mine"


# Closing


def test_session_abort_by_the_driver(watched: Watched) -> None:
    """Guide, 7.3.4, with the order of behaviour file, 1.7; the driver may ask for it inside a hook."""
    stand, driver = watched.stand, watched.driver
    module = stand.module

    def abort(sc: Any) -> int:
        assert module.chiscsi_target_session_abort(sc.sc_sess) == 0
        return 0

    peer = stand.login(CONNECTIONS)
    other = stand.join(peer)
    peer.command(read10(0, 8), 4096)
    driver.on_cdb = abort
    peer.command("00")
    assert peer.take(AsyncMessage)[0].async_event == AsyncEvent.CONNECTION_DROP
    assert other.take(AsyncMessage)[0].async_event == AsyncEvent.SESSION_DROP
    assert peer.closed and other.closed and stand.sessions == []
    assert watched.hooks == ["session_added", "cdb_rcved", "cdb_rcved", "abort", "abort", "session_removed"]
    for sc in driver.commands:
        driver.complete(sc)
    stand.pump()
    assert watched.hooks[-2:] == ["cleanup", "cleanup"]


def test_session_abort_of_nothing(watched: Watched) -> None:
    assert watched.stand.module.chiscsi_target_session_abort(12345) == -26


def test_commands_are_released_behind_the_end_of_their_session(watched: Watched) -> None:
    """Behaviour file, 1.7: aborts in order, the session's end, then the cleanup of what the driver does not hold."""
    stand, driver = watched.stand, watched.driver
    peer = stand.login(("InitialR2T", "Yes"))
    held = peer.command(read10(0, 8), 4096)
    writing = peer.command(b"\x2a" + bytes(9), 4096, write=True)
    driver.give(driver.last)
    peer.receive()
    stand.pipe(peer).close()
    tags = [held.initiator_task_tag, writing.initiator_task_tag]
    handle = next(value for name, value in driver.events if name == "session_added")
    assert driver.events[3:] == [
        ("abort", tags[0]),
        ("abort", tags[1]),
        ("session_removed", handle),
        ("cleanup", tags[1]),
    ]
    assert driver.complete(driver.commands[0], bytes(4096)) == 0
    stand.pump()
    assert driver.events[-1] == ("cleanup", tags[0])


def test_a_session_keeps_its_handle_and_what_the_driver_returned(watched: Watched) -> None:
    marker = object()
    watched.noting.private = marker
    peer = watched.stand.login()
    peer.command("00")
    (name, handle) = watched.driver.events[0]
    sc = watched.driver.last
    assert (name, sc.sc_sess, sc.sc_tclass_sess_priv) == ("session_added", handle, marker)
    again = watched.stand.login()
    assert watched.stand.session(again).handle != handle


@pytest.mark.parametrize("hook", ["fp_session_added", "fp_session_removed"])
def test_session_hooks_that_raise_are_logged(watched: Watched, monkeypatch: pytest.MonkeyPatch, hook: str) -> None:
    def explode(*_: Any) -> None:
        raise RuntimeError("in a session hook")

    monkeypatch.setattr(watched.stand.node.target_class, hook, explode)
    peer = watched.stand.login()
    assert peer.ping(b"fine")[1] == b"fine"
    watched.stand.pipe(peer).close()
    assert watched.stand.sessions == []
    assert "RuntimeError: in a session hook" in watched.stand.log


# Removing a target


def test_removing_a_target_tells_its_sessions(watched: Watched) -> None:
    stand = watched.stand
    peer = stand.login()
    assert stand.module.chiscsi_target_remove(None, NAME) == 0
    message, _ = peer.take(AsyncMessage)
    assert message.async_event == AsyncEvent.SESSION_DROP and peer.closed
    assert stand.module.directory.registry.nodes == {} and stand.sessions == []
    late = stand.connect()
    assert status_of(late.ask(late.names(NAME))[0]) == LoginStatus.NOT_FOUND


def test_removing_a_target_breaks_off_its_logins(watched: Watched) -> None:
    """A login that had found the target must not make a session of it when it is gone."""
    stand = watched.stand
    other = stand.add(OTHER, ("PortalGroup", "5@127.0.0.1:3265"))
    halfway = stand.connect()
    halfway.ask(halfway.names(NAME), nsg=None)
    elsewhere = Peer(stand.shell.connect(other.portals[0]), isid=ISID)
    elsewhere.ask(elsewhere.names(OTHER), nsg=None)
    assert stand.module.chiscsi_target_remove(None, NAME) == 0
    assert halfway.receive() == [] and halfway.closed
    assert elsewhere.ask([])[0].tsih
    assert watched.hooks == ["session_added"]


@pytest.mark.parametrize("name, result", [("", -8), ("iqn.2026-11.org.example:nobody", -9)])
def test_removing_what_is_not_there(watched: Watched, name: str, result: int) -> None:
    assert watched.stand.module.chiscsi_target_remove(None, name) == result


# Discovery


def discover(stand: Stand, value: str = "All") -> Pairs:
    peer = stand.connect()
    peer.login("", session_type="Discovery")
    peer.text([("SendTargets", value)])
    pairs = parse_pairs(peer.take(TextResponse)[1])
    stand.pipe(peer).close()
    return pairs


def test_the_driver_hides_targets(watched: Watched) -> None:
    """Guide, 5.1.6: 0 hides; the handle names the connection, as those of the login hooks do."""
    assert discover(watched.stand) == [("TargetName", NAME), ("TargetAddress", "127.0.0.1:3260,1")]
    (first,) = watched.driver.events
    assert discover(watched.stand) != []
    (_, second) = watched.driver.events
    assert first[0] == second[0] == "discovery_target_accessible" and 0 != first[1] != second[1] != 0
    watched.noting.visible = 0
    assert discover(watched.stand) == []
    watched.noting.visible = -1
    assert discover(watched.stand) != []


def test_a_discovery_hook_that_raises_hides(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    def explode(*_: Any) -> int:
        raise RuntimeError("who knows")

    monkeypatch.setattr(watched.stand.node.target_class, "fp_discovery_target_accessible", explode)
    assert discover(watched.stand) == []
    assert "RuntimeError: who knows" in watched.stand.log


def test_targets_that_are_going_are_not_discovered(watched: Watched) -> None:
    watched.stand.add(OTHER, ("PortalGroup", "5@127.0.0.1:3265"))
    watched.stand.node.offline = True
    assert discover(watched.stand) == [("TargetName", OTHER), ("TargetAddress", "127.0.0.1:3265,5")]
