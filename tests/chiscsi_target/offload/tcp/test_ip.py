"""IP headers beside scapy's, malformed ones by table, and anything at all."""

from __future__ import annotations

from contextlib import suppress
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import IP, IPOption_NOP
from scapy.layers.inet6 import (
    IPv6,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrFragment,
    IPv6ExtHdrHopByHop,
    IPv6ExtHdrRouting,
)
from scapy.packet import Packet, Raw

from chiscsi_target.offload.tcp.drops import Drop, Dropped
from chiscsi_target.offload.tcp.ip import IpPacket, build_packet, is_hosts, parse_packet

V4 = IP(src="192.0.2.2", dst="192.0.2.1", proto=6)
V6 = IPv6(src="2001:db8::2", dst="2001:db8::1", nh=6)
DATA = Raw(b"payload")


@pytest.mark.parametrize(
    "packet",
    [
        V4 / DATA,
        IP(src="192.0.2.2", dst="192.0.2.1", proto=6, options=[IPOption_NOP()] * 8) / DATA,
        V6 / DATA,
        IPv6(src="2001:db8::2", dst="2001:db8::1") / IPv6ExtHdrHopByHop(nh=6) / DATA,
        IPv6(src="2001:db8::2", dst="2001:db8::1")
        / IPv6ExtHdrHopByHop()
        / IPv6ExtHdrRouting(addresses=["::1"], segleft=0)
        / IPv6ExtHdrDestOpt(nh=6)
        / DATA,
        IPv6(src="2001:db8::2", dst="2001:db8::1") / IPv6ExtHdrFragment(nh=6) / DATA,  # atomic
    ],
    ids=["v4", "v4-options", "v6", "v6-hop", "v6-three", "v6-atomic"],
)
@pytest.mark.parametrize("behind", [b"", bytes(5)], ids=["-", "padded"])
def test_what_scapy_makes_is_read(packet: Packet, behind: bytes) -> None:
    read = parse_packet(bytes(packet) + behind)
    addresses = read.source, read.destination
    assert addresses == tuple(ip_address(packet.getfieldval(name)).packed for name in ("src", "dst"))
    assert (read.protocol, bytes(read.payload)) == (6, b"payload")


def altered(packet: Packet, position: int, octets: bytes) -> bytes:
    whole = bytes(packet)
    return whole[:position] + octets + whole[position + len(octets) :]


@pytest.mark.parametrize(
    ("octets", "reason"),
    [
        (b"", Drop.IP_VERSION),
        (b"\x55" + bytes(40), Drop.IP_VERSION),
        (bytes(V4)[:19], Drop.IP_LENGTH),
        (bytes(V4 / DATA)[:-1], Drop.IP_LENGTH),
        (altered(V4, 0, b"\x44"), Drop.IP_LENGTH),  # header shorter than one can be
        (altered(V4, 0, b"\x4f"), Drop.IP_LENGTH),  # and longer than the packet
        (altered(V4, 2, b"\0\x13"), Drop.IP_LENGTH),
        (altered(V4, 8, b"\x41"), Drop.IP_CHECKSUM),
        (bytes(IP(src="192.0.2.2", proto=6, flags="MF") / DATA), Drop.FRAGMENT),
        (bytes(IP(src="192.0.2.2", proto=6, frag=3) / DATA), Drop.FRAGMENT),
        (bytes(V6)[:39], Drop.IP_LENGTH),
        (bytes(V6 / DATA)[:-1], Drop.IP_LENGTH),
        (bytes(IPv6() / IPv6ExtHdrFragment(nh=6, m=1) / DATA), Drop.FRAGMENT),
        (bytes(IPv6() / IPv6ExtHdrFragment(nh=6, offset=1) / DATA), Drop.FRAGMENT),
        (bytes(IPv6(nh=0) / Raw(bytes(7))), Drop.EXTENSION_HEADER),
        (bytes(IPv6(nh=60) / Raw(b"\6\1" + bytes(13))), Drop.EXTENSION_HEADER),
    ],
)
def test_malformed_packets(octets: bytes, reason: Drop) -> None:
    with pytest.raises(Dropped) as dropped:
        parse_packet(octets)
    assert dropped.value.reason is reason


@given(st.one_of(st.binary(max_size=80), st.binary(max_size=80).map(lambda tail: b"\x60\0\0\0\0\x30" + tail)))
def test_whatever_comes_is_read_or_dropped(octets: bytes) -> None:
    with suppress(Dropped):
        assert isinstance(parse_packet(octets), IpPacket)


@pytest.mark.parametrize("packet", [V4, V6], ids=["v4", "v6"])
def test_what_is_built_is_what_scapy_builds(packet: Packet) -> None:
    ends = [ip_address(packet.getfieldval(name)).packed for name in ("src", "dst")]
    built = build_packet(ends[0], ends[1], b"payload")
    expected = (IP(src=packet.src, dst=packet.dst, proto=6, id=0, flags="DF") if packet.version == 4 else packet) / DATA
    assert built == bytes(expected)


@pytest.mark.parametrize(
    ("address", "hosts"),
    [
        ("192.0.2.2", True),
        ("0.0.0.0", False),
        ("255.255.255.255", False),
        ("224.0.0.1", False),
        ("2001:db8::1", True),
        ("::", False),
        ("ff02::1", False),
    ],
)
def test_addresses_of_hosts(address: str, hosts: bool) -> None:
    assert is_hosts(ip_address(address).packed) is hosts
