"""Commands in each state that a driver can leave them in: for cases about what may end them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from conformance.api import ReadyToTransfer, Received, Session, Task
from conformance.driver_bench import Buffers, DriverBench
from conformance.suites.blocks import pattern

LENGTH = 8192


@dataclass
class Underway:
    """A command: its task, what the driver was given, the buffers with the stack, an R2T that is not answered."""

    task: Task
    sc: Any
    buffers: list[Buffers] = field(default_factory=list)
    r2t: Received[ReadyToTransfer] | None = None

    def send_late_data(self) -> None:
        """Answer the R2T, if there is one."""
        if self.r2t is not None:
            self.task.serve(self.r2t)


def held_read(bench: DriverBench, session: Session | None = None, **arguments: Any) -> Underway:
    """The driver has a read, and has not executed it."""
    return Underway(*bench.begin_read(LENGTH, session, **arguments))


def held_without_data(bench: DriverBench, session: Session | None = None, **arguments: Any) -> Underway:
    """The driver has a command without data."""
    return Underway(*bench.begin_no_data(session, **arguments))


def held_write(bench: DriverBench, session: Session | None = None, **arguments: Any) -> Underway:
    """The driver has a write, and has given no buffers."""
    return Underway(*bench.begin_write(pattern(LENGTH), session, **arguments))


def asked_write(bench: DriverBench, session: Session | None = None, **arguments: Any) -> Underway:
    """The stack has the buffers of a write, and the initiator has an R2T."""
    task, sc = bench.begin_write(pattern(LENGTH), session, **arguments)
    buffers = bench.give_buffers(sc)
    return Underway(task, sc, [buffers], task.next_r2t())


def filled_write(bench: DriverBench, session: Session | None = None, **arguments: Any) -> Underway:
    """The driver has the full buffers of a write, and has not executed it."""
    task, sc = bench.begin_write(pattern(LENGTH), session, **arguments)
    buffers = bench.give_buffers(sc)
    bench.wait_for_data(task, sc, buffers)
    return Underway(task, sc)


State = Callable[..., Underway]
HELD: list[State] = [held_read, held_without_data, held_write, filled_write]
ALL: list[State] = [*HELD, asked_write]


def names(states: list[State]) -> list[str]:
    """Ids of variants."""
    return [state.__name__.replace("_", "-") for state in states]
