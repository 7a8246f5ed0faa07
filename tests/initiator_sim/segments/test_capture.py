"""Capture files, read back by scapy."""

from __future__ import annotations

from pathlib import Path

from scapy.layers.inet import IP, TCP
from scapy.layers.inet6 import IPv6
from scapy.utils import RawPcapReader

from initiator_sim.segments import Crossing, Fate, write_capture


def test_what_crossed_is_in_the_file_with_its_time(tmp_path: Path) -> None:
    packets = [bytes(IP(dst="192.0.2.1") / TCP()), bytes(IPv6(dst="2001:db8::1") / TCP())]
    times = (0.25, 86400.000001)
    crossings = [Crossing(time, "to target", octets, Fate.LOST) for time, octets in zip(times, packets, strict=True)]
    path = tmp_path / "link.pcap"
    write_capture(path, crossings)
    with RawPcapReader(str(path)) as reader:
        assert reader.linktype == 101
        read = list(reader)
    assert [octets for octets, _ in read] == packets
    assert [(about.sec, about.usec) for _, about in read] == [(0, 250_000), (86400, 1)]


def test_nothing_crossed(tmp_path: Path) -> None:
    write_capture(tmp_path / "empty.pcap", [])
    assert (tmp_path / "empty.pcap").stat().st_size == 24
