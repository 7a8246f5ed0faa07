"""The sanity exchange: log in, ask for readiness, ping, log out. It tells a living target from a dead one.

It judges nothing: a target that answers, but wrongly, is ill, and its cases find out why.
"""

from __future__ import annotations

from enum import Enum

from conformance.harness.interruptions import TargetGone
from conformance.harness.target import Target, settle
from initiator_sim.initiator import Initiator
from initiator_sim.outcomes import ExpectationFailed, Inconclusive, Unsupported
from iscsi_wire.records import PduRecord


class Health(Enum):
    """What the sanity exchange showed."""

    UNKNOWN = "nobody has looked yet"
    SOUND = "every step was answered as it should be"
    ILL = "it answers, but a step went wrong"
    DEAD = "it takes no connection, or says nothing"


def examine(target: Target) -> Health:
    """Carry out the sanity exchange, apart from any case's evidence."""
    initiator: Initiator | None = None
    try:
        with target.initiator(aside=True) as initiator:
            session = initiator.login()
            settle(session)
            session.nop(b"sane?")
            session.logout()
    except TargetGone:
        return Health.DEAD
    except (ExpectationFailed, Inconclusive, Unsupported):
        return Health.ILL if initiator is not None and _answered(initiator) else Health.DEAD
    return Health.SOUND


def _answered(initiator: Initiator) -> bool:
    records = initiator.exchange.records
    return any(isinstance(record, PduRecord) and record.direction == "in" for record in records)
