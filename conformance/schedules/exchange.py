"""One command as its initiator knows it: what was sent, what came, and what has to come still."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from conformance.schedules.invariants import Judge
from conformance.schedules.pattern import pattern
from conformance.schedules.plan import Command
from conformance.schedules.work import FAILURE, Work

GOOD: Final = 0x00
CHECK_CONDITION: Final = 0x02
FINAL, OVERFLOW, UNDERFLOW, STATUS = 0x80, 0x04, 0x02, 0x01
RESERVED: Final = 0xFFFFFFFF
_ABORTED_COMMAND: Final = 0x0B
_UNIT_ATTENTION: Final = 0x06


class Burst:
    """What an R2T asked for; `sn` and `next` are the next Data-Out's DataSN and offset."""

    __slots__ = ("end", "next", "sn", "ttt")

    def __init__(self, ttt: int, offset: int, end: int) -> None:
        self.ttt = ttt
        self.next = offset
        self.end = end
        self.sn = 0


class Exchange:
    """See the module.

    Attributes:
        plan, tag, cmd_sn: the command.
        sent: it went out. `lost`: its connection is gone. `waived`: it may be answered or not, since the connection of
            a function that covers it is gone (RFC 7143, 4.2.3.3 c).
        status: what it was answered; `aborted`, a task management function ended it.
        cleared: another session's function may have ended it with a unit attention.
        bursts: R2Ts that are not answered in full.
        unsolicited: octets of its unsolicited Data-Out that were sent.
    """

    __slots__ = (
        "_judge",
        "_unit",
        "aborted",
        "bursts",
        "cleared",
        "cmd_sn",
        "data",
        "data_sn",
        "lost",
        "plan",
        "r2t_offset",
        "r2t_sn",
        "sent",
        "status",
        "tag",
        "unsolicited",
        "waived",
    )

    def __init__(self, plan: Command, tag: int, unit: int, judge: Judge) -> None:
        self.plan = plan
        self.tag = tag
        self.cmd_sn = 0
        self.sent = self.lost = self.aborted = self.cleared = self.waived = False
        self.status: int | None = None
        self.bursts: list[Burst] = []
        self.unsolicited = 0
        self.data = bytearray()
        self.data_sn = self.r2t_sn = 0
        self.r2t_offset = plan.immediate + plan.unsolicited
        self._unit = unit
        self._judge = judge

    @property
    def open(self) -> bool:
        """Whether a response has to come."""
        return self.sent and self.status is None and not (self.aborted or self.lost or self.waived)

    @property
    def unsolicited_due(self) -> bool:
        """Whether unsolicited Data-Out are still to be sent."""
        return self.sent and not self.lost and self.unsolicited < self.plan.unsolicited

    def _came(self, what: str) -> None:
        """Judge that anything came for the command."""
        name = self.plan.name
        if self.status is not None:
            kind = "one response" if what == "status" else "nothing after status"
            self._judge.accuse(kind, f"{what} for {name}, which had its status")
        elif self.aborted:
            self._judge.accuse("no response after abort", f"{what} for {name} behind the function that ended it")
        elif not self.sent:
            self._judge.accuse("one response", f"{what} for {name}, which was not sent")

    def data_in(self, flags: int, data_sn: int, offset: int, data: bytes) -> None:
        """Take a Data-In."""
        name, judge = self.plan.name, self._judge
        self._came("data")
        if data_sn != self.data_sn:
            judge.accuse("data numbers", f"{name}: DataSN {data_sn}, not {self.data_sn}")
        if offset != len(self.data):
            judge.accuse("data numbers", f"{name}: data at {offset}, not {len(self.data)}")
        start = offset - offset % self._unit
        if len(data) > self._unit or offset + len(data) > start + self._unit:
            judge.accuse("data numbers", f"{name}: {offset}+{len(data)} is more than PDU or burst may have")
        self.data_sn += 1
        self.data += data
        if self.data != pattern(name, self.plan.length)[: len(self.data)]:
            judge.accuse("read data", f"{name}: the octets up to {len(self.data)} are not the driver's")

    def ready_to_transfer(
        self, ttt: int, r2t_sn: int, offset: int, length: int, limit: int, in_use: Collection[int]
    ) -> None:
        """Take an R2T; `limit` is MaxOutstandingR2T, `in_use` are the tags that the session's R2Ts have."""
        name, judge = self.plan.name, self._judge
        self._came("R2T")
        if r2t_sn != self.r2t_sn or offset != self.r2t_offset:
            judge.accuse("R2T numbers", f"{name}: R2T {r2t_sn} at {offset}, not {self.r2t_sn} at {self.r2t_offset}")
        if not 0 < length <= self._unit or offset + length > self.plan.length:
            judge.accuse("R2T numbers", f"{name}: R2T for {offset}+{length} of {self.plan.length}")
        if len(self.bursts) >= limit:
            judge.accuse("R2T numbers", f"{name}: more than {limit} R2Ts")
        if ttt == RESERVED or ttt in in_use:
            judge.accuse("R2T numbers", f"{name}: the tag 0x{ttt:x} cannot be used")
        self.r2t_sn += 1
        self.r2t_offset = offset + length
        self.bursts.append(Burst(ttt, offset, offset + length))

    def concluded(self, status: int, flags: int, residual: int, sense: bytes, work: Work | None) -> None:
        """Take the status, and compare it with what the driver did."""
        self._came("status")
        self.status = status
        name, accuse = self.plan.name, self._judge.accuse
        if work is None:
            if not self.cleared:
                accuse("status", f"{name}: status 0x{status:02x} before its driver had seen it")
            return
        if status == CHECK_CONDITION and sense:
            self._judge_sense(sense, work)
            return
        if status != GOOD or (work.failed and not work.both):
            accuse("status", f"{name}: status 0x{status:02x}, and the driver {'failed' if work.failed else 'did not'}")
        missing = self.plan.length - work.promised
        if residual != missing or bool(flags & UNDERFLOW) != bool(missing) or flags & OVERFLOW:
            accuse("residual", f"{name}: residual {residual}, not {missing}")
        if self.plan.kind == "read" and len(self.data) != work.promised:
            accuse("read data", f"{name}: {len(self.data)} octets came, not {work.promised}")
        if self.plan.writes and work.executed != self.plan.length:
            accuse("status", f"{name}: good status, and {work.executed} octets executed")

    def _judge_sense(self, data: bytes, work: Work) -> None:
        """Judge sense data: the driver's, or those of what ended the command."""
        sense = data[2:]
        key, codes = sense[2] & 0xF, (sense[12], sense[13])
        expected = (
            (work.failed and (key, *codes) == FAILURE)
            or (key == _ABORTED_COMMAND and (work.told or (work.failed and "abort" in self.plan.may)))
            or (self.cleared and key == _UNIT_ATTENTION)
        )
        if not expected:
            self._judge.accuse("status", f"{self.plan.name}: sense data {key:x}/{codes[0]:02x}/{codes[1]:02x}")
