"""The client beside a target that a test plays: what it does by itself, and what a script makes it do."""

from __future__ import annotations

import pytest
from scapy.layers.inet import IP, TCP
from scapy.packet import Packet

from initiator_sim.segments import Client, Fate, Impairments
from tests.initiator_sim.segments.fakes import ACK, FIN, ISN, RST, FakeTarget

BOTH = pytest.mark.parametrize("version", [4, 6])


@BOTH
def test_octets_there_and_back(version: int) -> None:
    target = FakeTarget(version)
    client = target.connect()
    client.send(b"question")
    assert bytes(target.data) == b"question"
    target.send("PA", b"answer")
    assert client.receive(1.0) == b"answer"
    assert client.receive(1.0) is None
    assert target.host.clock() == 1.0


def test_each_send_is_a_segment_of_its_own_cut_as_the_target_wants_it() -> None:
    target = FakeTarget()
    client = target.connect()
    client.send(bytes(2500))
    client.send(b"x")
    assert [len(segment.data) for segment in target.got if segment.data] == [1000, 1000, 500, 1]


def test_it_says_what_an_ordinary_host_says() -> None:
    target = FakeTarget()
    target.connect()
    syn = TCP(TCP(dataofs=5 + len(target.got[0].options) // 4).build()[:20] + target.got[0].options)
    assert dict(syn.options)["MSS"] == 1460
    assert dict(syn.options)["WScale"] == 7


def test_other_options_and_numbers() -> None:
    target = FakeTarget()
    client = target.connect(options=[("Timestamp", (1, 0))], isn=7, window=1234)
    assert target.got[0].seq == 7
    assert target.got[1].window == 1234, "not scaled, since the SYN does not say so"
    assert client.snd_nxt == 8


def test_windows_are_scaled_if_both_say_so() -> None:
    target = FakeTarget()
    target.options = [("WScale", 4)]
    target.window = 1000
    client = target.connect(window=1 << 20)
    assert target.got[-1].window == 1 << 13
    target.send("A")
    target.host.link.settle()
    assert client.peer_window == 16000


# Loss


def test_a_lost_syn_is_sent_again() -> None:
    target = FakeTarget()
    target.host.link.fate = lambda direction, octets: Fate.LOST if target.host.clock() < 3 else None
    target.connect()
    assert target.host.clock() == 3.0


def test_lost_octets_are_sent_again() -> None:
    target = FakeTarget()
    client = target.connect()
    target.deaf = True
    client.send(b"abc")
    target.host.link.pass_time(2.0)
    target.deaf = False
    target.host.link.pass_time(2.0)
    assert [segment.data for segment in target.got[2:]] == [b"abc"] * 3
    assert bytes(target.data) == b"abc"


def test_three_duplicate_acknowledgements_send_again() -> None:
    target = FakeTarget()
    client = target.connect()
    lost = iter([Fate.LOST])
    target.host.link.fate = lambda direction, octets: next(lost, None) if direction == "to target" else None
    client.send(bytes(range(250)) * 20)
    assert bytes(target.data) == bytes(range(250)) * 20
    assert target.host.clock() == 0.0


@pytest.mark.parametrize("seed", range(5))
def test_a_bad_link_changes_nothing(seed: int) -> None:
    target = FakeTarget(impairments=Impairments(loss=0.1, reorder=0.2, duplicate=0.1, delay=0.01, seed=seed))
    client = target.connect(timeout=100.0)
    data = bytes(range(251)) * 60
    client.send(data)
    client.close()
    target.host.link.run_until(lambda: target.fin_received, 1000.0)
    assert bytes(target.data) == data


def test_a_target_that_is_gone_is_given_up() -> None:
    target = FakeTarget()
    client = target.connect()
    target.deaf = True
    client.send(b"abc")
    assert client.receive(10_000.0) == b""
    assert not client.was_reset
    assert target.host.clients == {}


def test_a_closed_window_is_probed() -> None:
    target = FakeTarget()
    client = target.connect()
    target.window = 0
    target.send("A")
    target.host.link.settle()
    client.send(b"abc")
    assert bytes(target.data) == b""
    target.reply = lambda segment: target.send("A")  # takes nothing
    target.host.link.pass_time(200.0)
    assert {segment.data for segment in target.got if segment.data} == {b"a"}
    target.reply, target.window = target.answer, 1000
    target.host.link.pass_time(100.0)
    assert bytes(target.data) == b"abc"


def test_octets_that_come_out_of_order() -> None:
    target = FakeTarget()
    client = target.connect()
    target.send("A", b"def", seq=target.seq + 3)
    target.send("A", b"abc", seq=target.seq)
    assert client.receive(1.0) == b"abcdef"
    assert target.got[-1].ack == target.seq + 6


# The end


def test_it_closes_first() -> None:
    target = FakeTarget()
    client = target.connect()
    client.send(b"last")
    client.close()
    client.close()
    assert target.fin_received
    target.send("PA", b"wait")
    target.send("FA")
    assert client.receive(1.0) == b"wait"
    assert client.receive(1.0) == b""
    assert target.got[-1].ack == target.seq
    target.host.link.pass_time(240.0)
    assert target.host.clients == {}
    assert target.flags.count(FIN | ACK) == 1


def test_the_target_closes_first() -> None:
    target = FakeTarget()
    client = target.connect()
    target.send("FA")
    assert client.receive(1.0) == b""
    assert not client.was_reset
    client.send(b"last words")
    client.close()
    assert bytes(target.data) == b"last words"
    assert target.fin_received


def test_the_targets_fin_once_more_is_acknowledged() -> None:
    target = FakeTarget()
    client = target.connect()
    client.close()
    target.send("FA")
    target.host.link.pass_time(100.0)
    target.send("FA", seq=target.seq - 1)
    target.host.link.settle()
    assert target.got[-1].ack == target.seq


def test_it_resets() -> None:
    target = FakeTarget()
    client = target.connect()
    client.reset()
    client.reset()
    assert target.flags[-1] == RST
    assert target.flags.count(RST) == 1
    assert target.host.clients == {}
    client.close()
    with pytest.raises(ConnectionResetError):
        client.send(b"x")


def test_the_target_resets() -> None:
    target = FakeTarget()
    client = target.connect()
    target.send("R")
    assert client.receive(1.0) == b""
    assert client.was_reset
    with pytest.raises(ConnectionResetError):
        client.send(b"x")


def test_a_reset_that_is_not_in_place() -> None:
    """In the window it is asked for proof, elsewhere it is nothing (RFC 5961 section 3)."""
    target = FakeTarget()
    client = target.connect()
    target.send("R", seq=target.seq - 1)
    target.host.link.settle()
    asked = len(target.got)
    target.send("R", seq=target.seq + 5)
    target.host.link.settle()
    assert [segment.flags for segment in target.got[asked:]] == [ACK]
    assert not client.was_reset


# Crafted segments


def test_a_segment_says_what_the_connection_would_unless_it_is_told_otherwise() -> None:
    target = FakeTarget()
    client = target.connect()
    packet = client.craft()
    assert (packet[TCP].seq, packet[TCP].ack, packet[TCP].dport) == (client.snd_nxt, ISN + 1, 3260)
    client.transmit(
        client.craft("PA", b"abc", seq=5, ack=6, window=7, ip={"ttl": 9, "id": 77}, options=[("Timestamp", (1, 2))])
    )
    came = target.got[-1]
    assert (came.seq, came.ack, came.window, came.flags, came.data) == (5, 6, 7, ACK | 8, b"abc")
    sent = [crossing.octets for crossing in target.host.link.crossings if crossing.direction == "to target"]
    again = IP(sent[-1])
    assert (again.ttl, again.id) == (9, 77)
    assert client.snd_nxt == 0x1001, "a crafted segment moves nothing"


def test_a_script_sends_octets_in_segments_of_its_own() -> None:
    target = FakeTarget()
    client = target.connect()
    client.transmit(client.craft("A", b"def", seq=client.snd_nxt + 3), client.craft("A", b"abc"))
    client.skip(3)
    client.send(b"xyz")
    assert bytes(target.data) == b"abcxyz"


def altering(client: Client) -> list[Packet]:
    seen: list[Packet] = []

    def alter(packet: Packet) -> list[Packet | bytes]:
        seen.append(packet)
        if not packet[TCP].payload:
            return [packet]
        twice = packet.copy()
        twice[TCP].payload.load = b"X" * len(twice[TCP].payload.load)
        return [packet, bytes(twice)]

    client.alter = alter
    return seen


@BOTH
def test_every_segment_can_be_altered_on_its_way_out(version: int) -> None:
    target = FakeTarget(version)
    client = target.client()
    seen = altering(client)
    client.open(5.0)
    client.send(b"abc")
    assert [str(packet[TCP].flags) for packet in seen] == ["S", "A", "PA"]
    assert [segment.data for segment in target.got if segment.data] == [b"abc", b"XXX"]


def test_a_segment_can_be_kept_back() -> None:
    target = FakeTarget()
    client = target.connect()
    client.alter = lambda packet: []
    client.send(b"abc")
    assert bytes(target.data) == b""
    client.alter = None
    target.host.link.pass_time(1.0)
    assert bytes(target.data) == b"abc"
