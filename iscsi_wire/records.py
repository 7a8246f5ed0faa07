"""What a half of the exchange observed, one record an observation.

Both halves write the same stream: the scripted initiator its PDUs and transport events, the target also its state
transitions, hook calls, completions, log lines, and messages between host and offloading card. A listener is any
callable that takes a record; whoever writes the records does not know who listens. Payloads are copied when the record
is made, so a record stays true for ever.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

Source: TypeAlias = Literal["initiator", "target"]
Direction: TypeAlias = Literal["in", "out"]


@dataclass(slots=True, frozen=True)
class PduRecord:
    """A PDU that went out or came in.

    `offset` is the position of the BHS in the byte stream of its direction; `ahs` and `data` are without digests and
    padding.
    """

    time: float
    source: Source
    connection: str
    direction: Direction
    header: bytes
    ahs: bytes
    data: bytes
    offset: int


@dataclass(slots=True, frozen=True)
class StateRecord:
    """A transition of a state machine: one of RFC 7143 section 8, in the RFC's labels (`S4`, `T7`, `Q3`, `N5`), or a
    command's, in the labels of the Chelsio guide (7.3.5.2 and 7.3.5.3), its task named before the event.
    """

    time: float
    source: Source
    connection: str
    machine: Literal["connection", "session", "command"]
    old: str
    event: str
    new: str


@dataclass(slots=True, frozen=True)
class HookRecord:
    """A call of a storage driver's hook, by the guide's name, with its arguments and result as text."""

    time: float
    source: Source
    connection: str
    name: str
    arguments: str
    result: str


@dataclass(slots=True, frozen=True)
class CompletionRecord:
    """A call of the storage driver into the Target Module, by the guide's name."""

    time: float
    source: Source
    connection: str
    name: str
    arguments: str
    result: str


@dataclass(slots=True, frozen=True)
class LogRecord:
    """A log message with the guide's wording. Levels: 0 error, 1 warning, 2 information, 3 debug."""

    time: float
    source: Source
    connection: str
    level: int
    text: str


@dataclass(slots=True, frozen=True)
class TransportRecord:
    """Something that happened to the connection's transport, such as `connected`, `closed` or `reset`."""

    time: float
    source: Source
    connection: str
    event: str


@dataclass(slots=True, frozen=True)
class FindingRecord:
    """What a storage driver did wrong without the Target Module being the worse for it.

    `kind` is one of `chiscsi_target.api.findings.FindingKind`; `itt`, the Initiator Task Tag of the command that it is
    about, or None.
    """

    time: float
    source: Source
    connection: str
    kind: str
    itt: int | None
    text: str


@dataclass(slots=True, frozen=True)
class OffloadRecord:
    """A message between host and offloading card, by the name in Chelsio's headers; `text` shows it in a line."""

    time: float
    source: Source
    connection: str
    message: str
    text: str


@dataclass(slots=True, frozen=True)
class PlacementRecord:
    """What became of a write's data, by its Initiator Task Tag, when an adapter may place them.

    `placed` and `copied` are in octets; `reason` says why some were copied, and is empty when none were.
    """

    time: float
    source: Source
    connection: str
    itt: int
    placed: int
    copied: int
    reason: str


Record: TypeAlias = (
    PduRecord
    | StateRecord
    | HookRecord
    | CompletionRecord
    | LogRecord
    | TransportRecord
    | FindingRecord
    | OffloadRecord
    | PlacementRecord
)
Listener: TypeAlias = Callable[[Record], None]
