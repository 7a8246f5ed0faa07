"""TCP segments (RFC 9293 section 3.1): the header, checked and made."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from chiscsi_target.offload.tcp.checksum import checksum, is_right, pseudo_header, word_sum
from chiscsi_target.offload.tcp.drops import Drop, Dropped
from chiscsi_target.offload.tcp.ip import PROTOCOL_TCP, IpPacket

FIN, SYN, RST, PSH, ACK, URG = 1, 2, 4, 8, 16, 32
HEADER: Final = 20
"""Octets of a header without options."""

_HEADER = struct.Struct(">HHIIBBHHH")


@dataclass(slots=True)
class Segment:
    """A segment's fields by the RFC's names; `data` and `options` as octets."""

    source_port: int
    destination_port: int
    seq: int
    ack: int
    flags: int
    window: int
    data: bytes = b""
    options: bytes = b""

    @property
    def length(self) -> int:
        """SEG.LEN: "the number of octets occupied by the data in the segment (counting SYN and FIN)"."""
        return len(self.data) + (self.flags & FIN) + (self.flags >> 1 & 1)


def parse_segment(packet: IpPacket) -> Segment:
    """Read what an IP packet carries.

    Raises:
        Dropped: it is no TCP, or malformed, or its checksum is wrong.
    """
    if packet.protocol != PROTOCOL_TCP:
        raise Dropped(Drop.NOT_TCP)
    view = packet.payload
    if len(view) < HEADER:
        raise Dropped(Drop.TCP_LENGTH)
    source_port, destination_port, seq, ack, offset, flags, window, _, _ = _HEADER.unpack_from(view)
    start = (offset >> 4) * 4
    if not HEADER <= start <= len(view):
        raise Dropped(Drop.TCP_LENGTH)
    if not is_right(pseudo_header(packet.source, packet.destination, PROTOCOL_TCP, len(view)), word_sum(view)):
        raise Dropped(Drop.TCP_CHECKSUM)
    data, options = bytes(view[start:]), bytes(view[HEADER:start])
    return Segment(source_port, destination_port, seq, ack, flags, window, data, options)


def build_segment(source: bytes, destination: bytes, segment: Segment) -> bytes:
    """A segment's octets; its addresses go into the checksum. Options have to fill whole words."""
    options, data = segment.options, segment.data
    header = _HEADER.pack(
        segment.source_port,
        segment.destination_port,
        segment.seq,
        segment.ack,
        (HEADER + len(options)) << 2,
        segment.flags,
        segment.window,
        0,
        0,
    )
    length = HEADER + len(options) + len(data)
    pseudo = pseudo_header(source, destination, PROTOCOL_TCP, length)
    right = checksum(pseudo, word_sum(header), word_sum(options), word_sum(data))
    return b"".join((header[:16], right.to_bytes(2), header[18:], options, data))
