"""The initiator's machine: its connections, and what comes for none of them."""

from __future__ import annotations

import pytest

from initiator_sim import HarnessFault
from initiator_sim.segments import Client
from initiator_sim.segments.packets import ACK, RST, Builder
from tests.initiator_sim.segments.fakes import ADDRESS, PORT, FakeTarget


@pytest.mark.parametrize(("version", "local"), [(4, "192.0.2.2:40001"), (6, "[2001:db8::2]:40001")])
def test_a_connection(version: int, local: str) -> None:
    target = FakeTarget(version)
    client = target.connect()
    assert client.local == local
    assert client.peer == f"{ADDRESS[4]}:3260" if version == 4 else f"[{ADDRESS[6]}]:3260"
    assert target.host.clients == {40001: client}


def test_ports_come_again_when_they_are_free(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("initiator_sim.segments.host._FIRST_PORT", 65534)
    host = FakeTarget().host
    host._next_port = 65534
    clients = [host.client(ADDRESS[4], PORT) for _ in range(2)]
    assert [client.port for client in clients] == [65534, 65535]
    with pytest.raises(HarnessFault, match="all ports"):
        host.client(ADDRESS[4], PORT)
    host.forget(clients[0])
    assert host.client(ADDRESS[4], PORT).port == 65534


def test_nobody_answers() -> None:
    target = FakeTarget()
    target.deaf = True
    with pytest.raises(TimeoutError, match="does not answer"):
        target.connect(timeout=10.0)
    assert target.host.clock() == 10.0
    assert len(target.got) == 4, "at 0, 1, 3 and 7 seconds"
    assert target.host.clients == {}


def test_a_connection_that_is_refused() -> None:
    target = FakeTarget()
    target.reply = lambda segment: target.send("RA", seq=0, ack=segment.seq + 1)
    with pytest.raises(ConnectionRefusedError):
        target.connect()


def stranger(target: FakeTarget, flags: int, data: bytes = b"") -> None:
    """A segment for a port that nobody has."""
    builder = Builder(ADDRESS[4], target.host.addresses[4], PORT, 5)
    target.host.packet_arrived(builder.octets(1000, 77, flags, 0, data), 0.0)
    target.host.link.settle()


def test_segments_of_no_connection_are_reset() -> None:
    target = FakeTarget()
    target.deaf = True
    stranger(target, ACK)
    stranger(target, 2, b"abc")
    assert [(segment.flags, segment.seq, segment.ack) for segment in target.got] == [(RST, 77, 0), (RST | ACK, 0, 1004)]
    assert len(target.host.unclaimed) == 2
    stranger(target, RST)
    target.host.resets = False
    stranger(target, ACK)
    assert len(target.got) == 2


def test_packets_of_no_connection_can_be_sent() -> None:
    target = FakeTarget()
    target.deaf = True
    target.host.transmit(Builder(target.host.addresses[4], ADDRESS[4], 1, 2).packet(flags="FPU"))
    target.host.link.settle()
    assert target.flags == [1 | 8 | 32]


def test_a_segment_from_elsewhere_is_not_the_clients() -> None:
    target = FakeTarget()
    client: Client = target.connect()
    builder = Builder(ADDRESS[4], target.host.addresses[4], PORT + 1, client.port)
    target.host.packet_arrived(builder.octets(client.rcv_nxt, client.snd_nxt, RST, 0), 0.0)
    assert not client.was_reset
    assert len(target.host.unclaimed) == 1
