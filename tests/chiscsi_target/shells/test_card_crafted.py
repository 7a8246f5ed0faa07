"""iSCSI sessions under crafted TCP: whatever else is on the wire, none of their octets is wrong, and none ends."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest
from scapy.layers.inet import TCP
from scapy.packet import Packet, Raw

from chiscsi_target.offload.tcp.drops import Drop
from chiscsi_target.offload.tcp.settings import TcpSettings
from initiator_sim import Session, expect
from initiator_sim.segments import Client
from iscsi_wire import scsi
from tests.chiscsi_target.shells.carded import BLOCK, SHORT_BURSTS, V4, V6, Carded

DATA = bytes(range(251)) * 65 + b"." * 69  # 32 blocks
PLACE = {"logical_block_address": 8, "transfer_length": len(DATA) // BLOCK}
Alter = Callable[[Packet], Iterable[Packet | bytes]]


def ready(bench: Carded, address: str = V4) -> Session:
    session = bench.initiator(address).login(keys=SHORT_BURSTS)
    session.command(scsi.TestUnitReady())
    return session


def write_and_read(session: Session) -> None:
    session.command(scsi.Write10.make(**PLACE), write=DATA).expect(expect.good())
    session.command(scsi.Read10.make(**PLACE), read=len(DATA)).expect(expect.good(data=DATA))


def with_data(packet: Packet, data: bytes, ahead: int = 0) -> Packet:
    """The same segment with other octets, `ahead` of its place."""
    other = packet.copy()
    other[TCP].remove_payload()
    other[TCP].seq = packet[TCP].seq + ahead & 0xFFFFFFFF
    return other / Raw(data) if data else other


def octets(packet: Packet) -> bytes:
    return bytes(packet[TCP].payload)


def pieces_backwards(packet: Packet) -> list[Packet]:
    """Cut into pieces of a hundred octets, the last one first."""
    data = octets(packet)
    starts = range(0, len(data), 100)
    return [with_data(packet, data[start : start + 100], start) for start in reversed(starts)] or [packet]


def overlaps(packet: Packet) -> list[Packet]:
    """In pieces that overlap each other by half, everything behind a piece's half twice."""
    data = octets(packet)
    return [with_data(packet, data[start : start + 200], start) for start in range(0, len(data), 100)] or [packet]


def lies_behind_the_truth(packet: Packet) -> list[Packet]:
    """The second half; then all of it, but with another second half: the first copy counts."""
    data = octets(packet)
    half = len(data) // 2
    if half == 0:
        return [packet]
    return [with_data(packet, data[half:], half), with_data(packet, data[:half] + b"!" * (len(data) - half))]


def repeated(packet: Packet) -> list[Packet]:
    return [packet, packet, packet]


def with_wrong_checksums(packet: Packet) -> list[Packet]:
    """Another content first, whose checksum is wrong."""
    wrong = with_data(packet, b"?" * len(octets(packet)))
    wrong[TCP].chksum = 0xBAD
    return [wrong, packet]


def beyond_the_window(packet: Packet) -> list[Packet]:
    return [with_data(packet, b"?" * 100, 1 << 25), with_data(packet, b"?" * 100, -200), packet]


def with_impossible_acknowledgements(packet: Packet) -> list[Packet]:
    """Blind injection: the sequence number is right, the acknowledgement a guess (RFC 5961 section 5)."""
    wrong = with_data(packet, b"?" * (len(octets(packet)) or 48))
    wrong[TCP].ack = packet[TCP].ack + (1 << 30) & 0xFFFFFFFF
    return [wrong, packet]


def among_resets(packet: Packet) -> list[Packet]:
    """In the window, and not in place (RFC 5961 section 3); and outside it."""
    resets = [with_data(packet, b"", ahead) for ahead in (1, 500, 1 << 30)]
    for reset in resets:
        reset[TCP].flags = "R"
    return [*resets, packet]


def among_syns(packet: Packet) -> list[Packet]:
    syn = with_data(packet, b"")
    syn[TCP].flags = "S"
    return [syn, packet]


def urgent(packet: Packet) -> list[Packet]:
    other = packet.copy()
    other[TCP].flags = str(packet[TCP].flags) + "U"
    other[TCP].urgptr = 3
    return [other]


def without_push(packet: Packet) -> list[Packet]:
    other = packet.copy()
    other[TCP].flags = str(packet[TCP].flags).replace("P", "")
    return [other]


def with_options(packet: Packet) -> list[Packet]:
    other = packet.copy()
    other[TCP].options = [("Timestamp", (1, 0)), ("NOP", None), (253, b"abcd")]
    return [other]


@pytest.mark.parametrize("address", [V4, V6])
@pytest.mark.parametrize(
    "alter",
    [
        pieces_backwards,
        overlaps,
        lies_behind_the_truth,
        repeated,
        with_wrong_checksums,
        beyond_the_window,
        with_impossible_acknowledgements,
        among_resets,
        among_syns,
        urgent,
        without_push,
        with_options,
    ],
)
def test_a_session_is_not_disturbed(alter: Alter, address: str) -> None:
    bench = Carded()
    session = ready(bench, address)
    (client,) = bench.clients
    client.alter = alter
    write_and_read(session)
    session.logout()
    client.alter = None
    client.close()
    bench.rest()
    assert not client.was_reset
    assert bench.left_over == {}


def test_octet_by_octet() -> None:
    bench = Carded()
    session = ready(bench)
    bench.clients[0].alter = lambda packet: (
        [with_data(packet, octets(packet)[place : place + 1], place) for place in range(len(octets(packet)))]
        or [packet]
    )
    assert session.nop(b"one at a time").data == b"one at a time"


def test_a_reset_that_is_in_place_ends_the_session() -> None:
    bench = Carded()
    session = ready(bench)
    client = bench.clients[0]
    session.start(scsi.Write10.make(**PLACE), write=DATA)
    client.transmit(client.craft("R"))
    assert bench.card.connections == 0
    client.send(b"goes on")  # it was somebody else's reset
    assert client.was_reset
    bench.rest()
    assert bench.left_over == {}


def test_a_closed_window_in_the_middle_of_a_read() -> None:
    bench = Carded()
    session = ready(bench)
    client = bench.clients[0]
    session.command(scsi.Write10.make(**PLACE), write=DATA).expect(expect.good())
    client.window = 0
    client.transmit(client.craft())
    task = session.start(scsi.Read10.make(**PLACE), read=len(DATA))
    bench.link.pass_time(1000.0)
    received = sum(len(segment.data) for segment in client.segments)
    client.window = 1 << 16
    client.transmit(client.craft())
    task.wait().expect(expect.good(data=DATA))
    assert sum(len(segment.data) for segment in client.segments) > received + len(DATA) - 20


def test_a_flood_of_syns_takes_no_room_from_those_that_are_there() -> None:
    bench = Carded(settings=TcpSettings(connections=50))
    session = ready(bench)
    bench.host.resets = False  # nobody is where they pretend to come from
    flood = bench.host.client(V4, 3260)
    for port in range(1000, 1200):
        flood.transmit(flood.craft("S", sport=port))
    assert bench.card.engine.dropped[Drop.NO_ROOM] == 151
    write_and_read(session)
    bench.link.pass_time(400.0)
    assert len(bench.card.engine.connections) == 1, "the others were given up"
    assert isinstance(bench.connect(), Client)


def test_octets_with_the_end() -> None:
    """The last PDU and FIN share a segment; the answer may not come any more, but nothing is left."""
    bench = Carded()
    session = ready(bench)
    client = bench.clients[0]
    sent: list[Packet] = []

    def keep(packet: Packet) -> list[Packet]:
        sent.append(packet)
        return []

    client.alter = keep
    session.start(scsi.TestUnitReady())
    client.alter = None
    (packet,) = sent
    packet[TCP].flags = "FPA"
    client.transmit(packet)
    bench.rest()
    assert {name: found for name, found in bench.left_over.items() if name != "clients"} == {}
