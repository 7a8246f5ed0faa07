"""The verbs: what they accept, what they refuse, and in which words."""

from __future__ import annotations

from typing import Any

import pytest

from initiator_sim import CommandResult, Expectation, ExpectationFailed, HarnessFault, LoginResult, Session, expect
from initiator_sim.expectation import Mismatch
from iscsi_wire.pdus import DataIn, LoginRequest, LoginResponse, NopIn, ScsiCommand
from tests.initiator_sim.fakes import Bench, FakePeer

SENSE = bytes([0, 18, 0x70, 0, 5, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x24, 3, 0, 0, 0, 0])
DESCRIPTOR = bytes([0, 8, 0x72, 6, 0x29, 1, 0, 0, 0, 0])


def result_of(say: Any, **arguments: Any) -> CommandResult:
    def prepare(peer: FakePeer) -> None:
        peer.handlers[ScsiCommand] = lambda header, _: say(peer, header.initiator_task_tag)

    return Bench(prepare).initiator.login().command(bytes(16), **arguments)


def login_with(status: int | None, **fields: Any) -> LoginResult:
    def answer(peer: FakePeer, request: LoginRequest) -> None:
        if status is None:
            peer.hang_up()
            return
        tag, isid = request.initiator_task_tag, request.isid
        peer.say(LoginResponse, status_class=status >> 8, status_detail=status & 255, initiator_task_tag=tag, isid=isid)

    def prepare(peer: FakePeer) -> None:
        peer.handlers[LoginRequest] = lambda header, _: answer(peer, header)

    return Bench(prepare).initiator.session().attempt_login(**fields)


GOOD = result_of(lambda peer, tag: peer.status(tag))
CHECK = result_of(lambda peer, tag: peer.status(tag, 2, SENSE))
ATTENTION = result_of(lambda peer, tag: peer.status(tag, 2, DESCRIPTOR))
BUSY = result_of(lambda peer, tag: peer.status(tag, 8))
FAILURE = result_of(lambda peer, tag: peer.status(tag, response=1))
SHORT = result_of(lambda peer, tag: peer.status(tag, underflow=1, residual_count=512), read=512)
LONG = result_of(lambda peer, tag: peer.status(tag, overflow=1, residual_count=7))
DATA = result_of(lambda peer, tag: peer.say(DataIn, b"abcd", initiator_task_tag=tag, final=1, status_present=1), read=4)
CLOSED = result_of(lambda peer, tag: peer.hang_up())
MUTE = result_of(lambda peer, tag: None)

ACCEPTED: list[tuple[Expectation[Any], CommandResult]] = [
    (expect.good(), GOOD),
    (expect.good(data=b"abcd"), DATA),
    (expect.good(residual=-512), SHORT),
    (expect.good(residual=7), LONG),
    (expect.good(residual=None), LONG),
    (expect.status(8, 0x28), BUSY),
    (expect.check_condition(), CHECK),
    (expect.check_condition(5, 0x24, 3), CHECK),
    (expect.check_condition(key={4, 5}, asc=range(0x20, 0x30)), CHECK),
    (expect.check_condition(6, 0x29, 1), ATTENTION),
    (expect.response(1), FAILURE),
    (expect.connection_closed(), CLOSED),
    (expect.any_of(expect.good(), expect.status(8)), BUSY),
]

REFUSED: list[tuple[Expectation[Any], CommandResult, str, str]] = [
    (expect.good(), CHECK, "SCSI Response", "status"),
    (expect.good(), SHORT, "GOOD with residual -512", "residual_count"),
    (expect.good(), FAILURE, "Response=0x1", "status"),
    (expect.good(), CLOSED, "connection closed", ""),
    (expect.good(), MUTE, "nothing within 5 s", ""),
    (expect.good(data=b"abxd"), DATA, "octet 2: 6364 instead of 7864", "data"),
    (expect.good(data=b"abcdef"), DATA, "octet 4: end instead of 6566", "data"),
    (expect.check_condition(key=6), CHECK, "CHECK CONDITION, 0x5/0x24/0x03", "data"),
    (expect.check_condition(asc=0x25), CHECK, "0x5/0x24/0x03", "data"),
    (expect.check_condition(ascq={0, 1}), CHECK, "0x5/0x24/0x03", "data"),
    (expect.check_condition(), GOOD, "SCSI Response", "status"),
    (expect.status(8), GOOD, "SCSI Response", "status"),
    (expect.response(1), GOOD, "SCSI Response", "response"),
    (expect.rejected(), GOOD, "SCSI Response", ""),
    (expect.connection_closed(reset=True), CLOSED, "connection closed", ""),
]


@pytest.mark.parametrize("expectation, result", ACCEPTED, ids=lambda value: getattr(value, "text", ""))
def test_accepts(expectation: Expectation[Any], result: CommandResult) -> None:
    result.expect(expectation)


@pytest.mark.parametrize("expectation, result, observed, field", REFUSED, ids=lambda value: getattr(value, "text", ""))
def test_refuses(expectation: Expectation[Any], result: CommandResult, observed: str, field: str) -> None:
    with pytest.raises(ExpectationFailed) as caught:
        result.expect(expectation)
    assert observed in caught.value.observed
    assert caught.value.field == field
    assert caught.value.expected == expectation.text


def test_sense_has_to_be_there() -> None:
    bench_result = result_of(lambda peer, tag: peer.status(tag, 2, bytes([0, 0, 0])))
    with pytest.raises(ExpectationFailed, match="CHECK CONDITION without sense data"):
        bench_result.expect(expect.check_condition())


@pytest.mark.parametrize(
    "expectation, text",
    [
        (expect.good(data=b"abc", residual=-5), "GOOD, residual -5, 3 octets"),
        (expect.check_condition(5, asc={0x24, 0x20}), "CHECK CONDITION, key 0x5, asc 0x20 or 0x24"),
        (expect.status(8), "status 0x8 (BUSY)"),
        (expect.rejected(4), "Reject, reason 0x4 (Protocol Error)"),
        (
            expect.r2t(offset=0, length=range(1, 513)),
            "Ready To Transfer, buffer_offset 0x0, desired_data_transfer_length 0x1..0x200",
        ),
        (expect.nop_in(data=b"ab"), "NOP-In, 2 octets of data"),
        (expect.pdu(ScsiCommand, cdb=b"\x12\x34"), "SCSI Command, cdb 1234"),
        (expect.login_failed(0x0203), "login fails with 0x203 (Not found)"),
        (expect.login_failed(or_closed=True), "login fails or the connection is closed"),
    ],
)
def test_an_expectation_says_what_it_wants(expectation: Expectation[Any], text: str) -> None:
    assert expectation.text == text


def test_a_field_that_does_not_exist_is_the_scripts_fault() -> None:
    with pytest.raises(HarnessFault, match="NopIn has no field status"):
        expect.nop_in(status=1)


def test_login_outcomes() -> None:
    failed, closed = login_with(0x0203), login_with(None)
    assert failed.expect(expect.login_failed({0x0203, 0x0202})) is failed
    assert failed.expect(expect.login_failed()) is failed
    assert closed.expect(expect.login_failed(or_closed=True)) is closed
    for expectation in (expect.login_failed(0x0200), expect.login_succeeded()):
        with pytest.raises(ExpectationFailed, match=r"login failed with 0x0203 \(Not found\)") as caught:
            failed.expect(expectation)
        assert caught.value.field == "status_class"
    with pytest.raises(ExpectationFailed, match="connection closed"):
        closed.expect(expect.login_failed())
    succeeded = Bench().initiator.session().attempt_login()
    assert succeeded.expect(expect.login_succeeded()) is succeeded
    with pytest.raises(ExpectationFailed):
        succeeded.expect(expect.login_failed())


def test_a_redirection_is_no_failure() -> None:
    with pytest.raises(ExpectationFailed, match="0x0101"):
        login_with(0x0101).expect(expect.login_failed())


def test_single_pdus_are_matched_by_class_fields_and_data() -> None:
    session = Bench().initiator.login()
    pdu = session.nop(b"abc")
    connection = session.connection
    assert expect.nop_in(data=b"abc", lun=0).judge_or_fail(pdu, connection) is pdu
    assert expect.nop_in(data=b"abd").judge(pdu) == Mismatch(
        "3 octets that differ from the expected 3 at octet 2: 63 instead of 64", "data"
    )
    verdict = expect.pdu(NopIn, stat_sn={1, 2}).judge(pdu)
    assert isinstance(verdict, Mismatch) and verdict.field == "stat_sn"


def test_other_evidence_meets_no_expectation() -> None:
    everything = [
        expect.good(),
        expect.response(1),
        expect.rejected(),
        expect.login_succeeded(),
        expect.login_failed(),
        expect.silently_ignored(),
        expect.nothing(1),
        expect.connection_closed(),
    ]
    for expectation in everything:
        assert isinstance(expectation.judge("something else"), Mismatch)


def test_verbs_for_the_other_answers() -> None:
    bench = Bench()
    session: Session = bench.initiator.login()
    tmf = session.task_management(5)
    assert expect.task_management_response({0, 5}).judge(tmf) is tmf
    assert isinstance(expect.task_management_response(1).judge(tmf), Mismatch)
    text = session.text({"X-test.key": "1"})
    text.expect(expect.text_response(data=b"X-test.key=1\0", final=1))
    logout = session.logout()
    assert expect.logout_response().judge(logout) is logout
