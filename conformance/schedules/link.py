"""The initiator's end of one connection: the PDUs that come, in order, and the numbers they carry."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import TYPE_CHECKING

from conformance.schedules.exchange import RESERVED, STATUS
from conformance.schedules.invariants import Judge
from iscsi_wire.constants import Opcode

if TYPE_CHECKING:
    from chiscsi_target.core.connection import Connection
    from conformance.schedules.host import Host

_BHS = 48
# Initiator Task Tag, TTT or SNACK Tag, StatSN, ExpCmdSN, MaxCmdSN, then three fields of the PDU's own.
_FIELDS = struct.Struct(">16xLLLLLLLL").unpack_from
_DATA_IN, _R2T, _NOP_IN = int(Opcode.DATA_IN), int(Opcode.READY_TO_TRANSFER), int(Opcode.NOP_IN)
_SCSI_RESPONSE, _MANAGED = int(Opcode.SCSI_RESPONSE), int(Opcode.TASK_MANAGEMENT_RESPONSE)
_LOGOUT, _ASYNC, _REJECT = int(Opcode.LOGOUT_RESPONSE), int(Opcode.ASYNC_MESSAGE), int(Opcode.REJECT)
_NAMES = {int(opcode): opcode.name.replace("_", " ").title() for opcode in Opcode}


class Link:
    """See the module.

    Attributes:
        connection: the target's end. `host`: the session's initiator.
        exp_stat_sn: the StatSN that has to come next.
        exp_cmd_sn, max_cmd_sn: the highest that came.
        rest: the second segment of a PDU that was sent in part.
        pings: Target Transfer Tags of the target's pings that are not answered.
        excused: why it may be closed, or "" as long as nobody may close it.
        gone: nothing is sent or taken any more.
    """

    __slots__ = (
        "_judge",
        "_partial",
        "connection",
        "excused",
        "exp_cmd_sn",
        "exp_stat_sn",
        "gone",
        "host",
        "index",
        "max_cmd_sn",
        "pings",
        "rest",
        "tell",
    )

    def __init__(self, index: int, host: Host, connection: Connection, judge: Judge) -> None:
        self.index = index
        self.host = host
        self.connection = connection
        self.exp_stat_sn = 0
        self.exp_cmd_sn = self.max_cmd_sn = 0
        self.rest = b""
        self.pings: list[int] = []
        self.excused = ""
        self.gone = False
        self.tell: Callable[[str], None] | None = None
        self._partial = b""
        self._judge = judge

    def deliver(self, octets: bytes) -> None:
        """Have octets arrive at the target."""
        connection, position = self.connection, 0
        while position < len(octets) and connection.wants_input:
            buffer = connection.receive_buffers()[0]
            count = min(len(buffer), len(octets) - position)
            buffer[:count] = octets[position : position + count]
            connection.received(count)
            position += count

    def take(self) -> None:
        """Take all that the target has to send."""
        output = self.connection.output
        data = b"".join(output)
        self.connection.transmitted(len(data))
        if self._partial:
            data, self._partial = self._partial + data, b""
        position = 0
        while position + _BHS <= len(data):
            length = int.from_bytes(data[position + 5 : position + 8])
            following = position + _BHS + (length + 3 & ~3)
            if following > len(data):
                break
            self._pdu(data[position : position + _BHS], data[position + _BHS : position + _BHS + length])
            position = following
        self._partial = data[position:]

    def take_some(self) -> None:
        """Have the transport take half of what there is; the rest of a PDU comes with the next."""
        output = self.connection.output
        data = b"".join(output)
        count = (len(data) // 2) or 1
        self._partial += data[:count]
        self.connection.transmitted(count)

    def login_answered(self) -> int:
        """Take the Login Response; returns the TSIH."""
        data = b"".join(self.connection.output)
        self.connection.transmitted(len(data))
        assert data[36] == 0 and data[1] & 0x83 == 0x83, "the scenario's login failed"
        _, _, stat_sn, self.exp_cmd_sn, self.max_cmd_sn, *_ = _FIELDS(data)
        self.exp_stat_sn = stat_sn + 1
        return int.from_bytes(data[14:16])

    def _pdu(self, header: bytes, data: bytes) -> None:
        opcode = header[0] & 0x3F
        itt, ttt, stat_sn, exp_cmd_sn, max_cmd_sn, number, offset, count = _FIELDS(header)
        if self.tell is not None:
            self.tell(_describe(self.index, header, data, self.host))
        self._judge_status_number(opcode, header[1], itt, stat_sn)
        self._judge_command_numbers(exp_cmd_sn, max_cmd_sn)
        host = self.host
        if opcode == _DATA_IN:
            exchange = host.exchange(itt, "Data-In")
            if exchange is not None:
                exchange.data_in(header[1], number, offset, data)
                if header[1] & STATUS:
                    exchange.concluded(header[3], header[1], count, b"", host.work(exchange))
        elif opcode == _SCSI_RESPONSE:
            exchange = host.exchange(itt, "SCSI Response")
            if exchange is not None:
                exchange.concluded(header[3], header[1], count, data, host.work(exchange))
        elif opcode == _R2T:
            exchange = host.exchange(itt, "R2T")
            if exchange is not None:
                exchange.ready_to_transfer(ttt, number, offset, count, host.max_outstanding_r2t, host.tags_in_use())
        elif opcode == _NOP_IN and itt == RESERVED:
            self.pings.append(ttt)
        else:
            self._other(opcode, header, itt, data)

    def _other(self, opcode: int, header: bytes, itt: int, data: bytes) -> None:
        host = self.host
        if opcode == _MANAGED:
            host.managed(itt, header[2], self)
        elif opcode == _LOGOUT:
            host.logged_out(header[2])
        elif opcode == _NOP_IN:
            host.pings += 1
        elif opcode == _REJECT:
            self._judge.accuse("neighbour", f"connection {self.index}: Reject, reason {header[2]}, of {data[:1].hex()}")
        elif opcode != _ASYNC:
            self._judge.accuse("neighbour", f"connection {self.index}: a PDU of opcode 0x{opcode:x}")

    def _judge_status_number(self, opcode: int, flags: int, itt: int, stat_sn: int) -> None:
        """Section 4.2.2.2: what has a status uses up a number; R2T and the target's own ping show the next one."""
        if opcode == _DATA_IN and not flags & STATUS:
            return
        if stat_sn != self.exp_stat_sn:
            where = f"connection {self.index}: {_NAMES.get(opcode, hex(opcode))}"
            self._judge.accuse("status numbers", f"{where} has StatSN {stat_sn}, not {self.exp_stat_sn}")
        if opcode != _R2T and not (opcode == _NOP_IN and itt == RESERVED):
            self.exp_stat_sn = (stat_sn + 1) & 0xFFFFFFFF

    def _judge_command_numbers(self, exp_cmd_sn: int, max_cmd_sn: int) -> None:
        if exp_cmd_sn < self.exp_cmd_sn or max_cmd_sn < self.max_cmd_sn:
            old, new = f"{self.exp_cmd_sn} to {self.max_cmd_sn}", f"{exp_cmd_sn} to {max_cmd_sn}"
            self._judge.accuse("command numbers", f"connection {self.index}: the window went back from {old} to {new}")
        if exp_cmd_sn > self.host.next_cmd_sn or max_cmd_sn + 1 - exp_cmd_sn > self.host.window:
            self._judge.accuse("command numbers", f"connection {self.index}: window {exp_cmd_sn} to {max_cmd_sn}")
        self.exp_cmd_sn, self.max_cmd_sn = exp_cmd_sn, max_cmd_sn
        self.host.max_cmd_sn = max(self.host.max_cmd_sn, max_cmd_sn)


def _describe(index: int, header: bytes, data: bytes, host: Host) -> str:
    """A PDU in a line of the story."""
    opcode = header[0] & 0x3F
    itt, _, stat_sn, exp_cmd_sn, max_cmd_sn, number, offset, count = _FIELDS(header)
    line = f"connection {index} <- {_NAMES.get(opcode, hex(opcode))}"
    name = host.name_of(itt)
    line += f" for {name}" if name else ""
    if opcode == _DATA_IN:
        line += f", DataSN {number}, {offset}+{len(data)}" + (f", status 0x{header[3]:02x}" if header[1] & 1 else "")
    elif opcode == _R2T:
        line += f", R2TSN {number}, {offset}+{count}"
    elif opcode == _SCSI_RESPONSE:
        line += f", status 0x{header[3]:02x}"
    else:
        line += f", {header[2]}" if opcode in (_MANAGED, _LOGOUT, _REJECT) else ""
    return f"{line} (StatSN {stat_sn}, window {exp_cmd_sn} to {max_cmd_sn})"
