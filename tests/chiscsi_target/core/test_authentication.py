"""The security stage within a login: hooks around it, its time limit, its events, and further connections."""

from __future__ import annotations

from typing import Any

import pytest

from chiscsi_target.api import CHAP_FLAG_REMOTE_SECRET_VALID, chap_info
from chiscsi_target.api.constants import ISCSI_LOGIN_STAGE_OPERATIONAL, ISCSI_LOGIN_STAGE_SECURITY
from chiscsi_target.api.events import chiscsi_event
from chiscsi_target.quirks import Quirks
from iscsi_wire.chap import MD5
from iscsi_wire.constants import LoginStatus
from iscsi_wire.pdus import LoginResponse, Reject, TextResponse
from iscsi_wire.text import format_binary, format_pairs, parse_binary
from tests.chiscsi_target.bench import status_of
from tests.chiscsi_target.peer import INITIATOR, ISID, Pairs, Peer
from tests.chiscsi_target.scripted import CheckingClass, HoldingDriver
from tests.chiscsi_target.stand import NAME, Stand

USER = b"secret-of-user1"
KEYS = (
    ("AuthMethod", "CHAP"),
    ("Auth_CHAP_Initiator", '"user":"secret-of-user1"'),
    ("MaxConnections", "2"),
)


class Guarded(CheckingClass):
    """Looks at logins, and knows one initiator's secret."""

    def fp_chap_info_get(self, initiator_name: str, target_name: str, chap: chap_info) -> None:
        self.checks.append((0, -1))
        chap.flag |= CHAP_FLAG_REMOTE_SECRET_VALID
        chap.remote_secret, chap.remote_secret_length = USER, len(USER)


def challenge(peer: Peer) -> dict[str, str]:
    peer.ask([*peer.names(NAME), ("AuthMethod", "CHAP")], csg=0, nsg=None)
    return dict(peer.ask([("CHAP_A", "5")], csg=0, nsg=None)[1])


def proof(sent: dict[str, str], name: str = "user", secret: bytes = USER) -> Pairs:
    response = MD5.response(int(sent["CHAP_I"]), secret, parse_binary(sent["CHAP_C"]))
    return [("CHAP_N", name), ("CHAP_R", format_binary(response))]


def enter(peer: Peer, *keys: tuple[str, str], **who: Any) -> LoginResponse:
    """A whole login; returns its last response."""
    response, _ = peer.ask(proof(challenge(peer), **who), csg=0, nsg=1)
    if status_of(response) == 0:
        response, _ = peer.ask(list(keys), csg=1, nsg=3)
        peer.tsih = response.tsih
    return response


# Hooks and time


def test_the_hooks_of_a_login_with_chap_in_order() -> None:
    target_class = Guarded()
    stand = Stand(*KEYS, driver=HoldingDriver(), target_class=target_class)
    target_class.on_first = lambda hndl: stand.module.chiscsi_target_first_login_check_done(hndl, 0, 0, 4)
    target_class.on_stage = lambda hndl, _: stand.module.chiscsi_target_login_stage_check_done(hndl, 0, 0)
    response = enter(stand.connect())
    assert status_of(response) == 0 and response.tsih
    stages = [stage for _, stage in target_class.checks]
    assert stages == [None, ISCSI_LOGIN_STAGE_SECURITY, -1, ISCSI_LOGIN_STAGE_OPERATIONAL]
    assert [name for name, _ in target_class.calls] == ["session_added"]
    assert stand.sessions[0].authenticated_by == ("CHAP", "user")


def test_the_driver_may_answer_each_step_later() -> None:
    target_class = Guarded()
    stand = Stand(*KEYS, driver=HoldingDriver(), target_class=target_class)
    peer = stand.connect()
    peer.send(peer.login_request(0, None), format_pairs([*peer.names(NAME), ("AuthMethod", "CHAP")]))
    assert peer.silent()
    (handle, _), _ = target_class.checks
    stand.module.chiscsi_target_first_login_check_done(handle, 0, 0, 0)
    stand.pump()
    assert peer.silent()
    stand.module.chiscsi_target_login_stage_check_done(handle, 0, 0)
    stand.pump()
    peer.take(LoginResponse)
    sent = dict(peer.ask([("CHAP_A", "5")], csg=0, nsg=None)[1])
    peer.send(peer.login_request(0, 1), format_pairs(proof(sent)))
    assert peer.silent()
    assert [stage for _, stage in target_class.checks][-2:] == [-1, ISCSI_LOGIN_STAGE_OPERATIONAL]
    stand.module.chiscsi_target_login_stage_check_done(handle, 0, 0)
    stand.pump()
    response, _ = peer.take(LoginResponse)
    assert (status_of(response), response.transit, response.nsg) == (0, 1, 1)


@pytest.mark.parametrize("requests", [1, 2])
def test_a_login_that_stops_in_the_exchange_is_cut_off(requests: int) -> None:
    stand = Stand(*KEYS)
    stand.module.directory.registry.globals.login_complete_time = 20
    peer = stand.connect()
    peer.ask([*peer.names(NAME), ("AuthMethod", "CHAP")], csg=0, nsg=None)
    if requests == 2:
        peer.ask([("CHAP_A", "5")], csg=0, nsg=None)
    stand.shell.advance(19)
    assert peer.silent()
    stand.shell.advance(2)
    assert peer.receive() == [] and peer.closed
    assert status_of(enter(stand.connect())) == 0


def test_every_request_may_come_in_pieces() -> None:
    peer = Stand(*KEYS).connect()

    def in_pieces(pairs: Pairs, nsg: int | None) -> dict[str, str]:
        text = format_pairs(pairs)
        for begin in range(0, len(text) - 9, 9):
            peer.send(peer.login_request(0, None, continue_=1), text[begin : begin + 9])
            response, data = peer.take(LoginResponse)
            assert (status_of(response), response.transit, data) == (0, 0, b"")
            last = text[begin + 9 :]
        peer.send(peer.login_request(0, nsg), last)
        response, data = peer.take(LoginResponse)
        assert status_of(response) == 0 and response.transit == (nsg is not None)
        return dict(pair.split("=", 1) for pair in data.decode().split("\0") if pair)

    in_pieces([*peer.names(NAME), ("AuthMethod", "CHAP")], None)
    sent = in_pieces([("CHAP_A", "200,199,198,5")], None)
    in_pieces(proof(sent), 1)


# Who is told


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({"secret": b"another-secret"}, True),
        ({"name": "nobody"}, True),
        ({}, False),
    ],
)
def test_a_failed_authentication_is_an_event(keys: dict[str, Any], told: bool) -> None:
    stand = Stand(*KEYS)
    events: list[tuple[int, str]] = []
    assert stand.module.directory.notifier.register(lambda number, text: events.append((number, text)))
    enter(stand.connect(), **keys)
    stand.pump()
    expected = (chiscsi_event.AUTHENTICATION_FAILURE, f"Initiator={INITIATOR}, Target={NAME}")
    assert (expected in events) is told
    assert "secret" not in repr(events)


# Further connections


def join(stand: Stand, first: Peer, **who: Any) -> LoginResponse:
    peer = stand.connect(isid=ISID, cid=1)
    peer.tsih, peer.cmd_sn = first.tsih, first.cmd_sn
    return enter(peer, **who)


def session_with(stand: Stand) -> Peer:
    peer = stand.connect(isid=ISID)
    assert status_of(enter(peer, ("MaxConnections", "2"))) == 0
    return peer


def test_a_further_connection_by_the_same_name() -> None:
    stand = Stand(*KEYS)
    assert status_of(join(stand, session_with(stand))) == 0
    assert len(stand.sessions[0].connections) == 2


def test_a_further_connection_by_another_name() -> None:
    stand = Stand(*KEYS, ("Auth_CHAP_Initiator", '"other":"secret-of-other"'))
    first = session_with(stand)
    response = join(stand, first, name="other", secret=b"secret-of-other")
    assert status_of(response) == LoginStatus.AUTHENTICATION_FAILURE
    assert len(stand.sessions[0].connections) == 1
    assert first.execute("00")[0].status in (0, 2)


def test_connections_with_and_without_authentication_are_not_mixed() -> None:
    stand = Stand(("AuthMethod", "CHAP,None"), *KEYS[1:])
    first = session_with(stand)
    peer = stand.connect(isid=ISID, cid=1)
    peer.tsih, peer.cmd_sn = first.tsih, first.cmd_sn
    response, _ = peer.ask(peer.names(NAME), csg=1, nsg=3)
    assert status_of(response) == LoginStatus.AUTHENTICATION_FAILURE
    assert len(stand.sessions[0].connections) == 1


# The C bit in release 3.14


@pytest.mark.parametrize("quirk", [True, False], ids=["on", "off"])
def test_a_login_request_that_goes_on(quirk: bool) -> None:
    stand = Stand(*KEYS, quirks=Quirks(no_login_continuation=quirk))
    peer = stand.connect()
    peer.send(peer.login_request(0, None, continue_=1), format_pairs(peer.names(NAME)))
    answers = peer.receive()
    assert peer.closed is quirk
    assert (answers == []) is quirk


@pytest.mark.parametrize("quirk", [True, False], ids=["on", "off"])
def test_a_text_request_that_goes_on(quirk: bool) -> None:
    stand = Stand(quirks=Quirks(no_login_continuation=quirk))
    peer = stand.login()
    peer.text([("X-a", "1")], final=0, continue_=1)
    answers = peer.receive()
    assert peer.closed is quirk
    assert [type(pdu) for pdu, _ in answers] == ([] if quirk else [TextResponse])
    assert not any(isinstance(pdu, Reject) for pdu, _ in answers)
