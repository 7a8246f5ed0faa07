"""Packets that are put together fast are those that scapy builds, and bad ones are noticed."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import IP, TCP
from scapy.layers.inet6 import IPv6

from initiator_sim import HarnessFault
from initiator_sim.segments.packets import ACK, FIN, PSH, Builder, parse

ENDS = {4: ("192.0.2.2", "192.0.2.1"), 6: ("2001:db8::2", "2001:db8::1")}


@given(
    st.sampled_from([4, 6]),
    st.integers(0, 0xFFFFFFFF),
    st.integers(0, 0xFFFFFFFF),
    st.sampled_from([("A", ACK), ("PA", PSH | ACK), ("FA", FIN | ACK), ("R", 4)]),
    st.integers(0, 0xFFFF),
    st.binary(max_size=40),
)
def test_an_ordinary_packet_is_scapys(
    version: int, seq: int, ack: int, flags: tuple[str, int], window: int, data: bytes
) -> None:
    builder = Builder(*ENDS[version], 40000, 3260)
    octets = builder.octets(seq, ack, flags[1], window, data)
    assert octets == bytes(builder.packet(data, seq=seq, ack=ack, flags=flags[0], window=window))
    read = parse(octets)
    assert (read.seq, read.ack, read.flags, read.window, read.data) == (seq, ack, flags[1], window, data)
    assert (read.source, read.destination) == tuple(ip_address(end).packed for end in ENDS[version])
    assert (read.source_port, read.destination_port) == (40000, 3260)


@pytest.mark.parametrize("version", [4, 6])
def test_every_field_can_be_set(version: int) -> None:
    builder = Builder(*ENDS[version], 40000, 3260)
    limit = {"ttl": 3} if version == 4 else {"hlim": 3}
    packet = builder.packet(b"x", ip=limit, chksum=0x1234, urgptr=7, dport=9, options=[("MSS", 1)], reserved=5)
    again = (IP if version == 4 else IPv6)(bytes(packet))
    assert (again[TCP].chksum, again[TCP].urgptr, again[TCP].dport, again[TCP].reserved) == (0x1234, 7, 9, 5)
    assert again[TCP].options[0] == ("MSS", 1)
    assert again.getfieldval(next(iter(limit))) == 3


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("place", [2, 3, 5, 6, 9, 13, 45, 63])
def test_packets_that_are_not_sound_are_the_targets_fault(version: int, place: int) -> None:
    octets = bytearray(Builder(*ENDS[version], 40000, 3260).octets(1, 2, ACK, 3, b"data"))
    checked = not (version == 6 and place in (2, 3)) and place < len(octets)  # a flow label is anybody's
    octets[place if checked else 0] ^= 0x40
    with pytest.raises(HarnessFault, match="not a sound TCP segment"):
        parse(bytes(octets))


@pytest.mark.parametrize("octets", [b"", b"\x45", bytes(60), b"\x60" + bytes(59)])
def test_what_is_no_packet(octets: bytes) -> None:
    with pytest.raises(HarnessFault):
        parse(octets)
