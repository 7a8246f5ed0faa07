"""An initiator of a hundred lines that shares nothing with `iscsi_wire`: header octets written out by hand.

It is there for what no packaged initiator does: data digests (libiscsi 1.19 always answers DataDigest=None), SNACK, and
requests that a target should reject. The offsets are those of RFC 7143 section 11.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from crc32c import crc32c

__all__ = ["PlainSession", "log_in"]

_HEADER = 48
_TASK_TAG = slice(16, 20)


class PlainSession:
    """One connection after login. Made by `log_in`."""

    def __init__(self, link: socket.socket, lun: int) -> None:
        self._link = link
        self._lun = lun
        self._digests = (False, False)
        self._task_tag = 0
        self.cmd_sn = 1
        self.exp_stat_sn = 1

    def log_in(self, iqn: str, keys: Sequence[str]) -> None:
        """One Login request from the operational stage to full feature phase; ConnectionError if it is refused."""
        pairs = [f"InitiatorName=iqn.2026-11.test.chiscsi:plain\0TargetName={iqn}\0SessionType=Normal\0"]
        text = "".join(pairs + [f"{key}\0" for key in keys]).encode()
        isid = bytes.fromhex("80c0ffee0001")
        self.send(0x43, 0x87, isid + bytes(2), struct.pack(">IHHII", 0, 0, 0, self.cmd_sn, self.exp_stat_sn), text)
        header, answer = self.receive()
        if header[0] != 0x23 or header[36] != 0 or header[1] != 0x87:
            raise ConnectionError(f"login refused: {header.hex()}")
        agreed = answer.split(b"\0")
        self._digests = (b"HeaderDigest=CRC32C" in agreed, b"DataDigest=CRC32C" in agreed)

    def command(self, flags: int, cdb: bytes, length: int = 0, data: bytes = b"") -> int:
        """A SCSI command with the `flags` of its octet 1; returns the status. R2Ts are answered from `data`.

        What MaxRecvDataSegmentLength and FirstBurstLength allow to be sent at once is immediate data: 4 KiB here.
        """
        immediate, self._task_tag = data[:4096], self._task_tag + 1
        rest = struct.pack(">IIII", self._task_tag, length, self.cmd_sn, self.exp_stat_sn) + cdb.ljust(16, b"\0")
        self.send(0x01, flags, self._lun_octets(), rest, immediate)
        self.cmd_sn += 1
        while True:
            header, _ = self.receive()
            if header[0] == 0x31:
                self._answer_r2t(header, data)
            elif header[0] == 0x21 or (header[0] == 0x25 and header[1] & 1):
                return header[3]

    def ping(self, data: bytes) -> bytes:
        """NOP-Out with a tag; returns the data of the NOP-In."""
        self._task_tag += 1
        rest = struct.pack(">IIII", self._task_tag, 0xFFFFFFFF, self.cmd_sn, self.exp_stat_sn)
        self.send(0x40, 0x80, self._lun_octets(), rest, data)
        return self.receive()[1]

    def unusual(self, opcode: int, flags: int, words: Sequence[int]) -> tuple[bytes, bytes]:
        """A request with the given 32-bit words from octet 16 on; returns the target's next PDU."""
        self.send(opcode, flags, self._lun_octets(), struct.pack(f">{len(words)}I", *words))
        return self.receive()

    def log_out(self) -> None:
        """Logout that closes the session; returns when the target has answered."""
        self._task_tag += 1
        self.send(0x46, 0x80, bytes(8), struct.pack(">IIII", self._task_tag, 0, self.cmd_sn, self.exp_stat_sn))
        while self.receive()[0][0] != 0x26:
            pass

    def send(self, opcode: int, flags: int, lun_or_isid: bytes, rest: bytes, data: bytes = b"") -> None:
        """Put one PDU on the wire: octets 0 and 1, 8 to 15, 16 on, and the data segment; digests as agreed."""
        lengths = struct.pack(">BBxxI", opcode, flags, len(data))
        header = (lengths + lun_or_isid + rest).ljust(_HEADER, b"\0")
        padded = data + bytes(-len(data) % 4)
        header_digest, data_digest = self._digests
        parts = [header, _digest(header, header_digest), padded, _digest(padded, data_digest)]
        self._link.sendall(b"".join(parts))

    def receive(self) -> tuple[bytes, bytes]:
        """The next PDU as (header, data); its digests are checked, ConnectionError if they are wrong."""
        header_digest, data_digest = self._digests
        header = self._checked(_HEADER, header_digest)
        length = int.from_bytes(header[5:8], "big")
        data = self._checked(length + -length % 4, data_digest)[:length]
        if header[_TASK_TAG] != b"\xff" * 4 or header[0] != 0x31:
            self.exp_stat_sn = int.from_bytes(header[24:28], "big") + 1
        return header, data

    def _answer_r2t(self, header: bytes, data: bytes) -> None:
        tags = header[16:24]
        offset, length = struct.unpack_from(">II", header, 40)
        for number, start in enumerate(range(offset, offset + length, 8192)):
            end = min(start + 8192, offset + length)
            final = 0x80 if end == offset + length else 0
            rest = tags + struct.pack(">IIIIII", 0, self.exp_stat_sn, 0, number, start, 0)
            self.send(0x05, final, header[8:16], rest, data[start:end])

    def _checked(self, length: int, digested: bool) -> bytes:
        octets = self._exactly(length)
        if length and digested and self._exactly(4) != _digest(octets, True):
            raise ConnectionError("wrong digest")
        return octets

    def _exactly(self, length: int) -> bytes:
        octets = b""
        while len(octets) < length:
            more = self._link.recv(length - len(octets))
            if not more:
                raise ConnectionError("the target closed the connection")
            octets += more
        return octets

    def _lun_octets(self) -> bytes:
        return struct.pack(">H6x", self._lun)


def _digest(octets: bytes, wanted: bool) -> bytes:
    """CRC32C as RFC 7143 section 13.1 sends it: the first octet is the low one. Nothing is digested to nothing."""
    return struct.pack("<I", crc32c(octets)) if wanted and octets else b""


@contextmanager
def log_in(host: str, port: int, iqn: str, lun: int, keys: Sequence[str] = ()) -> Iterator[PlainSession]:
    """Log in with `keys` (`"DataDigest=CRC32C"`) in the one Login request; the caller logs out."""
    with socket.create_connection((host, port), timeout=10) as link:
        session = PlainSession(link, lun)
        session.log_in(iqn, keys)
        yield session
