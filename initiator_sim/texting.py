"""Text exchanges in the full feature phase: negotiation and SendTargets (RFC 7143 sections 6.4, 11.10 and 11.11)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from initiator_sim.draft import Mutation
from initiator_sim.evidence import AnyReceived, Event, Received
from initiator_sim.negotiation import Negotiation, Pairs
from initiator_sim.task import rejected_tag
from iscsi_wire.constants import RESERVED_TAG
from iscsi_wire.errors import TextError
from iscsi_wire.pdus import Reject, TextRequest, TextResponse
from iscsi_wire.text import format_pairs, parse_pairs

if TYPE_CHECKING:
    from initiator_sim.connection import Connection
    from initiator_sim.expectation import Expectation

T = TypeVar("T")


@dataclass(slots=True)
class TextResult:
    """How a text exchange ended.

    Attributes:
        connection: where it took place.
        ending: the last Text Response, or what came instead.
        pairs: all key=value pairs of the target, in order, duplicates included.
        replies: every Text Response of the exchange.
        negotiation: offers and answers.
    """

    connection: Connection
    ending: Event
    negotiation: Negotiation
    pairs: Pairs = field(default_factory=list)
    replies: list[Received[TextResponse]] = field(default_factory=list)

    @property
    def succeeded(self) -> bool:
        """Whether the target ended the exchange with a Text Response."""
        return isinstance(self.ending, Received) and isinstance(self.ending.header, TextResponse)

    @property
    def keys(self) -> dict[str, str]:
        """The pairs as a mapping; of duplicates the last."""
        return dict(self.pairs)

    def expect(self, expectation: Expectation[T], clause: str = "") -> T:
        """Require that `expectation` holds of the end of the exchange; returns what it was met by.

        Raises:
            ExpectationFailed: it does not hold.
        """
        return expectation.judge_or_fail(self.ending, self.connection, clause)

    def __str__(self) -> str:
        return str(self.ending)


class TextExchange:
    """A text sequence under way: requests with one Initiator Task Tag.

    Attributes:
        connection: where it takes place.
        negotiation: offers and answers so far.
        replies: every Text Response so far.
        tag: the Initiator Task Tag.
    """

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.negotiation = Negotiation(connection.rules)
        self.replies: list[Received[TextResponse]] = []
        self.tag = connection.numbering.take_tag()

    def request(
        self, *mutations: Mutation, pairs: Sequence[tuple[str, str]] = (), data: bytes | None = None, **fields: Any
    ) -> None:
        """Send one Text Request; tag and LUN are those that the target gave last (RFC 7143, 11.10.4).

        Args:
            mutations: what shall be wrong with it.
            pairs: what to send.
            data: the data segment as it is, in place of `pairs`.
            fields: header fields to override.
        """
        filled: dict[str, Any] = {"initiator_task_tag": self.tag}
        if self.replies:
            last = self.replies[-1].header
            filled |= {"target_transfer_tag": last.target_transfer_tag, "lun": last.lun}
        filled |= fields
        self.tag = filled["initiator_task_tag"]
        self.negotiation.sent(pairs)
        segment = format_pairs(pairs) if data is None else data
        self.connection.send(TextRequest, *mutations, data=segment, **filled)

    def reply(self, timeout: float | None = None) -> Event:
        """Wait for what the target says to the last request: one PDU.

        Raises:
            ExpectationFailed: a Text Response breaks a rule.
        """
        event = self.connection.take(self._is_mine, timeout)
        if isinstance(event, Received) and isinstance(event.header, TextResponse):
            self._check(event)
            self.replies.append(event)
        return event

    def run(
        self,
        *mutations: Mutation,
        pairs: Sequence[tuple[str, str]] = (),
        data: bytes | None = None,
        piece: int | None = None,
        **fields: Any,
    ) -> TextResult:
        """Send a whole text, and collect the whole answer.

        Args:
            mutations: what shall be wrong with the last request.
            pairs: what to send.
            data: the text as it is, in place of `pairs`.
            piece: split the text over requests of so many octets each, with C=1 in all but the last.
            fields: header fields to override in every request.
        """
        self.negotiation.sent(pairs)
        segment = format_pairs(pairs) if data is None else data
        while piece is not None and len(segment) > piece:
            self.request(data=segment[:piece], **(fields | {"final": 0, "continue_": 1}))
            segment = segment[piece:]
            event = self.reply()
            if not _is_reply(event):
                return TextResult(self.connection, event, self.negotiation, replies=self.replies)
        self.request(*mutations, data=segment, **fields)
        return self._collect(fields)

    def _collect(self, fields: Mapping[str, Any]) -> TextResult:
        """Collect an answer that the target may have split, asking for each next piece."""
        whole = b""
        while True:
            event = self.reply()
            result = TextResult(self.connection, event, self.negotiation, replies=self.replies)
            if not isinstance(event, Received) or not isinstance(event.header, TextResponse):
                return result
            whole += event.data
            if event.header.final:
                break
            if not event.header.continue_:
                # All pieces are there, and perhaps an offer of the target that wants an answer.
                self._read(result, whole, event)
                whole = b""
            self.request(pairs=self.negotiation.take_answers(), **fields)
        self._read(result, whole, event)
        return result

    def _read(self, result: TextResult, text: bytes, pdu: Received[TextResponse]) -> None:
        try:
            pairs = parse_pairs(text)
        except TextError as fault:
            self.connection.rules.broken("text", str(fault), pdu, "data")
            return
        result.pairs += pairs
        self.negotiation.received(pairs, pdu)

    def _is_mine(self, pdu: AnyReceived) -> bool:
        if isinstance(pdu.header, Reject):
            return rejected_tag(pdu) == self.tag
        return bool(getattr(pdu.header, "initiator_task_tag", RESERVED_TAG) == self.tag)

    def _check(self, pdu: Received[TextResponse]) -> None:
        header, rules = pdu.header, self.connection.rules
        if bool(header.final) != (header.target_transfer_tag == RESERVED_TAG):
            text = f"F={header.final}, Target Transfer Tag {header.target_transfer_tag:#x}"
            rules.broken("text_tag", text, pdu, "target_transfer_tag")
        if header.final and header.continue_:
            rules.broken("text_continue", "F=1, C=1", pdu, "continue_")


def _is_reply(event: Event) -> bool:
    return isinstance(event, Received) and isinstance(event.header, TextResponse)
