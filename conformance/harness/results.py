"""The result of a case as it travels from the process that ran it to the one that reports it."""

from __future__ import annotations

import msgspec

from conformance.harness.cards import CaseCard
from conformance.harness.evidence import RawEvent
from reports.model import Verdict

PROPERTY = "conformance"
"""Name of the report property under which a result travels."""


class CaseResult(msgspec.Struct, kw_only=True):
    """What became of one case.

    expected, observed: in words; the reason, for verdicts other than fail. field: name of the offending field of the
    event marked as the cause. clause: where the broken rule stands, when the failure knew it better than the card.
    started: wall clock, in seconds since the epoch. doubted: earlier cases that passed since the target last proved
    alive, when this case found it dead or out of order. tolerated: rules that the
    profile tolerates and that were broken. traceback: of a harness error.
    """

    card: CaseCard
    verdict: Verdict
    expected: str = ""
    observed: str = ""
    clause: str = ""
    field: str = ""
    started: float = 0.0
    duration: float = 0.0
    worker: str = ""
    events: list[RawEvent] = []
    doubted: list[str] = []
    tolerated: list[str] = []
    deviation: str = ""
    traceback: str = ""

    @property
    def reason(self) -> str:
        """One line saying why the verdict is what it is; empty for a plain pass."""
        return self.deviation or " ".join(self.observed.split())


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(CaseResult)


def pack(result: CaseResult) -> bytes:
    """A result as octets, which is all that pytest-xdist can carry."""
    return _encoder.encode(result)


def unpack(octets: bytes) -> CaseResult:
    """The result that :func:`pack` made."""
    return _decoder.decode(octets)
