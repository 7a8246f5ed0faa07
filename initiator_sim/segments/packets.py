"""TCP segments in IP packets: made by scapy, cut up fast.

The header of a connection is built by scapy once; for each ordinary segment only the fields that differ are put into
it. A segment that a script alters is built by scapy as a whole.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, Final

from scapy.layers.inet import IP, TCP
from scapy.layers.inet6 import IPv6
from scapy.packet import Packet, Raw
from scapy.utils import checksum

from initiator_sim.outcomes import HarnessFault

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
_TCP: Final = 6
_SHORTEST: Final = 40
_HEADER = struct.Struct(">HHIIBBHHH")
_NUMBERS = struct.Struct(">IIBBHHH")
_HALF = struct.Struct(">H")


@dataclass(slots=True, frozen=True)
class Parsed:
    """What a packet says; addresses as octets. `options` are TCP's, undissected."""

    source: bytes
    destination: bytes
    source_port: int
    destination_port: int
    seq: int
    ack: int
    flags: int
    window: int
    options: bytes
    data: bytes


def parse(octets: bytes) -> Parsed:
    """Read a packet that the target sent.

    Raises:
        HarnessFault: it is no TCP over IP, its lengths do not fit, or a checksum is wrong.
    """
    version = octets[0] >> 4 if len(octets) >= _SHORTEST else 0
    if version == 4:
        start, source, destination = (octets[0] & 15) * 4, octets[12:16], octets[16:20]
        sound = _HALF.unpack_from(octets, 2)[0] == len(octets) and not checksum(octets[:start]) and octets[9] == _TCP
    else:
        start, source, destination = 40, octets[8:24], octets[24:40]
        sound = version == 6 and _HALF.unpack_from(octets, 4)[0] == len(octets) - 40 and octets[6] == _TCP
    tcp = octets[start:]
    if not sound or len(tcp) < 20 or checksum(_pseudo_header(source, destination, len(tcp)) + tcp):
        raise HarnessFault(f"not a sound TCP segment: {octets.hex()}")
    source_port, destination_port, seq, ack, offset, flags, window, _, _ = _HEADER.unpack_from(tcp)
    end = (offset >> 4) * 4
    return Parsed(source, destination, source_port, destination_port, seq, ack, flags, window, tcp[20:end], tcp[end:])


def _pseudo_header(source: bytes, destination: bytes, length: int) -> bytes:
    return b"".join((source, destination, length.to_bytes(4), _TCP.to_bytes(4)))


class Builder:
    """Makes the packets of one connection.

    Args:
        source, destination: the addresses, as text.
        source_port, destination_port: the ports.
    """

    def __init__(self, source: str, destination: str, source_port: int, destination_port: int) -> None:
        self._ip: dict[str, Any] = {"src": source, "dst": destination}
        self._ports = {"sport": source_port, "dport": destination_port}
        self._version = ip_address(source).version
        octets = bytes(self.packet(flags="A"))
        self._start = 20 if self._version == 4 else 40
        self._before, self._tcp = octets[: self._start], octets[self._start : self._start + 4]
        self._addresses = ip_address(source).packed, ip_address(destination).packed

    def packet(self, data: bytes = b"", ip: dict[str, Any] | None = None, **fields: Any) -> Packet:
        """A packet as scapy layers: what is left open, such as lengths and checksums, scapy computes.

        Args:
            data: the payload.
            ip: fields of the IP layer to set.
            fields: fields of the TCP layer to set, by scapy's names.
        """
        layer = (IP if self._version == 4 else IPv6)(**(self._ip | (ip or {})))
        packet: Packet = layer / TCP(**(self._ports | fields))
        return packet / Raw(data) if data else packet

    def octets(self, seq: int, ack: int, flags: int, window: int, data: bytes = b"") -> bytes:
        """An ordinary packet without options."""
        length = 20 + len(data)
        tcp = b"".join((self._tcp, _NUMBERS.pack(seq, ack, 0x50, flags, window, 0, 0), data))
        right = checksum(_pseudo_header(*self._addresses, length) + tcp)
        return b"".join((self._ip_header(length), tcp[:16], right.to_bytes(2), tcp[18:]))

    def _ip_header(self, length: int) -> bytes:
        header = self._before
        if self._version == 6:
            return header[:4] + length.to_bytes(2) + header[6:]
        header = b"".join((header[:2], (20 + length).to_bytes(2), header[4:10], b"\0\0", header[12:]))
        return b"".join((header[:10], checksum(header).to_bytes(2), header[12:]))
