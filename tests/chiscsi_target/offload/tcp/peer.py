"""The other end of the engine under test: segments that scapy makes, field by field, and a host that does its part."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any

from scapy.layers.inet import IP, TCP
from scapy.layers.inet6 import IPv6
from scapy.packet import Packet, Raw

from chiscsi_target.offload.tcp import messages as cpl
from chiscsi_target.offload.tcp.connection import TcpConnection
from chiscsi_target.offload.tcp.engine import TcpEngine
from chiscsi_target.offload.tcp.settings import TcpSettings
from chiscsi_target.offload.tcp.state import State
from initiator_sim.segments.packets import Parsed, parse

CARD = {4: "192.0.2.1", 6: "2001:db8::1"}
OTHER = {4: "192.0.2.2", 6: "2001:db8::2"}
PORT, PEER_PORT = 3260, 40000
ISN = 0xFFFFFF00
"""Close to the end of the numbers, so that they wrap in most tests."""
STID = 7


class Peer:
    """A peer and the engine; the host takes every connection, and uses up what it reads.

    `reads` is whether the host uses octets up. `rcv` is the peer's RCV.NXT: what it acknowledges unless told otherwise.
    """

    def __init__(self, settings: TcpSettings | None = None, version: int = 4, isn: int = ISN, seed: int = 1) -> None:
        self.engine = TcpEngine([ip_address(address).packed for address in CARD.values()], seed, settings)
        self.now = 0.0
        self.version = version
        self.isn = isn
        self.snd = isn
        self.rcv = 0
        self.window = 65535
        self.reads = True
        self.accepts = True
        self.messages: list[cpl.ToHost] = []
        self.post(cpl.CPL_PASS_OPEN_REQ(STID, ip_address(CARD[version]).packed, PORT))
        self.messages.clear()

    def packet(
        self, flags: str, data: bytes = b"", *, sport: int = PEER_PORT, dport: int = PORT, **fields: Any
    ) -> Packet:
        said = {"seq": self.snd, "ack": self.rcv if "A" in flags else 0, "window": self.window} | fields
        layer = (IP if self.version == 4 else IPv6)(src=OTHER[self.version], dst=CARD[self.version])
        packet = layer / TCP(sport=sport, dport=dport, flags=flags, **said)
        return packet / Raw(data) if data else packet

    def send(self, flags: str = "A", data: bytes = b"", **fields: Any) -> list[Parsed]:
        """Send one segment; returns what the card answers at once."""
        return self.arrive(bytes(self.packet(flags, data, **fields)))

    def stream(self, data: bytes, flags: str = "A") -> list[Parsed]:
        """Send the next octets."""
        answers = self.send(flags, data)
        self.snd = self.snd + len(data) & 0xFFFFFFFF
        return answers

    def arrive(self, octets: bytes) -> list[Parsed]:
        self.engine.packet_arrived(octets, self.now)
        return self.collect()

    def post(self, message: cpl.ToCard) -> list[Parsed]:
        """Have the host say something."""
        self.engine.post(message, self.now)
        return self.collect()

    def collect(self) -> list[Parsed]:
        """Let the host hear what there is, and return what the card sends."""
        while messages := self.engine.take_messages():
            self.messages += messages
            for message in messages:
                if isinstance(message, cpl.CPL_PASS_ACCEPT_REQ) and self.accepts:
                    self.engine.post(cpl.CPL_PASS_ACCEPT_RPL(message.tid), self.now)
                elif isinstance(message, cpl.CPL_RX_DATA) and self.reads:
                    self.engine.post(cpl.CPL_RX_DATA_ACK(message.tid, len(message.data)), self.now)
        return [parse(octets) for octets in self.engine.output()]

    def open(self, **fields: Any) -> Parsed:
        """Open a connection; returns the answer to the SYN."""
        self.snd = self.isn
        (answer,) = self.send("S", **({"options": [("MSS", 1460)]} | fields))
        self.snd = self.isn + 1 & 0xFFFFFFFF
        self.rcv = answer.seq + 1 & 0xFFFFFFFF
        assert self.send("A", **{key: value for key, value in fields.items() if key == "sport"}) == []
        return answer

    def wait(self, seconds: float) -> list[Parsed]:
        """Let time pass; returns what the card sends meanwhile."""
        end, sent = self.now + seconds, []
        while self.engine.next_timer <= end:
            self.now = self.engine.next_timer
            self.engine.handle_timer(self.now)
            sent += self.collect()
        self.now = end
        return sent

    def take(self, segments: list[Parsed]) -> bytes:
        """Acknowledge nothing, but move RCV.NXT behind these segments; returns their octets."""
        for segment in segments:
            self.rcv = segment.seq + len(segment.data) + (segment.flags & 1) & 0xFFFFFFFF
        return b"".join(segment.data for segment in segments)

    # What the host sees

    @property
    def connection(self) -> TcpConnection:
        (connection,) = self.engine.connections.values()
        return connection

    def state(self) -> State:
        return self.connection.state if self.engine.connections else State.CLOSED

    @property
    def tid(self) -> int:
        return next(message.tid for message in self.messages if isinstance(message, cpl.CPL_PASS_ESTABLISH))

    @property
    def received(self) -> bytes:
        return b"".join(message.data for message in self.messages if isinstance(message, cpl.CPL_RX_DATA))

    @property
    def heard(self) -> list[str]:
        """The names of all messages but those of octets."""
        names = [type(message).__name__ for message in self.messages]
        return [name for name in names if name not in ("CPL_RX_DATA", "CPL_FW4_ACK")]

    def give(self, data: bytes) -> list[Parsed]:
        """Have the host send octets."""
        return self.post(cpl.CPL_TX_DATA(self.tid, data))

    def close(self) -> list[Parsed]:
        return self.post(cpl.CPL_CLOSE_CON_REQ(self.tid))
