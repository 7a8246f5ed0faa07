"""One iSCSI connection of a script: PDUs out, altered if wanted, and PDUs in, checked (RFC 7143 sections 4.2 and 11).

Outward it fills in what a script left open: tags, CmdSN, ExpStatSN, F, lengths, padding, digests. Inward it checks the
rules that hold for every PDU, answers the target's pings, and keeps PDUs that nobody asked for yet. Logging in and
executing commands are built on it, in `initiator_sim.login` and `initiator_sim.task`.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar, cast

from initiator_sim.draft import Draft, Mutation, Stage
from initiator_sim.evidence import AnyReceived, Event, Received
from initiator_sim.exchange import Exchange
from initiator_sim.expectation import Expectation
from initiator_sim.filling import NUMBERED, make_header
from initiator_sim.inbox import Inbox
from initiator_sim.numbering import Numbering
from initiator_sim.observe import observe
from initiator_sim.outcomes import ExpectationFailed, HarnessFault
from initiator_sim.parameters import Parameters
from initiator_sim.rules import Rules
from initiator_sim.transport import Transport
from iscsi_wire.constants import BHS_LENGTH, IMMEDIATE_BIT, OPCODE_MASK, RESERVED_TAG, Opcode
from iscsi_wire.errors import FieldValueError
from iscsi_wire.pdus import AsyncMessage, NopIn, Pdu
from iscsi_wire.records import LogRecord, PduRecord, TransportRecord

H = TypeVar("H", bound=Pdu)
T = TypeVar("T")

DEFAULT_TIMEOUT: Final = 5.0
"""How long to wait for an answer, in seconds, where nothing else is said."""


@dataclass(slots=True)
class Settings:
    """What all connections of a script share.

    Attributes:
        exchange: where everything is recorded.
        clock: tells the time in seconds: the fake clock of an in-memory transport, or the monotonic one.
        timeout: how long to wait for an answer, in seconds.
        rules: what is checked on each arrival.
    """

    exchange: Exchange = field(default_factory=Exchange)
    clock: Callable[[], float] = time.monotonic
    timeout: float = DEFAULT_TIMEOUT
    rules: Rules = field(init=False)

    def __post_init__(self) -> None:
        self.rules = Rules(self.exchange)


class Connection:
    """One connection, from the transport's connect to its end.

    Attributes:
        name: its name in the exchange.
        cid: its connection identifier.
        numbering: the counters of its session.
        rules: what is checked on each arrival.
        exp_stat_sn: the ExpStatSN to send; follows what comes in unless `acknowledge` is false.
        acknowledge: whether received statuses are acknowledged in the next PDU.
        expected_stat_sn: the StatSN that the target should send next, or None before its first.
        answer_pings: whether a NOP-In that asks for it is answered at once.
        others: gives the session's other connections, which have to be looked after while one of them waits.
        last_sent: the PDU sent last.
        max_send_segment: the target's MaxRecvDataSegmentLength, in octets.
    """

    def __init__(
        self, transport: Transport, settings: Settings, numbering: Numbering, name: str = "c0", cid: int = 0
    ) -> None:
        self.name = name
        self.cid = cid
        self.numbering = numbering
        self.settings = settings
        self.exchange = settings.exchange
        self.rules = settings.rules
        self.exp_stat_sn = 0
        self.acknowledge = True
        self.expected_stat_sn: int | None = None
        self.answer_pings = True
        self.last_sent: Draft[Any] | None = None
        self.max_send_segment = 8192
        self.header_digest = False
        self.data_digest = False
        self._transport = transport
        self._inbox = Inbox(self, transport)
        self._held: list[Draft[Any]] | None = None
        self._sent_octets = 0
        self._ended = False
        self.others: Callable[[], list[Connection]] = list
        self.note_transport(f"connected {transport.local} -> {transport.peer}")

    # ---- sending

    def prepare(self, kind: type[H], *, data: bytes = b"", ahs: bytes = b"", **fields: Any) -> Draft[H]:
        """Make a PDU with every field filled in; `fields` override by the RFC's names in snake case.

        Args:
            kind: the PDU's class in `iscsi_wire.pdus`.
            data: the data segment, without padding.
            ahs: additional header segments, each padded.
            fields: fields to set; also lengths, which are otherwise computed.

        Raises:
            HarnessFault: the PDU has no such field, or its bits cannot hold the value.
        """
        header = make_header(kind, fields, self.numbering, self.exp_stat_sn)
        fixed = frozenset(fields.keys() & {"data_segment_length", "total_ahs_length"})
        return Draft(header, data, ahs, fixed_lengths=fixed)

    def send(
        self,
        what: type[H] | H | Draft[H],
        *mutations: Mutation,
        data: bytes = b"",
        ahs: bytes = b"",
        **fields: Any,
    ) -> Draft[H]:
        """Send one PDU, with `mutations` applied.

        Args:
            what: a PDU class (then as `prepare`), a filled-in header, or a `Draft`, such as
                `initiator_sim.layers.from_scapy` makes of a scapy packet.
            mutations: what shall be wrong, see `initiator_sim.mutations`.
            data: the data segment, without padding.
            ahs: additional header segments.
            fields: fields to set if `what` is a class.

        Returns:
            What was sent; its `header` has the tag and the numbers.

        Raises:
            HarnessFault: the PDU cannot be made, or this side has closed the connection.
        """
        if isinstance(what, Draft):
            draft = what
        elif isinstance(what, type):
            draft = self.prepare(what, data=data, ahs=ahs, **fields)
        else:
            draft = Draft(what, data, ahs)
        draft.mutations += mutations
        if self._held is not None:
            self._held.append(draft)
        else:
            self._transmit(draft)
        return draft

    def _transmit(self, draft: Draft[Any]) -> None:
        try:
            if draft.mutations:
                image = draft.image(self.header_digest, self.data_digest)
                self._note("next PDU altered: " + "; ".join(map(str, draft.mutations)))
                header, ahs, data, chunks = bytes(image.header), image.ahs, image.data, image.chunks()
                draft.note_alteration(header)
            else:
                chunks = [draft.plain(self.header_digest, self.data_digest)]
                header, ahs, data = chunks[0][:BHS_LENGTH], draft.ahs, draft.data
        except FieldValueError as error:
            raise HarnessFault(str(error)) from error
        self._note_numbers(header, draft.mutations)
        now = self.settings.clock()
        self.exchange(PduRecord(now, "initiator", self.name, "out", header, ahs, data, self._sent_octets))
        self.last_sent = draft
        self._push(chunks)

    def _note_numbers(self, header: bytes, mutations: tuple[Mutation, ...]) -> None:
        """Keep account of what the target may acknowledge and answer."""
        opcode = header[0] & OPCODE_MASK
        if not header[0] & IMMEDIATE_BIT and opcode in NUMBERED:
            self.numbering.sent(int.from_bytes(header[24:28], "big"))
        if opcode in NUMBERED or opcode == Opcode.LOGIN_REQUEST:
            self._inbox.asked[int.from_bytes(header[16:20], "big")] += 1
        if any(mutation.stage is Stage.OCTETS for mutation in mutations):
            self.numbering.known = False

    def send_raw(self, *pieces: bytes) -> None:
        """Send octets as they are, each piece by a send of its own."""
        self._note(f"raw octets: {b''.join(pieces).hex(' ', -4)}")
        self.numbering.known = False
        self._push(pieces)

    def _push(self, pieces: list[bytes] | tuple[bytes, ...]) -> None:
        if self._ended:
            raise HarnessFault("the script closed this connection itself")
        try:
            for piece in pieces:
                self._sent_octets += len(piece)
                self._transport.send(piece)
        except OSError as error:
            # Not an outcome yet: what the target sent before it closed can still be read.
            self.note_transport(f"send failed: {error}")

    @contextmanager
    def held(self) -> Iterator[list[Draft[Any]]]:
        """Hold back what is sent in the block: it leaves at its end, in the order that the list then has."""
        if self._held is not None:
            raise HarnessFault("PDUs are being held back already")
        held: list[Draft[Any]] = []
        self._held = held
        try:
            yield held
        finally:
            self._held = None
        for draft in held:
            self._transmit(draft)

    # ---- receiving

    def take(
        self, wanted: Callable[[AnyReceived], bool], timeout: float | None = None, *, unsolicited: bool = False
    ) -> Event:
        """Wait for the first PDU that is `wanted`; others stay for whoever wants them.

        Args:
            wanted: says which PDU.
            timeout: how long to wait, in seconds; the connection's default if None.
            unsolicited: whether NOP-In and Asynchronous Messages that came unasked count too.

        Returns:
            The PDU, or how the connection ended, or silence.

        Raises:
            ExpectationFailed: something that arrived breaks a rule.
        """
        limit = self.settings.timeout if timeout is None else timeout
        return self._inbox.take(wanted, limit, unsolicited)

    def receive(self, timeout: float | None = None, *, unsolicited: bool = False, about: int | None = None) -> Event:
        """Return whatever the target does next, as `take`; other SCSI commands under way do not count.

        Args:
            timeout: how long to wait, in seconds.
            unsolicited: whether PDUs that came unasked count.
            about: the tag of the command that counts; that of the PDU sent last if None.
        """
        others = self.live_tags - {self.last_tag if about is None else about}
        return self.take(
            lambda pdu: getattr(pdu.header, "initiator_task_tag", None) not in others, timeout, unsolicited=unsolicited
        )

    @property
    def last_tag(self) -> int:
        """The Initiator Task Tag of the PDU sent last, or the reserved one."""
        header = self.last_sent.as_sent if self.last_sent else None
        return int(getattr(header, "initiator_task_tag", RESERVED_TAG))

    def receive_pdu(self, kind: type[H], timeout: float | None = None) -> Received[H]:
        """Return the next PDU, which has to be of the class `kind`.

        Raises:
            ExpectationFailed: something else happens.
        """
        event = self.receive(timeout, unsolicited=kind in (NopIn, AsyncMessage))
        if isinstance(event, Received) and isinstance(event.header, kind):
            return cast("Received[H]", event)
        raise self.failed(kind.TITLE, event)

    def status_received(self, next_stat_sn: int) -> None:
        """Take in that the target will send `next_stat_sn` next, and acknowledge what came before it."""
        self.expected_stat_sn = next_stat_sn
        if self.acknowledge:
            self.exp_stat_sn = next_stat_sn

    def pending(self, kind: type[Pdu], tag: int) -> int:
        """Return how many PDUs of `kind` for the task `tag` have come and were not taken yet."""
        return self._inbox.pending(kind, tag)

    def tend(self) -> None:
        """Take in what has come, and answer the pings among it, though nobody waits for anything here."""
        if not self._ended and not self._inbox.inbound.stepwise:
            self._inbox.tend()

    def wait_until(self, condition: Callable[[], bool], timeout: float | None = None) -> bool:
        """Let PDUs arrive, and keep them, until `condition` holds; returns whether it came to hold in time."""
        return self._inbox.wait_until(condition, self.settings.timeout if timeout is None else timeout)

    def expect(self, expectation: Expectation[T], clause: str = "") -> T:
        """Wait for what comes next and require that it meets `expectation`; returns what it was met by.

        PDUs of SCSI commands that are under way count only if the last PDU sent belongs to the same command.

        Raises:
            ExpectationFailed: it does not.
        """
        return observe(self, expectation, clause)

    def never_answered(self, tag: int) -> None:
        """From now on any PDU for the task `tag` breaks the rule `silence`."""
        if tag != RESERVED_TAG:
            self.live_tags.discard(tag)
            self._inbox.never_answered.add(tag)

    def discard(self, tag: int) -> None:
        """From now on throw away what comes for the task `tag`."""
        self._inbox.discarded.add(tag)

    @property
    def live_tags(self) -> set[int]:
        """The tags of SCSI commands under way; whoever carries such a command on keeps them up to date."""
        return self._inbox.live

    @property
    def unsolicited(self) -> deque[AnyReceived]:
        """NOP-In and Asynchronous Messages that came unasked and were not taken yet."""
        return self._inbox.unsolicited

    def failed(self, expected: str, observed: object, clause: str = "", field_name: str = "") -> ExpectationFailed:
        """Return the exception for an expectation that `observed` does not meet."""
        pdu = observed if isinstance(observed, Received) else None
        return ExpectationFailed(
            expected, str(observed), exchange=self.exchange, clause=clause, pdu=pdu, field=field_name
        )

    # ---- phases and the end

    def begin_full_feature_phase(self, parameters: Parameters) -> None:
        """Put what login negotiated into force: digests, and the limits of data segments."""
        self.header_digest = parameters.header_digest == "CRC32C"
        self.data_digest = parameters.data_digest == "CRC32C"
        inbound = self._inbox.inbound
        inbound.framer.header_digest, inbound.framer.data_digest = self.header_digest, self.data_digest
        inbound.stepwise = False
        self.apply(parameters)

    def apply(self, parameters: Parameters) -> None:
        """Put the limits of data segments into force, which may change in the full feature phase too."""
        self.max_send_segment = parameters.target_max_recv_data_segment_length
        self._inbox.inbound.framer.max_data_segment_length = parameters.max_recv_data_segment_length

    @property
    def ended(self) -> bool:
        """Whether either side has closed the connection, as far as was noticed."""
        return self._ended or self._inbox.inbound.closed is not None

    def close(self) -> None:
        """Close the connection (FIN); doing so again does nothing."""
        self._end("closed by the initiator", self._transport.close)

    def reset(self) -> None:
        """Drop the connection (RST); doing so again does nothing."""
        self._end("reset by the initiator", self._transport.reset)

    def _end(self, text: str, action: Callable[[], None]) -> None:
        if not self._ended:
            self._ended = True
            self.note_transport(text)
            action()

    def _note(self, text: str) -> None:
        self.exchange(LogRecord(self.settings.clock(), "initiator", self.name, 2, text))

    def note_transport(self, event: str) -> None:
        """Record what happened to the transport."""
        self.exchange(TransportRecord(self.settings.clock(), "initiator", self.name, event))
