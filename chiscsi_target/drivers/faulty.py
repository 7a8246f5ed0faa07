"""`FaultyLunClass`: any LUN class, with faults where a plan wants them.

The plan says for which commands which fault is injected: into the driver's calls, between the driver and the stack, or
into its hooks. The same plan and seed give the same faults in every run.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from threading import Timer
from typing import TYPE_CHECKING, Any, Final

from chiscsi_target.api import chiscsi_scsi_cmd_execution_status, chiscsi_target_lun_class
from chiscsi_target.api.struct import take_over
from chiscsi_target.drivers.faulty_buffers import WRONG_BUFFERS, Given

if TYPE_CHECKING:
    from chiscsi_target.api import chiscsi_scsi_command
    from chiscsi_target.api.scsi_command import CommandStack
    from chiscsi_target.api.sgvec import SgList

__all__ = ["Fault", "FaultKind", "FaultyLunClass", "Injected", "faulty_disk", "parse_plan"]


class FaultKind(StrEnum):
    """What goes wrong with a command."""

    DELAY = "delay"  # its first call waits for `release`, or for some seconds
    ERROR = "error"  # it ends with CHECK CONDITION
    SILENCE = "silence"  # its first call is never made
    TWICE = "twice"  # its first call is made twice
    REORDER = "reorder"  # its first call is made after that of the command behind it
    RAISE = "raise"  # the hook raises
    SHORT = "short"  # the buffers are an octet short
    LONG = "long"  # a block too long
    OVERLAPPING = "overlapping"  # two vectors show the same memory
    ZERO_LENGTH = "zero-length"  # a vector has no length
    WRONG_OFFSET = "wrong-offset"  # they are said to begin a block later
    NO_BUFFER = "no-buffer"  # there are none


@dataclass(frozen=True, slots=True)
class Fault:
    """One entry of a plan: what goes wrong, with which commands.

    Attributes:
        kind: what goes wrong.
        opcode, lun: only with commands of this operation code, to this LUN; any if None.
        nth: only with the nth of those, from 1; all if None.
        chance: with so many of those, by the plan's random numbers: 1 for all.
        sense: sense key, code and qualifier of an ERROR.
        seconds: how long a DELAY lasts, by the clock on the wall; until `FaultyLunClass.release` if 0.
    """

    kind: FaultKind
    opcode: int | None = None
    lun: int | None = None
    nth: int | None = None
    chance: float = 1.0
    sense: tuple[int, int, int] = (0x04, 0x44, 0x00)
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Injected:
    """A fault that happened: which, to the command with which tag, and what the stack's function returned, if any."""

    kind: FaultKind
    itt: int
    result: int | None = None


class FaultyLunClass(chiscsi_target_lun_class):
    """A LUN class that stands before another, and has its hooks but for the one that commands come by.

    Args:
        inner: the LUN class that does the work.
        plan: the faults; the first that applies to a command is injected.
        seed: of the random numbers that `Fault.chance` is decided by.

    Attributes:
        injected: the faults that happened, in order.
    """

    def __init__(self, inner: chiscsi_target_lun_class, plan: Sequence[Fault], seed: int = 0) -> None:
        take_over(self, inner, chiscsi_target_lun_class)
        self.injected: list[Injected] = []
        self._pass_on = inner.fp_scsi_cmd_cdb_rcved
        self._plan = [(fault, _Count()) for fault in plan]
        self._random = Random(seed)
        self._waiting: list[Callable[[], object]] = []
        self._reordered: list[Callable[[], object]] = []

    def release(self, count: int | None = None) -> int:
        """Make calls that a DELAY holds back, the oldest first.

        Args:
            count: how many; all if None.

        Returns:
            How many were made.
        """
        calls, self._waiting = self._waiting[:count], self._waiting[len(self._waiting[:count]) :]
        for call in calls:
            call()
        return len(calls)

    def _fault_for(self, sc: chiscsi_scsi_command) -> Fault | None:
        found = None
        for fault, count in self._plan:
            if fault.opcode not in (None, sc.sc_cmd[0]) or fault.lun not in (None, sc.sc_lun):
                continue
            count.value += 1
            happens = fault.nth in (None, count.value) and (fault.chance >= 1 or self._random.random() < fault.chance)
            found = found or (fault if happens else None)
        return found

    def note(self, kind: FaultKind, sc: chiscsi_scsi_command, result: int | None = None) -> None:
        """Note that a fault happened."""
        self.injected.append(Injected(kind, sc.sc_itt, result))

    def fp_scsi_cmd_cdb_rcved(self, sc: chiscsi_scsi_command) -> int:
        """Choose the command's fault, and let the driver have the command."""
        if isinstance(sc._stack, _FaultyStack):
            return self._pass_on(sc)  # the long path of a multi-phase write
        fault = self._fault_for(sc)
        if fault is None:
            result = self._pass_on(sc)
            self._make_reordered()
            return result
        if fault.kind is FaultKind.RAISE:
            self.note(fault.kind, sc)
            raise RuntimeError("a fault that was asked for")
        if fault.kind is FaultKind.ERROR:
            sc.fail(*fault.sense)
            self.note(fault.kind, sc, chiscsi_scsi_cmd_execution_status(sc, None, 0, 0, 0))
            return 0
        sc._stack = _FaultyStack(sc._stack, self, fault)
        return self._pass_on(sc)

    def hold_back(self, fault: Fault, call: Callable[[], object]) -> None:
        """Keep a call for `release`, for some seconds, or until the command behind it was given to the driver."""
        if fault.kind is FaultKind.DELAY and fault.seconds > 0:
            timer = Timer(fault.seconds, call)
            timer.daemon = True  # what is still held back at the end of the program is never called
            timer.start()
        else:
            (self._waiting if fault.kind is FaultKind.DELAY else self._reordered).append(call)

    def _make_reordered(self) -> None:
        calls, self._reordered = self._reordered, []
        for call in calls:
            call()


class _Count:
    """How many commands an entry of a plan has met."""

    value = 0


class _FaultyStack:
    """Stands between the driver and the stack for one command; spoils the first call."""

    def __init__(self, stack: CommandStack, driver: FaultyLunClass, fault: Fault) -> None:
        self._stack = stack
        self._driver = driver
        self._fault: Fault | None = fault

    def buffer_ready(self, scmd: chiscsi_scsi_command, buf: SgList | None, sgcnt: int, offset: int, buflen: int) -> int:
        """Spoil, or pass on."""
        return self._call(self._stack.buffer_ready, scmd, Given(buf, sgcnt, offset, buflen))

    def execution_status(
        self, scmd: chiscsi_scsi_command, buf: SgList | None, sgcnt: int, offset: int, buflen: int
    ) -> int:
        """Spoil, or pass on."""
        return self._call(self._stack.execution_status, scmd, Given(buf, sgcnt, offset, buflen))

    def command_abort(self, scmd: chiscsi_scsi_command) -> int:
        """Pass on."""
        return self._stack.command_abort(scmd)

    def command_abort_status(self, scmd: chiscsi_scsi_command) -> int:
        """Pass on."""
        return self._stack.command_abort_status(scmd)

    def __getattr__(self, name: str) -> Any:
        """Whatever else a command's stack can do."""
        return getattr(self._stack, name)

    def _call(self, function: Callable[..., int], sc: chiscsi_scsi_command, given: Given) -> int:
        fault, self._fault = self._fault, None
        if fault is None:
            return function(sc, *given)
        kind = fault.kind
        if kind in (FaultKind.DELAY, FaultKind.REORDER):
            self._driver.hold_back(fault, lambda: self._driver.note(kind, sc, function(sc, *given)))
            return 0
        if kind is FaultKind.SILENCE:
            self._driver.note(kind, sc)
            return 0
        if kind is FaultKind.TWICE:
            first = function(sc, *given)
            self._driver.note(kind, sc, function(sc, *given))
            return first
        result = function(sc, *WRONG_BUFFERS[kind](given))
        self._driver.note(kind, sc, result)
        # What the stack refuses has not happened: the command goes on with what the driver meant.
        return function(sc, *given) if result < 0 else result


_NUMBERS: Final = ("opcode", "lun", "nth")
_AMOUNTS: Final = ("chance", "seconds")


def parse_plan(text: str) -> list[Fault]:
    """A plan as text: faults with `;` between them, each a kind with conditions, such as `error:opcode=0x28:nth=3`.

    Conditions are opcode, lun, nth and chance; an error has `sense=KEY/ASC/ASCQ` in hexadecimal, a delay `seconds`.

    Raises:
        ValueError: what is wrong with it.
    """
    return [_parse_fault(part.strip()) for part in text.split(";") if part.strip()]


def _parse_fault(text: str) -> Fault:
    kind, *conditions = text.split(":")
    if kind not in set(FaultKind):
        raise ValueError(f"{kind!r} is no fault: there are {', '.join(FaultKind)}")
    values: dict[str, Any] = {}
    for condition in conditions:
        name, _, value = condition.partition("=")
        try:
            if name in _NUMBERS:
                values[name] = int(value, 0)
            elif name in _AMOUNTS:
                values[name] = float(value)
            elif name == "sense":
                key, asc, ascq = (int(word, 16) for word in value.split("/"))
                values[name] = (key, asc, ascq)
            else:
                raise ValueError("no such condition")
        except ValueError as error:
            raise ValueError(f"condition {condition!r} of {kind}: {error}") from None
    return Fault(FaultKind(kind), **values)


def faulty_disk(plan: str = "", seed: int = 0, size_mb: int = 64, luns: int = 1) -> FaultyLunClass:
    """The single-phase sample with faults: what `--driver chiscsi_target.drivers.faulty:faulty_disk,plan=...` serves.

    Args:
        plan: see `parse_plan`.
        seed: see `FaultyLunClass`.
        size_mb: see `ApiDisk`.
        luns: see `ApiDisk`.
    """
    from chiscsi_target.drivers.samples.single_phase import ApiDisk  # noqa: PLC0415  # needed by this function alone

    return FaultyLunClass(ApiDisk(size_mb, luns), parse_plan(plan), seed)
