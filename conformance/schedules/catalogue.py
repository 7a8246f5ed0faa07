"""The scenarios. Each is small enough that most, or all, of its schedules can be gone through."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from conformance.schedules.plan import (
    INSIDE,
    UNIT,
    AbortSession,
    Command,
    Logout,
    Lose,
    Manage,
    RemoveTarget,
    Scenario,
    Step,
)
from iscsi_wire.constants import LogoutReason
from iscsi_wire.constants import TaskManagementFunction as Function

ACCEPTED, REFUSED = 0, 5
_ANY_ANSWER = (ACCEPTED, REFUSED)


def _write(name: str = "write", units: int = 2, *, early: bool = False, **how: Any) -> Command:
    """A write; with `early`, half a unit of immediate data and half a one of unsolicited data."""
    if early:
        how |= {"immediate": UNIT // 2, "unsolicited": UNIT // 2}
    return Command(name, kind="write", length=units * UNIT, **how)


def _read(name: str = "read", units: int = 1, **how: Any) -> Command:
    return Command(name, length=units * UNIT, **how)


def _alone(*steps: Step) -> tuple[tuple[Step, ...], ...]:
    """Each step a program of its own."""
    return tuple((step,) for step in steps)


_NO_UNSOLICITED = (("InitialR2T", "Yes"), ("ImmediateData", "No"))

_COMPLETIONS = (
    Scenario(
        "completions",
        "three commands, and every order in which the driver completes them",
        _alone(
            _write(early=True, may=("fail",)),
            _read(units=2, may=("short", "fail")),
            Command("check", kind="none", length=0, may=("fail",)),
        ),
    ),
    Scenario(
        "completions-inside",
        "commands that are completed inside the hook, beside one that is not, call by call",
        _alone(_write(completion=INSIDE), _read(completion=INSIDE), _read("late")),
        steps=True,
    ),
    Scenario(
        "driver-aborts",
        "the driver gives up commands in any state",
        _alone(_write(early=True, may=("abort", "fail")), _read(may=("abort", "short"))),
        steps=True,
    ),
    Scenario(
        "slow-transport",
        "the initiator takes its answers when it likes; a tag is used again",
        (
            (_read("first", units=2, may=("fail",)), _read("second", again="first")),
            (_write(units=1),),
        ),
        slow=True,
    ),
    Scenario(
        "nothing-asked-for",
        "a write that brings all its data, one that has none, call by call, and a reset",
        _alone(
            _write(units=1, immediate=UNIT, may=("fail", "abort")),
            _write("empty", units=0, may=("fail",)),
            Manage(Function.LOGICAL_UNIT_RESET),
        ),
        steps=True,
        answers=_ANY_ANSWER,
    ),
    Scenario(
        "holes",
        "commands on two connections arrive in any order of CmdSN, with a reset on its way",
        _alone(
            _read("one", connection=0),
            _write("two", units=1, connection=1),
            _read("three", connection=0),
            Manage(Function.ABORT_TASK_SET, connection=1),
        ),
        connections=(0, 0),
        in_flight=True,
    ),
)

_MANAGEMENT = (
    Scenario(
        "abort-task-write",
        "ABORT TASK of a write in every state, call by call; the driver may refuse",
        _alone(_write(early=True, may=("fail",)), Manage(Function.ABORT_TASK, of="write")),
        steps=True,
        answers=_ANY_ANSWER,
    ),
    Scenario(
        "abort-task-read",
        "two ABORT TASK of one read, in order and immediate, with a slow transport",
        (
            (_read(units=2, may=("short", "abort")),),
            (Manage(Function.ABORT_TASK, of="read"),),
            (Manage(Function.ABORT_TASK, of="read", urgent=False),),
        ),
        slow=True,
        answers=_ANY_ANSWER,
    ),
    Scenario(
        "abort-task-set",
        "ABORT TASK SET among a read and writes of two logical units",
        _alone(
            _write(may=("fail",)),
            _write("other-unit", units=1, lun=1),
            _read(),
            Manage(Function.ABORT_TASK_SET, urgent=False),
        ),
        answers=_ANY_ANSWER,
    ),
    Scenario(
        "clear-task-set",
        "CLEAR TASK SET by one of two sessions",
        _alone(
            _write(units=1, early=True),
            _read(),
            _write("neighbour", units=1, connection=1, may=("fail",)),
            Manage(Function.CLEAR_TASK_SET),
        ),
        connections=(0, 1),
        answers=_ANY_ANSWER,
    ),
    Scenario(
        "lun-reset",
        "LOGICAL UNIT RESET by one of two sessions, call by call",
        _alone(_write(units=1), _write("neighbour", connection=1, units=1), Manage(Function.LOGICAL_UNIT_RESET)),
        connections=(0, 1),
        steps=True,
    ),
    Scenario(
        "warm-reset",
        "TARGET WARM RESET beside a LOGICAL UNIT RESET of the other session",
        _alone(
            _write(units=1),
            _read("neighbour", connection=1),
            Manage(Function.TARGET_WARM_RESET, urgent=False),
            Manage(Function.LOGICAL_UNIT_RESET, connection=1),
        ),
        connections=(0, 1),
    ),
    Scenario(
        "cold-reset",
        "TARGET COLD RESET with two sessions, refused or not",
        _alone(_write(units=1), _read("neighbour", connection=1), Manage(Function.TARGET_COLD_RESET)),
        connections=(0, 1),
        steps=True,
        answers=_ANY_ANSWER,
    ),
    Scenario(
        "escalation",
        "ABORT TASK twice, then LOGICAL UNIT RESET of the same write; the driver may refuse any",
        (
            (_write(units=1),),
            (Manage(Function.ABORT_TASK, of="write"), Manage(Function.ABORT_TASK, of="write")),
            (Manage(Function.LOGICAL_UNIT_RESET),),
        ),
        answers=_ANY_ANSWER,
    ),
    Scenario(
        "tag-again",
        "a write that is aborted while data are due, and another one under its tag, aborted as well",
        (
            (_write("first", may=("fail",)), _write("second", again="first")),
            (Manage(Function.ABORT_TASK, of="first"),),
            (Manage(Function.ABORT_TASK, of="second"),),
        ),
        keys=(*_NO_UNSOLICITED, ("MaxOutstandingR2T", "2")),
    ),
    Scenario(
        "answered-here",
        "the functions that the target answers itself, beside one that is forwarded",
        _alone(
            _write(units=1),
            Manage(Function.CLEAR_ACA),
            Manage(Function.TASK_REASSIGN, of="write"),
            Manage(Function.ABORT_TASK, of="write", urgent=False),
        ),
        answers=_ANY_ANSWER,
    ),
    Scenario(
        "answer-inside",
        "task management that the driver answers inside the hook",
        _alone(
            _write(early=True),
            _read(urgent=True),
            Manage(Function.ABORT_TASK, of="write"),
            Manage(Function.LOGICAL_UNIT_RESET),
        ),
        answer_inside=True,
        steps=True,
    ),
)

_ENDS = (
    Scenario(
        "connection-lost",
        "the only connection is reset, call by call, with a task management function on its way",
        _alone(_write(early=True), _read(), Manage(Function.ABORT_TASK, of="write"), Lose()),
        steps=True,
    ),
    Scenario(
        "connection-closed",
        "the initiator closes its connection while output waits for the transport",
        _alone(_write(units=1, may=("abort",)), _read(units=2, may=("fail",)), Lose(reset=False)),
        slow=True,
    ),
    Scenario(
        "one-of-two-lost",
        "one of two connections of a session is lost",
        _alone(_write(), _read(connection=1), Manage(Function.ABORT_TASK_SET, connection=1), Lose(connection=0)),
        connections=(0, 0),
    ),
    Scenario(
        "logout",
        "the session is logged out while commands are on their way",
        _alone(_write(may=("fail",)), _read(may=("short",)), Logout()),
        slow=True,
    ),
    Scenario(
        "logout-connection",
        "one of two connections is logged out by the other, with a function waiting",
        _alone(
            _write(units=1),
            _read(connection=1),
            Manage(Function.LOGICAL_UNIT_RESET),
            Logout(LogoutReason.CLOSE_CONNECTION, connection=0),
        ),
        connections=(0, 0),
        slow=True,
    ),
    Scenario(
        "session-aborted",
        "the driver aborts the session from anywhere; another session goes on",
        _alone(_write(units=1, early=True), _read(), _read("neighbour", connection=1), AbortSession()),
        connections=(0, 1),
        steps=True,
    ),
    Scenario(
        "target-removed",
        "the target is removed under two sessions with commands and a function",
        _alone(
            _write(units=1),
            _read("neighbour", connection=1),
            Manage(Function.ABORT_TASK_SET),
            RemoveTarget(),
        ),
        connections=(0, 1),
        slow=True,
    ),
    Scenario(
        "several-ends",
        "session abort, logout and a reset of the connection at once",
        _alone(_write(units=1), AbortSession(), Logout(), Lose()),
        slow=True,
        steps=True,
    ),
)

_PHASES = (
    Scenario(
        "phases",
        "a multi-phase write and read: long path, short path, phases ahead, executed in portions",
        _alone(_write(units=3, may=("fail",)), _read(units=2, may=("short", "fail"))),
        multi_phase=True,
        keys=(*_NO_UNSOLICITED, ("MaxOutstandingR2T", "2")),
    ),
    Scenario(
        "phases-merged",
        "phases that come back in one call, of a write and of a read that a slow transport takes",
        _alone(_write(units=3, may=("abort",)), _read(units=3, may=("short",))),
        multi_phase=True,
        keys=(*_NO_UNSOLICITED, ("MaxOutstandingR2T", "2")),
        slow=True,
        merged=True,
    ),
    Scenario(
        "phases-aborted",
        "ABORT TASK of a multi-phase write, call by call; the driver may refuse",
        _alone(_write(may=("abort",)), Manage(Function.ABORT_TASK, of="write")),
        multi_phase=True,
        keys=(*_NO_UNSOLICITED, ("MaxOutstandingR2T", "2")),
        steps=True,
        answers=_ANY_ANSWER,
    ),
    Scenario(
        "phases-read-aborted",
        "ABORT TASK of a multi-phase read with a slow transport; the driver gives up or is refused",
        _alone(_read(units=3, may=("abort", "short")), Manage(Function.ABORT_TASK, of="read")),
        multi_phase=True,
        keys=_NO_UNSOLICITED,
        slow=True,
        answers=_ANY_ANSWER,
    ),
    Scenario(
        "phases-lost",
        "the connection of a multi-phase write and read is reset",
        _alone(_write(), _read(units=2), Lose()),
        multi_phase=True,
        keys=_NO_UNSOLICITED,
        slow=True,
    ),
    Scenario(
        "placing",
        "data that are received straight into a driver's buffers, in two segments, while the write is ended",
        _alone(
            Command("write", kind="write", length=32768, may=("abort",)),
            Manage(Function.ABORT_TASK, of="write"),
        ),
        unit=32768,
        keys=_NO_UNSOLICITED,
        split=True,
        answers=_ANY_ANSWER,
    ),
    Scenario(
        "placing-lost",
        "the same, with a connection that is lost and a slow transport",
        _alone(
            Command("write", kind="write", length=32768, may=("abort",)),
            Manage(Function.LOGICAL_UNIT_RESET),
            Lose(),
        ),
        unit=32768,
        keys=_NO_UNSOLICITED,
        split=True,
        slow=True,
    ),
    Scenario(
        "placing-neighbour",
        "the same, with the write cleared by another session",
        _alone(
            Command("write", kind="write", length=32768),
            _read(connection=1),
            Manage(Function.CLEAR_TASK_SET, connection=1),
        ),
        connections=(0, 1),
        unit=32768,
        keys=_NO_UNSOLICITED,
        split=True,
        steps=True,
    ),
)

_ON_HOST = (*_COMPLETIONS, *_MANAGEMENT, *_ENDS, *_PHASES)


def _on_adapter(scenario: Scenario) -> Scenario:
    return replace(
        scenario, name=f"{scenario.name}-adapter", about=f"the same as {scenario.name}, over the adapter", adapter=True
    )


# Reads are sent alike on both ways; what the adapter does otherwise is to place a write's data.
_ON_ADAPTER = [_on_adapter(each) for each in _ON_HOST if any(command.writes for command in each.commands)]

SCENARIOS = {each.name: each for each in (*_ON_HOST, *_ON_ADAPTER)}
"""All scenarios by name."""
