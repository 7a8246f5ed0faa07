"""PDUs that are nearly right: correct ones of every opcode, in the state that a connection is in, each with a flaw.

All is drawn from one `random.Random`, so that a seed replays a run.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from iscsi_wire.constants import RESERVED_TAG
from iscsi_wire.keys import KEYS
from iscsi_wire.pdus import (
    PDU_TYPES,
    DataOut,
    LogoutRequest,
    NopOut,
    Pdu,
    ReadyToTransfer,
    ScsiCommand,
    SnackRequest,
    TaskManagementRequest,
    TextRequest,
)
from iscsi_wire.text import format_pairs
from tests.chiscsi_target.peer import Pairs, Peer, on_wire, read10, write10

__all__ = ["Garbler"]

BHS = 48
Sent = tuple[Pdu, bytes]
VALUES = "Yes No None CRC32C 0 1 8192 16777215 16777216 -1 0x200 Reject All ~".split()
EDGES = (0, 1, 2, 3, 4, 5, 511, 512, 8191, 8192, 8193, 65535, 65536, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)


class Garbler:
    """Draws PDUs for a connection, and spoils them.

    Args:
        random: where all choices come from.
        peer: the connection; its numbers are used and moved on.
        pairs: the names of a login.
    """

    def __init__(self, random: Random, peer: Peer, pairs: Pairs) -> None:
        self.random = random
        self.peer = peer
        self.pairs = pairs
        self.r2ts: list[ReadyToTransfer] = []
        self.tags: list[int] = [RESERVED_TAG]

    def learn(self) -> None:
        """Take what the target sent: some of it has to be answered."""
        for pdu, _ in self.peer.receive():
            if isinstance(pdu, ReadyToTransfer):
                self.r2ts.append(pdu)

    # Correct PDUs

    def in_login(self) -> Sent:
        """A Login Request, mostly; sometimes what does not belong there."""
        random = self.random
        if random.random() < 0.1:
            return self.in_full_feature_phase()
        csg, nsg = random.choice(((0, 1), (0, 3), (1, 3), (0, None), (1, None)))
        request = self.peer.login_request(csg, nsg, tsih=random.choice((0, 0, 0, 1, 2)), cid=random.choice((0, 0, 1)))
        return request, self.text(self.pairs if random.random() < 0.8 else [])

    def in_full_feature_phase(self) -> Sent:
        """A PDU of any opcode."""
        makers: tuple[Callable[[], Sent], ...] = (
            *(self.command,) * 6,
            *(self.data_out,) * 4,
            self.nop,
            self.manage,
            self.text_request,
            self.snack,
            self.any_opcode,
        )
        if self.random.random() < 0.02:
            return self.logout()
        return self.random.choice(makers)()

    def numbered(self, kind: type[Pdu], **fields: Any) -> Any:
        immediate = int(self.random.random() < 0.2)
        known = {"immediate": immediate, "initiator_task_tag": self.tag(), "exp_stat_sn": self.peer.exp_stat_sn}
        return kind.make(**known | {"cmd_sn": self.peer.number(immediate)} | fields)

    def tag(self) -> int:
        if self.random.random() < 0.1:
            return self.random.choice(self.tags)
        self.tags.append(self.peer.tag())
        return self.tags[-1]

    def command(self) -> Sent:
        random = self.random
        blocks = random.choice((0, 1, 2, 8, 16, 200))
        length = random.choice((blocks * 512, blocks * 512, 0, 1, 511, 4096, 1 << 20))
        write = int(random.random() < 0.6)
        if random.random() < 0.2:
            cdb = random.randbytes(16)
        else:
            cdb = (write10 if write else read10)(random.choice((0, 5, 2040, 1 << 31)), blocks).ljust(16, b"\0")
        fields = {"write": write, "read": 1 - write, "cdb": cdb, "expected_data_transfer_length": length}
        data = bytes(min(length, random.choice((0, 0, 0, 512, 4096, 8192)))) if write else b""
        return self.numbered(ScsiCommand, final=int(random.random() < 0.85), attr=random.randrange(5), **fields), data

    def data_out(self) -> Sent:
        random = self.random
        if not self.r2ts and random.random() < 0.7:
            return self.command()
        if not self.r2ts:
            tags = {"initiator_task_tag": random.choice(self.tags), "target_transfer_tag": RESERVED_TAG}
            return DataOut.make(final=random.randrange(2), **tags), bytes(random.choice((0, 512, 4096)))
        r2t = self.r2ts.pop(random.randrange(len(self.r2ts)))
        length = min(r2t.desired_data_transfer_length, 8192)
        tags = {"initiator_task_tag": r2t.initiator_task_tag, "target_transfer_tag": r2t.target_transfer_tag}
        return DataOut.make(final=1, lun=r2t.lun, buffer_offset=r2t.buffer_offset, **tags), bytes(length)

    def nop(self) -> Sent:
        return self.numbered(NopOut), self.random.randbytes(self.random.choice((0, 4, 100, 8192)))

    def manage(self) -> Sent:
        fields = {"referenced_task_tag": self.random.choice(self.tags), "ref_cmd_sn": self.peer.cmd_sn - 1 & 0xFFFFFFFF}
        return self.numbered(TaskManagementRequest, function=self.random.randrange(1, 9), **fields), b""

    def text_request(self) -> Sent:
        final = self.random.randrange(2)
        fields = {"final": final, "continue_": 0 if final else self.random.randrange(2)}
        return self.numbered(TextRequest, **fields), self.text([])

    def text(self, pairs: Pairs) -> bytes:
        names = [*KEYS, "X-unknown", "SendTargets"]
        some = [(self.random.choice(names), self.random.choice(VALUES)) for _ in range(self.random.randrange(4))]
        return format_pairs([*pairs, *some])

    def snack(self) -> Sent:
        return SnackRequest.make(initiator_task_tag=self.random.choice(self.tags), type=self.random.randrange(4)), b""

    def logout(self) -> Sent:
        return self.numbered(LogoutRequest, final=1, reason_code=self.random.randrange(4)), b""

    def any_opcode(self) -> Sent:
        kind = PDU_TYPES[self.random.choice(sorted(PDU_TYPES))]
        return kind.make(), self.random.randbytes(self.random.choice((0, 0, 48, 100)))

    # Flaws

    def spoil(self, pdu: Pdu, data: bytes) -> bytes:
        """The octets of a PDU with a flaw."""
        return self.random.choice(self.FLAWS)(self, pdu, data)

    def field(self, pdu: Pdu, data: bytes) -> bytes:
        """Fields with values at the edges of what they hold, or with any value."""
        self.peer.octets(pdu, data)
        for _ in range(self.random.randrange(1, 3)):
            info = self.random.choice(type(pdu).FIELDS)
            if info.width:
                top = (1 << info.width) - 1
                value: int | bytes = self.random.choice((*EDGES, top, self.random.randrange(top + 1))) & top
                if isinstance(getattr(pdu, info.name), bytes):
                    value = self.random.randbytes(info.width // 8)
                setattr(pdu, info.name, value)
        return self.peer.sealed(pdu.encode(), data)

    def bits(self, pdu: Pdu, data: bytes) -> bytes:
        octets = bytearray(self.peer.octets(pdu, data))
        for _ in range(self.random.randrange(1, 9)):
            place = self.random.randrange(min(len(octets), 64))
            octets[place] ^= 1 << self.random.randrange(8)
        return bytes(octets)

    def header(self, pdu: Pdu, data: bytes) -> bytes:
        """A header of which nothing is right but the opcode and the length."""
        octets = pdu.encode()[:1] + self.random.randbytes(BHS - 1)
        return self.peer.sealed(octets[:4] + b"\0" + len(data).to_bytes(3) + octets[8:], data)

    def length(self, pdu: Pdu, data: bytes) -> bytes:
        """A DataSegmentLength that is not true."""
        octets = pdu.encode()
        wrong = self.random.choice((0, 1, len(data) + 1, max(len(data) - 1, 0), 8192, 8193, 0xFFFFFF))
        return self.peer.sealed(octets[:5] + wrong.to_bytes(3) + octets[8:], data)

    def ahs(self, pdu: Pdu, data: bytes) -> bytes:
        """Additional header segments: good ones, bad ones, and the announcement of some that do not come."""
        ahs = self.random.choice(
            (b"\x00\x05\x01\x00\x01\x02\x03\x04", b"\x00\x05\x02\x00\0\0\2\0", self.random.randbytes(12))
        )
        if self.random.random() < 0.3:
            octets = pdu.encode()
            return octets[:4] + bytes((self.random.randrange(256),)) + octets[5:] + data
        return self.peer.octets(pdu, data, ahs)

    def cut(self, pdu: Pdu, data: bytes) -> bytes:
        octets = self.peer.octets(pdu, data)
        return octets[: self.random.randrange(len(octets))]

    def more(self, pdu: Pdu, data: bytes) -> bytes:
        octets = self.peer.octets(pdu, data)
        place = self.random.randrange(len(octets))
        return octets[:place] + self.random.randbytes(self.random.randrange(1, 60)) + octets[place:]

    def twice(self, pdu: Pdu, data: bytes) -> bytes:
        return self.peer.octets(pdu, data) * 2

    def noise_in_data(self, pdu: Pdu, data: bytes) -> bytes:
        return self.peer.octets(pdu, self.random.randbytes(self.random.choice((1, 3, len(data), 600))))

    def digest(self, pdu: Pdu, data: bytes) -> bytes:
        """Digests where none are due, or wrong ones where they are."""
        return on_wire(pdu, data, header_digest=True, data_digest=self.random.random() < 0.5)

    FLAWS = (field, field, field, bits, bits, header, length, ahs, cut, more, twice, noise_in_data, digest)
