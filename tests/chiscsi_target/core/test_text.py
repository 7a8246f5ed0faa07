"""Text in full feature phase: negotiation, SendTargets, long answers, and exchanges that go wrong."""

from __future__ import annotations

import pytest

from chiscsi_target.api import tcp_endpoint
from iscsi_wire.constants import RESERVED_TAG
from iscsi_wire.pdus import Reject, TextResponse
from iscsi_wire.text import parse_pairs
from tests.chiscsi_target.peer import Pairs, Peer
from tests.chiscsi_target.stand import NAME, Stand

ALL = [("SendTargets", "All")]


def discovery(stand: Stand) -> Peer:
    peer = stand.connect()
    peer.login("", session_type="Discovery")
    return peer


def ask(peer: Peer, pairs: Pairs, **fields: int) -> tuple[TextResponse, Pairs]:
    peer.text(pairs, **fields)
    response, data = peer.take(TextResponse)
    return response, parse_pairs(data)


def test_a_length_declared_anew() -> None:
    """RFC 7143, 6.4: it takes effect after the last response of the exchange."""
    stand = Stand()
    peer = stand.login()
    response, answers = ask(peer, [("MaxRecvDataSegmentLength", "512")])
    assert (response.final, response.target_transfer_tag, answers) == (1, RESERVED_TAG, [])
    assert peer.ping(bytes(1000))[1] == bytes(512)


@pytest.mark.parametrize("key", ["MaxBurstLength", "HeaderDigest", "InitiatorName", "SessionType", "MaxConnections"])
def test_keys_of_the_login_are_refused(key: str) -> None:
    peer = Stand().login()
    peer.text([(key, "512")])
    assert peer.take(Reject)[0].reason == 4
    peer.cmd_sn -= 1  # RFC 7143, 7.3: a rejected command leaves a gap
    assert ask(peer, [("X-unknown", "1")])[1] == [("X-unknown", "NotUnderstood")]


def test_an_answer_of_many_pdus() -> None:
    """Many targets: parts by the C bit, each asked for with our tag, none with F before the last."""
    stand = Stand()
    for number in range(300):
        stand.add(
            f"{NAME}-{number:04}", ("PortalGroup", f"1@127.0.0.1:{4000 + number}"), ("TargetDevice", "a,MEM,size=1M")
        )
    peer = discovery(stand)
    request = peer.text(ALL)
    response, text = peer.take(TextResponse)
    tag, parts = response.target_transfer_tag, 1
    assert tag != RESERVED_TAG
    while response.continue_:
        assert (response.final, response.target_transfer_tag) == (0, tag)
        tags = {"initiator_task_tag": request.initiator_task_tag, "target_transfer_tag": tag}
        peer.text(b"", **tags)
        response, more = peer.take(TextResponse)
        text += more
        parts += 1
    assert (response.final, response.target_transfer_tag, parts) == (1, RESERVED_TAG, len(text) // 8192 + 1)
    names = [value for name, value in parse_pairs(text) if name == "TargetName"]
    assert names == [NAME, *(f"{NAME}-{number:04}" for number in range(300))]
    assert not stand.session(peer).texts and not stand.session(peer).transfer_tags


@pytest.mark.parametrize("value, found", [("All", True), (NAME, True), (NAME + "x", False), ("", False)])
def test_send_targets_in_a_discovery_session(value: str, found: bool) -> None:
    stand = Stand(("PortalGroup", "1@127.0.0.1:3260,[::1]:3261"), ("PortalGroup", "2@127.0.0.1:3262"))
    record = [
        ("TargetName", NAME),
        ("TargetAddress", "127.0.0.1:3260,1"),
        ("TargetAddress", "[::1]:3261,1"),
        ("TargetAddress", "127.0.0.1:3262,2"),
    ]
    assert ask(discovery(stand), [("SendTargets", value)])[1] == (record if found else [])


def test_a_wildcard_portal_has_the_address_that_was_reached() -> None:
    stand = Stand(("PortalGroup", "1@0.0.0.0:3260"))
    peer = discovery(stand)
    stand.connection(peer).endpoints.taddr = tcp_endpoint("10.1.2.3", 3260)
    assert ask(peer, ALL)[1][1] == ("TargetAddress", "10.1.2.3:3260,1")


@pytest.mark.parametrize(
    "groups, told",
    [
        (("1@[::]:3260",), []),
        (("1@[::]:3260", "2@0.0.0.0:3260"), [("TargetName", NAME), ("TargetAddress", "127.0.0.1:3260,2")]),
    ],
)
def test_a_portal_at_all_addresses_of_another_family_has_none_to_tell(groups: tuple[str, ...], told: Pairs) -> None:
    stand = Stand(*(("PortalGroup", group) for group in groups))
    peer = discovery(stand)
    stand.connection(peer).endpoints.taddr = tcp_endpoint("127.0.0.1", 3260)
    assert ask(peer, ALL)[1] == told


@pytest.mark.parametrize("value, answer", [("", True), (NAME, True), ("All", False)])
def test_send_targets_in_a_normal_session(value: str, answer: bool) -> None:
    expected = [("TargetName", NAME), ("TargetAddress", "127.0.0.1:3260,1")] if answer else [("SendTargets", "Reject")]
    assert ask(Stand().login(), [("SendTargets", value)])[1] == expected


@pytest.mark.parametrize(
    "pairs", [[*ALL, ("X-unknown", "1")], [*ALL, *ALL], [("SendTargets", "not a name")], [("SendTargets", "Some")]]
)
def test_wrong_questions(pairs: Pairs) -> None:
    peer = discovery(Stand())
    peer.text(pairs)
    assert peer.take(Reject)[0].reason == 4
    peer.cmd_sn -= 1
    assert ask(peer, ALL)[1]


@pytest.mark.parametrize("text", [b"SendTargets=All", b"SendTargets\0", b"=All\0", b"SendTargets=\xff\0"])
def test_malformed_text(text: bytes) -> None:
    peer = discovery(Stand())
    peer.text(text)
    assert peer.take(Reject)[0].reason == 4


def test_a_request_over_several_pdus() -> None:
    peer = discovery(Stand())
    request = peer.text(b"SendTarg", final=0, continue_=1)
    response, data = peer.take(TextResponse)
    assert (response.final, response.continue_, data) == (0, 0, b"")
    tags = {"initiator_task_tag": request.initiator_task_tag, "target_transfer_tag": response.target_transfer_tag}
    peer.text(b"ets=All\0", **tags)
    assert parse_pairs(peer.take(TextResponse)[1])[0] == ("TargetName", NAME)


def test_more_and_final_exclude_each_other() -> None:
    peer = discovery(Stand())
    peer.text(b"SendTargets=All\0", final=1, continue_=1)
    assert peer.take(Reject)[0].reason == 4


@pytest.mark.parametrize("tag", [0, 1, 0x12345678])
def test_a_stale_tag(tag: int) -> None:
    peer = discovery(Stand())
    peer.text(ALL, target_transfer_tag=tag)
    assert peer.take(Reject)[0].reason == 9


def test_unfinished_exchanges_are_bounded() -> None:
    """RFC 7143, 11.17.1: no Target Transfer Tag can be generated."""
    stand = Stand()
    peer = stand.login()
    reasons = []
    for _ in range(40):
        peer.text(b"X-half=", final=0, continue_=1)
        reasons += [pdu.reason for pdu, _ in peer.receive() if isinstance(pdu, Reject)]
        peer.cmd_sn = stand.session(peer).window.exp_cmd_sn
    assert reasons == [10] * 8 and len(stand.session(peer).texts) == 32
    assert peer.ping(b"fine")[1] == b"fine"
