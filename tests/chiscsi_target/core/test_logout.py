"""Logout of a session, of a connection, for recovery; in turn and out of turn."""

from __future__ import annotations

import pytest

from iscsi_wire.pdus import LogoutRequest, LogoutResponse, NopIn, Reject
from tests.chiscsi_target.peer import Peer, read10
from tests.chiscsi_target.scripted import HoldingDriver
from tests.chiscsi_target.stand import Stand

CONNECTIONS = ("MaxConnections", "3")


@pytest.fixture
def stand() -> Stand:
    return Stand(CONNECTIONS, driver=HoldingDriver())


def log_out(peer: Peer, reason: int = 0, **fields: int) -> None:
    immediate = fields.get("immediate", 0)
    known = {"final": 1, "reason_code": reason, "initiator_task_tag": peer.tag(), "cmd_sn": peer.number(immediate)}
    peer.send(LogoutRequest.make(**known | fields))


@pytest.mark.parametrize("immediate", [0, 1])
def test_closing_a_session(stand: Stand, immediate: int) -> None:
    """All of its connections; its commands end without a word."""
    peer = stand.login(CONNECTIONS)
    other = stand.join(peer)
    other.cmd_sn = peer.cmd_sn
    other.command(read10(0, 8), 4096)
    peer.cmd_sn = other.cmd_sn
    log_out(peer, immediate=immediate)
    response, _ = peer.take(LogoutResponse)
    assert (response.response, response.time2wait, response.time2retain) == (0, 2, 0)
    assert peer.closed and other.receive() == [] and other.closed
    assert stand.sessions == []
    assert stand.transitions("connection")[-3:] == ["T9", "T8", "T13"]
    assert stand.transitions("session") == ["N1", "N2", "N3"]


@pytest.mark.parametrize("cid", [0, 1])
def test_closing_a_connection(stand: Stand, cid: int) -> None:
    """This one, or another; the answer comes where it was asked for."""
    peer = stand.login(CONNECTIONS)
    other = stand.join(peer)
    log_out(peer, 1, cid=cid)
    assert peer.take(LogoutResponse)[0].response == 0
    other.receive()
    assert (peer.closed, other.closed) == (cid == 0, cid == 1)
    left = other if cid == 0 else peer
    left.cmd_sn = stand.session(left).window.exp_cmd_sn
    assert left.ping(b"left")[1] == b"left"


def test_closing_the_last_connection_closes_the_session(stand: Stand) -> None:
    peer = stand.login()
    log_out(peer, 1)
    assert peer.take(LogoutResponse)[0].response == 0 and peer.closed and stand.sessions == []


@pytest.mark.parametrize("reason, cid, code", [(1, 9, 1), (2, 0, 2)])
def test_what_cannot_be_closed(stand: Stand, reason: int, cid: int, code: int) -> None:
    peer = stand.login()
    log_out(peer, reason, cid=cid)
    assert peer.take(LogoutResponse)[0].response == code
    assert peer.ping(b"on")[1] == b"on"


@pytest.mark.parametrize("reason", [3, 127])
def test_an_unknown_reason(stand: Stand, reason: int) -> None:
    peer = stand.login()
    log_out(peer, reason)
    assert isinstance(peer.receive()[0][0], Reject)


def test_a_logout_takes_its_turn(stand: Stand) -> None:
    peer = stand.login()
    missing = peer.number()
    log_out(peer)
    assert peer.silent()
    peer.send(peer.nop_out(cmd_sn=missing))
    (echo, _), (response, _) = peer.receive()
    assert isinstance(echo, NopIn) and isinstance(response, LogoutResponse) and peer.closed


def test_nothing_behind_a_logout_is_served(stand: Stand) -> None:
    peer = stand.login()
    request = LogoutRequest.make(final=1, initiator_task_tag=1, cmd_sn=peer.number())
    peer.pipe.send(peer.octets(request) + peer.octets(peer.nop_out(), b"too late"))
    assert peer.take(LogoutResponse)[0].response == 0 and peer.closed
