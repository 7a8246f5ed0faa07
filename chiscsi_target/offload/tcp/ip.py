"""IPv4 and IPv6 headers (RFC 791, RFC 8200): as much of them as TCP needs."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from chiscsi_target.offload.tcp.checksum import Octets, checksum, is_right, word_sum
from chiscsi_target.offload.tcp.drops import Drop, Dropped

PROTOCOL_TCP: Final = 6
IPV4_HEADER: Final = 20
IPV6_HEADER: Final = 40

_HOP_LIMIT: Final = 64
_DONT_FRAGMENT: Final = 0x4000
_FRAGMENT_BITS: Final = 0x3FFF  # MF, and the offset
_FRAGMENT_HEADER: Final = 44
# Hop-by-Hop Options, Routing, Destination Options: of one form, a length in units of eight octets behind the first.
_SKIPPED: Final = frozenset({0, 43, 60})

_V4 = struct.Struct(">BBHHHBBH4s4s")
_V6 = struct.Struct(">IHBB16s16s")


@dataclass(slots=True, frozen=True)
class IpPacket:
    """What an IP packet carries from where to where; addresses have 4 or 16 octets."""

    source: bytes
    destination: bytes
    protocol: int
    payload: memoryview


def parse_packet(octets: Octets) -> IpPacket:
    """Read a packet, IPv4 or IPv6; octets behind its end, such as Ethernet's padding, do not count.

    Raises:
        Dropped: it is malformed, or a fragment.
    """
    view = memoryview(octets)
    version = view[0] >> 4 if view else 0
    if version == 4:
        return _parse_v4(view)
    if version == 6:
        return _parse_v6(view)
    raise Dropped(Drop.IP_VERSION)


def _parse_v4(view: memoryview) -> IpPacket:
    if len(view) < IPV4_HEADER:
        raise Dropped(Drop.IP_LENGTH)
    first, _, total, _, fragment, _, protocol, _, source, destination = _V4.unpack_from(view)
    header = (first & 15) * 4
    if not IPV4_HEADER <= header <= total <= len(view):
        raise Dropped(Drop.IP_LENGTH)
    if not is_right(word_sum(view[:header])):
        raise Dropped(Drop.IP_CHECKSUM)
    if fragment & _FRAGMENT_BITS:
        raise Dropped(Drop.FRAGMENT)
    return IpPacket(source, destination, protocol, view[header:total])


def _parse_v6(view: memoryview) -> IpPacket:
    if len(view) < IPV6_HEADER:
        raise Dropped(Drop.IP_LENGTH)
    _, length, protocol, _, source, destination = _V6.unpack_from(view)
    end = IPV6_HEADER + length
    if end > len(view):
        raise Dropped(Drop.IP_LENGTH)
    protocol, start = _behind_extensions(view[:end], protocol)
    return IpPacket(source, destination, protocol, view[start:end])


def _behind_extensions(view: memoryview, protocol: int) -> tuple[int, int]:
    """The protocol of the first header that is no extension (RFC 8200 section 4), and where it begins."""
    position = IPV6_HEADER
    while protocol in _SKIPPED or protocol == _FRAGMENT_HEADER:
        if position + 8 > len(view):
            raise Dropped(Drop.EXTENSION_HEADER)
        length = 8
        if protocol == _FRAGMENT_HEADER:
            # RFC 6946: "atomic fragments" are whole packets.
            if int.from_bytes(view[position + 2 : position + 4]) & ~6:
                raise Dropped(Drop.FRAGMENT)
        else:
            length += view[position + 1] * 8
        protocol, position = view[position], position + length
    if position > len(view):
        raise Dropped(Drop.EXTENSION_HEADER)
    return protocol, position


def build_packet(source: bytes, destination: bytes, payload: bytes, protocol: int = PROTOCOL_TCP) -> bytes:
    """Put an IP header before a payload: of IPv4 if the addresses have 4 octets, or of IPv6.

    What we send is never fragmented, so that IPv4's Identification has no meaning and is 0 (RFC 6864 section 4.1).
    """
    if len(source) == 4:
        total = IPV4_HEADER + len(payload)
        fields = (0x45, 0, total, 0, _DONT_FRAGMENT, _HOP_LIMIT, protocol)
        right = checksum(*_words(fields), word_sum(source), word_sum(destination))
        return _V4.pack(*fields, right, source, destination) + payload
    return _V6.pack(6 << 28, len(payload), protocol, _HOP_LIMIT, source, destination) + payload


def _words(fields: tuple[int, ...]) -> tuple[int, ...]:
    first, service, total, identification, fragment, limit, protocol = fields
    return first << 8 | service, total, identification, fragment, limit << 8 | protocol


def is_hosts(address: bytes) -> bool:
    """Whether an address can be one host's: neither unspecified, nor broadcast, nor multicast (RFC 1122 3.2.1.3)."""
    if not any(address):
        return False
    return address[0] != 0xFF if len(address) == 16 else address[0] < 224
