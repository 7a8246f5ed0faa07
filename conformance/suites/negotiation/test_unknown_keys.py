from __future__ import annotations

from collections.abc import Callable

from conformance.api import (
    OPERATIONAL,
    SECURITY,
    Initiator,
    LoginResponse,
    LoginResult,
    Received,
    case,
    expect,
    variants,
)
from conformance.suites.login.steps import finish, opening, operational_stage
from conformance.suites.negotiation.offers import not_understood, relevant_answer, sole_answer
from iscsi_wire.text import NOT_UNDERSTOOD

_NAMES = {
    "private": "X-org.chiscsi.Unheard",
    "public": "Unheard",
    "marks": "X-a.b-c+d@e_f",
    "longest": "X-" + "u" * 61,
    "other-case": "InitialR2t",
    "prefix": "MaxBurst",
    "longer": "MaxBurstLength2",
}
_MALFORMED = {
    "no-equals": b"HeaderDigest\0",
    "no-key": b"=Yes\0",
    "nothing": b"\0",
    "two-nulls": b"HeaderDigest=None\0\0",
    "no-null": b"HeaderDigest=None",
    "lower-case": b"headerDigest=None\0",
    "blank": b"Header Digest=None\0",
    "key-of-64": b"X-" + b"u" * 62 + b"=1\0",
    "no-utf-8": b"InitiatorAlias=\xff\xfe\0",
    "only-nulls": b"\0" * 16,
}


@case("key-unknown-01", "7143-6.2-12", "7143-6.2-22")
def test_unknown_key_is_answered_not_understood(attempt_login: Callable[..., LoginResult]) -> None:
    """A key that the receiver does not know is answered with NotUnderstood, and the login goes on."""
    result = attempt_login(extra=[("X-org.chiscsi.Unheard", "1")])
    result.expect(expect.login_succeeded())
    answer = result.keys.get("X-org.chiscsi.Unheard")
    assert answer == "NotUnderstood", f"the answer is {answer}"


@case("key-unknown-02", "7143-6.2-12", "7143-6.1-01", "7143-6.1-07")
@variants("name", _NAMES.values(), ids=_NAMES.keys())
def test_key_that_only_looks_like_a_known_one_is_not_understood(
    attempt_login: Callable[..., LoginResult], name: str
) -> None:
    """> All the text keys and text values specified in this document are case sensitive; they are to be presented and
    > interpreted as they appear in this document without change of case.
    """
    result = attempt_login(extra=[(name, "No")])
    result.expect(expect.login_succeeded())
    answer = sole_answer(result, name)
    assert answer == NOT_UNDERSTOOD, f"{name} is answered with {answer}"


@case("key-unknown-03", "7143-6.2-12", "7143-6.2-22")
@variants("value", ["", "v" * 255, "a,b,c", "1~2"], ids=["empty", "longest", "list", "range"])
@variants("stage", [SECURITY, OPERATIONAL], ids=["security", "operational"])
def test_value_of_an_unknown_key_does_not_matter(initiator: Initiator, stage: int, value: str) -> None:
    """> Any key not understood by the acceptor may be ignored by the acceptor without affecting the basic function.
    > However, the answer for a key that is not understood MUST be key=NotUnderstood.
    """
    unheard = {"X-org.chiscsi.Unheard": value}
    if stage == SECURITY:
        login = initiator.session().begin_login()
        result = login.step(csg=SECURITY, transit=0, keys=opening(initiator) | unheard)
    else:
        _, login = operational_stage(initiator)
        result = login.step(csg=OPERATIONAL, transit=0, keys=unheard)
    result.expect(expect.pdu(LoginResponse, status_class=0))
    assert sole_answer(result, "X-org.chiscsi.Unheard") == NOT_UNDERSTOOD, f"the answer is {result.pairs}"
    finish(login, result).expect(expect.login_succeeded())


@case("key-unknown-04", "7143-6.1-06")
def test_key_ends_at_the_first_equals_sign(attempt_login: Callable[..., LoginResult]) -> None:
    """> A key-name is whatever precedes the first "=" in the key=value pair."""
    result = attempt_login(extra=[("X-org.chiscsi.Unheard", "a=b==c"), ("InitiatorAlias", "x=y")])
    result.expect(expect.login_succeeded())
    wrong = not_understood(result, ["X-org.chiscsi.Unheard"])
    assert not wrong, f"the answers are {result.pairs}"


@case("key-unknown-05", "7143-6.2-16", "7143-6.2-12", "7143-6.2.2-01")
def test_known_keys_beside_unknown_ones_are_negotiated(attempt_login: Callable[..., LoginResult]) -> None:
    """> Any key not understood by the acceptor may be ignored by the acceptor without affecting the basic function."""
    strange = [(f"X-org.chiscsi.Unheard{number}", "1") for number in range(3)]
    result = attempt_login(
        omit={"MaxBurstLength", "FirstBurstLength"},
        extra=[strange[0], ("MaxBurstLength", "65536"), strange[1], ("FirstBurstLength", "4096"), strange[2]],
    )
    result.expect(expect.login_succeeded())
    wrong = not_understood(result, [name for name, _ in strange])
    assert not wrong, f"not answered with NotUnderstood: {', '.join(wrong)}"
    assert 512 <= int(sole_answer(result, "MaxBurstLength"), 0) <= 65536
    assert 512 <= int(relevant_answer(result, "FirstBurstLength"), 0) <= 4096


@case("key-malformed-01", "7143-6.1-05", "7143-6.1-07", "7143-6.1-02")
@variants("text", _MALFORMED.values(), ids=_MALFORMED.keys())
def test_malformed_text_gets_an_answer(initiator: Initiator, text: bytes) -> None:
    """> Every key=value pair, including the last or only pair in a LTDS, MUST be followed by one null (0x00) delimiter.

    What a target does with other text is up to it, but it goes on with the login or ends it, and says so.
    """
    _, login = operational_stage(initiator)
    login.request(csg=OPERATIONAL, transit=0, data=text)
    answer = expect.pdu(LoginResponse, status_class={0, 2})
    event = login.connection.expect(expect.any_of(answer, expect.connection_closed(after=())))
    if isinstance(event, Received) and not event.header.status_class:
        finish(login, login.step(csg=OPERATIONAL)).expect(expect.login_succeeded())
