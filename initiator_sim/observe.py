"""Applying an expectation to whatever a connection brings next."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from initiator_sim.evidence import Event, Peace, Received
from initiator_sim.expectation import Expectation, Mismatch
from iscsi_wire.pdus import NopIn, NopOut

if TYPE_CHECKING:
    from initiator_sim.connection import Connection

T = TypeVar("T")


def observe(connection: Connection, expectation: Expectation[T], clause: str = "") -> T:
    """Wait for what `connection` brings next and require that it meets `expectation`.

    An expectation with a probe gets a NOP round trip: its answer, with nothing before it, shows that the target had
    nothing to say to what was sent last.

    Raises:
        ExpectationFailed: it does not.
    """
    about = connection.last_tag
    probe: int | None = None
    if expectation.probe:
        probe = connection.send(NopOut, immediate=1).header.initiator_task_tag
    while True:
        event = connection.receive(expectation.timeout, unsolicited=expectation.unsolicited, about=about)
        evidence = _as_peace(event, probe)
        passes = isinstance(evidence, Received) and isinstance(evidence.header, expectation.passes_over)
        if passes and isinstance(expectation.judge(evidence), Mismatch):
            continue
        met = expectation.judge_or_fail(evidence, connection, clause)
        if not isinstance(evidence, Peace):
            if probe is not None:
                connection.discard(probe)
        elif expectation.for_good:
            connection.never_answered(about)
        return met


def _as_peace(event: Event, probe: int | None) -> Event | Peace:
    header = event.header if isinstance(event, Received) else None
    answered = isinstance(header, NopIn) and header.initiator_task_tag == probe
    return Peace(event) if answered and isinstance(event, Received) else event
