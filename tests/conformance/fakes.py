"""A target small enough to be read in a minute: logs in, pings, says GOOD, logs out, and dies when told to.

It has the interface of `conformance.embedded.Embedded`, so that `--embedded-factory tests.conformance.fakes:start` puts
it in place of the real one, and `serve` puts it behind a TCP port. A NOP-Out with the data `die` makes it refuse
everything from then on; one with `fall ill` makes it refuse logins.
"""

from __future__ import annotations

import socket
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from initiator_sim.transport import TcpTransport, Transport
from iscsi_wire.constants import RESERVED_TAG
from iscsi_wire.framing import Framer
from iscsi_wire.pdus import (
    DataIn,
    LoginRequest,
    LoginResponse,
    LogoutRequest,
    LogoutResponse,
    NopIn,
    NopOut,
    Pdu,
    ScsiCommand,
    ScsiResponse,
    decode_header,
)
from iscsi_wire.records import Listener, LogRecord
from iscsi_wire.text import format_pairs, parse_pairs

BLOCK_SIZE = 512
BLOCKS = 4096

DECLARED = {"InitiatorName", "TargetName", "SessionType", "MaxRecvDataSegmentLength"}
ANSWERS = {
    "HeaderDigest": "None",
    "DataDigest": "None",
    "InitialR2T": "Yes",
    "MaxConnections": "1",
    "ErrorRecoveryLevel": "0",
    "MaxOutstandingR2T": "1",
}
"""Keys that it declares or leaves alone, and those whose offer it does not simply accept."""


@dataclass
class FakeConnection:
    """One connection's octets in and out."""

    target: FakeTarget
    framer: Framer = field(default_factory=lambda: Framer(1 << 20))
    stat_sn: int = 0
    exp_cmd_sn: int = 0
    closed: bool = False

    def answer(self, octets: bytes) -> bytes:
        """What the target says to what it got."""
        return b"".join(self._one(decode_header(bytes(f.header)), bytes(f.data)) for f in self.framer.feed(octets))

    def _one(self, header: Pdu, data: bytes) -> bytes:
        if self.target.dead:
            return b""
        if isinstance(header, LoginRequest):
            return self._login(header, data)
        if not header.immediate:
            self.exp_cmd_sn += 1
        if isinstance(header, ScsiCommand):
            return self._command(header)
        if isinstance(header, NopOut):
            return self._ping(header, data)
        assert isinstance(header, LogoutRequest)
        self.closed = True
        return self._pdu(LogoutResponse, initiator_task_tag=header.initiator_task_tag)

    def _login(self, request: LoginRequest, data: bytes) -> bytes:
        self.exp_cmd_sn = request.cmd_sn
        fields: dict[str, Any] = {
            "isid": request.isid,
            "initiator_task_tag": request.initiator_task_tag,
            "csg": request.csg,
        }
        if self.target.ill or self.target.refusal:
            self.closed = True
            status = self.target.refusal or 0x0300
            return self._pdu(LoginResponse, **fields, status_class=status >> 8, status_detail=status & 0xFF)
        final = request.transit and request.nsg == 3
        fields |= {"transit": request.transit, "nsg": request.nsg, "tsih": 1 if final else 0}
        answers = [(key, ANSWERS.get(key, value)) for key, value in parse_pairs(data) if key not in DECLARED]
        return self._pdu(LoginResponse, format_pairs([("TargetPortalGroupTag", "1"), *answers]), **fields)

    def _command(self, command: ScsiCommand) -> bytes:
        tag = command.initiator_task_tag
        operation = command.cdb[0]
        data = b""
        if operation == 0x9E:
            data = (BLOCKS - 1).to_bytes(8, "big") + BLOCK_SIZE.to_bytes(4, "big") + bytes(20)
        elif operation == 0xA0:
            data = (8).to_bytes(4, "big") + bytes(4) + bytes(8)
        if not data:
            return self._pdu(ScsiResponse, initiator_task_tag=tag)
        missing = command.expected_data_transfer_length - len(data)
        return self._pdu(
            DataIn,
            data[: command.expected_data_transfer_length],
            initiator_task_tag=tag,
            status_present=1,
            underflow=int(missing > 0),
            overflow=int(missing < 0),
            residual_count=abs(missing),
        )

    def _ping(self, request: NopOut, data: bytes) -> bytes:
        self.target.listener(LogRecord(self.target.clock(), "target", "", 2, f"ping {data!r}"))
        self.target.dead = data == b"die"
        self.target.ill = data == b"fall ill"
        if self.target.dead or request.initiator_task_tag == RESERVED_TAG:
            return b""
        fields = {"initiator_task_tag": request.initiator_task_tag, "target_transfer_tag": RESERVED_TAG}
        return self._pdu(NopIn, data, **fields, rsvd_2=int(self.target.sloppy))

    def _pdu(self, kind: type[Pdu], data: bytes = b"", **fields: Any) -> bytes:
        fields |= {"stat_sn": self.stat_sn, "exp_cmd_sn": self.exp_cmd_sn, "max_cmd_sn": self.exp_cmd_sn + 31}
        fields["data_segment_length"] = len(data)
        if kind is not DataIn and kind is not LoginResponse:
            fields["final"] = 1
        if kind is DataIn:
            fields |= {"final": 1, "target_transfer_tag": RESERVED_TAG}
        self.stat_sn += 1
        return kind.make(**fields).encode() + data + bytes(-len(data) % 4)


@dataclass
class FakePipe:
    """The initiator's end of a connection in memory; waiting moves the target's clock."""

    connection: FakeConnection
    octets: deque[bytes] = field(default_factory=deque)
    local: str = "initiator"
    peer: str = "target"
    was_reset: bool = False

    def send(self, data: bytes) -> None:
        if self.connection.closed:
            raise BrokenPipeError("closed")
        self.octets.append(self.connection.answer(data))

    def receive(self, timeout: float) -> bytes | None:
        while self.octets:
            octets = self.octets.popleft()
            if octets:
                return octets
        if self.connection.closed or self.connection.target.dead:
            return b""
        self.connection.target.now += timeout
        return None

    def close(self) -> None:
        self.connection.closed = True

    reset = close


class FakeTarget:
    """The whole target: any number of connections, one state of health."""

    luns = (0,)
    login_time = 300.0

    def __init__(self, iqn: str, listener: Listener) -> None:
        self.iqn = iqn
        self.listener = listener
        self.now = 1000.0
        self.dead = False
        self.ill = False
        self.sloppy = False
        self.refusal = 0

    @property
    def clock(self) -> Callable[[], float]:
        return lambda: self.now

    def connect(self) -> Transport:
        if self.dead:
            raise ConnectionRefusedError("dead")
        return FakePipe(FakeConnection(self))

    def close(self) -> None:
        self.dead = True


def start(transport: str, iqn: str, listener: Listener) -> FakeTarget:
    """A new target, as `conformance.embedded.start`; it is always in memory."""
    return FakeTarget(iqn, listener)


def broken(transport: str, iqn: str, listener: Listener) -> FakeTarget:
    """A target that nobody can reach."""
    target = FakeTarget(iqn, listener)
    target.dead = True
    return target


def sloppy(transport: str, iqn: str, listener: Listener) -> FakeTarget:
    """A target that sets a reserved octet in each NOP-In."""
    target = FakeTarget(iqn, listener)
    target.sloppy = True
    return target


@contextmanager
def serve(iqn: str) -> Iterator[tuple[str, FakeTarget]]:
    """The fake target behind a TCP port; yields its address and the target."""
    target = FakeTarget(iqn, lambda record: None)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threads: list[threading.Thread] = []
        accepting = threading.Thread(target=_accept, args=(listener, target, threads))
        accepting.start()
        try:
            yield f"iscsi://127.0.0.1:{listener.getsockname()[1]}/{iqn}", target
        finally:
            target.dead = True
            listener.shutdown(socket.SHUT_RDWR)
            accepting.join()
            for thread in threads:
                thread.join()


def _accept(listener: socket.socket, target: FakeTarget, threads: list[threading.Thread]) -> None:
    while True:
        try:
            connected, _ = listener.accept()
        except OSError:
            return
        thread = threading.Thread(target=_converse, args=(TcpTransport(connected), FakeConnection(target)))
        thread.start()
        threads.append(thread)


def _converse(transport: TcpTransport, connection: FakeConnection) -> None:
    while not (connection.closed or connection.target.dead):
        octets = transport.receive(0.05)
        if octets == b"":
            break
        if octets:
            transport.send(connection.answer(octets))
    transport.close()
