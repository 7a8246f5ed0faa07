"""One connection of the card: what a segment, a call of the host and a timer do to it (RFC 9293 section 3.10)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chiscsi_target.offload.tcp.acknowledging import Acknowledging
from chiscsi_target.offload.tcp.messages import (
    CPL_ABORT_REQ_RSS,
    CPL_CLOSE_CON_RPL,
    CPL_FW4_ACK,
    CPL_PASS_ESTABLISH,
    CPL_PEER_CLOSE,
    CPL_RX_DATA,
    CplError,
    ToHost,
)
from chiscsi_target.offload.tcp.options import build_options
from chiscsi_target.offload.tcp.receiver import Receiver
from chiscsi_target.offload.tcp.retransmission import RetransmissionTimer
from chiscsi_target.offload.tcp.segment import ACK, FIN, PSH, RST, SYN, Segment
from chiscsi_target.offload.tcp.sender import DEFAULT_MSS, Piece, Sender
from chiscsi_target.offload.tcp.state import Event, State, next_state
from chiscsi_target.offload.tcp.timers import NEVER

if TYPE_CHECKING:
    from chiscsi_target.offload.tcp.isn import FourTuple
    from chiscsi_target.offload.tcp.options import Options
    from chiscsi_target.offload.tcp.settings import TcpSettings

_HEADERS = {4: 40, 16: 60}
"""Octets of IP and TCP headers, by the length of an address."""
_TAKING = (State.ESTABLISHED, State.FIN_WAIT_1, State.FIN_WAIT_2)


class TcpConnection:
    """A transmission control block.

    Whoever runs it hands in segments for it, the host's calls, and the time; afterwards it collects what is to be sent
    (`flush`), takes `outbox` and `messages`, and sets a timer for `deadline`.

    Args:
        ends: the 4-tuple.
        tid, stid: what the host calls the connection, and the server that it came to.
        segment: the SYN.
        options: of the SYN.
        iss: our initial sequence number.
        settings: sizes and times.

    Attributes:
        state: of figure 5.
        outbox: segments to send, in order.
        messages: for the host, in order.
    """

    def __init__(
        self,
        ends: FourTuple,
        tid: int,
        stid: int,
        segment: Segment,
        options: Options,
        iss: int,
        settings: TcpSettings,
    ) -> None:
        self.ends = ends
        self.tid = tid
        self.stid = stid
        self.state = State.LISTEN
        self.irs = segment.seq
        self.outbox: list[Segment] = []
        self.messages: list[ToHost] = []
        self._settings = settings
        self._options = options
        self._mss = settings.mtu - _HEADERS[len(ends.local_address)]
        self.receiver = Receiver(segment.seq, settings, self._mss)
        self.sender = Sender(iss, settings, min(options.mss or DEFAULT_MSS[len(ends.local_address)], self._mss))
        self.sender.window_said(0, 0, segment.window)
        self._timer = RetransmissionTimer(settings)
        self._end_at = NEVER  # of TIME-WAIT, or of waiting for the peer's FIN
        self._now = 0.0
        self._acknowledging = Acknowledging(settings, self._mss)
        self._answered = self._syn_repeated = False

    @property
    def deadline(self) -> float:
        """When `handle_timer` is to be called, in seconds; infinity for never."""
        return min(self._timer.deadline, self._acknowledging.deadline, self._end_at)

    @property
    def gone(self) -> bool:
        """Whether nothing is left of it: closed, or back in LISTEN, where another will begin."""
        return self.state is State.CLOSED or (self.state is State.LISTEN and self._answered)

    @property
    def released(self) -> bool:
        """Whether the host has heard of both ends, and its `tid` is free again."""
        return self.state is State.TIME_WAIT

    # What the host wants

    def accept(self, now: float) -> None:
        """Answer the SYN (CPL_PASS_ACCEPT_RPL)."""
        self._now = now
        self._answered = True
        self._move(Event.RCV_SYN)
        self._send_syn()
        self._timer.start(now)

    def send(self, data: bytes, now: float) -> None:
        """Queue octets (CPL_TX_DATA).

        Raises:
            OutOfCredits: there are more than may be queued.
        """
        self._now = now
        self.sender.queue(data)

    def used(self, count: int, now: float) -> None:
        """Learn that the host has used received octets up (CPL_RX_DATA_ACK)."""
        self._now = now
        if self.receiver.used(count) and self.state in _TAKING:
            self._acknowledging.due = True

    def close(self, now: float) -> None:
        """Send FIN behind what is queued (CPL_CLOSE_CON_REQ)."""
        self._now = now
        if not self.sender.closing:
            if self.state is not State.SYN_RECEIVED:
                self._move(Event.CLOSE)
            self.sender.closing = True

    def abort(self, now: float) -> None:
        """Send RST, and be gone (CPL_ABORT_REQ; section 3.10.5)."""
        self._now = now
        if self.state is State.LISTEN:
            self._put(Segment(self.ends.local_port, self.ends.peer_port, 0, self.receiver.next_seq, RST | ACK, 0))
        else:
            self._emit(RST | ACK, self.sender.seq(self.sender.nxt))
        self._move(Event.ABORT)

    # Section 3.10.7.4: "Otherwise"

    def segment_arrived(self, segment: Segment, now: float) -> None:
        """Take in a segment that came for it, in the order of the RFC's steps."""
        self._now = now
        if self.state is State.LISTEN:
            return  # the host has not answered yet; the peer will ask again
        if self.state is State.SYN_RECEIVED and segment.flags & (SYN | RST) == SYN and segment.seq == self.irs:
            self._send_syn()  # the SYN once more: our answer was lost
            return
        if not self._is_acceptable(segment):
            self._refuse(segment)
        elif segment.flags & RST:
            self._reset_arrived(segment)
        elif segment.flags & SYN:
            self._syn_arrived()
        elif segment.flags & ACK and self._ack_arrived(segment):
            self._text_arrived(segment)

    def _is_acceptable(self, segment: Segment) -> bool:
        """The first check: sequence number. With a closed window, acknowledgements in the right place are let through:
        "special allowance should be made to accept valid ACKs, URGs, and RSTs".
        """
        receiver = self.receiver
        return receiver.is_acceptable(segment.seq, segment.length) or (
            receiver.edge == receiver.next and segment.seq == receiver.next_seq
        )

    def _refuse(self, segment: Segment) -> None:
        """Answer what is out of the window: "<SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK>", unless it is a RST."""
        if segment.flags & RST:
            return
        if self.state is State.TIME_WAIT and segment.flags & FIN:
            # "The only thing that can arrive in this state is a retransmission of the remote FIN."
            self._end_at = self._now + 2 * self._settings.msl
        if segment.data or segment.flags & FIN:
            self._acknowledge_now()
        else:
            self._challenge()

    def _reset_arrived(self, segment: Segment) -> None:
        """The second check (RFC 5961 section 3): only a RST that is exactly in place resets."""
        if segment.seq != self.receiver.next_seq:
            self._challenge()
            return
        self._end(Event.RCV_RST, CplError.CONN_RESET)

    def _syn_arrived(self) -> None:
        """The fourth check (RFC 5961 section 4): a SYN in the window is answered, and changes nothing."""
        if self.state is State.SYN_RECEIVED:
            self._end(Event.RCV_SYN, CplError.CONN_RESET)
        else:
            self._challenge()

    def _ack_arrived(self, segment: Segment) -> bool:
        """The fifth check: the ACK field; returns whether the segment is to be looked at further."""
        sender = self.sender
        ack = sender.position(segment.ack)
        if self.state is State.SYN_RECEIVED:
            if not sender.una < ack <= sender.nxt:
                self._put(Segment(self.ends.local_port, self.ends.peer_port, segment.ack, 0, RST, 0))
                return False
            self._established(segment)
        if ack > sender.nxt or ack < sender.una - sender.largest_window:
            # RFC 5961 section 5: "the ACK value is considered acceptable only if it is in the range of
            # ((SND.UNA - MAX.SND.WND) <= SEG.ACK <= SND.NXT)".
            self._challenge()
            return False
        before = sender.window
        if ack >= sender.una:
            sender.window_said(self.receiver.position(segment.seq), ack, segment.window)
            if sender.window == 0:
                self._timer.heard(self._now)  # section 3.8.6.1: as long as it acknowledges probes, the peer is there
        if ack > sender.una:
            self._acknowledged(ack)
        elif ack == sender.una and sender.flight and not segment.length and sender.window == before > 0:
            self._duplicate_ack()
        return not self.gone

    def _acknowledged(self, ack: int) -> None:
        """Go on after an acknowledgement of something new."""
        sender = self.sender
        moved = ack - sender.una
        count = sender.acknowledged(ack)
        self._timer.acknowledged(ack, self._now, all_of_it=not sender.flight)
        if sender.congestion.acknowledged(moved, sender.una, sender.flight) and sender.flight:
            self._send_again()
        if count:
            self.messages.append(CPL_FW4_ACK(self.tid, count, sender.seq(sender.una)))
        if sender.fin_acknowledged and self.state in (State.FIN_WAIT_1, State.CLOSING, State.LAST_ACK):
            self.messages.append(CPL_CLOSE_CON_RPL(self.tid, sender.seq(sender.nxt)))
            self._move(Event.RCV_ACK_OF_FIN)

    def _duplicate_ack(self) -> None:
        sender = self.sender
        if sender.congestion.duplicate(sender.flight, sender.una, sender.nxt):
            self._send_again()

    def _text_arrived(self, segment: Segment) -> None:
        """The seventh and the eighth check: octets, and FIN."""
        if not segment.length:
            return
        if self.state not in _TAKING:
            self._acknowledge_now()  # behind the peer's FIN there is nothing to take
            return
        receiver = self.receiver
        seq, early = receiver.next_seq, receiver.waiting
        ready = receiver.take(segment)
        for piece in ready:
            self.messages.append(CPL_RX_DATA(self.tid, seq, piece))
            seq = seq + len(piece) & 0xFFFFFFFF
        if receiver.complete:
            self.messages.append(CPL_PEER_CLOSE(self.tid, receiver.next_seq))
            self._move(Event.RCV_FIN)
            self._acknowledging.due = True
        elif not ready or early:
            # RFC 5681 section 4.2: at once, for what is out of order and for what fills a gap.
            self._acknowledge_now()
        else:
            self._acknowledging.received(sum(map(len, ready)), self._now)

    # Acknowledgements that we send

    def _acknowledge_now(self) -> None:
        """Send an acknowledgement of its own: the peer counts them."""
        self._emit(ACK, self.sender.seq(self.sender.nxt))

    def _challenge(self) -> None:
        """Send a challenge ACK, unless there have been too many of them."""
        if self._acknowledging.may_challenge(self._now):
            self._acknowledge_now()

    # Sending

    def flush(self, now: float) -> None:
        """Send what may leave, and an acknowledgement if one is due and nothing took it along."""
        self._now = now
        if self.state in (State.LISTEN, State.SYN_RECEIVED, State.CLOSED):
            return
        sender, before = self.sender, self.sender.flight
        nxt = sender.nxt
        for piece in sender.pieces():
            self._send(piece)
            if piece.position >= nxt:
                nxt = sender.nxt
                self._timer.sent(nxt, now)
        if self._acknowledging.due:
            self._acknowledge_now()
        # A timer that runs though nothing was on its way is the persist timer: it is over.
        if (sender.flight and not before) or (sender.unsent and self._timer.deadline == NEVER):
            self._timer.start(now)

    def _send(self, piece: Piece) -> None:
        last = piece.position + len(piece.data) + piece.fin == self.sender.end
        flags = ACK | (FIN if piece.fin else 0) | (PSH if last and piece.data else 0)
        self._emit(flags, self.sender.seq(piece.position), piece.data)

    def _send_again(self) -> None:
        """Send what has waited longest for its acknowledgement, or to be sent at all."""
        self._timer.sent_again()
        self._send(self.sender.first())

    def _send_syn(self) -> None:
        sender, options = self.sender, self._options
        shift = None
        if options.window_scale is not None:
            # RFC 7323 section 2.2: both sides have to offer it. The window of a SYN is never scaled.
            sender.shift, shift = options.window_scale, self.receiver.scale()
        window = self.receiver.window_field(scaled=False)
        ports = (self.ends.local_port, self.ends.peer_port)
        flags = SYN | ACK
        self._put(
            Segment(*ports, sender.iss, self.receiver.next_seq, flags, window, options=build_options(self._mss, shift))
        )

    def _emit(self, flags: int, seq: int, data: bytes = b"") -> None:
        receiver = self.receiver
        window = receiver.window_field()
        self._acknowledging.sent()
        self._put(Segment(self.ends.local_port, self.ends.peer_port, seq, receiver.next_seq, flags, window, data))

    def _put(self, segment: Segment) -> None:
        self.outbox.append(segment)

    # Time

    def handle_timer(self, now: float) -> None:
        """Do what is due at `now`."""
        self._now = now
        if self._acknowledging.deadline <= now:
            self._acknowledging.expired()
        if self._timer.deadline <= now:
            self._retransmit()
        if self._end_at <= now:
            if self.state is State.TIME_WAIT:
                self._move(Event.TIMEOUT_2MSL)
            else:
                self._end(Event.USER_TIMEOUT, CplError.FINWAIT2_TIMEDOUT)

    def _retransmit(self) -> None:
        """Send again, or probe a closed window; or give up (section 3.8.3)."""
        settings, sender = self._settings, self.sender
        embryonic = self.state is State.SYN_RECEIVED
        if self._timer.waiting(self._now) >= (settings.r2_syn if embryonic else settings.r2):
            closed = not embryonic and sender.window == 0
            self._emit(RST | ACK, sender.seq(sender.nxt))
            self._end(Event.USER_TIMEOUT, CplError.PERSIST_TIMEDOUT if closed else CplError.XMIT_TIMEDOUT)
            return
        if not embryonic and sender.window and not sender.flight:
            # Section 3.8.6.2.1: the override time-out. What the window takes is little, but all there is.
            self._timer.start(self._now)
        else:
            self._timer.back_off(self._now)
        if embryonic:
            self._syn_repeated = True
            self._send_syn()
            return
        if sender.flight and sender.window:
            sender.congestion.timed_out(sender.flight, sender.nxt)
        sender.start_over()
        self._send_again()

    # The state

    def _established(self, segment: Segment) -> None:
        """Our SYN is acknowledged: tell the host."""
        self._move(Event.RCV_ACK_OF_SYN)
        sender = self.sender
        sender.acknowledged(1)
        self._timer.syn_acknowledged(self._now, repeated=self._syn_repeated)
        if sender.closing:
            self._move(Event.CLOSE)
        self.messages.append(CPL_PASS_ESTABLISH(self.tid, self.stid, sender.iss, self.irs, sender.mss, sender.room))

    def _move(self, event: Event) -> None:
        """Go where the table says, and set the timers of the new state."""
        self.state = next_state(self.state, event)
        self._end_at = NEVER
        if self.state is State.FIN_WAIT_2:
            self._end_at = self._now + self._settings.fin_wait_2
        elif self.state is State.TIME_WAIT:
            self._end_at = self._now + 2 * self._settings.msl

    def _end(self, event: Event, status: CplError) -> None:
        """Be gone, and tell the host, unless it has let go of the connection already."""
        told = self.state is not State.TIME_WAIT
        self._move(event)
        if told:
            self.messages.append(CPL_ABORT_REQ_RSS(self.tid, status))
