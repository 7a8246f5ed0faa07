"""Faults of Text Requests in full feature phase (RFC 7143 sections 6.4, 11.10 and 11.11)."""

from __future__ import annotations

from typing import Any

from chiscsi_target.core import text
from chiscsi_target.core.connection import Connection
from chiscsi_target.core.negotiation import Pairs
from chiscsi_target.core.session import Session
from chiscsi_target.core.text import TextExchange
from chiscsi_target.errors import RejectedPdu
from iscsi_wire.constants import RESERVED_TAG, Opcode, RejectReason
from iscsi_wire.framing import Frame
from iscsi_wire.pdus import TextRequest, TextResponse
from tests.mutants.planting import Handler, Original, Plant, mutant


def _exchange(plant: Plant, choose: Any) -> None:
    """Change how the exchange of a request is found: `choose(original, session, request)`."""
    plant.wrap(text, "_exchange", choose)


@mutant("6.4", "text-effect-01 text-failure-01")
def declarations_hold_at_once(plant: Plant) -> None:
    """MaxRecvDataSegmentLength holds as soon as it is declared, whatever becomes of the negotiation."""

    def answer(original: Original, connection: Connection, exchange: TextExchange, pairs: Pairs) -> Pairs:
        for name, value in pairs:
            if name == "MaxRecvDataSegmentLength":
                connection.max_send_data = int(value)
        result: Pairs = original(connection, exchange, pairs)
        return result

    plant.wrap(text, "_answer", answer)


@mutant("7.12", "text-failure-02")
def failed_negotiation_ends_the_connection(plant: Plant) -> None:
    """A negotiation that fails in full feature phase is rejected, and the connection is closed."""

    def handle(original: Handler, connection: Connection, frame: Frame) -> None:
        try:
            original(connection, frame)
        except RejectedPdu as violation:
            violation.fatal = True
            raise

    plant.received(Opcode.TEXT_REQUEST, handle)


@mutant("11.11.1", "text-final-01")
def text_responses_are_always_final(plant: Plant) -> None:
    """A Text Response has F=1 although the request had F=0."""

    def edit(pdu: TextResponse, _: Connection) -> None:
        pdu.final, pdu.target_transfer_tag = 1, RESERVED_TAG

    plant.sent(TextResponse, edit)


@mutant("11.11.4", "text-final-02")
def last_response_has_a_transfer_tag(plant: Plant) -> None:
    """The last Text Response of an exchange has a Target Transfer Tag."""

    def edit(pdu: TextResponse, _: Connection) -> None:
        if pdu.target_transfer_tag == RESERVED_TAG:
            pdu.target_transfer_tag = 1

    plant.sent(TextResponse, edit)


@mutant("6.2", "text-continue-01")
def unfinished_text_of_an_exchange_is_answered(plant: Plant) -> None:
    """The response to a Text Request with C=1 has keys."""

    def respond(original: Original, connection: Connection, session: Session, request: Any, exchange: Any) -> None:
        if request.continue_:
            exchange.rest += b"X-more=1\0"
        original(connection, session, request, exchange)

    plant.wrap(text, "_respond", respond)


@mutant("6.1", "text-continue-02")
def last_piece_of_an_exchange_counts(plant: Plant) -> None:
    """Of a text that spans Text Requests, the last one is looked at alone."""

    def choose(original: Original, session: Session, request: TextRequest) -> TextExchange:
        exchange: TextExchange = original(session, request)
        exchange.text.clear()
        return exchange

    _exchange(plant, choose)


@mutant("6.2", "text-continue-03")
def c_bit_wins_over_the_f_bit(plant: Plant) -> None:
    """A Text Request with C and F is taken as though F were 0."""

    def check(original: Original, request: TextRequest, exchange: TextExchange) -> None:
        if request.continue_:
            request.final = 0
        original(request, exchange)

    plant.wrap(text, "_check", check)


@mutant("11.10.4", "text-reset-01")
def reserved_transfer_tag_goes_on(plant: Plant) -> None:
    """A Text Request with the reserved Target Transfer Tag goes on with the exchange of its Initiator Task Tag."""

    def choose(original: Original, session: Session, request: TextRequest) -> TextExchange:
        known = session.texts.get(request.initiator_task_tag)
        result: TextExchange = original(session, request) if known is None else known
        return result

    _exchange(plant, choose)


@mutant("11.11.4", "text-stale-tag-01 text-stale-tag-02")
def stale_transfer_tags_get_no_answer(plant: Plant) -> None:
    """A Text Request with the Target Transfer Tag of no exchange is dropped."""

    def handle(original: Handler, connection: Connection, frame: Frame) -> None:
        assert connection.session is not None
        request = TextRequest.decode(frame.header)
        known = request.initiator_task_tag in connection.session.texts
        if known or request.target_transfer_tag == RESERVED_TAG:
            original(connection, frame)

    plant.received(Opcode.TEXT_REQUEST, handle)


@mutant("11.11.6", "text-long-answer-01 discovery-long-01")
def long_answers_are_not_cut(plant: Plant) -> None:
    """A Text Response is as long as need be, whatever the initiator takes."""

    def respond(original: Original, connection: Connection, *rest: Any) -> None:
        declared, connection.max_send_data = connection.max_send_data, 1 << 24
        original(connection, *rest)
        if connection.max_send_data == 1 << 24:
            connection.max_send_data = declared

    plant.wrap(text, "_respond", respond)


@mutant("6.1", "text-length-01")
def exchange_of_4096_octets_gets_no_answer(plant: Plant) -> None:
    """A Text Request that brings an exchange beyond 4096 octets of text is dropped."""

    def handle(original: Handler, connection: Connection, frame: Frame) -> None:
        assert connection.session is not None
        exchange = connection.session.texts.get(TextRequest.decode(frame.header).initiator_task_tag)
        if len(frame.data) + (0 if exchange is None else len(exchange.text)) <= 4096:
            original(connection, frame)

    plant.received(Opcode.TEXT_REQUEST, handle)


@mutant("6.4", "text-abandoned-01")
def exchanges_follow_one_another(plant: Plant) -> None:
    """A new exchange is rejected while another one is unfinished."""

    def choose(original: Original, session: Session, request: TextRequest) -> TextExchange:
        if session.texts and request.initiator_task_tag not in session.texts:
            raise RejectedPdu(RejectReason.IMMEDIATE_COMMAND_REJECT, "one at a time", "none")
        exchange: TextExchange = original(session, request)
        return exchange

    _exchange(plant, choose)
