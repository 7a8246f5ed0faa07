"""A TCP client that a script owns: it does what is right by itself, and whatever else it is told to.

It satisfies `initiator_sim.transport.Transport`, so that any iSCSI script runs on it. `craft` makes a segment with any
field altered, `alter` sees every segment before it leaves.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Final

from scapy.layers.inet import TCP
from scapy.packet import Packet

from initiator_sim.segments.assembly import Assembly
from initiator_sim.segments.packets import ACK, FIN, PSH, RST, SYN, Builder, Parsed
from iscsi_wire.sequence import sn_add, sn_diff

if TYPE_CHECKING:
    from initiator_sim.segments.host import Host

NEVER: Final = float("inf")
_HEADERS: Final = {4: 40, 6: 60}
_DEFAULT_MSS: Final = {4: 536, 6: 1220}
_MTU: Final = 1500
_FIRST_WAIT: Final = 1.0
_LONGEST_WAIT: Final = 60.0
_TRIES: Final = 12
"""How often the same segment is sent again before the client gives up."""
_TIME_WAIT: Final = 240.0
_DUPLICATES: Final = 3
_SCALE: Final = 7


class Phase(StrEnum):
    """Where a connection is; in OPEN, either direction may have ended."""

    NEW = "new"
    SYN_SENT = "SYN sent"
    OPEN = "open"
    RESET = "reset"
    GONE = "gone"


class Sent:
    """A segment that is on its way."""

    __slots__ = ("data", "end", "flags", "seq")

    def __init__(self, seq: int, flags: int, data: bytes) -> None:
        self.seq = seq
        self.flags = flags
        self.data = data
        self.end = sn_add(seq, len(data) + bool(flags & (SYN | FIN)))


class Client:
    """One connection.

    Args:
        host: whose it is.
        local, peer: the ends, as address and port.
        options: of the SYN, as scapy has them; those of an ordinary host if None.
        window: what it says of its window, in octets; the script may change it at any time, to 0 for a closed one.
        isn: the initial sequence number.

    Attributes:
        phase: see `Phase`.
        snd_una, snd_nxt: as RFC 9293 names them.
        peer_window, peer_mss: what the target takes, in octets.
        was_reset: the target ended it by RST.
        segments: everything that came.
        alter: gets each segment that leaves as scapy layers, and gives those that are to leave instead.
        deadline: when `handle_timer` is to be called, in seconds.
    """

    def __init__(
        self,
        host: Host,
        local: tuple[str, int],
        peer: tuple[str, int],
        *,
        options: Sequence[tuple[str, Any]] | None = None,
        window: int = 1 << 20,
        isn: int = 0x1000,
    ) -> None:
        version = ip_address(local[0]).version
        self.port = local[1]
        self.local, self.peer = _text(*local), _text(*peer)
        self.phase = Phase.NEW
        self.was_reset = False
        self.window = window
        self.snd_una = self.snd_nxt = isn
        self.peer_window = 0
        self.peer_mss = _DEFAULT_MSS[version]
        self.segments: list[Parsed] = []
        self.alter: Callable[[Packet], Iterable[Packet | bytes]] | None = None
        self.deadline = NEVER
        self._host = host
        self._ends = (ip_address(peer[0]).packed, peer[1])
        self._builder = Builder(local[0], peer[0], local[1], peer[1])
        self._largest = _MTU - _HEADERS[version]
        ordinary = [("MSS", self._largest), ("SAckOK", b""), ("WScale", _SCALE)]
        self._options = ordinary if options is None else list(options)
        self._shift = self._peer_shift = 0
        self._queue: deque[bytes] = deque()
        self._closing = False
        self._flight: deque[Sent] = deque()
        self._assembly = Assembly(0)
        self._inbox = bytearray()
        self._wait, self._tries, self._duplicates = _FIRST_WAIT, 0, 0
        self._recover = isn

    # ---- the transport of an iSCSI connection

    def open(self, timeout: float) -> None:
        """Open the connection within `timeout` seconds of the link's clock; see `Host.connect` for what it raises."""
        self.phase = Phase.SYN_SENT
        self._push_segment(SYN, b"")
        self._host.link.run_until(lambda: self.phase is not Phase.SYN_SENT, timeout)
        if self.phase is Phase.RESET:
            raise ConnectionRefusedError(f"{self.peer} refuses the connection")
        if self.phase is not Phase.OPEN:
            self._gone()
            raise TimeoutError(f"{self.peer} does not answer")
        self._host.link.settle()

    def send(self, data: bytes) -> None:
        """See `Transport.send`: octets of two calls never share a segment."""
        if self._closing or self.phase is not Phase.OPEN:
            raise ConnectionResetError("the connection is closed")
        if data:
            self._queue.append(data)
            self._push()
            self._host.link.settle()

    def receive(self, timeout: float) -> bytes | None:
        """See `Transport.receive`; the time is the link's."""
        self._host.link.run_until(lambda: bool(self._inbox) or self.ended, timeout)
        self._host.link.settle()
        if not self._inbox:
            return b"" if self.ended else None
        data = bytes(self._inbox)
        self._inbox.clear()
        return data

    @property
    def rcv_nxt(self) -> int:
        """The sequence number that comes next."""
        return self._assembly.next

    @property
    def ended(self) -> bool:
        """Whether nothing comes any more."""
        return self._assembly.ended or self.phase in (Phase.RESET, Phase.GONE)

    def close(self) -> None:
        """See `Transport.close`: FIN leaves behind what is queued."""
        if not self._closing and self.phase is Phase.OPEN:
            self._closing = True
            self._queue.append(b"")  # means FIN
            self._push()
            self._host.link.settle()

    def reset(self) -> None:
        """See `Transport.reset`: RST leaves at once, and what is queued never does."""
        if self.phase is Phase.OPEN:
            self._emit(self.snd_nxt, RST, b"")
            self._gone()
            self._host.link.settle()

    # ---- crafted traffic

    def craft(self, flags: str = "A", data: bytes = b"", ip: dict[str, Any] | None = None, **fields: Any) -> Packet:
        """A segment as scapy layers, with what this connection would say in it, unless it is said otherwise.

        Args:
            flags: as scapy writes them, such as "PA".
            data: the payload.
            ip: fields of the IP layer, such as `ttl` or `chksum`.
            fields: fields of the TCP layer by scapy's names, such as `seq`, `ack`, `window`, `options`, `chksum`.
        """
        said = {"seq": self.snd_nxt, "ack": self.rcv_nxt if "A" in flags else 0, "window": self._window_field()}
        return self._builder.packet(data, ip, flags=flags, **(said | fields))

    def transmit(self, *packets: Packet | bytes) -> None:
        """Send packets as they are, and let happen what comes of it at once; nothing is kept for sending again."""
        for packet in packets:
            self._host.transmit(packet)
        self._host.link.settle()

    def skip(self, count: int) -> None:
        """Take `count` octets for sent: a script has sent them in segments of its own."""
        self.snd_nxt = sn_add(self.snd_nxt, count)

    # ---- sending

    def _push(self) -> None:
        """Send what the target's window takes."""
        while self._queue:
            data = self._queue[0]
            room = sn_diff(sn_add(self.snd_una, self.peer_window), self.snd_nxt)
            size = min(room, self.peer_mss, self._largest)
            if not data:
                self._queue.popleft()
                self._push_segment(FIN | ACK, b"")
            elif room <= 0:
                break
            else:
                self._cut(size)
                self._push_segment(ACK | (PSH if len(data) <= size else 0), data[:size])
        if self._queue and not self._flight and self.deadline == NEVER:
            self.deadline = self._host.clock() + self._wait  # until the window is to be probed

    def _cut(self, size: int) -> None:
        """Take octets off the queue."""
        data = self._queue.popleft()
        if len(data) > size:
            self._queue.appendleft(data[size:])

    def _push_segment(self, flags: int, data: bytes) -> None:
        sent = Sent(self.snd_nxt, flags, data)
        self._flight.append(sent)
        self.snd_nxt = sent.end
        if self.deadline == NEVER or len(self._flight) == 1:
            self.deadline = self._host.clock() + self._wait
        self._emit(sent.seq, flags, data)

    def _emit(self, seq: int, flags: int, data: bytes) -> None:
        if self.alter is None and not flags & SYN:
            ack = self.rcv_nxt if flags & ACK else 0
            self._host.transmit(self._builder.octets(seq, ack, flags, self._window_field(), data))
            return
        packet = self.craft(_letters(flags), data, seq=seq, options=self._options if flags & SYN else [])
        for altered in [packet] if self.alter is None else self.alter(packet):
            self._host.transmit(altered)

    def _window_field(self) -> int:
        return min(self.window >> self._shift, 0xFFFF)

    def handle_timer(self) -> None:
        """Send again what is not acknowledged, probe a closed window, or end TIME-WAIT."""
        self.deadline = NEVER
        self._tries += 1
        if self.phase is Phase.GONE or self._finished or self._tries > _TRIES:
            self._gone()
            return
        self._wait = min(self._wait * 2, _LONGEST_WAIT)
        self._recover = self.snd_nxt
        if self._flight:
            self._send_first_again()
        elif self._queue:
            self._probe()

    def _send_first_again(self) -> None:
        first = self._flight[0]
        self.deadline = self._host.clock() + self._wait
        self._emit(first.seq, first.flags, first.data)

    def _probe(self) -> None:
        """Send an octet that the window does not take: the answer says whether it still is closed."""
        data = self._queue[0]
        self._cut(1)
        self._push_segment(ACK, data[:1])

    # ---- what comes

    def is_peer(self, segment: Parsed) -> bool:
        """Whether a segment comes from the other end."""
        return (segment.source, segment.source_port) == self._ends

    def segment_arrived(self, segment: Parsed) -> None:
        """Take a segment in."""
        self.segments.append(segment)
        if self.phase is Phase.SYN_SENT:
            self._answered(segment)
        elif segment.flags & RST:
            self._reset_arrived(segment)
        elif self.phase is Phase.OPEN:
            if segment.flags & ACK:
                self._acknowledged(segment)
            if segment.data or segment.flags & (SYN | FIN):
                self._take(segment)
            if self._finished:
                self._end()

    def _answered(self, segment: Parsed) -> None:
        """RFC 9293 section 3.10.7.3: in SYN-SENT."""
        if not segment.flags & ACK or segment.ack != self.snd_nxt:
            return
        if segment.flags & RST:
            self.was_reset = True
            self._gone(Phase.RESET)
        elif segment.flags & SYN:
            self._read_options(segment.options)
            self.phase = Phase.OPEN
            self._assembly = Assembly(sn_add(segment.seq, 1))
            self._flight.clear()
            self.deadline, self._wait, self._tries = NEVER, _FIRST_WAIT, 0
            self.snd_una = segment.ack
            self.peer_window = segment.window  # of a SYN, not scaled
            self._emit(self.snd_nxt, ACK, b"")

    def _read_options(self, octets: bytes) -> None:
        found = dict(TCP(TCP(dataofs=5 + len(octets) // 4).build()[:20] + octets).options)
        self.peer_mss = found.get("MSS", self.peer_mss)
        own = dict(self._options).get("WScale")
        if "WScale" in found and own is not None:
            self._peer_shift, self._shift = found["WScale"], own

    def _reset_arrived(self, segment: Parsed) -> None:
        """RFC 5961 section 3.2: elsewhere in the window it is asked for proof."""
        distance = sn_diff(segment.seq, self.rcv_nxt)
        if distance == 0:
            self.was_reset = True
            self._gone(Phase.RESET)
        elif 0 < distance < max(self.window, 1):
            self._emit(self.snd_nxt, ACK, b"")

    def _acknowledged(self, segment: Parsed) -> None:
        advance = sn_diff(segment.ack, self.snd_una)
        if advance < 0 or sn_diff(segment.ack, self.snd_nxt) > 0:
            return
        window = segment.window << self._peer_shift
        same = advance == 0 and window == self.peer_window and not segment.data and not segment.flags & FIN
        self.peer_window = window
        if advance:
            self._advance(segment.ack)
        elif same and self._flight:
            self._duplicates += 1
            if self._duplicates == _DUPLICATES and sn_diff(self.snd_una, self._recover) >= 0:
                self._recover = self.snd_nxt
                self._send_first_again()
        if window == 0:
            self._tries = 0  # it is there, and takes nothing
        self._push()

    def _advance(self, ack: int) -> None:
        self.snd_una = ack
        self._duplicates = self._tries = 0
        self._wait = _FIRST_WAIT
        flight = self._flight
        while flight and sn_diff(flight[0].end, ack) <= 0:
            flight.popleft()
        if flight and sn_diff(flight[0].seq, ack) < 0:
            first = flight[0]
            flight[0] = Sent(ack, first.flags, first.data[sn_diff(ack, first.seq) :])
        self.deadline = self._host.clock() + self._wait if flight else NEVER
        if flight and sn_diff(self._recover, ack) > 0:
            self._send_first_again()  # more than one was lost

    def _take(self, segment: Parsed) -> None:
        """Put octets and FIN in order, and acknowledge."""
        self._inbox += self._assembly.take(segment.seq, segment.data, fin=segment.flags & FIN != 0)
        self._emit(self.snd_nxt, ACK, b"")

    # ---- the end

    @property
    def _finished(self) -> bool:
        """Whether both directions have ended."""
        return self._closing and self._assembly.ended and not self._flight and not self._queue

    def _end(self) -> None:
        """Stay for a while, to acknowledge the target's FIN once more."""
        self.deadline = self._host.clock() + _TIME_WAIT

    def _gone(self, phase: Phase = Phase.GONE) -> None:
        self.phase = phase
        self.deadline = NEVER
        self._flight.clear()
        self._queue.clear()
        self._host.forget(self)


def _letters(flags: int) -> str:
    return "".join(letter for bit, letter in enumerate("FSRPAUEC") if flags >> bit & 1)


def _text(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
