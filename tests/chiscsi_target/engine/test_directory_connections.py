"""Further connections of a session: who may join, who takes whose place, and who comes too late."""

from __future__ import annotations

from typing import Any

import pytest

from chiscsi_target.core.login import Login
from chiscsi_target.engine.directory import Directory
from iscsi_wire.constants import LoginStatus
from iscsi_wire.pdus import DataIn, LoginResponse
from iscsi_wire.text import format_pairs
from tests.chiscsi_target.bench import Watched, status_of
from tests.chiscsi_target.peer import Peer, read10
from tests.chiscsi_target.stand import NAME, Stand

CONNECTIONS = ("MaxConnections", "3")


@pytest.fixture
def watched() -> Watched:
    return Watched()


# Further connections


def test_a_further_connection(watched: Watched) -> None:
    first = watched.stand.login(CONNECTIONS)
    second = watched.stand.join(first)
    assert second.tsih == first.tsih
    assert list(watched.stand.session(first).connections) == [0, 1]
    assert watched.hooks == ["session_added"]
    # One CmdSN, a StatSN for each.
    answer, _ = first.ping()
    second.cmd_sn = first.cmd_sn
    other, _ = second.ping()
    assert (answer.stat_sn, other.stat_sn) == (2, 2) and other.exp_cmd_sn == answer.exp_cmd_sn + 1


@pytest.mark.parametrize("count", [1, 2, 3])
def test_no_more_connections_than_were_agreed_on(watched: Watched, count: int) -> None:
    first = watched.stand.login(("MaxConnections", str(count)))
    for cid in range(1, count):
        watched.stand.join(first, cid)
    peer = watched.stand.connect(cid=count)
    peer.tsih = first.tsih
    assert status_of(peer.ask(peer.names(NAME))[0]) == LoginStatus.TOO_MANY_CONNECTIONS
    assert first.ping(b"fine")[1] == b"fine"


def test_two_connections_join_at_once(watched: Watched) -> None:
    """Each was the last one allowed when it began; only one is when it ends."""
    first = watched.stand.login(("MaxConnections", "2"))
    peers = [watched.stand.connect(cid=cid) for cid in (1, 2)]
    for peer in peers:
        peer.tsih = first.tsih
        assert peer.ask(peer.names(NAME), nsg=None)[0].status_class == 0
    assert status_of(peers[0].ask([])[0]) == 0
    assert status_of(peers[1].ask([])[0]) == LoginStatus.TOO_MANY_CONNECTIONS


@pytest.mark.parametrize(
    "how, status",
    [
        ({"tsih": 99}, LoginStatus.SESSION_DOES_NOT_EXIST),
        ({"isid": b"\x40\0\0\0\0\x09"}, LoginStatus.SESSION_DOES_NOT_EXIST),
    ],
)
def test_a_session_that_does_not_exist(watched: Watched, how: dict[str, Any], status: int) -> None:
    first = watched.stand.login(CONNECTIONS)
    peer = watched.stand.connect(cid=1)
    response, _ = peer.ask(peer.names(NAME), **{"tsih": first.tsih} | how)
    assert status_of(response) == status


def test_a_session_of_another_initiator(watched: Watched) -> None:
    first = watched.stand.login(CONNECTIONS)
    peer = watched.stand.connect(cid=1, initiator="iqn.2026-11.org.example:stranger")
    peer.tsih = first.tsih
    assert status_of(peer.ask(peer.names(NAME))[0]) == LoginStatus.SESSION_DOES_NOT_EXIST


def test_a_session_of_another_portal_group() -> None:
    """RFC 7143, 11.13.5: the target does not support sessions that span to this address."""
    stand = Stand(CONNECTIONS, ("PortalGroup", "1@127.0.0.1:3260"), ("PortalGroup", "2@127.0.0.1:3261"))
    first = stand.login(CONNECTIONS)
    peer = stand.connect(1, cid=1)
    peer.tsih = first.tsih
    assert status_of(peer.ask(peer.names(NAME))[0]) == LoginStatus.CANNOT_INCLUDE_IN_SESSION


def test_a_portal_group_of_several_portals_is_one() -> None:
    stand = Stand(CONNECTIONS, ("PortalGroup", "1@127.0.0.1:3260,127.0.0.1:3261"))
    first = stand.login(CONNECTIONS)
    peer = stand.connect(1, cid=1)
    peer.tsih = first.tsih
    peer.login(NAME)
    assert len(stand.session(first).connections) == 2


def test_leading_only_keys_belong_to_the_leading_connection(watched: Watched) -> None:
    first = watched.stand.login(CONNECTIONS)
    peer = watched.stand.connect(cid=1)
    peer.tsih = first.tsih
    assert status_of(peer.ask([*peer.names(NAME), CONNECTIONS])[0]) == LoginStatus.INITIATOR_ERROR


def test_connection_reinstatement(watched: Watched) -> None:
    """RFC 7143, 6.3.4: the new connection takes the old one's place, its tasks end, and the session goes on."""
    stand, driver = watched.stand, watched.driver
    old = stand.login()
    old.command(read10(0, 8), 4096)
    new = stand.connect(cid=0)
    new.tsih, new.cmd_sn = old.tsih, old.cmd_sn
    new.login(NAME)
    assert old.receive() == [] and old.closed
    assert watched.hooks == ["session_added", "cdb_rcved", "abort"]
    assert stand.session(new) is stand.sessions[0] and new.tsih == old.tsih
    driver.complete(driver.last, bytes(4096))
    assert new.silent()
    new.command(read10(0, 8), 4096)
    driver.complete(driver.last, bytes(4096))
    assert new.take(DataIn)
    stand.pipe(new).close()
    assert stand.sessions == []


def test_a_session_ends_while_a_connection_joins(watched: Watched) -> None:
    first = watched.stand.login(CONNECTIONS)
    peer = watched.stand.connect(cid=1)
    peer.tsih = first.tsih
    assert peer.ask(peer.names(NAME), nsg=None)[0].status_class == 0
    watched.stand.pipe(first).close()
    assert status_of(peer.ask([])[0]) == LoginStatus.SESSION_DOES_NOT_EXIST
    assert watched.stand.sessions == []


def test_a_connection_dies_in_the_place_that_it_took(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reinstatement closed the old connection; the new one never gets through: the session has to end."""
    stand = watched.stand
    old = stand.login()
    peer = stand.connect(cid=0)
    peer.tsih = old.tsih
    monkeypatch.setattr(Login, "answered", lambda *_: None)
    peer.send(peer.login_request(), format_pairs(peer.names(NAME)))
    assert old.receive() == [] and old.closed
    assert len(stand.sessions) == 1
    stand.pipe(peer).close()
    assert stand.sessions == [] and watched.hooks[-1] == "session_removed"


class Joins:
    """Keeps connections from reaching their sessions, as if the session's thread were late."""

    def __init__(self, stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
        self.stand = stand
        self.monkeypatch = monkeypatch
        self.waiting: list[tuple[Any, ...]] = []
        self.original = Directory._join
        monkeypatch.setattr(Directory, "_join", lambda *what: self.waiting.append(what))

    def begin(self, **how: Any) -> Peer:
        """A connection whose login is over for the login thread."""
        tsih = how.pop("tsih", 0)
        peer = self.stand.connect(**how)
        peer.send(peer.login_request(tsih=tsih), format_pairs(peer.names(NAME)))
        return peer

    def let_go(self) -> None:
        self.monkeypatch.setattr(Directory, "_join", self.original)
        for what in self.waiting:
            self.original(*what)
        self.stand.pump()


def test_a_late_connection_finds_its_place_taken(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two logins for one CID, neither of which saw the other: the one that comes last has it."""
    stand = watched.stand
    first = stand.login(CONNECTIONS)
    joins = Joins(stand, monkeypatch)
    one, two = (joins.begin(cid=1, tsih=first.tsih) for _ in range(2))
    joins.let_go()
    assert one.take(LoginResponse)[0].status_class == 0 and one.closed
    assert two.take(LoginResponse)[0].status_class == 0
    two.cmd_sn = first.cmd_sn
    assert two.ping(b"mine")[1] == b"mine"
    assert set(stand.session(first).connections) == {0, 1}


def test_a_session_is_closed_before_its_first_connection_is_there(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between two threads: the close comes first, then the connection; it must not live on."""
    stand = watched.stand
    joins = Joins(stand, monkeypatch)
    peer = joins.begin()
    stand.module.directory.close_session(stand.sessions[0])
    stand.pump()
    joins.let_go()
    assert peer.take(LoginResponse)[0].tsih and peer.closed
    assert stand.sessions == [] and watched.hooks == ["session_added", "session_removed"]


def test_a_session_is_over_before_its_second_connection_is_there(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand = watched.stand
    first = stand.login(CONNECTIONS)
    joins = Joins(stand, monkeypatch)
    second = joins.begin(cid=1, tsih=first.tsih)
    stand.pipe(first).close()
    joins.let_go()
    assert second.take(LoginResponse)[0].tsih and second.closed
    assert stand.sessions == [] and watched.hooks == ["session_added", "session_removed"]
