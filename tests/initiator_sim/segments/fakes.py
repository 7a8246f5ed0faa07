"""A pretend target at the other end of a link: answers what a test tells it to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from initiator_sim.segments import Client, Host, Impairments
from initiator_sim.segments.packets import ACK, FIN, RST, SYN, Builder, Parsed, parse

ADDRESS = {4: "192.0.2.1", 6: "2001:db8::1"}
PORT = 3260
ISN = 0xFFFFFFF0


class FakeTarget:
    """One end of a link that accepts a connection and acknowledges what comes in order; `deaf`, nothing at all.

    `got` is every segment that came, `data` the octets in order. `reply` replaces what is done about a segment.
    """

    def __init__(self, version: int = 4, impairments: Impairments | None = None) -> None:
        self.host = Host(self, impairments)
        self.version = version
        self.got: list[Parsed] = []
        self.data = bytearray()
        self.window = 60000
        self.options: list[tuple[str, Any]] = [("MSS", 1000)]
        self.deaf = False
        self.fin_received = False
        self.reply: Callable[[Parsed], None] = self.answer
        self.seq = ISN
        self.ack = 0
        self._output: list[bytes] = []
        self._builder: Builder | None = None

    def connect(self, **how: Any) -> Client:
        return self.host.connect(ADDRESS[self.version], PORT, **how)

    def client(self, **how: Any) -> Client:
        return self.host.client(ADDRESS[self.version], PORT, **how)

    # What it does

    def answer(self, segment: Parsed) -> None:
        """Take what is in order, and acknowledge."""
        if segment.flags & SYN:
            self.ack = segment.seq + 1 & 0xFFFFFFFF
            self.send("SA", options=self.options)
            self.seq = ISN + 1 & 0xFFFFFFFF
        elif (segment.data or segment.flags & FIN) and not segment.flags & RST:
            if segment.seq == self.ack:
                self.data += segment.data
                self.fin_received = self.fin_received or segment.flags & FIN != 0
                self.ack = self.ack + len(segment.data) + (segment.flags & FIN) & 0xFFFFFFFF
            self.send("A")

    def send(
        self, flags: str, data: bytes = b"", *, seq: int | None = None, ack: int | None = None, **fields: Any
    ) -> None:
        """Send a segment; octets and FIN move its own sequence number on unless `seq` is given."""
        assert self._builder is not None
        said = {"seq": self.seq if seq is None else seq, "ack": self.ack if ack is None else ack, "window": self.window}
        self._output.append(bytes(self._builder.packet(data, flags=flags, **(said | fields))))
        if seq is None and "S" not in flags:
            self.seq = self.seq + len(data) + ("F" in flags) & 0xFFFFFFFF

    @property
    def flags(self) -> list[int]:
        return [segment.flags for segment in self.got]

    # The end of a link

    def packet_arrived(self, octets: bytes, now: float) -> None:
        segment = parse(octets)
        self.got.append(segment)
        if self._builder is None:
            peer = self.host.addresses[self.version]
            self._builder = Builder(ADDRESS[self.version], peer, segment.destination_port, segment.source_port)
        if not self.deaf:
            self.reply(segment)

    def output(self) -> list[bytes]:
        output, self._output = self._output, []
        return output

    next_timer = float("inf")

    def handle_timer(self, now: float) -> None:
        raise AssertionError("it has no timer")


__all__ = ["ACK", "ADDRESS", "FIN", "ISN", "PORT", "RST", "SYN", "FakeTarget"]
