"""What a row of the command table is, and how the table becomes the 256 handlers of a logical unit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from chiscsi_target.api.constants import SC_FLAG_WRITE
from chiscsi_target.scsi.reply import fail
from chiscsi_target.scsi.sense import (
    INVALID_FIELD_IN_CDB,
    INVALID_FIELD_IN_INFORMATION_UNIT,
    INVALID_OPCODE,
    LOGICAL_UNIT_NOT_SUPPORTED,
    Field,
)

if TYPE_CHECKING:
    from chiscsi_target.api.scsi_command import chiscsi_scsi_command
    from chiscsi_target.scsi.logical_unit import Handler, LogicalUnit

__all__ = ["Command", "Direction", "handlers", "reject_bits"]

_SERVICE_ACTION = 0x1F
_SERVICE_ACTION_BIT = 4


class Direction(Enum):
    """Which way a command moves data."""

    NONE = "none"
    IN = "in"
    OUT = "out"


@dataclass(frozen=True, slots=True)
class Command:
    """One command of the device server.

    Attributes:
        name: its name in the standard.
        clause: where the standard describes it.
        usage: the CDB usage map, as REPORT SUPPORTED OPERATION CODES has it (SPC-4, 6.35.3): the operation code (and
            service action), then a one for every bit that is looked at. Any other bit set is an invalid field.
        direction: which way it moves data.
        handler: what executes it, after the checks that the table alone can make.
        service_action: the service action, when the operation code has several.
        any_unit: whether it is answered whatever is the matter with the logical unit: there is none of that number, it
            is offline, or a unit attention condition is pending (SPC-4, 6.4.1, 6.33 and 6.39; SAM-5, 5.14).
        direct: whether the handler makes all the checks itself, being on the fast path.
    """

    name: str
    clause: str
    usage: bytes
    direction: Direction
    handler: Handler
    service_action: int | None = None
    any_unit: bool = False
    direct: bool = False

    @property
    def opcode(self) -> int:
        """The operation code."""
        return self.usage[0]


def reject_bits(usage: bytes, sc: chiscsi_scsi_command) -> int:
    """Fail a command for the first CDB bit that `usage` leaves out."""
    for octet, allowed in enumerate(usage[1:], 1):
        if wrong := sc.sc_cmd[octet] & ~allowed:
            return fail(sc, INVALID_FIELD_IN_CDB, Field(octet, wrong.bit_length() - 1))
    raise AssertionError("no bit of the CDB is wrong")


def _checked(command: Command) -> Handler:
    """The handler of `command` behind the checks that its row asks for."""
    length = len(command.usage)
    mask = bytearray(command.usage)
    mask[0] = 0xFF
    if command.service_action is not None:
        mask[1] |= _SERVICE_ACTION
    forbidden = int.from_bytes(mask) ^ (1 << 8 * length) - 1
    takes_data = command.direction is Direction.OUT
    execute = command.handler

    def handler(unit: LogicalUnit, sc: chiscsi_scsi_command) -> int:
        if int.from_bytes(sc.sc_cmd[:length]) & forbidden:
            return reject_bits(bytes(mask), sc)
        if takes_data and sc.sc_xfer_len and not sc.sc_flag & SC_FLAG_WRITE:
            return fail(sc, INVALID_FIELD_IN_INFORMATION_UNIT)
        return execute(unit, sc)

    return handler


def _by_service_action(actions: Mapping[int, Handler]) -> Handler:
    """The handler of an operation code with service actions."""

    def handler(unit: LogicalUnit, sc: chiscsi_scsi_command) -> int:
        action = actions.get(sc.sc_cmd[1] & _SERVICE_ACTION)
        if action is None:
            return fail(sc, INVALID_FIELD_IN_CDB, Field(1, _SERVICE_ACTION_BIT))
        return action(unit, sc)

    return handler


def _unknown_opcode(_unit: LogicalUnit, sc: chiscsi_scsi_command) -> int:
    return fail(sc, INVALID_OPCODE, Field(0))


def _absent_unit(_unit: LogicalUnit, sc: chiscsi_scsi_command) -> int:
    return fail(sc, LOGICAL_UNIT_NOT_SUPPORTED)


def handlers(commands: Iterable[Command], *, present: bool = True) -> tuple[Handler, ...]:
    """The handlers of a logical unit by operation code; for a number without a unit when it is not `present`."""
    table: list[Handler] = [_unknown_opcode if present else _absent_unit] * 256
    actions: dict[int, dict[int, Handler]] = {}
    for command in commands:
        if not (present or command.any_unit):
            continue
        handler = command.handler if command.direct else _checked(command)
        if command.service_action is None:
            table[command.opcode] = handler
        else:
            actions.setdefault(command.opcode, {})[command.service_action] = handler
    for opcode, by_action in actions.items():
        table[opcode] = _by_service_action(by_action)
    return tuple(table)
