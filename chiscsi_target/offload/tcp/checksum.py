"""The Internet checksum (RFC 1071), with the pseudo-header of TCP (RFC 9293 section 3.1).

A one's complement sum of 16-bit words is a remainder: 2**16 is 1 modulo 0xFFFF, so that octets read as one large number
leave the same remainder as their words summed up. Numbers can be added where octets would have to be joined.
"""

from __future__ import annotations

from typing import TypeAlias

Octets: TypeAlias = bytes | bytearray | memoryview


def word_sum(octets: Octets) -> int:
    """A number that is the sum of the 16-bit words modulo 0xFFFF; an odd octet at the end is a word's high octet."""
    return int.from_bytes(octets) << ((len(octets) & 1) << 3)


def checksum(*sums: int) -> int:
    """The checksum of what `word_sum` and `pseudo_header` were taken of; not of nothing but zeros."""
    return -sum(sums) % 0xFFFF


def is_right(*sums: int) -> bool:
    """Whether octets with their checksum among them sum up to nothing."""
    return sum(sums) % 0xFFFF == 0


def pseudo_header(source: bytes, destination: bytes, protocol: int, length: int) -> int:
    """The sum of the pseudo-header, which is the same for IPv4 and IPv6 (RFC 8200 section 8.1).

    Args:
        source: its address.
        destination: the other one.
        protocol: of the upper layer.
        length: of the segment with its header, in octets.
    """
    return word_sum(source) + word_sum(destination) + protocol + length
