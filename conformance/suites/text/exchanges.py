"""Steps of a text exchange by hand, and outcomes that several cases allow."""

from __future__ import annotations

from typing import Any, Final

from conformance.api import Received, Session, Target, TextResponse, Unsupported, expect
from initiator_sim.texting import TextExchange, TextResult
from iscsi_wire.scsi import Read10
from iscsi_wire.text import IRRELEVANT, REJECT

LIMIT: Final = "MaxRecvDataSegmentLength"
"""The one key that both sides may send in full feature phase as well as in login."""


def ask(exchange: TextExchange, **request: Any) -> Received[TextResponse]:
    """Send one request of an exchange and require a Text Response; the next request goes on from there."""
    exchange.request(**request)
    event = exchange.reply()
    if isinstance(event, Received) and isinstance(event.header, TextResponse):
        return event
    raise exchange.connection.failed("Text Response", event)


def carried_out(result: TextResult) -> TextResult:
    """Require that an exchange came to its end.

    Raises:
        Unsupported: the target resets it by a Reject, which RFC 7143, 6.4 leaves to it.
    """
    if not result.succeeded:
        result.expect(expect.rejected())
        raise Unsupported("the target answers the negotiation with a Reject")
    return result


def judge_refused_key(result: TextResult, name: str) -> None:
    """Require that a key which may not be negotiated here came to nothing: by Reject, or by refusal of the key."""
    result.expect(expect.any_of(expect.rejected(), expect.text_response()))
    found = [value for key, value in result.pairs if key == name]
    if result.succeeded:
        assert found and set(found) <= {REJECT, IRRELEVANT}, f"{name} is answered with {', '.join(found) or 'nothing'}"


def go_on(session: Session) -> None:
    """Require that the session lives on; the CmdSN of a rejected request is used again (RFC 7143, 7.3)."""
    session.numbering.cmd_sn = session.numbering.exp_cmd_sn
    session.nop()


def longest_data_in(session: Session, target: Target, octets: int) -> int:
    """Read so many octets, and return the length of the longest data segment among those that brought them."""
    exchange = session.initiator.exchange
    before = len(exchange.pdus())
    blocks = octets // target.scratch(target.lun).block_size
    session.command(Read10.make(transfer_length=blocks), read=octets).expect(expect.good())
    return max(len(pdu.data) for pdu in exchange.pdus()[before:] if pdu.direction == "in")
