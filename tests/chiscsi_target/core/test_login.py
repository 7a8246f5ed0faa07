"""A login from its first request to its last response: stages, statuses, long texts, the time that it may take."""

from __future__ import annotations

from typing import Any

import pytest

from iscsi_wire.constants import LoginStatus
from iscsi_wire.pdus import LoginResponse, LogoutRequest, NopOut, ScsiCommand, TextRequest
from iscsi_wire.records import LogRecord, PduRecord
from iscsi_wire.text import format_pairs, parse_pairs
from tests.chiscsi_target.bench import status_of
from tests.chiscsi_target.peer import ISID, Pairs, Peer
from tests.chiscsi_target.scripted import HoldingDriver, NotingClass
from tests.chiscsi_target.stand import NAME, Stand

LAST = {"transit": 1, "nsg": 3}


@pytest.fixture
def stand() -> Stand:
    return Stand(("MaxConnections", "2"), ("TargetAlias", "the disk"))


def refused(peer: Peer, pairs: Pairs, **how: Any) -> int:
    """The status with which a request is refused; nothing else is in the response, and the connection is closed."""
    response, answers = peer.ask(pairs, **how)
    assert (response.transit, response.continue_, response.csg, response.nsg, answers) == (0, 0, 0, 0, [])
    assert status_of(response) != 0
    assert peer.receive() == [] and peer.closed
    return status_of(response)


# Success


def test_a_login_in_one_exchange(stand: Stand) -> None:
    peer = stand.connect(cid=3)
    response, answers = peer.ask(peer.names(NAME), cmd_sn=77, exp_stat_sn=99)
    assert (response.csg, response.transit, response.nsg, response.continue_) == (1, 1, 3, 0)
    assert (response.version_max, response.version_active, response.isid) == (0, 0, ISID)
    assert response.tsih == 2  # behaviour file, 1.7: the first value of the counter
    assert (response.stat_sn, response.exp_cmd_sn, response.max_cmd_sn) == (1, 77, 77 + 127)
    assert response.initiator_task_tag == 0x10
    assert answers == [
        ("TargetPortalGroupTag", "1"),
        ("TargetAlias", "the disk"),
        ("MaxRecvDataSegmentLength", "8192"),
    ]
    assert stand.transitions("connection") == ["T3", "T4", "T5"]
    assert stand.transitions("session") == ["N1", "N2"]
    (session,) = stand.sessions
    assert list(session.connections) == [3]


def test_a_login_through_both_stages(stand: Stand) -> None:
    peer = stand.connect()
    first, answers = peer.ask([*peer.names(NAME), ("AuthMethod", "CHAP,None")], csg=0, nsg=1)
    assert (first.csg, first.transit, first.nsg, first.tsih) == (0, 1, 1, 0)
    assert answers == [("TargetPortalGroupTag", "1"), ("AuthMethod", "None")]
    second, answers = peer.ask([("MaxBurstLength", "4096")], csg=1, nsg=None)
    assert (second.csg, second.transit, second.nsg, second.tsih) == (1, 0, 0, 0)
    assert answers == [
        ("TargetAlias", "the disk"),
        ("MaxRecvDataSegmentLength", "8192"),
        ("MaxBurstLength", "4096"),
    ]
    third, answers = peer.ask([("FirstBurstLength", "8192")], csg=1)
    assert answers == [("FirstBurstLength", "4096")]
    assert (third.transit, third.nsg, third.tsih) == (1, 3, 2)
    assert [first.stat_sn, second.stat_sn, third.stat_sn] == [1, 2, 3]


def test_a_login_from_security_to_full_feature(stand: Stand) -> None:
    """Without the operational stage all keys have their defaults: 8192 octets in both directions."""
    peer = stand.connect()
    response, answers = peer.ask(peer.names(NAME), csg=0, nsg=3)
    assert (response.csg, response.transit, response.nsg) == (0, 1, 3)
    assert answers == [("TargetPortalGroupTag", "1")]
    assert stand.connection(peer).framer.max_data_segment_length == 8192
    assert stand.connection(peer).max_send_data == 8192


def test_results_hold_from_the_end_of_the_login_on() -> None:
    stand = Stand(("MaxRecvDataSegmentLength", "65536"), ("HeaderDigest", "CRC32C"), ("DataDigest", "CRC32C,None"))
    keys = [("MaxRecvDataSegmentLength", "1024"), ("HeaderDigest", "CRC32C"), ("DataDigest", "CRC32C,None")]
    peer = stand.login(*keys)
    connection = stand.connection(peer)
    assert connection.framer.max_data_segment_length == 65536
    assert connection.framer.header_digest and connection.framer.data_digest
    assert peer.ping(b"x" * 2000)[1] == b"x" * 1024


def test_the_first_request_need_not_be_final(stand: Stand) -> None:
    """Six exchanges and more (RFC 7143, 6.2)."""
    peer = stand.connect()
    peer.ask(peer.names(NAME), csg=0, nsg=None)
    for _ in range(10):
        response, answers = peer.ask([], csg=0, nsg=None)
        assert (response.transit, answers) == (0, [])
    assert peer.ask([], csg=0, nsg=1)[0].nsg == 1
    assert peer.ask([])[0].tsih == 2


# Refusals


@pytest.mark.parametrize(
    "keys, how, status",
    [
        ([("MaxBurstLength", "512"), ("MaxBurstLength", "512")], {}, LoginStatus.INITIATOR_ERROR),
        ([("HeaderDigest", "Reject")], {}, LoginStatus.INITIATOR_ERROR),
        ([("AuthMethod", "CHAP")], {"csg": 0, "nsg": 1}, LoginStatus.INITIATOR_ERROR),
        ([("AuthMethod", "None")], {}, LoginStatus.INITIATOR_ERROR),
        ([("CHAP_N", "me")], {"csg": 0, "nsg": 1}, LoginStatus.INITIATOR_ERROR),
        ([("MaxBurstLength", "512")], {"csg": 0, "nsg": 1}, LoginStatus.INITIATOR_ERROR),
        ([("SendTargets", "All")], {}, LoginStatus.INITIATOR_ERROR),
        ([("TargetAlias", "mine")], {}, LoginStatus.INITIATOR_ERROR),
        ([("MaxRecvDataSegmentLength", "511")], {}, LoginStatus.INITIATOR_ERROR),
        ([], {"version_min": 1, "version_max": 1}, LoginStatus.UNSUPPORTED_VERSION),
        ([], {"csg": 2}, LoginStatus.INITIATOR_ERROR),
        ([], {"csg": 1, "nsg": 0}, LoginStatus.INITIATOR_ERROR),
        ([], {"tsih": 5}, LoginStatus.SESSION_DOES_NOT_EXIST),
    ],
)
def test_faults_of_the_first_request(stand: Stand, keys: Pairs, how: dict[str, int], status: int) -> None:
    peer = stand.connect()
    assert refused(peer, [*peer.names(NAME), *keys], **how) == status
    assert stand.sessions == []
    assert stand.transitions("connection") == ["T3", "T4", "T7"]
    assert stand.transitions("session") in ([], ["N1", "N9"])


@pytest.mark.parametrize(
    "how",
    [
        {"csg": 0, "nsg": 1},
        {"csg": 1, "nsg": 0},
        {"cid": 9},
        {"tsih": 1},
        {"isid": b"\0\0\0\0\0\0"},
        {"initiator_task_tag": 0x11},
    ],
)
def test_faults_of_a_later_request(stand: Stand, how: dict[str, Any]) -> None:
    peer = stand.connect()
    peer.ask(peer.names(NAME), nsg=None)
    assert refused(peer, [], **{"csg": 1, "nsg": 3} | how) == LoginStatus.INITIATOR_ERROR
    assert stand.sessions == [] and stand.transitions("session") == ["N1", "N9"]


@pytest.mark.parametrize("key", ["InitiatorName", "TargetName", "MaxBurstLength", "X-unknown"])
def test_a_key_may_come_once_in_a_login(stand: Stand, key: str) -> None:
    """RFC 7143, 6.3: also when the second comes in a later request."""
    values = {"InitiatorName": Peer(stand.shell.connect(stand.node.portals[0])).initiator, "TargetName": NAME}
    peer = stand.connect()
    extra = [] if key in values else [(key, "512")]
    peer.ask([*peer.names(NAME), *extra], nsg=None)
    assert refused(peer, [(key, values.get(key, "512"))]) == LoginStatus.INITIATOR_ERROR


@pytest.mark.parametrize("pdu", [NopOut, ScsiCommand, TextRequest, LogoutRequest])
def test_another_pdu_first_closes_the_connection(stand: Stand, pdu: Any) -> None:
    peer = stand.connect()
    peer.send(pdu.make(initiator_task_tag=1))
    assert peer.receive() == [] and peer.closed
    assert stand.transitions("connection") == ["T3", "T6"]


@pytest.mark.parametrize("pdu", [NopOut, ScsiCommand, TextRequest, LogoutRequest])
def test_another_pdu_during_the_login_ends_it(stand: Stand, pdu: Any) -> None:
    peer = stand.connect()
    peer.ask(peer.names(NAME), nsg=None)
    peer.send(pdu.make(initiator_task_tag=1))
    assert status_of(peer.take(LoginResponse)[0]) == LoginStatus.INVALID_DURING_LOGIN
    assert peer.receive() == [] and peer.closed


def test_a_pdu_that_is_too_long(stand: Stand) -> None:
    """RFC 7143, 13.12: 8192 octets, whatever the target declares for later."""
    peer = stand.connect()
    peer.send(peer.login_request(), bytes(8193))
    assert peer.receive() == [] and peer.closed
    assert "DataSegmentLength" in stand.log


def test_all_tsihs_in_use(stand: Stand) -> None:
    registry = stand.module.directory.registry
    while not registry.full:
        registry.new_tsih()
    peer = stand.connect()
    assert refused(peer, peer.names(NAME)) == LoginStatus.OUT_OF_RESOURCES


def test_a_login_that_fails_at_its_end_keeps_no_tsih(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its number was given out already, when the old session took its time to close."""
    stand.login()
    directory = stand.module.directory
    assert len(directory.registry._tsihs) == 1
    monkeypatch.setattr(directory, "close_replaced", lambda login, *_: login.await_answer())
    for _ in range(3):
        peer = stand.connect()
        peer.send(peer.login_request(), format_pairs(peer.names(NAME)))
        assert peer.silent() and len(directory.registry._tsihs) == 2
        stand.pipe(peer).close()
        assert len(directory.registry._tsihs) == 1
    assert len(stand.sessions) == 1


# Long texts


def send_in_parts(peer: Peer, text: bytes, size: int) -> tuple[LoginResponse, Pairs]:
    """A logical request over several PDUs; each but the last is answered by an empty response."""
    while len(text) > size:
        peer.send(peer.login_request(nsg=None, continue_=1), text[:size])
        response, data = peer.take(LoginResponse)
        assert (response.transit, response.continue_, data, status_of(response)) == (0, 0, b"", 0)
        text = text[size:]
    peer.send(peer.login_request(), text)
    response, data = peer.take(LoginResponse)
    return response, parse_pairs(data)


@pytest.mark.parametrize("size", [1, 10, 47])
def test_a_request_over_several_pdus(stand: Stand, size: int) -> None:
    peer = stand.connect()
    text = format_pairs([*peer.names(NAME), ("MaxBurstLength", "1024")])
    response, answers = send_in_parts(peer, text, size)
    assert (response.transit, response.nsg) == (1, 3)
    assert ("MaxBurstLength", "1024") in answers and answers[0] == ("TargetPortalGroupTag", "1")
    assert peer.ping(b"in")[1] == b"in"


def test_the_longest_request(stand: Stand) -> None:
    """64 KiB of text; a little more ends the login."""
    peer = stand.connect()
    names = format_pairs(peer.names(NAME))
    filler = "x" * (64 * 1024 - len(names) - len("X-filler=\0"))
    response, answers = send_in_parts(peer, names + format_pairs([("X-filler", filler)]), 8192)
    assert ("X-filler", "NotUnderstood") in answers and response.nsg == 3
    peer = stand.connect(isid=b"\x40\0\0\0\0\x07")
    for _ in range(8):
        peer.send(peer.login_request(nsg=None, continue_=1), b"x" * 8192)
        peer.take(LoginResponse)
    peer.send(peer.login_request(nsg=None, continue_=1), b"x")
    assert status_of(peer.take(LoginResponse)[0]) == LoginStatus.INITIATOR_ERROR


def long_answer(stand: Stand) -> tuple[Peer, Pairs, LoginResponse, bytes]:
    """A connection whose request gets an answer of more than 8192 octets, and the first part of it."""
    unknown = [(f"X-key-number-{number}", "v") for number in range(900)]
    peer = stand.connect()
    text = format_pairs([*peer.names(NAME), *unknown])
    while len(text) > 8192:
        peer.send(peer.login_request(nsg=None, continue_=1), text[:8192])
        peer.take(LoginResponse)
        text = text[8192:]
    peer.send(peer.login_request(), text)
    response, data = peer.take(LoginResponse)
    return peer, unknown, response, data


@pytest.mark.parametrize("asks_again", [True, False])
def test_a_response_over_several_pdus(stand: Stand, asks_again: bool) -> None:
    """RFC 7143, 11.13.6 and 11.13.7: parts with C=1 have T=0, and T=1 answers T=1 of the request before it."""
    peer, unknown, response, data = long_answer(stand)
    text = data
    while response.continue_:
        assert (response.transit, len(data), response.tsih) == (0, 8192, 0)
        peer.send(peer.login_request() if asks_again else peer.login_request(nsg=None))
        response, data = peer.take(LoginResponse)
        text += data
    assert response.transit == asks_again
    answers = dict(parse_pairs(text))
    assert all(answers[name] == "NotUnderstood" for name, _ in unknown)
    if not asks_again:
        response, rest = peer.ask([])
        assert (response.transit, response.nsg, rest) == (1, 3, [])
    assert peer.ping(b"in")[1] == b"in"


def test_text_in_the_middle_of_a_response(stand: Stand) -> None:
    """RFC 7143, 6.2: a response with C=1 is answered by a request without data."""
    peer, _, response, _ = long_answer(stand)
    assert response.continue_
    assert refused(peer, [("MaxBurstLength", "512")]) == LoginStatus.INITIATOR_ERROR


def test_malformed_text(stand: Stand) -> None:
    peer = stand.connect()
    peer.send(peer.login_request(), format_pairs(peer.names(NAME)) + b"no null at the end=")
    assert status_of(peer.take(LoginResponse)[0]) == LoginStatus.INITIATOR_ERROR


# Time


@pytest.mark.parametrize("requests", [0, 1])
def test_a_login_that_takes_too_long_is_reset(stand: Stand, requests: int) -> None:
    peer = stand.connect()
    if requests:
        peer.ask(peer.names(NAME), nsg=None)
    stand.shell.advance(299.9)
    assert peer.silent()
    stand.shell.advance(0.1)
    assert peer.receive() == [] and peer.closed
    assert stand.pipe(peer).was_reset
    assert stand.transitions("connection")[-1] == ("T7" if requests else "T6")
    assert not stand.module.directory.login_worker.connections


def test_requests_do_not_prolong_the_time(stand: Stand) -> None:
    peer = stand.connect()
    peer.ask(peer.names(NAME), nsg=None)
    for _ in range(3):
        stand.shell.advance(99)
        assert peer.ask([], nsg=None)[0].status_class == 0
    stand.shell.advance(3)
    assert peer.receive() == [] and peer.closed


def test_the_time_may_be_unlimited(stand: Stand) -> None:
    stand.module.directory.registry.globals.login_complete_time = 0
    peer = stand.connect()
    stand.shell.advance(1e6)
    peer.login(NAME)


def test_a_session_outlives_the_time_of_its_login(stand: Stand) -> None:
    peer = stand.login()
    stand.shell.advance(1e6)
    assert peer.ping(b"still")[1] == b"still"


# Records


def test_every_pdu_is_recorded_once(stand: Stand) -> None:
    peer = stand.connect()
    peer.login(NAME)
    peer.ping(b"hello")
    recorded = [(record.direction, record.offset, record.data) for record in stand.of_type(PduRecord)]
    assert [direction for direction, _, _ in recorded] == ["in", "out", "in", "out"]
    for way in ("in", "out"):
        offsets = [offset for direction, offset, _ in recorded if direction == way]
        assert offsets[0] == 0 and offsets == sorted(set(offsets))
    assert recorded[-1][2] == b"hello"


def test_a_refusal_is_logged_with_its_clause(stand: Stand) -> None:
    peer = stand.connect()
    refused(peer, [])
    assert "login refused with 0x0207: InitiatorName is missing (RFC 7143 6.3)" in stand.log
    assert all(record.level == 2 for record in stand.of_type(LogRecord))


# The end of a session's first connection


def test_a_driver_hears_of_sessions_in_full_feature_phase_only() -> None:
    noting = NotingClass()
    stand = Stand(driver=HoldingDriver(), target_class=noting)
    peer = stand.connect()
    refused(peer, peer.names("iqn.2026-11.org.example:nobody"))
    half = stand.connect()
    half.ask(half.names(NAME), nsg=None)
    stand.pipe(half).close()
    assert noting.calls == []
    whole = stand.login()
    handle = stand.session(whole).handle
    stand.pipe(whole).close()
    assert noting.calls == [("session_added", handle), ("session_removed", handle)]
    assert noting.sessions == [(ISID, whole.initiator, NAME)]
