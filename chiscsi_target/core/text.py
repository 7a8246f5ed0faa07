"""Text Requests and Responses (RFC 7143 sections 6.4, 11.10, 11.11): negotiation in full feature phase, SendTargets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chiscsi_target.core.negotiation import Negotiation, NegotiationFailure, Pairs
from chiscsi_target.core.numbered_request import execute_in_turn, immediate, look_at_tag, session_for
from chiscsi_target.core.send_targets import send_targets
from chiscsi_target.errors import ProtocolViolation, RejectedPdu
from iscsi_wire.constants import RESERVED_TAG, RejectReason
from iscsi_wire.errors import TextError
from iscsi_wire.keys import KEYS, Phase, Rule
from iscsi_wire.pdus import TextRequest, TextResponse
from iscsi_wire.text import format_pairs, parse_pairs

if TYPE_CHECKING:
    from chiscsi_target.core.connection import Connection
    from chiscsi_target.core.session import Session
    from iscsi_wire.framing import Frame

# As much text as a login may bring (section 6.1 asks for 8192 octets at least).
_MAX_TEXT = 64 * 1024
# Exchanges of a session that may be unfinished at a time; each keeps text.
_MAX_EXCHANGES = 32


class TextExchange:
    """A sequence of Text Requests with one Initiator Task Tag.

    Attributes:
        ttt: the Target Transfer Tag that its next request has to carry.
        text: the part of a request that has come, while the C bit is set.
        rest: the part of a response that has not been sent.
        negotiation: settings as they will be if the exchange succeeds.
    """

    def __init__(self, negotiation: Negotiation, ttt: int) -> None:
        self.ttt = ttt
        self.text = bytearray()
        self.rest = b""
        self.negotiation = negotiation


def text_request(connection: Connection, frame: Frame) -> None:
    """Take a Text Request.

    Raises:
        ProtocolViolation: it goes on in another PDU, which release 3.14 cannot take (quirk `no_login_continuation`).
        RejectedPdu: its bits, tag, digest or text break a rule; an exchange that it belongs to is over (section 7.12).
    """
    request = TextRequest.decode(frame.header)
    session = session_for(connection, request)
    if request.continue_ and connection.agenda.quirks.no_login_continuation:
        raise ProtocolViolation("the C bit is set", "6.2")
    if session is None:
        return
    if frame.data_digest_error:
        raise RejectedPdu(RejectReason.DATA_DIGEST_ERROR, "data digest error in a Text Request", "7.8")
    exchange = _exchange(session, request)
    exchange.text += frame.data
    try:
        _check(request, exchange)
        pairs = [] if request.continue_ else parse_pairs(bytes(exchange.text))
        answers = _answer(connection, exchange, pairs)
    except (NegotiationFailure, TextError) as error:
        _forget(session, request.initiator_task_tag)
        raise RejectedPdu(RejectReason.PROTOCOL_ERROR, str(error), "6.4") from error
    if not request.continue_:
        exchange.text.clear()
        exchange.rest += format_pairs(answers)
    execute_in_turn(connection, request, _respond, connection, session, request, exchange)


def _exchange(session: Session, request: TextRequest) -> TextExchange:
    """The exchange that a request goes on with, or a new one."""
    itt, ttt = request.initiator_task_tag, request.target_transfer_tag
    look_at_tag(session, itt)
    if ttt == RESERVED_TAG:
        # Section 11.10.4: this starts anew, whatever was going on under the tag.
        _forget(session, itt)
        if len(session.texts) >= _MAX_EXCHANGES:
            raise RejectedPdu(RejectReason.LONG_OPERATION_REJECT, "too many unfinished text exchanges", "11.17.1")
        session.texts[itt] = TextExchange(session.negotiation.copy(), session.new_transfer_tag())
    exchange = session.texts.get(itt)
    if exchange is None or ttt not in (RESERVED_TAG, exchange.ttt):
        raise RejectedPdu(RejectReason.INVALID_PDU_FIELD, f"Target Transfer Tag 0x{ttt:x} is stale", "11.10.4")
    return exchange


def _check(request: TextRequest, exchange: TextExchange) -> None:
    if request.continue_ and request.final:
        raise NegotiationFailure("C and F are both set", "6.2")
    if len(exchange.text) > _MAX_TEXT:
        raise NegotiationFailure(f"more than {_MAX_TEXT} octets of text", "6.1")


def _answer(connection: Connection, exchange: TextExchange, pairs: Pairs) -> Pairs:
    """Answer one complete request: either a question (SendTargets), or a negotiation."""
    session = connection.session
    assert session is not None
    asked = [pair for pair in pairs if pair[0] in KEYS and KEYS[pair[0]].rule is Rule.REQUEST]
    if session.discovery and pairs and not asked:
        raise NegotiationFailure("a discovery session serves SendTargets only", "4.3")
    if not asked:
        return exchange.negotiation.answer(pairs, Phase.FULL_FEATURE)
    if len(pairs) > 1:
        raise NegotiationFailure(f"{asked[0][0]} has to be alone", KEYS[asked[0][0]].section)
    return send_targets(connection, asked[0][1])


def _respond(connection: Connection, session: Session, request: TextRequest, exchange: TextExchange) -> None:
    """Send what fits into a PDU; the rest follows when the initiator asks for it by our tag (section 11.11.4)."""
    if connection.closing:
        return
    if not immediate(request):
        session.window.answered()
    part, exchange.rest = exchange.rest[: connection.max_send_data], exchange.rest[connection.max_send_data :]
    # Section 11.11.1: F=1 answers F=1 only, and leaves nothing to say.
    final = bool(request.final and not exchange.rest)
    response = TextResponse(
        initiator_task_tag=request.initiator_task_tag,
        target_transfer_tag=RESERVED_TAG if final else exchange.ttt,
        lun=request.lun,
        stat_sn=connection.next_stat_sn(),
        exp_cmd_sn=session.window.exp_cmd_sn,
        max_cmd_sn=session.window.max_cmd_sn,
    )
    response.final = final
    response.continue_ = bool(exchange.rest)
    connection.send_pdu(response, part)
    if final:
        _conclude(connection, session, exchange)
        _forget(session, request.initiator_task_tag)


def _conclude(connection: Connection, session: Session, exchange: TextExchange) -> None:
    """Let the results take effect, after the last PDU of the exchange (section 6.4)."""
    session.negotiation = exchange.negotiation
    declared = exchange.negotiation.declared.get("MaxRecvDataSegmentLength")
    if declared is not None:
        connection.send_at_most(declared)


def _forget(session: Session, itt: int) -> None:
    exchange = session.texts.pop(itt, None)
    if exchange is not None:
        session.transfer_tags.discard(exchange.ttt)
