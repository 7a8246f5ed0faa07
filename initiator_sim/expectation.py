"""What an expectation is, and how legal values are compared and named; the verbs are in `initiator_sim.expect`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar

from initiator_sim.evidence import Received
from initiator_sim.outcomes import ExpectationFailed
from iscsi_wire.constants import Code
from iscsi_wire.pdus import Pdu

if TYPE_CHECKING:
    from initiator_sim.connection import Connection

T_co = TypeVar("T_co", covariant=True)

Allowed: TypeAlias = int | bytes | Collection[int] | None
"""A legal value, a set or range of legal values, or None for any value."""


@dataclass(frozen=True, slots=True)
class Mismatch:
    """Why evidence does not meet an expectation: what was seen, and the field that is to blame if one is."""

    observed: str
    field: str = ""


@dataclass(frozen=True, slots=True)
class Expectation(Generic[T_co]):
    """What may happen.

    Attributes:
        text: it in words.
        judge: gives what it was met by, or a `Mismatch`.
        clause: the requirements behind it; empty for those of the running case.
        probe: whether a NOP round trip has to show that nothing comes.
        for_good: whether what was sent last may not be answered later either.
        of_single_pdu: whether it is about one PDU of a command and not about its end.
        unsolicited: whether it is about PDUs that come unasked.
        passes_over: PDUs that may come before what is expected.
        timeout: how long to wait, in seconds, if not as long as usual.
    """

    text: str
    judge: Callable[[Any], T_co | Mismatch]
    clause: str = ""
    probe: bool = False
    for_good: bool = False
    of_single_pdu: bool = False
    unsolicited: bool = False
    passes_over: tuple[type[Pdu], ...] = ()
    timeout: float | None = None

    def judge_or_fail(self, evidence: object, connection: Connection, clause: str = "") -> T_co:
        """Return what `evidence` meets this expectation with.

        Raises:
            ExpectationFailed: it does not meet it.
        """
        verdict = self.judge(evidence)
        if not isinstance(verdict, Mismatch):
            return verdict
        pdu = evidence if isinstance(evidence, Received) else getattr(evidence, "ending", None)
        raise ExpectationFailed(
            self.text,
            verdict.observed,
            exchange=connection.exchange,
            clause=clause or self.clause,
            pdu=pdu if isinstance(pdu, Received) else None,
            field=verdict.field,
        )


def fits(value: int | bytes, allowed: Allowed) -> bool:
    """Say whether `value` is among the legal ones."""
    if allowed is None:
        return True
    if isinstance(allowed, int | bytes):
        return value == allowed
    return value in allowed


def names_of(allowed: Allowed | Iterable[int], codes: type[Code] | None = None) -> str:
    """Return legal values in words."""
    if allowed is None:
        return "any"
    if isinstance(allowed, bytes):
        return allowed.hex()
    if isinstance(allowed, range):
        return f"{allowed.start:#x}..{allowed.stop - 1:#x}"
    values = [allowed] if isinstance(allowed, int) else sorted(allowed)
    return " or ".join(f"{value:#x}" + (f" ({codes.meaning(value)})" if codes else "") for value in values)


def difference(came: bytes, wanted: bytes) -> str:
    """Say where two octet strings begin to differ."""
    place = next((i for i, (a, b) in enumerate(zip(came, wanted, strict=False)) if a != b), min(len(came), len(wanted)))
    return (
        f"{len(came)} octets that differ from the expected {len(wanted)} at octet {place}: "
        f"{came[place : place + 8].hex() or 'end'} instead of {wanted[place : place + 8].hex() or 'end'}"
    )
