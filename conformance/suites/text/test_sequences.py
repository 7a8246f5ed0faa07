from __future__ import annotations

from collections.abc import Callable

from conformance.api import RESERVED_TAG, Reject, Session, TextResponse, Unsupported, case, expect, variants
from conformance.suites.negotiation.offers import filler, not_understood_in
from conformance.suites.text.exchanges import LIMIT, ask, carried_out, go_on
from iscsi_wire.text import format_pairs

_UNHEARD = "X-org.chiscsi.Unheard"
_PAIRS = [("X-org.chiscsi.Before", "1"), (_UNHEARD, "abc"), ("X-org.chiscsi.After", "1")]
_TEXT = format_pairs(_PAIRS)
_KEY = _TEXT.index(_UNHEARD.encode())
_EQUALS = _KEY + len(_UNHEARD)
_CUTS = {
    "after-one-octet": 1,
    "between-pairs": _KEY,
    "within-the-key": _KEY + 8,
    "before-the-equals-sign": _EQUALS,
    "after-the-equals-sign": _EQUALS + 1,
    "within-the-value": _EQUALS + 2,
    "before-the-null": _EQUALS + 4,
    "before-the-last-null": len(_TEXT) - 1,
    "after-the-last-null": len(_TEXT),
}


@case("text-final-01", "7143-11.11.1-01", "7143-11.11.1-04", "7143-6.4-10", "7143-6.4-04")
def test_response_is_not_final_before_the_request_is(session: Session) -> None:
    """> A Text Response with the F bit set to 1 in response to a Text Request with the F bit set to 0 is a protocol
    > error. ... A Text Response with the F bit set to 0 MUST have a Target Transfer Tag field set to a value other than
    > the reserved value 0xffffffff.
    """
    exchange = session.begin_text()
    exchange.request(pairs=[(_UNHEARD, "1")], final=0)
    session.expect(expect.text_response(final=0, target_transfer_tag=range(RESERVED_TAG)))
    go_on(session)


@case("text-final-02", "7143-11.11.1-03", "7143-11.11.4-02", "7143-6.4-07")
@variants("requests", [2, 6], ids=["two-requests", "six-requests"])
def test_exchange_of_several_requests_comes_to_its_end(session: Session, requests: int) -> None:
    """> The initiator MUST indicate its intent to finish the negotiation by setting the F bit to 1; the target sets
    > the F bit to 1 on the last response.
    """
    exchange = session.begin_text()
    for number in range(requests - 1):
        ask(exchange, pairs=[(f"{_UNHEARD}{number}", "1")], final=0)
    response = ask(exchange)
    final = (response.header.final, response.header.continue_, response.header.target_transfer_tag)
    assert final == (1, 0, RESERVED_TAG), f"F, C and the Target Transfer Tag of the last response are {final}"


@case("text-continue-01", "7143-6.2-03", "7143-11.11.1-01", "7143-11.11.1-04")
def test_request_with_more_to_come_gets_an_empty_text_response(session: Session) -> None:
    """> A target receiving a Text or Login Request with the C bit set to 1 MUST answer with a Text or Login Response
    > with no data segment (DataSegmentLength 0).
    """
    exchange = session.begin_text()
    exchange.request(data=_TEXT[:-3], final=0, continue_=1)
    tags = range(RESERVED_TAG)
    session.expect(expect.text_response(data=b"", final=0, continue_=0, target_transfer_tag=tags))


@case("text-continue-02", "7143-6.1-03", "7143-6.1-04", "7143-11.10.5-02")
@variants("cut", _CUTS.values(), ids=_CUTS.keys())
def test_text_of_an_exchange_may_be_cut_anywhere(session: Session, cut: int) -> None:
    """> A key=value pair can start in one PDU and continue on the next. In other words, the end of a PDU does not
    > necessarily signal the end of a key=value pair.
    """
    exchange = session.begin_text()
    ask(exchange, data=_TEXT[:cut], final=0, continue_=1)
    result = exchange.run(data=_TEXT[cut:])
    result.expect(expect.text_response(final=1))
    wrong = not_understood_in(result.pairs, [name for name, _ in _PAIRS])
    assert not wrong, f"the answers are {result.pairs}"


@case("text-continue-03", "7143-6.2-02")
def test_c_bit_together_with_the_f_bit_is_an_error(session: Session) -> None:
    """> A Text Request with the C bit set to 1 MUST have the F bit set to 0."""
    session.begin_text().request(pairs=[(_UNHEARD, "1")], final=1, continue_=1)
    session.expect(expect.any_of(expect.rejected(), expect.connection_closed()))


@case("text-reset-01", "7143-11.10.4-01")
def test_reserved_transfer_tag_begins_anew(session: Session) -> None:
    """> When the Target Transfer Tag is set to the reserved value 0xffffffff, it tells the target that this is a new
    > request, and the target resets any internal state associated with the Initiator Task Tag.

    What was declared before is forgotten, so it may be declared again.
    """
    exchange = session.begin_text()
    ask(exchange, pairs=[(LIMIT, "65536"), ("X-org.chiscsi.Before", "1")], final=0)
    result = exchange.run(pairs=[(LIMIT, "32768"), (_UNHEARD, "1")], target_transfer_tag=RESERVED_TAG)
    result.expect(expect.text_response(final=1))
    names = [name for name, _ in result.pairs if name != LIMIT]
    assert names == [_UNHEARD], f"the answers are {result.pairs}"


@case("text-stale-tag-01", "7143-11.11.4-05", level="MAY")
def test_transfer_tag_of_no_exchange_is_rejected(session: Session) -> None:
    """> The target may reject subsequent Text Requests with the Target Transfer Tag set to the "stale" value."""
    session.begin_text().request(pairs=[(_UNHEARD, "1")], target_transfer_tag=0x12345678)
    session.expect(expect.rejected())


@case("text-stale-tag-02", "7143-11.11.4-05", "7143-7.12-06")
def test_request_of_a_finished_exchange_does_no_harm(session: Session) -> None:
    """A Target Transfer Tag that was valid once, and is no longer: the request is rejected or answered, and the session
    goes on.
    """
    exchange = session.begin_text()
    tag = ask(exchange, pairs=[(_UNHEARD, "1")], final=0).header.target_transfer_tag
    ask(exchange)
    exchange.request(target_transfer_tag=tag)
    session.expect(expect.any_of(expect.rejected(), expect.pdu(TextResponse)))
    go_on(session)


@case("text-long-answer-01", "7143-11.11.6-01", "7143-11.11.2-01", "7143-11.11.1-04", "7143-11.11.4-01")
@variants("limit", [512, 1024], ids=["512", "1024"])
def test_long_answer_comes_in_pieces(login: Callable[..., Session], limit: int) -> None:
    """> The data lengths of a Text Response MUST NOT exceed the iSCSI initiator MaxRecvDataSegmentLength. ... When a
    > target has more work to do (e.g., cannot transfer all the remaining text data in a single Text Response ...) and
    > has enough resources to proceed, it MUST set the Target Transfer Tag to a value other than the reserved value
    > 0xffffffff.
    """
    session = login(keys={LIMIT: str(limit)})
    pairs = [(f"X-a.{number:03}", "1") for number in range(100)]
    result = session.text(pairs)
    if not result.succeeded:
        result.expect(expect.pdu(Reject, reason={0x06, 0x0A}))
        raise Unsupported("the target lacks the resources for an answer in pieces, and says so")
    result.expect(expect.text_response(final=1, continue_=0, target_transfer_tag=RESERVED_TAG))
    longest = max(len(reply.data) for reply in result.replies)
    assert longest <= limit, f"a Text Response has {longest} octets of data"
    wrong = not_understood_in(result.pairs, [name for name, _ in pairs])
    assert not wrong, f"of {len(pairs)} keys, {len(wrong)} are not answered with NotUnderstood"


@case("text-length-01", "7143-6.1-16")
@variants("pieces", [1, 4], ids=["largest-pieces", "smaller-pieces"])
def test_8192_octets_of_text_are_accepted_in_an_exchange(session: Session, pieces: int) -> None:
    """> Any iSCSI target or initiator MUST support receiving at least 8192 bytes of key=value data in a negotiation
    > sequence.
    """
    pairs = filler(8192)
    most = min(session.parameters.target_max_recv_data_segment_length, 8192)
    result = carried_out(session.text(pairs, piece=most // pieces))
    wrong = not_understood_in(result.pairs, [name for name, _ in pairs])
    assert not wrong, f"of {len(pairs)} keys, {len(wrong)} are not answered with NotUnderstood"


@case("text-abandoned-01", "7143-11.10.4-01", "7143-11.10.4-06")
def test_exchange_that_is_given_up_hinders_no_other(session: Session) -> None:
    """An exchange that the initiator does not go on with does not keep the target from beginning another."""
    ask(session.begin_text(), pairs=[(LIMIT, "65536")], final=0)
    result = session.text({LIMIT: "32768", _UNHEARD: "1"})
    result.expect(expect.text_response(final=1))
    assert not not_understood_in(result.pairs, [_UNHEARD]), f"the answers are {result.pairs}"
