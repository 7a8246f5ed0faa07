"""One command as its storage driver knows it: where it stands, its buffers, and the calls that the driver makes."""

from __future__ import annotations

from chiscsi_target.api import (
    SC_FLAG_XFER_UNDERFLOW,
    chiscsi_scsi_cmd_abort,
    chiscsi_scsi_cmd_abort_status,
    chiscsi_scsi_cmd_buffer_ready,
    chiscsi_scsi_cmd_execution_status,
    chiscsi_scsi_command,
    chiscsi_sgvec,
)
from chiscsi_target.api.constants import SC_FLAG_CMD_ABORT, SC_FLAG_SESS_ABORT, SC_FLAG_TMF_ABORT
from chiscsi_target.api.sgvec import SgList
from conformance.schedules.hook_order import (
    ABORT_STATUS,
    CLEANUP,
    CLOSED,
    FULL,
    HELD,
    LENT,
    PART,
    READ_HOOKS,
    SETTLED,
    UNSEEN,
    WAITING_FOR_DRIVER,
    WRITE_HOOKS,
)
from conformance.schedules.invariants import Judge
from conformance.schedules.pattern import pattern
from conformance.schedules.plan import Command

_CUT_SHORT = SC_FLAG_SESS_ABORT | SC_FLAG_TMF_ABORT | SC_FLAG_CMD_ABORT
_SPOILED = 0xDD  # what the driver does to a read's buffer as soon as it has it back
FAILURE = (0x04, 0x3E, 0x01)
"""The sense data of a driver that fails a command: key, additional sense code, qualifier."""


class Buffer:
    """One buffer: its memory, its place in the transfer, and whether the stack has it."""

    __slots__ = ("kept", "lent", "memory", "offset")

    def __init__(self, memory: bytearray, offset: int) -> None:
        self.memory = memory
        self.offset = offset
        self.lent = True
        self.kept: bytes | None = None  # what it held when it came back, or its command was given up


class Work:
    """See the module.

    Attributes:
        plan, sc, name: the command.
        state: one of `hook_order`.
        buffers: all that were given; `given`, `returned`, `executed`: octets from the beginning.
        abort_owed: calls of `fp_scsi_cmd_abort` that are unanswered; `told`, there was one.
        given_up: the driver called `chiscsi_scsi_cmd_abort`, and `abort_status` has not come; `due`, it has to come,
            since nobody else was ending the command already.
        let_go: the driver answered the ABORT TASK of this command, which lets go of it (behaviour file, 4.2).
        promised: octets that a read was promised to have; `failed`, the driver set a status; `both`, it gave a read up
            when it had executed it, so either may come true.
    """

    __slots__ = (
        "_judge",
        "_sg_flag",
        "_unit",
        "abort_owed",
        "both",
        "buffers",
        "due",
        "executed",
        "failed",
        "given",
        "given_up",
        "let_go",
        "name",
        "plan",
        "promised",
        "returned",
        "sc",
        "state",
        "told",
    )

    def __init__(self, sc: chiscsi_scsi_command, plan: Command, unit: int, sg_flag: int, judge: Judge) -> None:
        self.sc = sc
        self.plan = plan
        self.name = plan.name
        self.state = UNSEEN
        self.buffers: list[Buffer] = []
        self.given = self.returned = self.executed = 0
        self.promised = plan.length
        self.abort_owed = 0
        self.given_up = self.due = self.both = self.let_go = self.failed = self.told = False
        self._unit = unit or plan.length
        self._sg_flag = sg_flag
        self._judge = judge

    # What the stack tells

    def hook(self, name: str) -> None:
        """Judge a hook by the table, and go on from there."""
        following = (WRITE_HOOKS if self.plan.writes else READ_HOOKS).get((self.state, name))
        if following is None and name == CLEANUP and self.let_go:
            following = CLOSED
        if following is not None and (name != ABORT_STATUS or self.given_up):
            self.state = following
            return
        if self.state == CLOSED:
            self._judge.accuse("cleanup last", f"{name} for {self.name}, which is cleaned up")
        elif name == CLEANUP:
            self._judge.accuse("held", f"{self.name} was cleaned up while {self.state}")
            self.state = CLOSED
        else:
            self._judge.accuse("hook order", f"{name} for {self.name}, which is {self.state}")

    def asked(self) -> None:
        """Be asked for buffers, or to execute: on the long path only when all that was given is executed."""
        if self.executed != self.given:
            self._judge.accuse("hook order", f"{self.name} was asked for buffers before its last ones were executed")

    def take_back(self, buf: SgList | None, offset: int, length: int) -> None:
        """Take buffers back; a write's are full."""
        if buf is None and length == 0:
            return  # a command without data (behaviour file, 3.3)
        buffers = self._owners_of(buf)
        if not buffers:
            return
        place = buffers[0].offset, sum(len(buffer.memory) for buffer in buffers)
        if (offset, length) != place:
            lent = f"{place[0]}+{place[1]}"
            self._judge.accuse("buffer returned once", f"{self.name} lent {lent}, and got {offset}+{length} back")
        self.returned = offset + length
        sound = not self.sc.sc_flag & _CUT_SHORT and not self.sc.sc_status
        if self.state == FULL and not sound:
            self.state = SETTLED  # what a command that is over had lent comes back; there is nothing to execute
        data = pattern(self.plan.name, self.plan.length)[offset : offset + length]
        if self.plan.writes and sound and b"".join(buffer.memory for buffer in buffers) != data:
            self._judge.accuse("write data", f"{self.name}: the buffer {offset}+{length} is not what was sent")
        for buffer in buffers:
            self._keep(buffer)

    def abort_done(self, buf: SgList | None) -> None:
        """Take buffers back behind `chiscsi_scsi_cmd_abort`."""
        for buffer in self._owners_of(buf) if buf is not None else ():
            self._keep(buffer)
        if not any(buffer.lent for buffer in self.buffers):
            self.given_up = False

    def _owners_of(self, buf: SgList | None) -> list[Buffer]:
        """The buffers that come back: one, or those of several phases in one call (behaviour file, 3.5)."""
        memories = [vector.sg_addr for vector in buf] if isinstance(buf, list) else [None]
        return [buffer for memory in memories if (buffer := self._owner_of(memory)) is not None]

    def _owner_of(self, memory: object) -> Buffer | None:
        for buffer in self.buffers:
            if buffer.memory is memory:
                if buffer.lent:
                    return buffer
                self._judge.accuse("buffer returned once", f"{self.name}: {buffer.offset} came back a second time")
                return None
        self._judge.accuse("buffer returned once", f"{self.name} got a buffer that it had not given")
        return None

    def _keep(self, buffer: Buffer) -> None:
        buffer.lent = False
        if buffer.kept is not None and buffer.kept != buffer.memory:
            self._judge.accuse("buffer left alone", f"{self.name}: {buffer.offset} was written to behind its abort")
        if not self.plan.writes:
            # The driver uses it for something else: whatever is still sent from it will be wrong.
            buffer.memory[:] = bytes((_SPOILED,)) * len(buffer.memory)
        self._freeze(buffer)

    def _freeze(self, buffer: Buffer) -> None:
        """Expect that nobody writes into a buffer from now on."""
        buffer.kept = bytes(buffer.memory)

    def abort_asked(self) -> None:
        """Owe an answer to `fp_scsi_cmd_abort`."""
        self.abort_owed += 1
        self.told = True

    def cleaned_up(self) -> None:
        """Get back what is left: no command has a buffer with the stack any more.

        There is none left, unless `fp_scsi_cmd_abort` told the driver to clean up by itself (guide, 7.3.5.4).
        """
        lent = [buffer for buffer in self.buffers if buffer.lent]
        if lent and not self.told:
            self._judge.accuse("buffer returned once", f"{self.name} was cleaned up, {len(lent)} buffers not returned")
        for buffer in lent:
            self._keep(buffer)
        if self.given_up and self.due:
            self._judge.accuse("hook order", f"{self.name} was cleaned up without {ABORT_STATUS}")
        self.abort_owed = 0

    def check_buffers(self) -> None:
        """Find out whether a buffer was written to after it had come back."""
        for buffer in self.buffers:
            if buffer.kept is not None and buffer.kept != buffer.memory:
                self._judge.accuse("buffer left alone", f"{self.name}: {buffer.offset} changed after it came back")
                buffer.kept = bytes(buffer.memory)

    # What the driver does

    @property
    def next_action(self) -> str:
        """What a driver does that is asked, and has no trouble."""
        return "give" if self.plan.writes and self.state == HELD and self.plan.length else "execute"

    def choices(self, plainly: bool) -> list[str]:
        """The calls that the driver may make now, the ordinary one first.

        Args:
            plainly: only those that bring the command to its end.
        """
        state = self.state
        if state in (UNSEEN, CLOSED):
            return []
        found = []
        if state in WAITING_FOR_DRIVER:
            found.append(self.next_action)
            if not plainly:
                found += [each for each in self.plan.may if self._possible(each)]
                # Multi-phase, the short path (behaviour file, 3.4).
                found += ["give"] if state == FULL and self.given < self.plan.length else []
        elif state == LENT and self._unit < self.plan.length and not self.given_up:
            found += self._ahead()
        if self.abort_owed and not (plainly and found):
            found.append("abort_status")
        if not plainly and state == LENT and "abort" in self.plan.may and not self.given_up:
            found.append("abort")
        return found

    def _possible(self, action: str) -> bool:
        return action != "short" or (self.state == HELD and not self.plan.writes and self.plan.length > self._unit // 2)

    def _ahead(self) -> list[str]:
        """What a multi-phase driver may do while the stack has buffers of it."""
        if not self.plan.writes:
            return ["execute"] if self.given < self.promised and not self.failed else []
        found = ["execute"] if self.returned > self.executed else []
        return [*found, "give"] if self.given < self.plan.length else found

    def call(self, action: str) -> int:
        """Make a call; returns the stack's answer."""
        owed = self.state in WAITING_FOR_DRIVER and not self.let_go
        before = self.state
        result = int(getattr(self, f"_{action}")())
        if result and before in WAITING_FOR_DRIVER and self.let_go:
            self.state = SETTLED  # too late: the function has ended the command
        if result and owed and action != "abort_status":
            self._judge.accuse("driver's call", f"{action} for {self.name}, which is {before}, was answered {result}")
        return result

    def _execute(self) -> int:
        sc = self.sc
        if self.plan.writes and self.plan.length:
            offset, length = self.executed, self.returned - self.executed
            self.executed = self.returned
            if self.executed == self.plan.length:
                self.state = SETTLED
            else:
                self.state = LENT if self.given > self.returned else PART
            return chiscsi_scsi_cmd_execution_status(sc, None, 0, offset, length)
        if not self.plan.length:
            self.state = SETTLED
            return chiscsi_scsi_cmd_execution_status(sc, None, 0, 0, 0)
        return self._deliver(min(self._unit, self.plan.length - self.given))

    def _deliver(self, length: int) -> int:
        offset = self.given
        memory = bytearray(pattern(self.plan.name, self.plan.length)[offset : offset + length])
        return self._lend(memory, chiscsi_scsi_cmd_execution_status)

    def _give(self) -> int:
        length = min(self._unit, self.plan.length - self.given)
        return self._lend(bytearray(length), chiscsi_scsi_cmd_buffer_ready)

    def _lend(self, memory: bytearray, function: object) -> int:
        assert callable(function)
        length, offset, before = len(memory), self.given, self.state
        buffer = Buffer(memory, offset)
        self.buffers.append(buffer)
        self.given += length
        self.state = LENT
        vector = chiscsi_sgvec(memory, length, sg_flag=self._sg_flag)
        result = int(function(self.sc, [vector], 1, offset, length))
        if result:
            # Refused, since the command is over: the buffer stayed with the driver.
            self.buffers.remove(buffer)
            self.given -= length
            self.state = before if self.state == LENT else self.state
            self.promised = self.given
        return result

    def _short(self) -> int:
        """End a read early, with an underflow of half a unit."""
        sc, length = self.sc, self._unit // 2
        sc.sc_flag |= SC_FLAG_XFER_UNDERFLOW
        sc.sc_xfer_residualcount = self.plan.length - length
        sc.sc_xfer_len = self.promised = length
        return self._deliver(length)

    def _fail(self) -> int:
        self.sc.fail(*FAILURE)
        self.state, self.failed = SETTLED, True
        return chiscsi_scsi_cmd_execution_status(self.sc, None, 0, 0, 0)

    def _abort(self) -> int:
        due = not self.sc.sc_flag & _CUT_SHORT
        result = chiscsi_scsi_cmd_abort(self.sc)
        if not result:
            # Else the abort came too late: the command is over.
            self.both = not self.plan.writes and self.state == LENT and self.given >= self.promised
            self.state, self.failed, self.given_up, self.due = SETTLED, True, True, due
        return result

    def _abort_status(self) -> int:
        """Answer `fp_scsi_cmd_abort`: from now on what a write had lent is the driver's again (guide, 7.3.5.4)."""
        self.abort_owed = 0
        waiting = self.state in WAITING_FOR_DRIVER
        result = chiscsi_scsi_cmd_abort_status(self.sc)
        if not result:
            # Else the function was refused meanwhile, and the command goes on.
            self.state = SETTLED if waiting else self.state
            for buffer in self.buffers:
                if self.plan.writes and buffer.lent:
                    self._freeze(buffer)
        return result
