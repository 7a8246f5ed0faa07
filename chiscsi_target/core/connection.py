"""A connection as the target sees it, without I/O: octets in, octets out, in both phases (RFC 7143 sections 6 and 8.1).

What a PDU means is found elsewhere: in `login` before the full feature phase, in the table of `dispatch` after it.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from chiscsi_target.api.constants import SC_FLAG_CMD_ABORT
from chiscsi_target.core import data_out, dispatch, nop, observed
from chiscsi_target.core.acknowledgements import Acknowledgements
from chiscsi_target.core.agenda import ERROR, INFORMATION
from chiscsi_target.core.connection_state import ConnectionEvent, ConnectionState, next_state
from chiscsi_target.core.counters import Counters
from chiscsi_target.core.login import Login
from chiscsi_target.core.reject import send_reject
from chiscsi_target.errors import ProtocolViolation, RejectedPdu
from iscsi_wire.digest import digest
from iscsi_wire.errors import FramingError, PaddingError
from iscsi_wire.framing import Buffer, Frame, Framer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from chiscsi_target.api.endpoints import chiscsi_tcp_endpoints
    from chiscsi_target.core.adapter import Adapter, Ulp
    from chiscsi_target.core.agenda import Agenda
    from chiscsi_target.core.portal import Portal
    from chiscsi_target.core.registry import Registry
    from chiscsi_target.core.session import Session
    from chiscsi_target.core.task import Task
    from iscsi_wire.pdus import Pdu

# RFC 7143 section 13.12: until the login is over, both sides take 8192 octets.
LOGIN_DATA_SEGMENT_LENGTH = 8192
# What the field DataSegmentLength can say (section 11.2.1.5).
LONGEST_DATA_SEGMENT = 0xFFFFFF
# In full feature phase many PDUs are received at once, so that their answers can be sent at once.
STAGING = 1024 * 1024
PADDING = (b"", b"\0\0\0", b"\0\0", b"\0")
# While so many output buffers wait for the transport, nothing more is read: the initiator does not take its answers.
CLOGGED = 4096


class Connection:
    """One connection.

    The shell's duties: fill `receive_buffers()` and report with `received`; send `output` and report with
    `transmitted`; close the transport once `closing` is set and `output` is empty, at once if `resetting`; report the
    transport's end with `transport_closed`; call `handle_timer` when the agenda says so.

    Attributes:
        handle: a small integer, unique in a run; the `hndl` of the login hooks.
        endpoints: the TCP 4-tuple.
        session: the session, from the first Login Request on.
        cid: connection identifier (RFC 7143 section 11.12.7).
        stat_sn: the next StatSN; `exp_stat_sn`, what the initiator expects next.
        max_peer_receive: the initiator's MaxRecvDataSegmentLength, in octets.
        max_send_data: the same, or less: `send_limit`, what the adapter sends at once. An echo may be longer, for what
            came in one PDU also goes out in one.
        ping_tags: Target Transfer Tags of pings that the initiator has not answered.
        counters: what it has moved.
        zero_copy: data are sent as they lie in drivers' memory; no digest is computed of them, and nobody listens.
        ulp: the adapter's side of the connection, when it is offloaded.
        acknowledgements: commands that stay until the initiator has acknowledged them; a quirk of the module.
        output: octets to send, in order; headers and views of drivers' memory.
    """

    send_limit = LONGEST_DATA_SEGMENT
    ulp: Ulp | None = None

    def __init__(
        self, handle: int, endpoints: chiscsi_tcp_endpoints, portal: Portal, registry: Registry, agenda: Agenda
    ) -> None:
        self.handle = handle
        self.endpoints = endpoints
        self.portal = portal
        self.agenda = agenda
        self.name = f"{endpoints.iaddr}"
        self.state = ConnectionState.FREE
        self.session: Session | None = None
        self.cid = 0
        self.stat_sn = 0
        self.exp_stat_sn = 0
        self.max_peer_receive = self.max_send_data = LOGIN_DATA_SEGMENT_LENGTH
        self.counters = Counters()
        self.output: list[Buffer] = []
        self.closing = False
        self.resetting = False
        self.last_received = agenda.now
        self.ping_sent: float | None = None
        self.ping_tags: set[int] = set()
        self.framer = Framer(LOGIN_DATA_SEGMENT_LENGTH, place=self._place)
        # What is to be done once the transport has taken that many buffers.
        self._in_output: deque[tuple[int, Callable[[Any], None], Any]] = deque()
        self._buffers_taken = 0
        self.zero_copy = agenda.listener is None
        self._bytes_sent = 0
        self.acknowledgements: Acknowledgements | None = None
        self._login: Login | None = Login(self, registry)
        self._unread: list[Frame] = []
        self.event(ConnectionEvent.TRANSPORT_CONNECTED)
        observed.transport_changed(self, "connected")
        agenda.timer_due(self._login.deadline)

    # Input

    @property
    def wants_input(self) -> bool:
        """Whether the shell should read: not while a login waits for a driver, nor while output is clogged."""
        if self.closing or len(self.output) > CLOGGED:
            return False
        return self._login is None or not self._login.waiting

    def receive_buffers(self) -> list[memoryview]:
        """Where the next octets belong, in order."""
        return self.framer.receive_buffers()

    def received(self, count: int) -> None:
        """Handle `count` octets written to `receive_buffers()`; afterwards send `output`."""
        self.last_received = self.agenda.now
        self.ping_sent = None
        try:
            frames = self.framer.received(count)
        except FramingError as error:
            # Section 7.8: what has a wrong header digest is discarded; who knows what it was.
            self._handle([frame for frame in error.frames if not frame.header_digest_error])
            if isinstance(error, PaddingError):
                # Behaviour file, 5.5.
                self.close(ConnectionEvent.TRANSPORT_LOST, reset=True)
            self.drop(f"framing lost, {error}")
        else:
            self._handle(frames)
        if self.acknowledgements is not None:
            self.acknowledgements.look()

    def _handle(self, frames: list[Frame]) -> None:
        if self.agenda.listener is not None:
            for frame in frames:
                observed.pdu_received(self, frame)
        if self._login is not None:
            self._handle_in_login(frames)
        else:
            self.take_in(frames)

    def take_in(self, frames: Sequence[Frame]) -> None:
        """Handle PDUs of the full feature phase."""
        session = self.session
        assert session is not None
        handlers = session.handlers
        for frame in frames:
            if self.closing:
                return
            try:
                handlers.get(frame.opcode, dispatch.unsupported)(self, frame)
            except RejectedPdu as violation:
                self._reject(violation, frame)
            except ProtocolViolation as violation:
                self.drop(str(violation))
        if session.fences:
            session.look_at_fences()

    def _handle_in_login(self, frames: list[Frame]) -> None:
        login = self._login
        assert login is not None
        for index, frame in enumerate(frames):
            if self.closing:
                return
            if self._login is None or login.waiting:
                # The login waits for a driver, or has just ended: what came behind it has to wait as well.
                self._unread += [late.take() for late in frames[index:]]
                return
            login.received(frame)

    def resume(self) -> None:
        """Handle what had to wait for the login; or for its end, once the session's worker has the connection."""
        frames, self._unread = self._unread, []
        if self.ulp is not None:
            self.ulp.ready()
        if self._login is not None:
            self._handle_in_login(frames)
        elif frames:
            self.take_in(frames)

    def _reject(self, violation: RejectedPdu, frame: Frame) -> None:
        self.agenda.log(INFORMATION, f"rejected: {violation}", self.name)
        send_reject(self, violation.reason, frame)
        if violation.fatal:
            self.drop(str(violation))

    def _place(self, frame: Frame) -> list[memoryview] | None:
        return data_out.place(self, frame)

    def take_place_away(self, task: Task) -> None:
        """Receive no more into a task's buffers: they go back to the driver."""
        if self.ulp is not None:
            self.ulp.forget(task)
        frame = self.framer.placing
        if frame is not None and int.from_bytes(frame.header[16:20]) == task.itt:
            self.framer.divert()

    # Output

    def send(
        self, header: bytes, pieces: Sequence[Buffer] = (), length: int = 0, concluded: Task | None = None
    ) -> None:
        """Queue a PDU: its 48-octet header and a data segment of `length` octets in pieces.

        Padding and digests are added here (RFC 7143 section 11.2.3); no PDU of the target has additional headers. The
        task that the PDU concludes is released as soon as the transport has taken all of it (guide 7.3.5.1).
        """
        output = self.output
        if self.zero_copy:
            output.append(header)
            if length:
                output += pieces
                if length & 3:
                    output.append(PADDING[length & 3])
                self.agenda.unsent += length
        else:
            self._send_with_digests(header, pieces, length)
        if self.ulp is not None:
            self.ulp.sent(header, length)
        agenda = self.agenda
        agenda.dirty[self] = None
        if concluded is None:
            return
        if self.acknowledgements is not None:
            self.acknowledgements.status_sent(header, concluded)
        else:
            self._in_output.append((self._buffers_taken + len(output), agenda.call_release, concluded))

    def send_pdu(self, pdu: Pdu, data: bytes = b"") -> None:
        """Queue a PDU; its DataSegmentLength is set from `data`."""
        pdu.data_segment_length = len(data)
        self.send(pdu.encode(), (data,) if data else (), len(data))

    def _send_with_digests(self, header: bytes, pieces: Sequence[Buffer], length: int) -> None:
        if self.agenda.listener is not None:
            observed.pdu_sent(self, header, b"".join(pieces), self._bytes_sent)
        output = self.output
        before = len(output)
        output.append(header)
        if self.framer.header_digest:
            output.append(digest(header))
        if length and self.framer.data_digest:
            # A copy: what the digest was computed of must not change before it is sent.
            data = b"".join((*pieces, PADDING[length & 3]))
            output += (data, digest(data))
        elif length:
            output += pieces
            if length & 3:
                output.append(PADDING[length & 3])
        self._bytes_sent += sum(map(len, output[before:]))

    def next_stat_sn(self) -> int:
        """Use up a StatSN (RFC 7143 section 4.2.2.2)."""
        stat_sn = self.stat_sn
        self.stat_sn = (stat_sn + 1) & 0xFFFFFFFF
        return stat_sn

    def transmitted(self, count: int) -> None:
        """Learn that the transport has taken the first `count` octets of `output`."""
        output = self.output
        if count == sum(map(len, output)):
            self._buffers_taken += len(output)
            output.clear()
        else:
            taken = 0
            while count >= len(output[taken]):
                count -= len(output[taken])
                taken += 1
            del output[:taken]
            output[0] = memoryview(output[0])[count:]
            self._buffers_taken += taken
        waiting, taken = self._in_output, self._buffers_taken
        while waiting and waiting[0][0] <= taken:
            _, call, subject = waiting.popleft()
            call(subject)

    def output_unreadable(self) -> None:
        """Learn that the transport could not read what it was to send: the data path of these commands has failed."""
        self.agenda.log(ERROR, "a driver's memory cannot be read: its commands end with the connection", self.name)
        for _, _, subject in self._in_output:
            task = subject[0] if isinstance(subject, tuple) else subject
            task.sc_flag |= SC_FLAG_CMD_ABORT

    def release(self, task: Task) -> None:
        """Release a task that ended otherwise; what is queued of a read's data is sent from its buffers before that."""
        if task.phases and self.output and not task.is_write and not self.resetting:
            self._in_output.append((self._buffers_taken + len(self.output), self.agenda.call_release, task))
        else:
            self.agenda.call_release(task)

    def return_when_sent(self, task: Task) -> None:
        """Give the phases of a multi-phase read that are sent so far back to the driver, when they are."""
        if self.acknowledgements is not None:
            self.acknowledgements.phase_sent(task)
            return
        end = self._buffers_taken + len(self.output)
        self._in_output.append((end, self.agenda.call_phases_sent, (task, task.sent)))

    # Phases

    def start_full_feature_phase(
        self, *, max_receive_data: int, max_send_data: int, header_digest: bool, data_digest: bool
    ) -> None:
        """Go by the negotiated parameters from now on (RFC 7143 section 6.2: they take effect together)."""
        self._login = None
        if self.agenda.quirks.returned_when_acknowledged:
            self.acknowledgements = Acknowledgements(self)
        self.max_peer_receive = self.max_send_data = max_send_data
        self.framer.max_data_segment_length = max_receive_data
        self.framer.grow(STAGING)
        self.framer.header_digest = header_digest
        self.framer.data_digest = data_digest
        self.zero_copy = self.agenda.listener is None and not header_digest and not data_digest
        if self.agenda.adapter is not None:
            self._offload(self.agenda.adapter)

    def _offload(self, adapter: Adapter) -> None:
        """Let the adapter take the connection over, and keep to its limits; discovery stays with the host."""
        session = self.session
        if session is None or session.node is None or session.discovery:
            return
        self.send_limit = adapter.payload_limits(session.node)[1]
        self.send_at_most(self.max_send_data)
        self.ulp = adapter.take_over(self)
        if self.ulp is not None:
            self.framer = self.ulp.framer

    def send_at_most(self, length: int) -> None:
        """Send no more octets of data in a PDU than the initiator takes, and than the adapter can send."""
        self.max_peer_receive, self.max_send_data = length, min(length, self.send_limit)

    @property
    def in_full_feature_phase(self) -> bool:
        """Whether the login is over."""
        return self._login is None

    def event(self, event: ConnectionEvent) -> None:
        """Move the state machine."""
        old = self.state
        label, self.state = next_state(old, event)
        observed.state_changed(self, old, f"{label} {event.value}")

    def handle_timer(self, now: float) -> float | None:
        """Do what is due at `now`; returns when to come back, or None."""
        if self.closing:
            return None
        if self._login is not None:
            if self._login.deadline > now:
                return self._login.deadline
            self._login.timed_out()
            return None
        due = nop.handle_idle(self, now)
        if self.acknowledgements is None:
            return due
        asked = self.acknowledgements.handle_timer(now)
        return asked if due is None or (asked is not None and asked < due) else due

    # The end

    def drop(self, reason: str) -> None:
        """Close the connection because the peer, or something inside, broke it; nothing more is read."""
        if self.closing:
            return
        self.agenda.log(INFORMATION, f"connection dropped: {reason}", self.name)
        self.close(ConnectionEvent.TRANSPORT_LOST)

    def close(self, event: ConnectionEvent, *, reset: bool = False) -> None:
        """Close the connection after what is queued has been sent; with `reset`, at once."""
        if self.closing:
            return
        self.closing = True
        self.resetting = reset
        self.event(event)
        if self.state is ConnectionState.CLEANUP_WAIT:
            # ErrorRecoveryLevel 0 keeps nothing for a later recovery: cleanup ends as soon as it starts (section 8.2).
            self.event(ConnectionEvent.CLEANED_UP)
        self.agenda.dirty[self] = None
        if self._login is not None:
            self._login.connection_closed()
        elif self.session is not None:
            self.session.connection_closed(self, event)
        if self.ulp is not None:
            self.ulp.closed()

    def transport_closed(self, reset: bool = False) -> None:
        """Learn that the transport is gone."""
        observed.transport_changed(self, "reset" if reset else "closed")
        self.output.clear()
        while self._in_output:
            _, call, subject = self._in_output.popleft()
            call(subject)
        if self.acknowledgements is not None:
            self.acknowledgements.abandon()
        self.close(ConnectionEvent.TRANSPORT_LOST, reset=True)
