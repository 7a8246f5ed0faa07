"""TCP headers beside scapy's, malformed ones by table, and anything at all."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import IP, TCP
from scapy.layers.inet6 import IPv6
from scapy.packet import Packet, Raw

from chiscsi_target.offload.tcp.drops import Drop, Dropped
from chiscsi_target.offload.tcp.ip import build_packet, parse_packet
from chiscsi_target.offload.tcp.segment import ACK, FIN, PSH, SYN, Segment, build_segment, parse_segment

ENDS = {4: IP(src="192.0.2.2", dst="192.0.2.1"), 6: IPv6(src="2001:db8::2", dst="2001:db8::1")}
VERSIONS = pytest.mark.parametrize("version", [4, 6])


def read(packet: Packet) -> Segment:
    return parse_segment(parse_packet(bytes(packet)))


def tcp(**fields: Any) -> TCP:
    said: dict[str, Any] = {"sport": 40000, "dport": 3260, "seq": 0xFFFFFFFF, "ack": 5, "window": 1000, "flags": "A"}
    return TCP(**(said | fields))


@VERSIONS
def test_what_scapy_makes_is_read(version: int) -> None:
    segment = read(ENDS[version] / tcp(flags="PA", options=[("MSS", 1460)]) / Raw(b"odd"))
    assert segment == Segment(40000, 3260, 0xFFFFFFFF, 5, PSH | ACK, 1000, b"odd", b"\2\4\5\xb4")


@pytest.mark.parametrize(("flags", "length"), [("A", 3), ("S", 4), ("FA", 4), ("SF", 5), ("R", 3)])
def test_syn_and_fin_count(flags: str, length: int) -> None:
    assert read(ENDS[4] / tcp(flags=flags) / Raw(b"odd")).length == length


@VERSIONS
@pytest.mark.parametrize(
    ("tcp_octets", "reason"),
    [
        (bytes(19), Drop.TCP_LENGTH),
        (bytes(12) + b"\x40" + bytes(7), Drop.TCP_LENGTH),
        (bytes(12) + b"\x60" + bytes(7), Drop.TCP_LENGTH),
        (bytes(12) + b"\x50" + bytes(7), Drop.TCP_CHECKSUM),
    ],
)
def test_malformed_segments(version: int, tcp_octets: bytes, reason: Drop) -> None:
    ends = [ip_address(ENDS[version].getfieldval(name)).packed for name in ("src", "dst")]
    with pytest.raises(Dropped) as dropped:
        parse_segment(parse_packet(build_packet(ends[0], ends[1], tcp_octets)))
    assert dropped.value.reason is reason


@VERSIONS
def test_a_wrong_checksum_and_another_protocol(version: int) -> None:
    for packet, reason in (
        (ENDS[version] / tcp(chksum=0x1234), Drop.TCP_CHECKSUM),
        (ENDS[version] / Raw(bytes(20)), Drop.NOT_TCP),
    ):
        with pytest.raises(Dropped) as dropped:
            read(packet)
        assert dropped.value.reason is reason


@given(
    st.sampled_from([4, 6]),
    st.integers(0, 0xFFFFFFFF),
    st.integers(0, 0xFFFFFFFF),
    st.integers(0, 0xFFFF),
    st.sampled_from([ACK, ACK | PSH, ACK | FIN, SYN | ACK]),
    st.binary(max_size=30),
)
def test_what_is_built_is_what_scapy_builds(
    version: int, seq: int, ack: int, window: int, flags: int, data: bytes
) -> None:
    ends = [ip_address(ENDS[version].getfieldval(name)).packed for name in ("src", "dst")]
    segment = Segment(40000, 3260, seq, ack, flags, window, data)
    built = build_segment(ends[0], ends[1], segment)
    layers = ENDS[version] / tcp(seq=seq, ack=ack, window=window, flags=flags)
    expected = bytes(layers / Raw(data) if data else layers)
    assert built == expected[-len(built) :]
    assert parse_segment(parse_packet(build_packet(ends[0], ends[1], built))) == segment
