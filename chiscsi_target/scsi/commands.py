"""What a row of the command table is, and how the table becomes the 256 handlers of a logical unit."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from chiscsi_target.api.constants import SC_FLAG_WRITE
from chiscsi_target.scsi.aca import NACA
from chiscsi_target.scsi.parameter_data import collect
from chiscsi_target.scsi.refused import Refused
from chiscsi_target.scsi.reply import fail, refuse
from chiscsi_target.scsi.sense import (
    INVALID_FIELD_IN_CDB,
    INVALID_INFORMATION_UNIT,
    INVALID_OPERATION_CODE,
    LOGICAL_UNIT_NOT_SUPPORTED,
    Field,
)
from iscsi_wire.scsi_codes import OperationCode
from iscsi_wire.structure import Kind

if TYPE_CHECKING:
    from chiscsi_target.api.scsi_command import chiscsi_scsi_command
    from chiscsi_target.scsi.logical_unit import Handler, LogicalUnit
    from iscsi_wire.structure import Cdb

__all__ = ["Command", "Direction", "handlers", "parameter_list_length", "reject_bits"]

_SERVICE_ACTION: Final = 0x1F
_SERVICE_ACTION_FIELD: Final = Field(1, 4)
LONG_CDB: Final = 32
"""Octets of a CDB that needs an Additional Header Segment."""
_LENGTH_OF_LONG_FIELD, _LONG_ACTION_FIELD = Field(7), Field(8)


class Direction(Enum):
    """Which way a command moves data."""

    NONE = "none"
    IN = "in"
    OUT = "out"


Execute: TypeAlias = "Callable[[LogicalUnit, chiscsi_scsi_command, Any], int]"
"""Executes one command whose CDB is decoded and has no bit set that the table forbids."""


ExecuteWithData: TypeAlias = "Callable[[LogicalUnit, chiscsi_scsi_command, Any, bytes | bytearray], int]"
"""Executes one command when its data are there: as many octets as the CDB says, or as the initiator expects to send."""


Fast: TypeAlias = "Callable[[Command], Handler]"
"""Makes a handler that reads the CDB itself and makes all the checks."""


@dataclass(frozen=True, slots=True)
class Command:
    """One command of the device server.

    Attributes:
        cdb: its CDB, declared in `iscsi_wire`, with operation code, service action, name and clause.
        direction: which way it moves data.
        execute: what executes it.
        execute_with_data: in place of `execute`, for commands whose data the device server itself looks at, and
        data_length: how many octets of data the CDB says there are.
        fast: in place of `execute`, for the commands that have to be quick.
        refused: fields of the CDB that belong to features which there are not.
        ignored: reserved fields that may be set all the same.
        where: fields that mean something to some logical units only, each with what tells whether it does to one.
        needs: whether a logical unit has the command; all have it without.
        any_unit: whether it is answered whatever is the matter with the logical unit: there is none of that number, it
            is offline, or a unit attention condition is pending (SAM-5, unit attention conditions).
    """

    cdb: type[Cdb]
    direction: Direction
    execute: Execute | None = None
    execute_with_data: ExecuteWithData | None = None
    data_length: Callable[[LogicalUnit, Any], int] | None = None
    fast: Fast | None = None
    refused: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    where: Mapping[str, Callable[[LogicalUnit], bool]] = field(default_factory=dict)
    needs: Callable[[LogicalUnit], bool] | None = None
    any_unit: bool = False

    def supported(self, unit: LogicalUnit) -> bool:
        """Whether a logical unit has the command."""
        return self.needs is None or self.needs(unit)

    @property
    def usage(self) -> bytes:
        """The bits of the CDB that may be set; any other is an invalid field.

        Reserved bits need not be checked (SPC-4, keywords), but an initiator that sets one is mistaken about
        something, and had better know. Of CONTROL, NACA may be set (SAM-5, CONTROL byte); LINK is obsolete.
        """
        return self._usage(self.refused)

    def usage_of(self, unit: LogicalUnit) -> bytes:
        """The bits of the CDB that mean something to a logical unit."""
        return self._usage((*self.refused, *(name for name, does in self.where.items() if not does(unit))))

    def _usage(self, without: Container[str]) -> bytes:
        size = 8 * self.cdb.STRUCT.size
        usage = 0
        for info in self.cdb.FIELDS:
            known = info.kind is not Kind.RESERVED and info.name not in without
            if info.name == "control":
                usage |= NACA << size - 8 * info.octet - info.width
            elif known or info.name in self.ignored:
                usage |= (1 << info.width) - 1 << size - 8 * info.octet - info.bit - info.width
        return usage.to_bytes(size // 8)


def parameter_list_length(_unit: LogicalUnit, cdb: Any) -> int:
    """The `data_length` of a command with a parameter list: what its CDB says."""
    return int(cdb.parameter_list_length)


def reject_bits(unit: LogicalUnit, usage: bytes, sc: chiscsi_scsi_command) -> int:
    """Fail a command for the first CDB bit that `usage` leaves out."""
    for octet, allowed in enumerate(usage):
        if wrong := sc.sc_cmd[octet] & ~allowed:
            return fail(unit, sc, INVALID_FIELD_IN_CDB, Field(octet, wrong.bit_length() - 1))
    raise AssertionError("no bit of the CDB is wrong")


def _checked(command: Command, execute: Execute) -> Handler:
    """The handler of `command` behind the checks that its row asks for."""
    usage = command.usage
    length = len(usage)
    forbidden = int.from_bytes(usage) ^ (1 << 8 * length) - 1
    takes_data = command.direction is Direction.OUT
    decode = command.cdb.decode

    def handler(unit: LogicalUnit, sc: chiscsi_scsi_command) -> int:
        if not command.supported(unit):
            return _unknown_operation_code(unit, sc)
        if int.from_bytes(sc.sc_cmd[:length]) & forbidden:
            return reject_bits(unit, usage, sc)
        if takes_data and sc.sc_xfer_len and not sc.sc_flag & SC_FLAG_WRITE:
            return fail(unit, sc, INVALID_INFORMATION_UNIT)
        try:
            return execute(unit, sc, decode(sc.sc_cmd))
        except Refused as reason:
            return refuse(unit, sc, reason)

    return handler


def _handler(command: Command) -> Handler:
    if command.fast is not None:
        return command.fast(command)
    if command.execute_with_data is not None and command.data_length is not None:
        return _checked(command, _collecting(command.execute_with_data, command.data_length))
    assert command.execute is not None, f"{command.cdb.TITLE} has no handler"
    return _checked(command, command.execute)


def _collecting(execute: ExecuteWithData, data_length: Callable[[LogicalUnit, Any], int]) -> Execute:
    """Executes a command after its data have been collected."""

    def collecting(unit: LogicalUnit, sc: chiscsi_scsi_command, cdb: Any) -> int:
        return collect(unit, sc, cdb, data_length(unit, cdb), execute)

    return collecting


def _by_service_action(actions: Mapping[int, Handler]) -> Handler:
    """The handler of an operation code with service actions."""

    def handler(unit: LogicalUnit, sc: chiscsi_scsi_command) -> int:
        action = actions.get(sc.sc_cmd[1] & _SERVICE_ACTION)
        if action is None:
            return fail(unit, sc, INVALID_FIELD_IN_CDB, _SERVICE_ACTION_FIELD)
        return action(unit, sc)

    return handler


def _by_long_action(actions: Mapping[int, Handler]) -> Handler:
    """The handler of the CDBs of 32 octets, whose service action has two of them (SBC-3, variable length CDBs)."""

    def handler(unit: LogicalUnit, sc: chiscsi_scsi_command) -> int:
        action = actions.get(int.from_bytes(sc.sc_cmd[8:10]))
        if len(sc.sc_cmd) < LONG_CDB:
            return fail(unit, sc, INVALID_FIELD_IN_CDB, _LENGTH_OF_LONG_FIELD)
        if action is None:
            return fail(unit, sc, INVALID_FIELD_IN_CDB, _LONG_ACTION_FIELD)
        return action(unit, sc)

    return handler


def _unknown_operation_code(unit: LogicalUnit, sc: chiscsi_scsi_command) -> int:
    return fail(unit, sc, INVALID_OPERATION_CODE, Field(0))


def _no_logical_unit(unit: LogicalUnit, sc: chiscsi_scsi_command) -> int:
    return fail(unit, sc, LOGICAL_UNIT_NOT_SUPPORTED)


def handlers(commands: Iterable[Command], *, present: bool = True) -> tuple[Handler, ...]:
    """The handlers of a logical unit by operation code; of a number without a logical unit when it is not `present`."""
    table: list[Handler] = [_unknown_operation_code if present else _no_logical_unit] * 256
    actions: dict[int, dict[int, Handler]] = {}
    for command in commands:
        if not (present or command.any_unit):
            continue
        cdb = command.cdb
        if cdb.SERVICE_ACTION is None:
            table[cdb.OPERATION_CODE] = _handler(command)
        else:
            actions.setdefault(cdb.OPERATION_CODE, {})[cdb.SERVICE_ACTION] = _handler(command)
    for operation_code, by_action in actions.items():
        table[operation_code] = _by_action_of(operation_code)(by_action)
    return tuple(table)


def _by_action_of(operation_code: int) -> Callable[[Mapping[int, Handler]], Handler]:
    return _by_long_action if operation_code == OperationCode.VARIABLE_LENGTH else _by_service_action
