"""How a script can end other than well, each way with its own class.

What the target did wrong (`ExpectationFailed`), what this side did wrong (`HarnessFault`), what the target said it
does not offer (`Unsupported`), and what could not be found out (`Inconclusive`) lead to different verdicts, so none
of them is a subclass of another.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from initiator_sim.evidence import AnyReceived
    from initiator_sim.exchange import Exchange


class ScriptOutcome(Exception):
    """The root of everything that ends a script early."""


class ExpectationFailed(ScriptOutcome):
    """The target did something that the specification does not allow at this point.

    Attributes:
        expected: what would have been right, in words.
        observed: what came instead, in words.
        clause: identifiers of the requirements, such as `7143-4.2.2.1-17`; empty when the case has to name them.
        pdu: the PDU that was wrong, or None when the fault is no PDU (silence, a closed connection).
        field: the name of the offending field of `pdu`, or empty.
        exchange: everything that was sent and received up to then.
    """

    def __init__(
        self,
        expected: str,
        observed: str,
        *,
        exchange: Exchange,
        clause: str = "",
        pdu: AnyReceived | None = None,
        field: str = "",
    ) -> None:
        super().__init__(expected, observed)
        self.expected = expected
        self.observed = observed
        self.clause = clause or exchange.clause
        self.pdu = pdu
        self.field = field
        self.exchange = exchange

    def __str__(self) -> str:
        """Return the whole story: expectation, observation, clause, the PDU decoded, and the exchange so far."""
        lines = [f"expected: {self.expected}", f"observed: {self.observed}"]
        if self.clause:
            lines.append(f"clause:   {self.clause}")
        if self.pdu is not None:
            lines += ["the PDU that came:", self.pdu.describe(marked=self.field)]
        lines += ["the exchange so far:", self.exchange.ladder(marked=self.pdu.record if self.pdu else None)]
        return "\n".join(lines)


class HarnessFault(ScriptOutcome):
    """The script or its surroundings failed: a wrong call, a field that does not exist, no way to connect.

    Never the target's failure.
    """


class Unsupported(ScriptOutcome):
    """The target declared, by legal means, that it lacks what the script needs.

    Attributes:
        reason: the declaration, in words, such as `MaxConnections=1 was negotiated`.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Inconclusive(ScriptOutcome):
    """The run showed neither conformance nor its lack, for example because the race to be provoked did not happen.

    Attributes:
        reason: why nothing can be concluded, in words.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
