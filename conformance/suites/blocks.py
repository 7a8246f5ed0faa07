"""What cases that move data have in common: patterns, places on the LUN, writes that wait for an R2T."""

from __future__ import annotations

from typing import Any

from conformance.api import DataIn, ReadyToTransfer, Received, Scratch, Session, Task, expect
from iscsi_wire.scsi import Read10, Write10

_STAMPED = 256


def pattern(length: int, seed: int = 0) -> bytes:
    """Return `length` octets in which each piece of 256 differs from the others, and from those of another seed."""
    rest = bytes((index * 7 + seed) & 0xFF for index in range(_STAMPED - 4))
    pieces = (bytes((seed & 0xFF, 0xA5)) + number.to_bytes(2, "big") + rest for number in range(-(-length // _STAMPED)))
    return b"".join(pieces)[:length]


def write_command(scratch: Scratch, blocks: int, at: int = 0) -> Write10:
    """Return the CDB that writes `blocks` blocks, `at` blocks behind the scratch region's first."""
    return Write10.make(logical_block_address=scratch.start + at, transfer_length=blocks)


def read_command(scratch: Scratch, blocks: int, at: int = 0) -> Read10:
    """Return the CDB that reads `blocks` blocks, `at` blocks behind the scratch region's first."""
    return Read10.make(logical_block_address=scratch.start + at, transfer_length=blocks)


def fill(session: Session, scratch: Scratch, data: bytes, at: int = 0) -> None:
    """Write whole blocks of `data`, which has to succeed."""
    session.command(write_command(scratch, len(data) // scratch.block_size, at), write=data).expect(expect.good())


def contents(session: Session, scratch: Scratch, blocks: int, at: int = 0) -> bytes:
    """Read `blocks` blocks, which has to succeed."""
    length = blocks * scratch.block_size
    return session.command(read_command(scratch, blocks, at), read=length).expect(expect.good()).data


def start_write(session: Session, scratch: Scratch, data: bytes, at: int = 0, **arguments: Any) -> Task:
    """Start a write that sends no data unasked."""
    cdb = write_command(scratch, len(data) // scratch.block_size, at)
    return session.start(cdb, write=data, **{"immediate_data": 0, "unsolicited": 0, **arguments})


def ask_write(
    session: Session, scratch: Scratch, data: bytes, at: int = 0, **arguments: Any
) -> tuple[Task, Received[ReadyToTransfer]]:
    """Start a write that sends no data unasked, and return it with its first R2T."""
    task = start_write(session, scratch, data, at, **arguments)
    return task, task.next_r2t()


def take_data_in(task: Task) -> list[Received[DataIn]]:
    """Carry a read on to its end, and return all its Data-In."""
    came: list[Received[DataIn]] = []
    while task.result is None:
        event = task.expect(expect.any_of(expect.data_in(), expect.good(residual=None)))
        if isinstance(event, Received) and isinstance(event.header, DataIn):
            came.append(event)
    return came
