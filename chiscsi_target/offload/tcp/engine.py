"""`TcpEngine`: the card's table of connections, and what listens."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection
from typing import Any, Final

from chiscsi_target.offload.tcp.checksum import Octets
from chiscsi_target.offload.tcp.connection import TcpConnection
from chiscsi_target.offload.tcp.drops import Drop, Dropped
from chiscsi_target.offload.tcp.ip import IpPacket, build_packet, is_hosts, parse_packet
from chiscsi_target.offload.tcp.isn import FourTuple, IsnGenerator
from chiscsi_target.offload.tcp.messages import (
    CPL_ABORT_REQ,
    CPL_ABORT_RPL_RSS,
    CPL_CLOSE_CON_REQ,
    CPL_CLOSE_LISTSRV_REQ,
    CPL_CLOSE_LISTSRV_RPL,
    CPL_PASS_ACCEPT_REQ,
    CPL_PASS_ACCEPT_RPL,
    CPL_PASS_OPEN_REQ,
    CPL_PASS_OPEN_RPL,
    CPL_RX_DATA_ACK,
    CPL_TX_DATA,
    CplError,
    ToCard,
    ToHost,
)
from chiscsi_target.offload.tcp.options import parse_options
from chiscsi_target.offload.tcp.segment import ACK, FIN, RST, SYN, Segment, build_segment, parse_segment
from chiscsi_target.offload.tcp.settings import TcpSettings
from chiscsi_target.offload.tcp.state import State
from chiscsi_target.offload.tcp.timers import NEVER, Deadlines


class TcpEngine:
    """TCP for a host that only hears of connections, octets and ends.

    Args:
        addresses: the card's own, of 4 or 16 octets each.
        seed: what initial sequence numbers come from.
        settings: sizes and times.

    Attributes:
        connections: all of them, by their ends; those in TIME-WAIT included.
        dropped: how many packets were dropped, by reason.
        listener: who is told of every message, in either direction.
    """

    def __init__(self, addresses: Collection[bytes], seed: int = 0, settings: TcpSettings | None = None) -> None:
        self.addresses = frozenset(addresses)
        self.connections: dict[FourTuple, TcpConnection] = {}
        self.dropped: Counter[Drop] = Counter()
        self.listener: Callable[[ToCard | ToHost], None] | None = None
        self._settings = settings or TcpSettings()
        self._isn = IsnGenerator(seed)
        self._listening: dict[tuple[bytes, int], int] = {}
        self._by_tid: dict[int, TcpConnection] = {}
        self._next_tid = 0
        self._now = 0.0
        self._deadlines: Deadlines[FourTuple] = Deadlines()
        self._dirty: dict[TcpConnection, None] = {}
        self._packets: list[bytes] = []
        self._messages: list[ToHost] = []

    # Packets and time

    def packet_arrived(self, octets: Octets, now: float) -> None:
        """Take in an IP packet; afterwards `take_messages` and `output`.

        Whatever is in it: what cannot be used is dropped, and counted in `dropped`.

        Args:
            octets: the packet from its IP header on.
            now: in seconds.
        """
        self._now = now
        try:
            packet = parse_packet(octets)
            if not self._is_for_us(packet):
                raise Dropped(Drop.NOT_OURS)
            segment = parse_segment(packet)
            ends = FourTuple(packet.destination, segment.destination_port, packet.source, segment.source_port)
            connection = self.connections.get(ends)
            if connection is None:
                self._without_connection(ends, segment)
            else:
                connection.segment_arrived(segment, now)
                self._look_at(connection)
        except Dropped as dropped:
            self.dropped[dropped.reason] += 1

    def output(self) -> list[bytes]:
        """Take the packets that are to be sent, in order."""
        while self._dirty:
            dirty = list(self._dirty)
            self._dirty.clear()
            for connection in dirty:
                connection.flush(self._now)
                self._collect(connection)
        packets = self._packets[:]
        self._packets.clear()
        return packets

    @property
    def next_timer(self) -> float:
        """When `handle_timer` is to be called, in seconds; infinity for never."""
        return self._deadlines.next

    def handle_timer(self, now: float) -> None:
        """Do what is due at `now`; afterwards `take_messages` and `output`."""
        self._now = now
        for ends in self._deadlines.take_due(now):
            connection = self.connections[ends]
            connection.handle_timer(now)
            self._look_at(connection)

    @property
    def timers(self) -> int:
        """How many connections wait for a timer."""
        return len(self._deadlines)

    @property
    def tids(self) -> int:
        """How many connections the host may speak of."""
        return len(self._by_tid)

    # The host

    def take_messages(self) -> list[ToHost]:
        """Take the messages for the host, in order."""
        messages = self._messages[:]
        self._messages.clear()
        return messages

    def post(self, message: ToCard, now: float) -> None:
        """Take a message of the host; afterwards `take_messages` and `output`.

        One about a connection that is no more is ignored: it crossed the message that said so.

        Raises:
            OutOfCredits: CPL_TX_DATA of more octets than the connection has credits for.
        """
        self._now = now
        if self.listener is not None:
            self.listener(message)
        _HANDLERS[type(message)](self, message)

    def _open(self, message: CPL_PASS_OPEN_REQ) -> None:
        place = (message.address, message.port)
        status = CplError.CONN_EXIST if place in self._listening else CplError.NONE
        self._listening.setdefault(place, message.stid)
        self._tell(CPL_PASS_OPEN_RPL(message.stid, status))

    def _close_server(self, message: CPL_CLOSE_LISTSRV_REQ) -> None:
        self._listening = {place: stid for place, stid in self._listening.items() if stid != message.stid}
        self._tell(CPL_CLOSE_LISTSRV_RPL(message.stid))

    def _connection_message(self, message: Any) -> None:
        connection = self._by_tid.get(message.tid)
        if connection is not None:
            _CALLS[type(message)](connection, message, self._now)
            self._look_at(connection)

    def _abort(self, message: CPL_ABORT_REQ) -> None:
        connection = self._by_tid.get(message.tid)
        if connection is not None:
            connection.abort(self._now)
            self._look_at(connection)
            self._tell(CPL_ABORT_RPL_RSS(message.tid, CplError.NONE))

    # Segments of no connection (sections 3.10.7.1 and 3.10.7.2)

    def _is_for_us(self, packet: IpPacket) -> bool:
        own = self.addresses
        return packet.destination in own and packet.source not in own and is_hosts(packet.source)

    def _without_connection(self, ends: FourTuple, segment: Segment) -> None:
        flags = segment.flags
        stid = self._server(ends)
        if flags & RST:
            return
        if flags & ACK:
            self._put(ends, Segment(ends.local_port, ends.peer_port, segment.ack, 0, RST, 0))
        elif stid is None:
            ack = segment.seq + segment.length & 0xFFFFFFFF
            self._put(ends, Segment(ends.local_port, ends.peer_port, 0, ack, RST | ACK, 0))
        elif flags & SYN:
            self._syn_arrived(ends, segment, stid)

    def _server(self, ends: FourTuple) -> int | None:
        """What listens there: at the address, or at any."""
        address, port = ends.local_address, ends.local_port
        return self._listening.get((address, port), self._listening.get((bytes(len(address)), port)))

    def _syn_arrived(self, ends: FourTuple, segment: Segment, stid: int) -> None:
        """Ask the host whether it takes a connection; octets that come with a SYN are not taken, and come again."""
        if segment.flags & FIN:
            raise Dropped(Drop.SYN_FIN)
        options = parse_options(segment.options)
        self._make_room()
        tid, self._next_tid = self._next_tid, self._next_tid + 1
        iss = self._isn(ends, self._now)
        connection = TcpConnection(ends, tid, stid, segment, options, iss, self._settings)
        self.connections[ends] = self._by_tid[tid] = connection
        self._tell(CPL_PASS_ACCEPT_REQ(tid, stid, ends[:2], ends[2:], options))

    def _make_room(self) -> None:
        """See that there is room for a connection: the one that is longest in TIME-WAIT has to go.

        Raises:
            Dropped: there is none.
        """
        if len(self.connections) < self._settings.connections:
            return
        for connection in self.connections.values():
            if connection.state is State.TIME_WAIT:
                self._forget(connection)
                return
        raise Dropped(Drop.NO_ROOM)

    # What came of it

    def _look_at(self, connection: TcpConnection) -> None:
        self._dirty[connection] = None
        self._collect(connection)

    def _collect(self, connection: TcpConnection) -> None:
        """Take what a connection has for the network, for the host and for the clock."""
        for segment in connection.outbox:
            self._put(connection.ends, segment)
        connection.outbox.clear()
        for message in connection.messages:
            self._tell(message)
        connection.messages.clear()
        if connection.gone:
            self._forget(connection)
        else:
            self._deadlines.set(connection.ends, connection.deadline)
            if connection.released:
                self._by_tid.pop(connection.tid, None)

    def _forget(self, connection: TcpConnection) -> None:
        del self.connections[connection.ends]
        self._by_tid.pop(connection.tid, None)
        self._dirty.pop(connection, None)
        self._deadlines.set(connection.ends, NEVER)

    def _put(self, ends: FourTuple, segment: Segment) -> None:
        source, destination = ends.local_address, ends.peer_address
        self._packets.append(build_packet(source, destination, build_segment(source, destination, segment)))

    def _tell(self, message: ToHost) -> None:
        if self.listener is not None:
            self.listener(message)
        self._messages.append(message)


_CALLS: Final[dict[type, Callable[[TcpConnection, Any, float], None]]] = {
    CPL_PASS_ACCEPT_RPL: lambda connection, _, now: connection.accept(now),
    CPL_TX_DATA: lambda connection, message, now: connection.send(message.data, now),
    CPL_RX_DATA_ACK: lambda connection, message, now: connection.used(message.credits, now),
    CPL_CLOSE_CON_REQ: lambda connection, _, now: connection.close(now),
}
_HANDLERS: Final[dict[type, Callable[[TcpEngine, Any], None]]] = {
    CPL_PASS_OPEN_REQ: TcpEngine._open,
    CPL_CLOSE_LISTSRV_REQ: TcpEngine._close_server,
    CPL_ABORT_REQ: TcpEngine._abort,
    **dict.fromkeys(_CALLS, TcpEngine._connection_message),
}
