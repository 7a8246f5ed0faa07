"""Recording what crosses loopback (dumpcap), and reading recordings with Wireshark's eyes (tshark)."""

from __future__ import annotations

import contextlib
import functools
import json
import signal
import socket
import struct
import subprocess
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from tests.interop.processes import READY_SECONDS, PeerFailed, require_root, wait_until, work_directory
from tests.peers import require_peer

__all__ = [
    "DissectedField",
    "DissectedPdu",
    "Recording",
    "expert_errors",
    "read_capture",
    "recording",
    "target_ports",
    "write_capture",
]

Pairs = list[tuple[str, Any]]

_SYN, _ACK = 0x02, 0x10
_LINK_HEADER = {1: 14, 101: 0}  # octets in front of the IP header: Ethernet, which loopback pretends to be; raw IP
_FIRST = b"chiscsi: recording begins"
_LAST = b"chiscsi: recording ends"


@dataclass(frozen=True, slots=True)
class DissectedField:
    """A field as tshark sees it: where it is, counted from the PDU's first octet, and its value in hexadecimal.

    `mask` picks its bits out of its octets, or is 0 when it has them all; `digits` has the bits shifted down.
    """

    name: str
    offset: int
    length: int
    mask: int
    digits: str

    @property
    def number(self) -> int:
        """The value as an unsigned number."""
        return int(self.digits, 16)


@dataclass(frozen=True, slots=True)
class DissectedPdu:
    """One PDU as tshark sees it; `octets` are the ones it ascribes to iSCSI, `position` its place in the buffer."""

    stream: int
    from_target: bool
    position: int
    octets: bytes
    fields: list[DissectedField] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Recording:
    """A capture as tshark reads it: its PDUs in order, and (initiator's, target's) octets by TCP stream."""

    pdus: list[DissectedPdu] = field(default_factory=list)
    octets: dict[int, tuple[bytearray, bytearray]] = field(default_factory=dict)


@contextlib.contextmanager
def recording(port: int, into: Path) -> Iterator[None]:
    """Record the TCP traffic of the loopback port `port` during the block, into the pcap file `into`.

    A datagram before and after proves that the recorder was awake and has written all: none of it is kept.
    """
    dumpcap = require_peer("dumpcap", package="tshark")
    with work_directory() as home:
        raw = home / "raw.pcapng"
        # The usual buffer of 2 MiB overflows when the machine is busy.
        what: list[str] = ["-q", "-B", "64", "-i", "lo", "-f", f"tcp port {port} or udp port {port}"]
        command: list[str | Path] = [dumpcap, *what, "-w", raw]
        with (home / "log").open("wb") as log:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            wait_until(lambda: _is_written(process, raw, port, _FIRST), "dumpcap")
            yield
            wait_until(lambda: _is_written(process, raw, port, _LAST), "dumpcap to write the last packet")
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(READY_SECONDS)
        _tshark("-r", str(raw), "-Y", "tcp", "-F", "pcap", "-w", str(into))


def _is_written(process: subprocess.Popen[bytes], raw: Path, port: int, marker: bytes) -> bool:
    if process.poll() is not None:
        require_root("dumpcap may not record on lo otherwise, unless it has its capabilities")
        raise PeerFailed(f"dumpcap ended with status {process.returncode}")
    if not raw.exists():
        return False
    if marker in raw.read_bytes():
        return True
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(marker, ("127.0.0.1", port))
    time.sleep(0.05)
    return False


def write_capture(path: Path, port: int, segments: Iterable[tuple[bool, bytes]]) -> None:
    """Write a pcap file of one connection to `port` that nobody made: (from the target?, octets) for each segment.

    Ethernet is left out (link type 101, raw IPv4); checksums stay 0, as tshark does not look at them by default.
    """
    sequence = [1, 1]  # by direction
    packets = [_packet(port, False, 0, 0, _SYN), _packet(port, True, 0, 1, _SYN | _ACK)]
    for from_target, octets in segments:
        packets.append(_packet(port, from_target, sequence[from_target], sequence[not from_target], _ACK, octets))
        sequence[from_target] += len(octets)
    records = [
        struct.pack("<IIII", second, 0, len(packet), len(packet)) + packet for second, packet in enumerate(packets)
    ]
    path.write_bytes(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 1 << 18, 101) + b"".join(records))


def _packet(port: int, from_target: bool, sequence: int, acknowledged: int, flags: int, octets: bytes = b"") -> bytes:
    ports = (port, 40000) if from_target else (40000, port)
    transport = struct.pack(">HHIIBBHHH", *ports, sequence, acknowledged, 5 << 4, flags, 65535, 0, 0) + octets
    addresses = bytes([127, 0, 0, 1]) * 2
    return struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(transport), 0, 0, 64, 6, 0) + addresses + transport


def target_ports(capture: Path) -> tuple[int, ...]:
    """The ports that connections in `capture`, a pcap file of IPv4 or IPv6, were made to."""
    octets = capture.read_bytes()
    (link_type,) = struct.unpack_from("<I", octets, 20)
    position, ports = 24, set()
    while position < len(octets):
        (length,) = struct.unpack_from("<I", octets, position + 8)
        packet = octets[position + 16 : position + 16 + length]
        port = _opened_port(packet[_LINK_HEADER[link_type] :])
        ports |= {port} - {0}
        position += 16 + length
    return tuple(sorted(ports))


def _opened_port(packet: bytes) -> int:
    """Where the packet asks for a connection to, or 0 if it asks for none."""
    transport = packet[40:] if packet[0] >> 4 == 6 else packet[(packet[0] & 15) * 4 :]
    asks = transport[13] & (_SYN | _ACK) == _SYN
    return int.from_bytes(transport[2:4], "big") if asks else 0


def read_capture(capture: Path) -> Recording:
    """All that tshark knows of the iSCSI PDUs in `capture`, and the octets that it does not cut for us."""
    arguments = ["-r", str(capture), "-Y", "tcp.len > 0", "-T", "json", "-x"]
    # As pairs: JSON objects of tshark repeat their keys, and their order says which PDU a field belongs to.
    packets = json.loads(_tshark(*_as_iscsi(capture), *arguments), object_pairs_hook=list)
    ports = target_ports(capture)
    recording = Recording()
    for layers in map(_layers, packets):
        transport = {key: value for name, pairs in layers if name == "tcp" for key, value in pairs}
        stream, from_target = int(transport["tcp.stream"]), int(transport["tcp.srcport"]) in ports
        halves = recording.octets.setdefault(stream, (bytearray(), bytearray()))
        halves[from_target].extend(bytes.fromhex(transport["tcp.payload_raw"][0]))
        recording.pdus.extend(_pdus(layers, stream, from_target))
    return recording


def _layers(packet: Pairs) -> Pairs:
    (source,) = (value for key, value in packet if key == "_source")
    (layers,) = (value for key, value in source if key == "layers")
    return cast(Pairs, layers)


def _pdus(layers: Pairs, stream: int, from_target: bool) -> list[DissectedPdu]:
    pdus: list[DissectedPdu] = []
    for name, value in layers:
        if name == "iscsi_raw":
            pdus.append(DissectedPdu(stream, from_target, int(value[1]), bytes.fromhex(value[0])))
        elif pdus:
            pdus[-1].fields.extend(_fields(name, value, pdus[-1].position))
    return pdus


def _fields(name: str, value: Any, start: int) -> Iterator[DissectedField]:
    """The fields at `name` and below it, depth first. A raw value is [hex, position, length, mask, type]."""
    if name.endswith("_raw"):
        for digits, position, length, mask, _ in [value] if isinstance(value[0], str) else value:
            yield DissectedField(name.removesuffix("_raw"), int(position) - start, int(length), int(mask), digits)
    elif isinstance(value, list):
        for pair in value:
            if isinstance(pair, tuple):
                yield from _fields(pair[0], pair[1], start)


def expert_errors(capture: Path) -> list[str]:
    """What tshark finds malformed, or marks as an error or a warning, in the iSCSI traffic of `capture`."""
    wanted = "_ws.malformed || (iscsi && _ws.expert.severity >= 0x600000)"  # PI_WARN of Wireshark's epan/proto.h
    fields = ["frame.number", "_ws.col.Info", "_ws.expert.message"]
    found = _tshark(*_as_iscsi(capture), "-r", str(capture), "-Y", wanted, "-T", "fields", *_each("-e", fields))
    return found.splitlines()


def _as_iscsi(capture: Path) -> list[str]:
    """Options that call the target's port iSCSI, and take every header for one however odd its values are."""
    ports = [f"tcp.port=={port},iscsi" for port in target_ports(capture)]
    return ["-o", "iscsi.bogus_pdu_filter:FALSE", *_each("-d", ports)]


def _each(option: str, values: list[str]) -> list[str]:
    return [word for value in values for word in (option, value)]


def _tshark(*arguments: str) -> str:
    done = subprocess.run([_program(), *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise PeerFailed(f"tshark {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout


@functools.cache
def _program() -> str:
    return str(require_peer("tshark", package="tshark"))
