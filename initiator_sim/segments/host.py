"""The initiator's machine: its addresses, and the TCP connections that it has."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from scapy.packet import Packet

from initiator_sim.outcomes import HarnessFault
from initiator_sim.segments.client import Client
from initiator_sim.segments.link import Impairments, Link
from initiator_sim.segments.packets import ACK, RST, SYN, Builder, Parsed, parse

if TYPE_CHECKING:
    from initiator_sim.segments.link import Endpoint

ADDRESSES = ("192.0.2.2", "2001:db8::2")
_FIRST_PORT = 40001


class Host:
    """One end of a `Link`: hands packets to its clients, and refuses those that are nobody's.

    Args:
        target: the other end of the link.
        impairments: what the link does to packets.
        keep: how many packets the link keeps for looking at; all if None.
        addresses: its own, IPv4 and IPv6.

    Attributes:
        link: the way to the target; its clock is the one of all connections.
        clients: those that are not through yet, by port.
        unclaimed: packets that came for no client.
        resets: whether those are answered with RST, as a machine does that knows nothing of a connection.
    """

    def __init__(
        self,
        target: Endpoint,
        impairments: Impairments | None = None,
        keep: int | None = None,
        addresses: tuple[str, str] = ADDRESSES,
    ) -> None:
        self.link = Link(self, target, impairments, keep)
        self.addresses = {4: addresses[0], 6: addresses[1]}
        self.clients: dict[int, Client] = {}
        self.unclaimed: list[Parsed] = []
        self.resets = True
        self._output: list[bytes] = []
        self._next_port = _FIRST_PORT

    def clock(self) -> float:
        """The time, in seconds."""
        return self.link.now

    def client(self, address: str, port: int, **how: Any) -> Client:
        """A connection that has not been opened yet.

        Args:
            address: the target's.
            port: the target's.
            how: see `Client`.

        Raises:
            HarnessFault: no port is free.
        """
        local = self._free_port()
        source = self.addresses[ip_address(address).version]
        client = Client(self, (source, local), (address, port), **how)
        self.clients[local] = client
        return client

    def _free_port(self) -> int:
        """The next port that no client has; those of long ago come again at last."""
        ports = range(_FIRST_PORT, 1 << 16)
        for _ in ports:
            port = self._next_port
            self._next_port = port + 1 if port + 1 in ports else _FIRST_PORT
            if port not in self.clients:
                return port
        raise HarnessFault("all ports have a connection")

    def connect(self, address: str, port: int, timeout: float = 5.0, **how: Any) -> Client:
        """Open a connection.

        Args:
            address: the target's.
            port: the target's.
            timeout: how long to wait for the answer, in seconds of the link.
            how: see `Client`.

        Raises:
            ConnectionRefusedError: the target answers with RST.
            TimeoutError: it does not answer.
        """
        client = self.client(address, port, **how)
        client.open(timeout)
        return client

    def transmit(self, packet: Packet | bytes) -> None:
        """Send a packet of whatever kind: layers of scapy, or octets."""
        self._output.append(bytes(packet))

    # The end of a link

    def packet_arrived(self, octets: bytes, now: float) -> None:
        """Hand a packet to the client that it is for."""
        segment = parse(octets)
        client = self.clients.get(segment.destination_port)
        if client is not None and client.is_peer(segment):
            client.segment_arrived(segment)
        else:
            self.unclaimed.append(segment)
            if self.resets and not segment.flags & RST:
                self._refuse(segment)

    def _refuse(self, segment: Parsed) -> None:
        """RFC 9293 section 3.10.7.1."""
        ends = [str(ip_address(octets)) for octets in (segment.destination, segment.source)]
        builder = Builder(ends[0], ends[1], segment.destination_port, segment.source_port)
        if segment.flags & ACK:
            self._output.append(builder.octets(segment.ack, 0, RST, 0))
        else:
            ack = segment.seq + len(segment.data) + bool(segment.flags & SYN) & 0xFFFFFFFF
            self._output.append(builder.octets(0, ack, RST | ACK, 0))

    def output(self) -> list[bytes]:
        """What is to be sent."""
        output, self._output = self._output, []
        return output

    @property
    def next_timer(self) -> float:
        """The earliest timer of a client, in seconds."""
        return min((client.deadline for client in self.clients.values()), default=float("inf"))

    def handle_timer(self, now: float) -> None:
        """Let the clients do what is due."""
        for client in list(self.clients.values()):
            if client.deadline <= now:
                client.handle_timer()

    def forget(self, client: Client) -> None:
        """Strike out a client that is through."""
        self.clients.pop(client.port, None)
