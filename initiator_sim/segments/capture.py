"""Packets of a link as a capture file, for Wireshark and its kin."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from scapy.utils import RawPcapWriter

from initiator_sim.segments.link import Crossing

_RAW_IP: Final = 101
"""LINKTYPE_RAW: packets begin with their IP header, of either version."""


def write_capture(path: Path | str, crossings: Iterable[Crossing]) -> None:
    """Write what was sent, lost packets included, to a pcap file.

    Args:
        path: the file; one that is there is replaced.
        crossings: of a link, in order.
    """
    with RawPcapWriter(str(path), linktype=_RAW_IP, sync=True) as writer:
        writer.write_header(None)
        for crossing in crossings:
            microseconds = round(crossing.time * 1e6)
            writer.write_packet(crossing.octets, sec=microseconds // 10**6, usec=microseconds % 10**6)
