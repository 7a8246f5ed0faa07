"""A pretend target in memory: just enough of one to answer a script, and to break any rule on request."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, TypeAlias

from initiator_sim import Initiator, Settings
from initiator_sim.draft import Draft
from iscsi_wire.constants import RESERVED_TAG, ScsiStatus
from iscsi_wire.framing import Framer
from iscsi_wire.pdus import (
    DataIn,
    DataOut,
    LoginRequest,
    LoginResponse,
    LogoutRequest,
    LogoutResponse,
    NopIn,
    NopOut,
    Pdu,
    ReadyToTransfer,
    ScsiCommand,
    ScsiResponse,
    TaskManagementRequest,
    TaskManagementResponse,
    TextRequest,
    TextResponse,
    decode_header,
)
from iscsi_wire.sequence import sn_add
from iscsi_wire.text import format_pairs, parse_pairs

Handler: TypeAlias = Callable[[Any, bytes], None]
"""Called with a request's header and data; answers through the peer's methods."""


class FakeClock:
    """A clock that only moves when somebody waits."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class FakePeer:
    """The target's end of one connection, and the initiator's transport to it.

    `handlers` maps a PDU class to what is done about it; replacing one makes the target misbehave. `login_keys` are
    sent with the final login response. `got` holds every request, `chunks` the octets as they were sent.
    """

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.local, self.peer, self.was_reset = "initiator:1", "target:3260", False
        self.got: list[tuple[Any, bytes, bytes]] = []
        self.chunks: list[bytes] = []
        self.stat_sn = 0x10
        self.exp_cmd_sn = 1
        self.window = 16
        self.header_digest = self.data_digest = False
        self.login_keys: dict[str, str] = {}
        self.disk = bytearray(range(256)) * 4096
        self.block = 512
        self.ended: list[str] = []
        self.gone = False
        self._framer = Framer(1 << 24)
        self._out: deque[bytes] = deque()
        self._text = b""
        self._agreed: dict[str, str] = {}
        self._writes: dict[int, tuple[int, int]] = {}
        self.handlers: dict[type[Pdu], Handler] = {
            LoginRequest: self.on_login,
            NopOut: self.on_nop,
            ScsiCommand: self.on_command,
            DataOut: self.on_data_out,
            TextRequest: self.on_text,
            LogoutRequest: self.on_logout,
            TaskManagementRequest: self.on_task_management,
        }

    # ---- transport

    def send(self, data: bytes) -> None:
        if self.gone:
            raise BrokenPipeError("gone")
        self.chunks.append(data)
        for frame in self._framer.feed(data):
            header = decode_header(bytes(frame.header))
            self.got.append((header, frame.ahs, bytes(frame.data)))
            if hasattr(header, "cmd_sn") and not header.immediate:
                self.exp_cmd_sn = sn_add(header.cmd_sn, 1)
            handler = self.handlers.get(type(header))
            if handler is not None:
                handler(header, bytes(frame.data))

    def receive(self, timeout: float) -> bytes | None:
        if not self._out:
            self.clock.now += timeout
            return None
        octets = self._out.popleft()
        if octets == b"":
            self._out.append(b"")
        return octets

    def close(self) -> None:
        self.ended.append("close")

    def reset(self) -> None:
        self.ended.append("reset")

    # ---- what a target sends

    def deliver(self, octets: bytes) -> None:
        """Let the initiator receive `octets`; b"" is the end of the connection."""
        self._out.append(octets)

    def spoil(self, offset: int) -> None:
        """Alter one octet of what was delivered last."""
        octets = self._out.pop()
        self._out.append(octets[:offset] + bytes([octets[offset] ^ 1]) + octets[offset + 1 :])

    def hang_up(self, reset: bool = False) -> None:
        self.was_reset = reset
        self._out.append(b"")

    def say(self, kind: type[Pdu], data: bytes = b"", advance: int | None = None, **fields: Any) -> None:
        """Send a PDU; numbers are filled in unless given. `advance`: by how much it moves StatSN on."""
        header: Any = kind.make(**fields)
        if hasattr(header, "final") and "final" not in fields:
            header.final = 1
        if "stat_sn" not in fields and hasattr(header, "stat_sn"):
            header.stat_sn = self.stat_sn
        if "exp_cmd_sn" not in fields:
            header.exp_cmd_sn = self.exp_cmd_sn
        if "max_cmd_sn" not in fields:
            header.max_cmd_sn = sn_add(self.exp_cmd_sn, self.window - 1)
        if advance is None:
            advance = int(kind not in (ReadyToTransfer, DataIn) or bool(fields.get("status_present")))
        self.stat_sn = sn_add(self.stat_sn, advance)
        self.deliver(Draft(header, data).plain(self.header_digest, self.data_digest))

    # ---- ordinary answers

    def on_login(self, request: LoginRequest, data: bytes) -> None:
        final = bool(request.transit and request.nsg == 3)
        self._text += data
        pairs: dict[str, str] = {}
        if not request.continue_:
            pairs = self.answer(dict(parse_pairs(self._text)), final)
            self._text = b""
        self.say(
            LoginResponse,
            format_pairs(pairs.items()),
            transit=request.transit,
            csg=request.csg,
            nsg=request.nsg,
            isid=request.isid,
            tsih=request.tsih or int(final) * 7,
            initiator_task_tag=request.initiator_task_tag,
            exp_cmd_sn=request.cmd_sn,
            max_cmd_sn=sn_add(request.cmd_sn, self.window - 1),
        )
        self._agreed |= pairs
        if final:
            self.exp_cmd_sn = request.cmd_sn
            self.header_digest = self._agreed.get("HeaderDigest") == "CRC32C"
            self.data_digest = self._agreed.get("DataDigest") == "CRC32C"
            self._framer.header_digest, self._framer.data_digest = self.header_digest, self.data_digest

    def answer(self, offers: dict[str, str], final: bool) -> dict[str, str]:
        declared = ("InitiatorName", "TargetName", "SessionType", "MaxRecvDataSegmentLength")
        answers = {key: value for key, value in offers.items() if key not in declared}
        return answers | (self.login_keys if final else {})

    def on_nop(self, request: NopOut, data: bytes) -> None:
        if request.initiator_task_tag != RESERVED_TAG:
            self.say(NopIn, data, initiator_task_tag=request.initiator_task_tag, target_transfer_tag=RESERVED_TAG)

    def on_command(self, request: ScsiCommand, data: bytes) -> None:
        start = int.from_bytes(request.cdb[2:6], "big") * self.block
        length = request.expected_data_transfer_length
        tag = request.initiator_task_tag
        if request.read:
            self.send_data(tag, start, length)
        elif request.write:
            self.disk[start : start + len(data)] = data
            self._writes[tag] = (start, length)
            if request.final:
                self.go_on_writing(tag, len(data))
        else:
            self.status(tag)

    def send_data(self, tag: int, start: int, length: int, piece: int = 4096) -> None:
        count = 0
        for offset in range(0, length, piece):
            part = bytes(self.disk[start + offset : start + min(offset + piece, length)])
            final = int(offset + piece >= length)
            self.say(DataIn, part, final=final, initiator_task_tag=tag, data_sn=count, buffer_offset=offset)
            count += 1
        self.status(tag, exp_data_sn=count)

    def status(self, tag: int, status: int = ScsiStatus.GOOD, data: bytes = b"", **fields: Any) -> None:
        self.say(ScsiResponse, data, initiator_task_tag=tag, status=status, **fields)

    def go_on_writing(self, tag: int, done: int, r2t_sn: int = 0) -> None:
        length = self._writes[tag][1]
        if done >= length:
            self.status(tag)
            return
        self.say(
            ReadyToTransfer,
            initiator_task_tag=tag,
            target_transfer_tag=0x500 + r2t_sn,
            r2t_sn=r2t_sn,
            buffer_offset=done,
            desired_data_transfer_length=min(length - done, 65536),
        )

    def on_data_out(self, request: DataOut, data: bytes) -> None:
        tag = request.initiator_task_tag
        if tag not in self._writes:
            return
        start = self._writes[tag][0] + request.buffer_offset
        self.disk[start : start + len(data)] = data
        if request.final:
            r2t_sn = 0 if request.target_transfer_tag == RESERVED_TAG else request.target_transfer_tag - 0x500 + 1
            self.go_on_writing(tag, request.buffer_offset + len(data), r2t_sn)

    def on_text(self, request: TextRequest, data: bytes) -> None:
        answer = b"TargetName=iqn.2004-10.test:disk\0TargetAddress=127.0.0.1:3260,1\0"
        if not data.startswith(b"SendTargets"):
            answer = data
        self.say(
            TextResponse,
            answer,
            initiator_task_tag=request.initiator_task_tag,
            target_transfer_tag=RESERVED_TAG,
        )

    def on_logout(self, request: LogoutRequest, data: bytes) -> None:
        self.say(LogoutResponse, initiator_task_tag=request.initiator_task_tag)
        self.hang_up()

    def on_task_management(self, request: TaskManagementRequest, data: bytes) -> None:
        self.say(TaskManagementResponse, initiator_task_tag=request.initiator_task_tag)


class Bench:
    """An initiator whose every connection leads to a new `FakePeer`."""

    def __init__(self, prepare: Callable[[FakePeer], None] | None = None, timeout: float = 5.0) -> None:
        self.clock = FakeClock()
        self.peers: list[FakePeer] = []
        self._prepare = prepare
        settings = Settings(clock=self.clock, timeout=timeout)
        self.initiator = Initiator(self.connect, "iqn.2004-10.test:disk", settings=settings)

    def connect(self) -> FakePeer:
        peer = FakePeer(self.clock)
        if self._prepare is not None:
            self._prepare(peer)
        self.peers.append(peer)
        return peer

    @property
    def peer(self) -> FakePeer:
        return self.peers[-1]
