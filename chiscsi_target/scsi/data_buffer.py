"""READ BUFFER and WRITE BUFFER: memory by which an initiator tries its way to a logical unit (SPC-4, 6.18, 6.49)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from chiscsi_target.scsi.commands import Command, Direction
from chiscsi_target.scsi.refused import Refused
from chiscsi_target.scsi.reply import finish, send
from chiscsi_target.scsi.sense import (
    COMMAND_SEQUENCE_ERROR,
    INVALID_FIELD_IN_CDB,
    INVALID_INFORMATION_UNIT,
    Field,
)
from iscsi_wire import scsi
from iscsi_wire.scsi_page_codes import BufferMode

if TYPE_CHECKING:
    from chiscsi_target.api.scsi_command import chiscsi_scsi_command
    from chiscsi_target.scsi.logical_unit import LogicalUnit

__all__ = ["BUFFER_COMMANDS", "Buffers", "read_buffer", "write_buffer"]

DATA_CAPACITY: Final = 64 << 10
"""Octets of the data buffer, which all nexuses share; its BUFFER ID is 0."""
ECHO_CAPACITY: Final = 4096
"""Octets of an echo buffer, of which each nexus has its own (EBOS)."""

_SPECIFIC_FIELD, _MODE_FIELD, _ID_FIELD, _OFFSET_FIELD, _LENGTH_FIELD = (
    Field(1, 7),
    Field(1, 4),
    Field(2),
    Field(3),
    Field(6),
)


class Buffers:
    """What was written to the buffers of a logical unit; memory is only used for what was."""

    __slots__ = ("_data", "echo")

    def __init__(self) -> None:
        self._data = bytearray()
        self.echo: dict[int | None, bytes] = {}

    def write(self, offset: int, data: bytes | bytearray) -> None:
        """Write to the data buffer, within its capacity."""
        self._data = self._data or bytearray(DATA_CAPACITY)
        self._data[offset : offset + len(data)] = data

    def read(self, offset: int, length: int) -> bytes:
        """Up to `length` octets of the data buffer."""
        end = min(offset + length, DATA_CAPACITY)
        return bytes(self._data[offset:end]) or bytes(end - offset)


def _written_octets(_unit: LogicalUnit, cdb: scsi.WriteBuffer) -> int:
    """How many octets a WRITE BUFFER brings, which is asked before they are let in."""
    if cdb.mode_specific:
        raise Refused(INVALID_FIELD_IN_CDB, _SPECIFIC_FIELD)
    if cdb.mode not in (BufferMode.DATA, BufferMode.ECHO_BUFFER):
        raise Refused(INVALID_FIELD_IN_CDB, _MODE_FIELD)
    most = ECHO_CAPACITY
    if cdb.mode == BufferMode.DATA:
        _check_data_buffer(cdb)
        most = DATA_CAPACITY - cdb.buffer_offset
    if cdb.parameter_list_length > most:
        raise Refused(INVALID_FIELD_IN_CDB, _LENGTH_FIELD)
    return cdb.parameter_list_length


def _check_data_buffer(cdb: scsi.WriteBuffer | scsi.ReadBuffer) -> None:
    if cdb.buffer_id:
        raise Refused(INVALID_FIELD_IN_CDB, _ID_FIELD)
    if cdb.buffer_offset > DATA_CAPACITY:
        raise Refused(INVALID_FIELD_IN_CDB, _OFFSET_FIELD)


def write_buffer(unit: LogicalUnit, sc: chiscsi_scsi_command, cdb: scsi.WriteBuffer, data: bytes | bytearray) -> int:
    """WRITE BUFFER: the modes data and echo buffer; there is no microcode to download."""
    if len(data) != cdb.parameter_list_length:
        raise Refused(INVALID_INFORMATION_UNIT)
    if cdb.mode == BufferMode.DATA:
        unit.buffers.write(cdb.buffer_offset, data)
    else:
        unit.buffers.echo[sc.sc_sess] = bytes(data)
    return finish(sc)


def read_buffer(unit: LogicalUnit, sc: chiscsi_scsi_command, cdb: scsi.ReadBuffer) -> int:
    """READ BUFFER: the modes data and echo buffer, and the descriptors of both buffers."""
    if cdb.mode_specific:
        raise Refused(INVALID_FIELD_IN_CDB, _SPECIFIC_FIELD)
    if cdb.mode == BufferMode.DATA:
        _check_data_buffer(cdb)
        data = unit.buffers.read(cdb.buffer_offset, cdb.allocation_length)
    elif cdb.mode == BufferMode.DESCRIPTOR:
        data = scsi.BufferDescriptor.make(buffer_capacity=0 if cdb.buffer_id else DATA_CAPACITY).encode()
    elif cdb.mode == BufferMode.ECHO_BUFFER:
        data = _echo(unit, sc)
    elif cdb.mode == BufferMode.ECHO_BUFFER_DESCRIPTOR:
        data = scsi.EchoBufferDescriptor.make(ebos=1, buffer_capacity=ECHO_CAPACITY).encode()
    else:
        raise Refused(INVALID_FIELD_IN_CDB, _MODE_FIELD)
    return send(sc, data, cdb.allocation_length)


def _echo(unit: LogicalUnit, sc: chiscsi_scsi_command) -> bytes:
    """What the same nexus wrote before."""
    data = unit.buffers.echo.get(sc.sc_sess)
    if data is None:
        raise Refused(COMMAND_SEQUENCE_ERROR)
    return data


BUFFER_COMMANDS: Final = (
    Command(scsi.WriteBuffer, Direction.OUT, execute_with_data=write_buffer, data_length=_written_octets),
    Command(scsi.ReadBuffer, Direction.IN, read_buffer),
)
