from __future__ import annotations

from collections.abc import Callable

from conformance.api import (
    OPERATIONAL,
    SECURITY,
    Initiator,
    LoginResponse,
    LoginResult,
    case,
    expect,
    variants,
)
from conformance.suites.login.steps import INITIATOR_ERRORS, finish, opening, operational_stage
from conformance.suites.negotiation.offers import filler, length, not_understood, sole_answer
from iscsi_wire.text import format_pairs

_PAIRS = [("X-org.chiscsi.Before", "1"), ("MaxBurstLength", "65536"), ("X-org.chiscsi.After", "1")]
_TEXT = format_pairs(_PAIRS)
_KEY = _TEXT.index(b"MaxBurstLength")
_CUTS = {
    "after-one-octet": 1,
    "between-pairs": _KEY,
    "within-the-key": _KEY + 8,
    "before-the-equals-sign": _KEY + 14,
    "after-the-equals-sign": _KEY + 15,
    "within-the-value": _KEY + 17,
    "before-the-null": _KEY + 20,
    "before-the-last-null": len(_TEXT) - 1,
    "after-the-last-null": len(_TEXT),
}


@case("key-continue-01", "7143-6.2-03", "7143-11.13.6-02")
@variants("stage", [SECURITY, OPERATIONAL], ids=["security", "operational"])
def test_request_with_more_to_come_gets_an_empty_response(initiator: Initiator, stage: int) -> None:
    """> A target receiving a Text or Login Request with the C bit set to 1 MUST answer with a Text or Login Response
    > with no data segment (DataSegmentLength 0).
    """
    if stage == OPERATIONAL:
        _, login = operational_stage(initiator)
        text = format_pairs([*_PAIRS, ("HeaderDigest", "None")])
    else:
        login = initiator.session().begin_login()
        text = format_pairs(opening(initiator).items())
    login.request(csg=stage, transit=0, continue_=1, data=text[:-3])
    result = login.reply()
    result.expect(expect.pdu(LoginResponse, data=b"", status_class=0, transit=0, continue_=0, csg=stage))
    login.request(csg=stage, transit=0, data=text[-3:])
    result = login.reply()
    result.expect(expect.pdu(LoginResponse, status_class=0, transit=0, csg=stage))
    assert result.pairs, "the whole text is not answered"


@case("key-continue-02", "7143-6.1-03", "7143-6.1-04")
@variants("cut", _CUTS.values(), ids=_CUTS.keys())
def test_text_may_be_cut_anywhere(initiator: Initiator, cut: int) -> None:
    """> Key=value pairs may span PDU boundaries. ... Data segments in a series of PDUs that have the C bit set to 1 and
    > end with a PDU that has the C bit set to 0 ... have to be considered as forming a single
    > logical-text-data-segment.
    """
    session, login = operational_stage(initiator)
    login.negotiation.sent(_PAIRS)
    login.request(csg=OPERATIONAL, transit=0, continue_=1, data=_TEXT[:cut])
    login.reply().expect(expect.pdu(LoginResponse, status_class=0, transit=0))
    result = login.step(csg=OPERATIONAL, transit=0, data=_TEXT[cut:])
    result.expect(expect.pdu(LoginResponse, status_class=0))
    wrong = not_understood(result, ["X-org.chiscsi.Before", "X-org.chiscsi.After"])
    assert not wrong, f"the answers are {result.pairs}"
    assert 512 <= int(sole_answer(result, "MaxBurstLength"), 0) <= 65536
    result = finish(login, result)
    result.expect(expect.login_succeeded())
    session.conclude(login, result)


@case("key-continue-03", "7143-6.1-03", "7143-6.1-04", "7143-6.2-30")
@variants("stages", [(SECURITY, OPERATIONAL), (OPERATIONAL,)], ids=["both-stages", "operational"])
def test_whole_login_in_small_pieces_succeeds(
    attempt_login: Callable[..., LoginResult], stages: tuple[int, ...]
) -> None:
    """> Key=value pairs may span PDU boundaries."""
    result = attempt_login(stages=stages, piece=97, extra=[("X-org.chiscsi.Unheard", "1")])
    result.expect(expect.login_succeeded())
    wrong = not_understood(result, ["X-org.chiscsi.Unheard"])
    assert not wrong, f"the answers are {result.pairs}"


@case("key-length-01", "7143-6.1-16", "7143-6.3-03")
@variants("piece", [None, 2048], ids=["one-request", "four-requests"])
def test_8192_octets_of_text_are_accepted(initiator: Initiator, piece: int | None) -> None:
    """> Any iSCSI target or initiator MUST support receiving at least 8192 bytes of key=value data in a negotiation
    > sequence.
    """
    _, login = operational_stage(initiator)
    pairs = filler(8192)
    result = login.step(csg=OPERATIONAL, transit=0, keys=pairs, piece=piece)
    result.expect(expect.pdu(LoginResponse, status_class=0))
    wrong = not_understood(result, [name for name, _ in pairs])
    assert not wrong, f"of {len(pairs)} keys, {len(wrong)} are not answered with NotUnderstood"
    finish(login, result).expect(expect.login_succeeded())


@case("key-length-02", "7143-6.1-17", "7143-7.12-03")
def test_64_kilobytes_of_text_get_an_answer(initiator: Initiator) -> None:
    """> When proposing or accepting authentication methods that explicitly require support for very long authentication
    > items, the initiator and target MUST support receiving at least 64 kilobytes of key=value data.

    Other targets may refuse so much, but do not fall silent.
    """
    _, login = operational_stage(initiator)
    pairs = filler(65536)
    assert length(pairs) == 65536
    result = login.step(csg=OPERATIONAL, transit=0, keys=pairs, piece=8192)
    if result.status != 0:
        result.expect(expect.login_failed({*INITIATOR_ERRORS, *range(0x0300, 0x0400)}))
        return
    wrong = not_understood(result, [name for name, _ in pairs])
    assert not wrong, f"of {len(pairs)} keys, {len(wrong)} are not answered with NotUnderstood"
    finish(login, result).expect(expect.login_succeeded())


@case("key-long-answer-01", "7143-11.13.8-02", "7143-11.13.7-01", "7143-6.1-03", "7143-6.2-12")
def test_answer_beyond_8192_octets_is_split(initiator: Initiator) -> None:
    """> The default MaxRecvDataSegmentLength is used during login. ... An initiator or target that sends partial
    > key=value text within a PDU indicates that more text follows by setting the C bit.
    """
    _, login = operational_stage(initiator)
    pairs = [(f"X-a.{number:03}", "1") for number in range(440)]
    result = login.step(csg=OPERATIONAL, transit=0, keys=pairs)
    result.expect(expect.pdu(LoginResponse, status_class=0))
    longest = max(len(reply.data) for reply in result.replies)
    assert longest <= 8192, f"a Login Response has {longest} octets of data"
    wrong = not_understood(result, [name for name, _ in pairs])
    assert not wrong, f"of {len(pairs)} keys, {len(wrong)} are not answered with NotUnderstood"
    finish(login, result).expect(expect.login_succeeded())
