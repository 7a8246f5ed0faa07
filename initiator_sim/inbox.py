"""What came in on a connection and who wants it: checked on arrival, kept until somebody asks.

PDUs that come unasked (NOP-In pings, Asynchronous Messages) are kept apart, so that they do not disturb a script that
is about something else; pings are answered at once.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from initiator_sim.evidence import AnyReceived, Closed, Event, Received, Silence
from initiator_sim.outcomes import ExpectationFailed
from initiator_sim.rules import RULES, check_arrival
from initiator_sim.stream import Inbound
from initiator_sim.transport import Transport
from iscsi_wire.constants import RESERVED_TAG
from iscsi_wire.errors import FramingError
from iscsi_wire.framing import Frame
from iscsi_wire.pdus import AsyncMessage, DataIn, NopIn, NopOut, Pdu, ReadyToTransfer, decode_header
from iscsi_wire.records import PduRecord

if TYPE_CHECKING:
    from initiator_sim.connection import Connection


_GLANCE = 0.05
"""Seconds after which somebody who waits on one connection looks at the others again."""


def is_answer(header: Pdu) -> bool:
    """Say whether a PDU is the last that its request gets."""
    if isinstance(header, DataIn):
        return bool(header.status_present)
    return not isinstance(header, ReadyToTransfer)


class Inbox:
    """The PDUs that a connection received.

    Attributes:
        inbound: the stream that they are cut from.
        unsolicited: PDUs that came unasked and were not taken yet.
        never_answered: tags for which nothing may come any more.
        discarded: tags whose PDUs are thrown away.
        asked: how many answers each tag may still get.
        live: tags of SCSI commands under way: their PDUs are for their tasks only.
    """

    def __init__(self, connection: Connection, transport: Transport) -> None:
        self._connection = connection
        self._clock = connection.settings.clock
        self.inbound = Inbound(transport, self._clock)
        self.unsolicited: deque[AnyReceived] = deque()
        self.never_answered: set[int] = set()
        self.discarded: set[int] = set()
        self.asked: Counter[int] = Counter()
        self.live: set[int] = set()
        self._arrived: deque[AnyReceived] = deque()
        self._unclaimed: deque[AnyReceived] = deque()
        self._end_noted = False

    def take(self, wanted: Callable[[AnyReceived], bool], timeout: float, unsolicited: bool) -> Event:
        """See `Connection.take`."""
        for queue in (self.unsolicited, self._unclaimed) if unsolicited else (self._unclaimed,):
            for pdu in queue:
                if wanted(pdu):
                    queue.remove(pdu)
                    return pdu
        deadline = self._clock() + timeout
        remaining = timeout
        while True:
            event = self._arrive(remaining)
            if not isinstance(event, Received):
                return Silence(timeout) if isinstance(event, Silence) else event
            unasked = self._keep(event)
            queue = self.unsolicited if unasked else self._unclaimed
            if (unsolicited or not unasked) and wanted(event):
                queue.pop()
                return event
            remaining = max(deadline - self._clock(), 0.0)

    def wait_until(self, condition: Callable[[], bool], timeout: float) -> bool:
        """See `Connection.wait_until`."""
        deadline = self._clock() + timeout
        while not condition():
            event = self._arrive(max(deadline - self._clock(), 0.0))
            if not isinstance(event, Received):
                return condition()
            self._keep(event)
        return True

    def pending(self, kind: type[Pdu], tag: int) -> int:
        """Return how many PDUs of `kind` for the task `tag` have come and were not taken yet."""
        self.inbound.poll()
        self._record(self.inbound.take_waiting())
        headers = [pdu.header for pdu in (*self._arrived, *self._unclaimed)]
        return sum(isinstance(h, kind) and getattr(h, "initiator_task_tag", None) == tag for h in headers)

    def _keep(self, pdu: AnyReceived) -> bool:
        """Put a PDU where it waits for whoever wants it; returns whether it came unasked."""
        header = pdu.header
        unasked = isinstance(header, AsyncMessage) or (
            isinstance(header, NopIn) and header.initiator_task_tag == RESERVED_TAG
        )
        (self.unsolicited if unasked else self._unclaimed).append(pdu)
        if isinstance(header, NopIn) and unasked and self._connection.answer_pings:
            self._answer(header)
        return unasked

    def _answer(self, ping: NopIn) -> None:
        """RFC 7143, 11.18: a NOP-In with a Target Transfer Tag is answered, tag and LUN are copied."""
        tag = ping.target_transfer_tag
        if tag != RESERVED_TAG:
            self._connection.send(NopOut, initiator_task_tag=RESERVED_TAG, target_transfer_tag=tag, lun=ping.lun)

    def _arrive(self, timeout: float) -> Event:
        """Return the next thing that arrives, checked."""
        while True:
            if not self._arrived:
                end = self._wait(timeout)
                if end is not None:
                    return end
            pdu = self._arrived.popleft()
            check_arrival(self._connection, pdu)
            tag = getattr(pdu.header, "initiator_task_tag", RESERVED_TAG)
            self._check_tag(pdu, tag)
            if tag not in self.discarded:
                return pdu

    def tend(self) -> None:
        """Take in what has come by now, and answer the pings among it; all of it waits for whoever asks."""
        self.inbound.poll()
        self._record(self.inbound.take_waiting())
        while self._arrived:
            event = self._arrive(0.0)
            if isinstance(event, Received):
                self._keep(event)

    def _wait(self, timeout: float) -> Closed | Silence | None:
        """Wait until something arrives; returns what came in its place, if nothing did."""
        try:
            arrival = self._next(timeout)
        except FramingError as fault:
            raise self._unreadable(fault) from fault
        if isinstance(arrival, Frame):
            self._record([arrival, *self.inbound.take_waiting()])
            return None
        if isinstance(arrival, Closed) and not self._end_noted:
            self._end_noted = True
            self._connection.note_transport(f"{arrival} by the target")
        return arrival

    def _next(self, timeout: float) -> Frame | Closed | Silence:
        """Wait for the next frame, and look after the session's other connections as long as that takes.

        What is waited for may itself wait until they have acknowledged what they got (RFC 7143, 4.2.2.3).
        """
        others = self._connection.others()
        deadline = self._clock() + timeout
        remaining = timeout
        while others and remaining > _GLANCE:
            for other in others:
                other.tend()
            arrival = self.inbound.next(_GLANCE)
            if not isinstance(arrival, Silence):
                return arrival
            remaining = deadline - self._clock()
        arrival = self.inbound.next(max(remaining, 0.0))
        return Silence(timeout) if isinstance(arrival, Silence) else arrival

    def _check_tag(self, pdu: AnyReceived, tag: int) -> None:
        """Check that a PDU answers something that was asked, and was not answered yet."""
        rules = self._connection.rules
        if tag in self.never_answered:
            rules.broken("silence", f"{pdu.header.TITLE} after all", pdu, "initiator_task_tag")
        elif tag != RESERVED_TAG and self._connection.numbering.known and self.asked[tag] < 1:
            rules.broken("tag", f"{pdu.header.TITLE} for the tag {tag:#x}", pdu, "initiator_task_tag")
        if tag != RESERVED_TAG and is_answer(pdu.header):
            self.asked[tag] -= 1

    def _record(self, frames: list[Frame]) -> None:
        """Record PDUs at once, in the order and at the time of their arrival; they are checked when taken."""
        connection = self._connection
        for frame in frames:
            header, data = bytes(frame.header), bytes(frame.data)
            record = PduRecord(self._clock(), "initiator", connection.name, "in", header, frame.ahs, data, frame.offset)
            connection.exchange(record)
            pdu: AnyReceived = Received(
                decode_header(header),
                frame.ahs,
                data,
                bytes(frame.padding),
                connection,
                record,
                frame.header_digest_error,
                frame.data_digest_error,
            )
            self._arrived.append(pdu)

    def _unreadable(self, fault: FramingError) -> ExpectationFailed:
        rule = RULES["segment_length"]
        exchange = self._connection.exchange
        return ExpectationFailed(rule.text, str(fault), exchange=exchange, clause=rule.clause)
