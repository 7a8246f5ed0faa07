"""What a scenario is made of: what initiators do, what the storage driver may do, and how finely steps are cut.

A scenario is data. Each of its programs is a sequence of steps that an initiator (or the target's owner) takes in this
order; the programs, the driver, the transport and the target's own queue take turns in every possible way.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from iscsi_wire.constants import LogoutReason
from iscsi_wire.constants import TaskManagementFunction as Function

UNIT = 512
"""The least that RFC 7143 allows for the keys that Scenario.unit sets (sections 13.12 to 13.14): small transfers then
have several parts."""
FIRST_TAG = 0x100
"""Initiator Task Tag of a scenario's first command; the others' follow in the order of the plan."""

LATER, INSIDE = "later", "inside"


@dataclass(frozen=True)
class Command:
    """A SCSI Command PDU.

    Attributes:
        name: how stories and other steps call it.
        kind: "read", "write" or "none", which transfers nothing.
        length: Expected Data Transfer Length in octets.
        immediate: octets of immediate data; `unsolicited`, of those in Data-Out PDUs that follow without R2T.
        urgent: marked for immediate delivery (the I bit).
        session, connection: who sends it and where; connections are counted over all sessions.
        completion: LATER, as a step of its own, or INSIDE the hook.
        may: what the driver may do instead of executing it: "fail", "short", "abort".
        again: the command whose Initiator Task Tag it uses once more, as soon as that one is answered; data that R2Ts
            asked for may still be on their way.
    """

    name: str
    kind: str = "read"
    length: int = UNIT
    immediate: int = 0
    unsolicited: int = 0
    urgent: bool = False
    lun: int = 0
    connection: int = 0
    completion: str = LATER
    may: tuple[str, ...] = ()
    again: str = ""

    @property
    def writes(self) -> bool:
        """Whether the initiator sends data."""
        return self.kind == "write"


@dataclass(frozen=True)
class Manage:
    """A Task Management Function Request PDU; `of` names the command of an ABORT TASK."""

    function: Function
    of: str = ""
    urgent: bool = True
    lun: int = 0
    connection: int = 0


@dataclass(frozen=True)
class Logout:
    """A Logout Request PDU."""

    reason: LogoutReason = LogoutReason.CLOSE_SESSION
    connection: int = 0


@dataclass(frozen=True)
class Lose:
    """The transport of a connection ends: by FIN, or by a reset."""

    connection: int = 0
    reset: bool = True


@dataclass(frozen=True)
class AbortSession:
    """The driver calls `chiscsi_target_session_abort`."""

    session: int = 0


@dataclass(frozen=True)
class RemoveTarget:
    """The target's owner calls `chiscsi_target_remove`, which returns when the sessions are gone."""


Step: TypeAlias = Command | Manage | Logout | Lose | AbortSession | RemoveTarget


@dataclass(frozen=True)
class Scenario:
    """A scenario.

    Attributes:
        name, about: its name on the command line, and what it is for in one line.
        programs: see above.
        connections: the session of each connection, in order.
        multi_phase: what the LUN class is.
        unit: octets in MaxBurstLength, FirstBurstLength, both sides' MaxRecvDataSegmentLength, and a driver's phase.
        keys: text keys that both sides want, beside those that `unit` sets.
        in_flight: CmdSNs are given in the order of the plan, whatever the order of arrival: several connections.
        steps: the target's queue is worked off one call at a time, with anything in between.
        slow: the transport takes output when it is its turn, not at once.
        split: Data-Out PDUs come in two segments.
        answers: what the driver may answer to task management functions.
        answer_inside: it answers inside the hook.
        merged: phases that can go back to the driver together do so in one call.
        adapter: connections run over the emulated adapter, which places data in buffers that are able to do DMA.
        depth: the bound of `make test` and of the default run; beyond it steps are taken in one order only.
    """

    name: str
    about: str
    programs: tuple[tuple[Step, ...], ...]
    connections: tuple[int, ...] = (0,)
    multi_phase: bool = False
    unit: int = UNIT
    keys: tuple[tuple[str, str], ...] = ()
    in_flight: bool = False
    steps: bool = False
    slow: bool = False
    split: bool = False
    answers: tuple[int, ...] = (0,)
    answer_inside: bool = False
    merged: bool = False
    adapter: bool = False
    depth: int = 40
    commands: tuple[Command, ...] = field(init=False)

    def __post_init__(self) -> None:
        steps = [step for program in self.programs for step in program]
        object.__setattr__(self, "commands", tuple(step for step in steps if isinstance(step, Command)))
