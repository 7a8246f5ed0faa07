"""The target ports of a target, and how each of them reaches a logical unit (SPC-4, asymmetric logical unit access).

A portal group is a SCSI target port (RFC 7143, 4.4.1), and each is a target port group by itself: its tag is both.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final

from chiscsi_target.scsi.guards import Precedence
from chiscsi_target.scsi.reply import fail
from chiscsi_target.scsi.sense import PORT_IN_STANDBY, PORT_UNAVAILABLE, Sense
from iscsi_wire.scsi_codes import OperationCode
from iscsi_wire.scsi_page_codes import BufferMode
from iscsi_wire.scsi_parameter_codes import AccessState, MaintenanceIn, MaintenanceOut

if TYPE_CHECKING:
    from chiscsi_target.api.scsi_command import chiscsi_scsi_command
    from chiscsi_target.scsi.logical_unit import LogicalUnit

__all__ = ["CAN_BE_SET", "KEPT", "TargetPorts", "dump_states", "load_states", "watch"]

KEPT: Final = "access_states"
"""Name under which states are kept that were set."""
CAN_BE_SET: Final = frozenset(
    (
        AccessState.ACTIVE_OPTIMIZED,
        AccessState.ACTIVE_NON_OPTIMIZED,
        AccessState.STANDBY,
        AccessState.UNAVAILABLE,
    )
)

_TAGS: Final = 1 << 16
_MODE: Final = 0x1F
_SERVICE_ACTION: Final = 0x1F
_ECHO: Final = frozenset((BufferMode.ECHO_BUFFER, BufferMode.ECHO_BUFFER_DESCRIPTOR))
_UNAVAILABLE: Final = frozenset((OperationCode.INQUIRY, OperationCode.REPORT_LUNS, OperationCode.REQUEST_SENSE))
_STANDBY: Final = _UNAVAILABLE | {
    OperationCode.LOG_SELECT,
    OperationCode.LOG_SENSE,
    OperationCode.MODE_SELECT_6,
    OperationCode.MODE_SELECT_10,
    OperationCode.MODE_SENSE_6,
    OperationCode.MODE_SENSE_10,
    OperationCode.RECEIVE_DIAGNOSTIC_RESULTS,
    OperationCode.SEND_DIAGNOSTIC,
    OperationCode.PERSISTENT_RESERVE_IN,
    OperationCode.PERSISTENT_RESERVE_OUT,
}
_RESTRICTED: Final[dict[int, tuple[frozenset[OperationCode], Sense]]] = {
    AccessState.STANDBY: (_STANDBY, PORT_IN_STANDBY),
    AccessState.UNAVAILABLE: (_UNAVAILABLE, PORT_UNAVAILABLE),
}
"""What is executed in a state all the same, beside what is in every one, and why all else is not (SPC-4, 5.15.2.4)."""


class TargetPorts:
    """The target ports of a target.

    Attributes:
        numbers: relative target port identifiers by portal group tag, of those that are there.
        arrivals: by session, the tag of the portal group that it came in through.
    """

    __slots__ = ("_known", "arrivals", "numbers")

    def __init__(self, tags: Iterable[int]) -> None:
        self.numbers: dict[int, int] = {}
        self._known: dict[int, int] = {}
        self.arrivals: dict[int | None, int] = {}
        self.describe(tags)

    def describe(self, tags: Iterable[int]) -> None:
        """Go by these portal groups from now on."""
        self.numbers = {tag: self.number(tag) for tag in tags}

    def number(self, tag: int) -> int:
        """The relative target port identifier of a portal group, which keeps it even while it is not there."""
        return self._known.setdefault(tag, len(self._known) + 1)

    def tag(self, number: int) -> int | None:
        """The tag of the portal group with a relative target port identifier, if it is there."""
        return next((tag for tag, each in self.numbers.items() if each == number), None)

    def of_session(self, session: int | None) -> int:
        """The tag of a session's target port: the first one, for whom nothing is known."""
        return self.arrivals.get(session, next(iter(self.numbers)))


def dump_states(states: Mapping[int, int]) -> bytes | None:
    """What has to survive a restart of the states of target port groups, by their tags; None if all are as new."""
    if all(state == AccessState.ACTIVE_OPTIMIZED for state in states.values()):
        return None
    return json.dumps({str(tag): AccessState(state).name for tag, state in states.items()}).encode()


def load_states(data: bytes) -> dict[int, int]:
    """What has survived.

    Raises:
        ValueError: it is not what `dump_states` wrote.
    """
    names = {state.name: int(state) for state in CAN_BE_SET}
    kept = json.loads(data)
    if not isinstance(kept, dict):
        raise ValueError("these are no access states")
    for tag, name in kept.items():
        if type(name) is not str or name not in names or not tag.isdecimal() or int(tag) >= _TAGS:
            raise ValueError(f"target port group {tag} cannot be {name}")
    return {int(tag): names[name] for tag, name in kept.items()}


def watch(unit: LogicalUnit) -> None:
    """Keep commands from a unit that come through a port from which it does not take them."""
    if any(state in _RESTRICTED for state in unit.access_states.values()):
        unit.guards.post(Precedence.TARGET_PORT_STATE, _guard)
    else:
        unit.guards.withdraw(Precedence.TARGET_PORT_STATE)


def _guard(unit: LogicalUnit, sc: chiscsi_scsi_command) -> int | None:
    tag = unit.device.target_ports.of_session(sc.sc_sess)
    restricted = _RESTRICTED.get(unit.access_states.get(tag, AccessState.ACTIVE_OPTIMIZED))
    if restricted is None or sc.sc_cmd[0] in restricted[0] or _always(sc):
        return None
    return fail(unit, sc, restricted[1])


def _always(sc: chiscsi_scsi_command) -> bool:
    """Whether a command is executed in every state: reports on the states, changes to them, and echoes."""
    code, second = sc.sc_cmd[0], sc.sc_cmd[1]
    if code == OperationCode.MAINTENANCE_IN:
        return second & _SERVICE_ACTION == MaintenanceIn.REPORT_TARGET_PORT_GROUPS
    if code == OperationCode.MAINTENANCE_OUT:
        return second & _SERVICE_ACTION == MaintenanceOut.SET_TARGET_PORT_GROUPS
    return code in (OperationCode.READ_BUFFER, OperationCode.WRITE_BUFFER) and second & _MODE in _ECHO
