from __future__ import annotations

from collections.abc import Callable

from conformance.api import RESERVED_TAG, RejectReason, Session, Target, case, expect, variants
from conformance.suites.negotiation.offers import OPERATIONAL_OFFERS
from conformance.suites.text.exchanges import LIMIT, ask, carried_out, go_on, judge_refused_key, longest_data_in
from iscsi_wire.scsi import TestUnitReady
from iscsi_wire.text import NOT_UNDERSTOOD, REJECT

_LOGIN_ONLY = {
    **{name: value for name, value in OPERATIONAL_OFFERS.items() if name != LIMIT},
    "HeaderDigest": "CRC32C",
    "DataDigest": "CRC32C",
    "AuthMethod": "None",
    "SessionType": "Discovery",
    "InitiatorName": "iqn.2026-11.org.chiscsi:somebody-else",
    "TargetName": "iqn.2026-11.org.chiscsi:no-such-target",
}


@case("text-unknown-01", "7143-6.2-12", "7143-6.2-22", "7143-11.11.3-01", "7143-11.11.1-03", "7143-11.11.4-02")
@variants("immediate", [0, 1], ids=["numbered", "immediate"])
def test_unknown_key_in_a_text_is_not_understood(session: Session, immediate: int) -> None:
    """> The answer for a key that is not understood MUST be key=NotUnderstood."""
    result = session.text({"X-org.chiscsi.Unheard": "1", "Unheard": "2"}, immediate=immediate)
    result.expect(expect.text_response(final=1, continue_=0, target_transfer_tag=RESERVED_TAG))
    answers = {("X-org.chiscsi.Unheard", NOT_UNDERSTOOD), ("Unheard", NOT_UNDERSTOOD)}
    assert set(result.pairs) == answers and len(result.pairs) == 2, f"the answers are {result.pairs}"


@case("text-data-segment-01", "7143-13.12-01", "7143-13.12-02", "7143-6.4-01")
@variants("limit", [512, 1024, 4096], ids=["512", "1024", "4096"])
def test_max_recv_data_segment_length_may_be_declared_anew(session: Session, target: Target, limit: int) -> None:
    """> MaxRecvDataSegmentLength ... Use: ALL, Declarative. ... The transmitter ... is required to send PDUs with a
    > data segment that does not exceed MaxRecvDataSegmentLength of the receiver.
    """
    result = carried_out(session.text({LIMIT: str(limit)}))
    assert result.keys.get(LIMIT) not in (NOT_UNDERSTOOD, REJECT), f"the answer is {result.keys.get(LIMIT)}"
    longest = longest_data_in(session, target, 16384)
    assert longest <= limit, f"a data segment has {longest} octets"


@case("text-data-segment-02", "7143-7.12-01", "7143-7.12-06", "7143-13.12-01")
@variants("value", ["511", "16777216", "many", ""], ids=["below", "above", "word", "empty"])
def test_max_recv_data_segment_length_outside_the_range_changes_nothing(
    session: Session, non_strict: Callable[[str], None], value: str
) -> None:
    """> For a declarative key, the declared value is not acceptable to the other side in the negotiation."""
    result = session.begin_text().run(pairs=[(LIMIT, value)])
    result.expect(expect.any_of(expect.rejected(), expect.text_response()))
    answer = result.keys.get(LIMIT)
    assert answer != NOT_UNDERSTOOD, f"{LIMIT}={value} is answered with NotUnderstood"
    if result.succeeded and answer != REJECT:
        non_strict(f"{LIMIT}={value} is taken without a word")
    go_on(session)


@case("text-alias-01", "7143-13-04", "7143-6.2-21", "7143-13.6-03")
def test_initiator_alias_may_be_declared_at_any_time(session: Session) -> None:
    """> InitiatorAlias ... Use: ALL, Declarative, Any-Stage."""
    result = carried_out(session.text({"InitiatorAlias": "Web Server 4"}))
    assert "InitiatorAlias" not in result.keys, f"the answer is {result.keys.get('InitiatorAlias')}"
    session.command(TestUnitReady()).expect(expect.good())


@case("text-login-only-01", "7143-13-02", "7143-13-01", "7143-6.3-13")
@variants("name", _LOGIN_ONLY.keys(), ids=_LOGIN_ONLY.keys())
def test_key_for_login_only_is_refused(session: Session, name: str) -> None:
    """> Keys that can only be used during login have the "use: IO" (Initialize Only). ... Some session-specific
    > parameters MUST only be carried on the leading connection and cannot be changed after the leading connection
    > login.
    """
    judge_refused_key(session.begin_text().run(pairs=[(name, _LOGIN_ONLY[name])]), name)
    go_on(session)


@case("text-repeated-01", "7143-6.4-14", "7143-6.4-13")
@variants("apart", [False, True], ids=["one-request", "two-requests"])
def test_key_sent_twice_is_a_protocol_error(session: Session, apart: bool) -> None:
    """> Neither the initiator nor the target should attempt to declare or negotiate a parameter more than once during
    > any negotiation sequence ... If such an attempt is detected by the target, the target MUST respond with a Reject
    > PDU with a reason of "Protocol Error".
    """
    exchange = session.begin_text()
    first, second = (LIMIT, "8192"), (LIMIT, "16384")
    if apart:
        ask(exchange, pairs=[first], final=0)
    exchange.request(pairs=[second] if apart else [first, second])
    session.expect(expect.rejected(RejectReason.PROTOCOL_ERROR))
    go_on(session)


@case("text-failure-01", "7143-7.12-04", "7143-7.12-05", "7143-6.2-26")
def test_failed_negotiation_changes_nothing(login: Callable[..., Session], target: Target) -> None:
    """> The operational parameters of the session or the connection MUST continue to be the values agreed upon during
    > an earlier successful negotiation (i.e., any partial results of this unsuccessful negotiation MUST NOT take
    > effect and MUST be discarded).
    """
    session = login(keys={LIMIT: "1024"})
    session.begin_text().request(pairs=[(LIMIT, "65536"), (LIMIT, "65536")])
    session.expect(expect.rejected())
    go_on(session)
    longest = longest_data_in(session, target, 16384)
    assert longest <= 1024, f"a data segment has {longest} octets"


@case("text-failure-02", "7143-7.12-06", "7143-7.3-01")
def test_failed_negotiation_does_not_end_the_session(session: Session) -> None:
    """> A failure in negotiation during the Full Feature Phase will terminate the entire negotiation sequence, which
    > may consist of a series of Text Requests that use the same Initiator Task Tag.
    """
    exchange = session.begin_text()
    exchange.request(pairs=[(LIMIT, "8192"), (LIMIT, "16384")])
    session.expect(expect.rejected())
    session.numbering.cmd_sn = session.numbering.exp_cmd_sn
    result = session.text({"X-org.chiscsi.Unheard": "1"})
    result.expect(expect.text_response(final=1))
    session.command(TestUnitReady()).expect(expect.good())


@case("text-effect-01", "7143-6.4-16", "7143-6.2-26")
def test_declaration_takes_effect_when_the_negotiation_is_over(login: Callable[..., Session], target: Target) -> None:
    """> Parameters negotiated by a text exchange negotiation sequence only become effective after the negotiation
    > sequence is completed.
    """
    session = login(keys={LIMIT: "1024"})
    exchange = session.begin_text()
    ask(exchange, pairs=[(LIMIT, "65536")], final=0)
    longest = longest_data_in(session, target, 16384)
    assert longest <= 1024, f"while the negotiation is under way, a data segment has {longest} octets"
    assert ask(exchange).header.final, "the last response has F=0 although nothing is left to say"
