"""The initiator's end of a connection, for the target's tests: PDUs as dataclasses, numbers kept, and no more."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol, TypeVar

from iscsi_wire.constants import RESERVED_TAG, Opcode
from iscsi_wire.digest import digest
from iscsi_wire.framing import Framer
from iscsi_wire.pdus import (
    LoginRequest,
    LoginResponse,
    NopIn,
    NopOut,
    Pdu,
    ScsiCommand,
    ScsiResponse,
    TaskManagementRequest,
    TextRequest,
    decode_header,
)
from iscsi_wire.text import format_pairs, parse_pairs

__all__ = [
    "INITIATOR",
    "ISID",
    "Answer",
    "Pairs",
    "Peer",
    "Pipe",
    "lun_field",
    "of_kind",
    "on_wire",
    "read10",
    "write10",
]

INITIATOR = "iqn.2026-11.org.example:host"
ISID = bytes.fromhex("400000000001")
LARGEST = 0xFFFFFF
Pairs = list[tuple[str, str]]
Answer = tuple[Pdu, bytes]
P = TypeVar("P", bound=Pdu)


class Pipe(Protocol):
    """What a peer needs of its transport."""

    def send(self, data: bytes) -> None: ...

    def receive(self, timeout: float) -> bytes | None: ...


def lun_field(lun: int) -> int:
    """A LUN in the flat addressing of small numbers."""
    return lun << 48


def read10(block: int, count: int) -> bytes:
    """A READ(10) of blocks of 512 octets."""
    return bytes((0x28, 0)) + block.to_bytes(4) + b"\0" + count.to_bytes(2) + b"\0"


def write10(block: int, count: int) -> bytes:
    """A WRITE(10)."""
    return b"\x2a" + read10(block, count)[1:]


def on_wire(
    pdu: Pdu, data: bytes = b"", ahs: bytes = b"", *, header_digest: bool = False, data_digest: bool = False
) -> bytes:
    """A PDU as it is sent: lengths filled in, padded, with the digests that were agreed on."""
    pdu.data_segment_length = len(data)
    pdu.total_ahs_length = len(ahs) // 4
    return sealed(pdu.encode() + ahs, data, header_digest=header_digest, data_digest=data_digest)


def sealed(header: bytes, data: bytes, *, header_digest: bool = False, data_digest: bool = False) -> bytes:
    """A header, whatever it says, and its data, with padding and digests."""
    padded = data + bytes(-len(data) % 4)
    header += digest(header) if header_digest else b""
    return header + padded + (digest(padded) if data_digest and data else b"")


class Peer:
    """One connection.

    Attributes:
        cmd_sn: the next command's CmdSN; `exp_stat_sn`, the StatSN expected next.
        tsih: the session's, after the login.
        settings: what the login's answers said.
        received: everything that came, in order.
        closed: the target has closed the connection.
    """

    def __init__(self, pipe: Pipe, *, isid: bytes = ISID, initiator: str = INITIATOR, cid: int = 0) -> None:
        self.pipe = pipe
        self.isid = isid
        self.initiator = initiator
        self.cid = cid
        self.tsih = 0
        self.cmd_sn = 1
        self.exp_stat_sn = 0
        self.settings: dict[str, str] = {}
        self.received: list[Answer] = []
        self.closed = False
        self._framer = Framer(LARGEST)
        self._inbox: list[Answer] = []
        self._next_tag = 0x1000 * (cid + 1)

    # Any PDU

    def send(self, pdu: Pdu, data: bytes = b"", ahs: bytes = b"") -> None:
        """Send a PDU, as it is but for its lengths."""
        self.pipe.send(self.octets(pdu, data, ahs))

    def octets(self, pdu: Pdu, data: bytes = b"", ahs: bytes = b"") -> bytes:
        """A PDU as this connection sends it."""
        framer = self._framer
        return on_wire(pdu, data, ahs, header_digest=framer.header_digest, data_digest=framer.data_digest)

    def sealed(self, header: bytes, data: bytes) -> bytes:
        """Any header and data as this connection ends them."""
        framer = self._framer
        return sealed(header, data, header_digest=framer.header_digest, data_digest=framer.data_digest)

    def receive(self, timeout: float = 0.0) -> list[Answer]:
        """All that is there, or that comes within `timeout` seconds of the target's clock; notices an end of it."""
        while not self.closed and (octets := self.pipe.receive(timeout if not self._inbox else 0.0)) is not None:
            self.closed = not octets
            for frame in self._framer.feed(octets):
                assert not frame.data_digest_error
                self._note(decode_header(frame.header), bytes(frame.data))
        answers, self._inbox = self._inbox, []
        return answers

    def _note(self, pdu: Pdu, data: bytes) -> None:
        self._inbox.append((pdu, data))
        self.received.append((pdu, data))
        if uses_stat_sn(pdu):
            self.exp_stat_sn = (pdu.stat_sn + 1) & 0xFFFFFFFF  # type: ignore[attr-defined]  # all that are left have it

    def take(self, kind: type[P], timeout: float = 0.0) -> tuple[P, bytes]:
        """The one PDU that came, which is of this kind, and its data."""
        answers = self.receive(timeout)
        assert len(answers) == 1 and isinstance(answers[0][0], kind), answers
        return answers[0][0], answers[0][1]

    def silent(self) -> bool:
        """Whether nothing came, and the connection is open."""
        return not self.receive() and not self.closed

    def tag(self) -> int:
        """An Initiator Task Tag that was not used before."""
        self._next_tag += 1
        return self._next_tag

    def number(self, immediate: int = 0) -> int:
        """The CmdSN of the next command; used up unless it is immediate."""
        cmd_sn = self.cmd_sn
        if not immediate:
            self.cmd_sn = (cmd_sn + 1) & 0xFFFFFFFF
        return cmd_sn

    # Login

    def login_request(self, csg: int = 1, nsg: int | None = 3, **fields: Any) -> LoginRequest:
        """A login request of this connection; without `nsg`, one that stays in its stage."""
        known = {"isid": self.isid, "tsih": self.tsih, "cid": self.cid, "initiator_task_tag": 0x10, "immediate": 1}
        known |= {"cmd_sn": self.cmd_sn, "exp_stat_sn": self.exp_stat_sn, "csg": csg}
        known |= {} if nsg is None else {"transit": 1, "nsg": nsg}
        return LoginRequest.make(**known | fields)

    def ask(self, pairs: Pairs, csg: int = 1, nsg: int | None = 3, **fields: Any) -> tuple[LoginResponse, Pairs]:
        """Send a login request with these keys; returns the response and its keys."""
        self.send(self.login_request(csg, nsg, **fields), format_pairs(pairs))
        response, data = self.take(LoginResponse)
        return response, parse_pairs(data)

    def names(self, target: str, session_type: str = "") -> Pairs:
        """The keys that a first request has to have."""
        pairs = [("InitiatorName", self.initiator)]
        if target:
            pairs.append(("TargetName", target))
        return pairs + ([("SessionType", session_type)] if session_type else [])

    def login(self, target: str, *keys: tuple[str, str], session_type: str = "", **fields: Any) -> LoginResponse:
        """Log in by one request in the operational stage; the keys take effect."""
        response, answers = self.ask([*self.names(target, session_type), *keys], **fields)
        assert response.status_class == 0, (response.status_class, response.status_detail)
        assert response.transit and response.nsg == 3
        self.settings = dict(answers)
        self.tsih = response.tsih
        self.start_digests()
        return response

    def start_digests(self) -> None:
        """Go by the digests that were agreed on."""
        self._framer.header_digest = self.settings.get("HeaderDigest") == "CRC32C"
        self._framer.data_digest = self.settings.get("DataDigest") == "CRC32C"

    # Full feature phase

    def command(
        self, cdb: str | bytes, edtl: int = 0, data: bytes = b"", *, write: bool = False, **fields: Any
    ) -> ScsiCommand:
        """Send a SCSI command: a read if it has a length, unless it is a write; `data` goes with it."""
        octets = bytes.fromhex(cdb) if isinstance(cdb, str) else cdb
        known: dict[str, Any] = {
            "final": 1,
            "read": int(bool(edtl) and not write),
            "write": int(write),
            "attr": 1,
            "initiator_task_tag": self.tag(),
            "expected_data_transfer_length": edtl,
            "exp_stat_sn": self.exp_stat_sn,
            "cdb": octets.ljust(16, b"\0"),
        }
        if "cmd_sn" not in fields:
            known["cmd_sn"] = self.number(fields.get("immediate", 0))
        request = ScsiCommand.make(**known | fields)
        self.send(request, data)
        return request

    def execute(self, cdb: str | bytes, edtl: int = 0, **fields: Any) -> tuple[ScsiResponse, bytes]:
        """Run a command that ends in a SCSI Response."""
        self.command(cdb, edtl, **fields)
        return self.take(ScsiResponse)

    def ping(self, data: bytes = b"", **fields: Any) -> tuple[NopIn, bytes]:
        """Ask for an echo."""
        self.send(self.nop_out(**fields), data)
        return self.take(NopIn)

    def nop_out(self, **fields: Any) -> NopOut:
        """A NOP-Out that asks for an echo."""
        known = {"initiator_task_tag": self.tag(), "exp_stat_sn": self.exp_stat_sn}
        if "cmd_sn" not in fields:
            known["cmd_sn"] = self.number(fields.get("immediate", 0))
        return NopOut.make(**known | fields)

    def manage(self, function: int, referenced: ScsiCommand | None = None, **fields: Any) -> TaskManagementRequest:
        """Send an immediate task management request."""
        known = {"function": function, "immediate": 1, "initiator_task_tag": self.tag()}
        known |= {"cmd_sn": self.cmd_sn, "exp_stat_sn": self.exp_stat_sn}
        if referenced is not None:
            known |= {"referenced_task_tag": referenced.initiator_task_tag, "ref_cmd_sn": referenced.cmd_sn}
        request = TaskManagementRequest.make(**known | fields)
        if not request.immediate:
            self.number()
        self.send(request)
        return request

    def text(self, pairs: Pairs | bytes = b"", **fields: Any) -> TextRequest:
        """Send a text request."""
        known = {"final": 1, "initiator_task_tag": self.tag(), "exp_stat_sn": self.exp_stat_sn}
        if "cmd_sn" not in fields:
            known["cmd_sn"] = self.number(fields.get("immediate", 0))
        request = TextRequest.make(**known | fields)
        self.send(request, pairs if isinstance(pairs, bytes) else format_pairs(pairs))
        return request


def uses_stat_sn(pdu: Pdu) -> bool:
    """Whether a target's PDU uses up a StatSN (RFC 7143 section 4.2.2.2)."""
    if pdu.opcode == Opcode.DATA_IN:
        return bool(pdu.status_present)  # type: ignore[attr-defined]  # a Data-In
    if pdu.opcode == Opcode.NOP_IN:
        return bool(pdu.initiator_task_tag != RESERVED_TAG)  # type: ignore[attr-defined]  # a NOP-In
    return pdu.opcode != Opcode.READY_TO_TRANSFER


def of_kind(answers: Iterable[Answer], kind: type[P]) -> list[P]:
    """The PDUs of one kind."""
    return [pdu for pdu, _ in answers if isinstance(pdu, kind)]
