"""The records of a conformance run: what happened, what was expected, what was seen.

A suite fills these structs, a worker process writes each finished :class:`Case` as one JSON line
(:mod:`reports.store`), and every report is made from a :class:`Run` alone. The structs are plain data: no
clock, no I/O, no iSCSI.

Bytes and bits are counted as RFC 7143 section 11 draws them: byte 0 is the first of the PDU, bit 0 the most
significant bit of its byte.
"""

from __future__ import annotations

import datetime
from collections import Counter
from typing import Literal, get_args

import msgspec

__all__ = [
    "EVENT_KINDS",
    "VERDICTS",
    "Case",
    "Event",
    "EventKind",
    "Field",
    "Finding",
    "Placement",
    "Requirement",
    "Run",
    "Verdict",
    "red",
    "verdict_counts",
]

Verdict = Literal["pass", "non-strict", "fail", "unsupported", "known-deviation", "inconclusive", "harness-error"]
"""How a case ended.

- pass: the rule was kept.
- non-strict: allowed, though not what the specification advises.
- fail: the rule was broken.
- unsupported: the device declares that it lacks the feature. Never counts as a pass.
- known-deviation: broken exactly as the target's profile says.
- inconclusive: the exchange never reached the point that the rule is about.
- harness-error: our own fault, never the target's.
"""

EventKind = Literal["pdu", "state", "hook", "completion", "log", "note", "transport", "offload"]
"""What an event is: an arrow between two lifelines (pdu), or something that one side reports about itself."""

VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
EVENT_KINDS: tuple[EventKind, ...] = get_args(EventKind)

_RED: frozenset[Verdict] = frozenset({"fail", "inconclusive", "harness-error"})


class Field(msgspec.Struct, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """One decoded field of a PDU.

    name: the RFC's name in snake case, or the text key's name for a key=value pair of the data segment.
    value: as a person writes it: "0x20", "5", "iqn.2004-01.com.example:disk".
    meaning: what the value says, in words ("Login Request", "Full feature phase"); on a marked field, what is
        wrong with it ("expected 6").
    offset: byte at which the field begins, from the first byte of the PDU as it stands in :attr:`Event.hex`;
        -1 for a value that has no bytes there (a digest, say).
    bits: "0" or "2-7" or "0-31": first and last bit, counted from the most significant bit of byte `offset`.
        A 32-bit word is "0-31", a data segment of ten bytes "0-79".
    section: where the field is defined: "11.12.3" for RFC 7143, otherwise with the document's name
        ("SPC-4 6.6").
    marked: this is the field that broke the rule.

    A run has hundreds of thousands of these, so the garbage collector does not track them (they hold strings
    only).
    """

    name: str
    value: str
    meaning: str = ""
    offset: int = -1
    bits: str = ""
    section: str = ""
    marked: bool = False


class Placement(msgspec.Struct, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """What became of the data of one write, when an adapter may place them where they belong.

    placed: octets that it placed.
    copied: octets that went through host memory.
    reason: why some were copied; empty when none were.
    """

    placed: int
    copied: int = 0
    reason: str = ""


class Event(msgspec.Struct, omit_defaults=True, forbid_unknown_fields=True):
    """One line of the ladder.

    index: position in the case's exchange, from 0.
    time: seconds after the case began, by the clock the case ran on (a fake one in memory).
    kind: see :data:`EventKind`.
    source: lifeline that sent or reported it, "initiator" or "target".
    destination: lifeline that an arrow points to; empty for everything that is not a PDU.
    connection: short label of the connection ("c0"), empty when it belongs to none.
    title: "Login Request", "S3 -> S4", the hook's name, "connected", a message to an offloading card.
    detail: the few values worth a glance ("CSG=1 NSG=3 T=1"), the log line's text, the hook's arguments.
    fields: decoded fields in wire order.
    hex: hexadecimal digits of header, AHS and data segment, without digests and padding; the data may be cut
        short.
    length: bytes of header, AHS and data before any cut; 0 when `hex` is whole.
    data_preview: the data segment as text where it is text (key=value pairs, one a line).
    marked: this is the event that broke the rule.
    remark: why it is marked, in words: "StatSN went from 5 to 7".
    placement: what became of the data of the write that this event begins; each write has one at most.
    """

    index: int
    time: float
    kind: EventKind
    source: str
    destination: str = ""
    connection: str = ""
    title: str = ""
    detail: str = ""
    fields: list[Field] = msgspec.field(default_factory=list)
    hex: str = ""
    length: int = 0
    data_preview: str = ""
    marked: bool = False
    remark: str = ""
    placement: Placement | None = None


class Finding(msgspec.Struct, omit_defaults=True, forbid_unknown_fields=True):
    """What a storage driver did wrong, whether or not the initiator noticed.

    kind: the rule it broke, in a word or two ("double-completion").
    text: what it did, the first time.
    count: how often.
    """

    kind: str
    text: str
    count: int = 1


class Requirement(msgspec.Struct, omit_defaults=True, forbid_unknown_fields=True):
    """One rule of the catalogue.

    id: never changes and is never reused ("7143-4.2.2.1-03").
    section: clause of the document that `id` begins with ("4.2.2.1").
    level: "MUST", "MUST NOT", "SHOULD", "MAY", "FORMAT" ...
    text: the rule in words.
    """

    id: str
    section: str
    level: str
    text: str


class Case(msgspec.Struct, omit_defaults=True, forbid_unknown_fields=True):
    """One judged rule with its evidence.

    id: the case's identifier, which never changes ("window.beyond-max-cmd-sn").
    title: a sentence that a storage engineer understands.
    suite: the group it is shown in ("command window").
    rule: the rule in words, as the case states it.
    requirements: identifiers of the :class:`Requirement` that the case checks.
    verdict: see :data:`Verdict`.
    expected, observed: what would have passed, and what came; on a pass `observed` may be empty.
    clause: the sentence's place, "RFC 7143 section 4.2.2.1".
    started: seconds from the start of the run.
    duration: seconds of wall clock.
    events: the exchange, by index.
    repeat_command: shell command that runs this case alone against the same target.
    deviation: the profile's entry when one applies: class and reason ("bug: answers with status 0x0201 ...").
    findings: what the target's storage driver did wrong meanwhile; the verdict does not depend on them.
    worker: process that ran it ("gw0"), empty without pytest-xdist.
    traceback: for harness-error only: where our own code failed.
    """

    id: str
    title: str
    suite: str
    verdict: Verdict
    rule: str = ""
    requirements: list[str] = msgspec.field(default_factory=list)
    expected: str = ""
    observed: str = ""
    clause: str = ""
    started: float = 0.0
    duration: float = 0.0
    events: list[Event] = msgspec.field(default_factory=list)
    repeat_command: str = ""
    deviation: str = ""
    findings: list[Finding] = msgspec.field(default_factory=list)
    worker: str = ""
    traceback: str = ""


class Run(msgspec.Struct, omit_defaults=True, forbid_unknown_fields=True):
    """A whole run.

    tool_version: version of this toolkit.
    target: what was judged: "iscsi://127.0.0.1:3260/iqn.2004-01.com.example:disk/0", or the embedded target's
        name.
    transport: "tcp" or "memory".
    started: wall clock at the beginning, with time zone.
    duration: seconds of wall clock.
    environment: names and values worth knowing later (Python, platform, seed, target profile).
    cases: all of them, in the order of the suites.
    requirements: the catalogue entries that the cases name (more do no harm).
    repeat_command: shell command that repeats the whole run.
    """

    tool_version: str
    target: str
    transport: str
    started: datetime.datetime
    duration: float = 0.0
    environment: dict[str, str] = msgspec.field(default_factory=dict)
    cases: list[Case] = msgspec.field(default_factory=list)
    requirements: list[Requirement] = msgspec.field(default_factory=list)
    repeat_command: str = ""


def red(verdict: Verdict) -> bool:
    """Whether this verdict makes the run fail."""
    return verdict in _RED


def verdict_counts(run: Run) -> dict[Verdict, int]:
    """Cases by verdict: every verdict in the order of :data:`VERDICTS`, with 0 where there is none."""
    counted = Counter(case.verdict for case in run.cases)
    return {verdict: counted[verdict] for verdict in VERDICTS}
