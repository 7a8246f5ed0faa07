"""A task that a session or connection leaves behind: a write that waits for its data."""

from __future__ import annotations

from conformance.api import CommandResult, ReadyToTransfer, Received, Scratch, Session, Task, expect
from initiator_sim.connection import Connection
from iscsi_wire.scsi import Read10, Write10

_BLOCKS = 8


def waiting_write(
    session: Session, scratch: Scratch, connection: Connection | None = None
) -> tuple[Task, Received[ReadyToTransfer]]:
    """Start a write of which no octet is sent, and wait until the target asks for some."""
    data = b"\xa5" * (_BLOCKS * scratch.block_size)
    command = Write10.make(logical_block_address=scratch.start, transfer_length=_BLOCKS)
    task = session.start(command, write=data, immediate_data=0, unsolicited=0, final=1, connection=connection)
    return task, task.next_r2t()


def written(session: Session, scratch: Scratch, connection: Connection | None = None) -> bytes:
    """What lies where `waiting_write` would have written to."""
    length = _BLOCKS * scratch.block_size
    command = Read10.make(logical_block_address=scratch.start, transfer_length=_BLOCKS)
    result: CommandResult = session.command(command, read=length, connection=connection)
    result.expect(expect.good())
    return result.data
