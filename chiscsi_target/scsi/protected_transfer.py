"""READ, WRITE, VERIFY, WRITE AND VERIFY and WRITE SAME of logical units with protection information (SBC-3, 4.22).

These units are slower than others: every block is looked at. So they have handlers of their own, and others do not
notice that there is such a thing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from chiscsi_target.api.constants import SC_FLAG_WRITE
from chiscsi_target.api.logical_unit import LU_FLAG_SYNC
from chiscsi_target.scsi.commands import Command, Direction
from chiscsi_target.scsi.long_work import PIECE, execute_in_pieces
from chiscsi_target.scsi.parameter_data import collect
from chiscsi_target.scsi.protected_blocks import (
    Blocks,
    blocks_of,
    checked_parts,
    has_type_2,
    protected_medium_of,
)
from chiscsi_target.scsi.protection_information import NEVER_WRITTEN, TUPLE, check, interleave
from chiscsi_target.scsi.provisioning import (
    MOST_WRITE_SAME_BLOCKS,
    UNMAPPING,
    check_unmapping,
    unmapping,
    write_same,
)
from chiscsi_target.scsi.ranges import check_range, check_writable
from chiscsi_target.scsi.refused import Refused
from chiscsi_target.scsi.reply import finish, good, send
from chiscsi_target.scsi.sense import INVALID_FIELD_IN_CDB, INVALID_INFORMATION_UNIT, MISCOMPARE, Field
from iscsi_wire import scsi

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chiscsi_target.api.scsi_command import chiscsi_scsi_command
    from chiscsi_target.scsi.logical_unit import LogicalUnit
    from chiscsi_target.scsi.protected_medium import ProtectedMedium
    from iscsi_wire.structure import Cdb

__all__ = ["LONG_COMMANDS", "PROTECTED_COMMANDS", "read", "same", "synchronize", "verify", "write"]

_NOTHING, _ALL, _RESERVED, _ONE_BLOCK = range(4)  # BYTCHK (SBC-3, VERIFY (10) command)
_COMPARED: Final = {1: slice(0, TUPLE), 2: slice(2, TUPLE), 3: slice(0, TUPLE), 4: slice(0, 2), 5: slice(0, TUPLE)}
"""The octets of a tuple that BYTCHK compares, by VRPROTECT (SBC-3, byte-by-byte comparison requirements)."""


def _byte_check_field(cdb: Cdb) -> Field:
    return Field(10 if cdb.STRUCT.size == 32 else 1, 2)


# READ


def read(unit: LogicalUnit, sc: chiscsi_scsi_command, cdb: Any) -> int:
    """READ: what is stored is checked as RDPROTECT says, and goes along with the data unless that is 0."""
    blocks, medium = blocks_of(unit, cdb), protected_medium_of(unit)
    check_range(unit, blocks.lba, blocks.number, unit.max_blocks, blocks.field)
    if sc.sc_flag & SC_FLAG_WRITE and sc.sc_xfer_len:
        return good(sc)
    if getattr(cdb, "fua", 0):
        medium.flush()
    data, tuples = medium.read_blocks(blocks.lba, blocks.number)
    check(data, tuples, medium.block, blocks.lba, blocks.tags, blocks.checks)
    if blocks.protect:
        data = interleave(data, tuples, medium.block)
    return send(sc, data, len(data))


# WRITE


def write(unit: LogicalUnit, sc: chiscsi_scsi_command, cdb: Any) -> int:
    """WRITE and WRITE AND VERIFY: what comes along is checked as WRPROTECT says, before anything is written."""
    blocks = blocks_of(unit, cdb)
    check_range(unit, blocks.lba, blocks.number, unit.max_blocks, blocks.field)
    check_writable(unit, sc)
    if getattr(cdb, "bytchk", _NOTHING) not in (_NOTHING, _ALL):
        raise Refused(INVALID_FIELD_IN_CDB, _byte_check_field(cdb))
    return collect(unit, sc, cdb, blocks.number * blocks.wire_block(1 << unit.lu.sect_shift), _store)


def _store(unit: LogicalUnit, sc: chiscsi_scsi_command, cdb: Any, data: bytes | bytearray) -> int:
    blocks, medium = blocks_of(unit, cdb), protected_medium_of(unit)
    if blocks.protect:
        data, tuples = checked_parts(unit, sc, blocks, data, blocks.number)
        medium.write_blocks(blocks.lba, data, tuples)
    else:
        medium.write(blocks.lba << unit.lu.sect_shift, data)
    if data and (unit.lu.flags & LU_FLAG_SYNC or getattr(cdb, "fua", 0) or hasattr(cdb, "bytchk")):
        medium.flush()
    if getattr(cdb, "bytchk", _NOTHING) == _ALL:
        found = medium.read_blocks(blocks.lba, blocks.number)[0]
        _same(data, found[: len(data)], 0)  # a residual overflow brings less than the blocks
    return finish(sc)


# VERIFY


def verify(unit: LogicalUnit, sc: chiscsi_scsi_command, cdb: Any) -> int:
    """VERIFY: what is stored is checked as VRPROTECT says, and with BYTCHK compared with what comes."""
    blocks = blocks_of(unit, cdb)
    if cdb.bytchk == _RESERVED:
        raise Refused(INVALID_FIELD_IN_CDB, _byte_check_field(cdb))
    check_range(unit, blocks.lba, blocks.number, unit.max_blocks if cdb.bytchk == _ALL else 0, blocks.field)
    return collect(unit, sc, cdb, _compared(blocks, cdb) * blocks.wire_block(1 << unit.lu.sect_shift), _compare)


def _compared(blocks: Blocks, cdb: Any) -> int:
    """How many blocks a VERIFY brings."""
    return {_ALL: blocks.number, _ONE_BLOCK: min(blocks.number, 1)}.get(cdb.bytchk, 0)


def _compare(unit: LogicalUnit, sc: chiscsi_scsi_command, cdb: Any, data: bytes | bytearray) -> int:
    blocks, medium = blocks_of(unit, cdb), protected_medium_of(unit)
    wanted, tuples = bytes(data), b""
    if blocks.protect and cdb.bytchk != _NOTHING:
        wanted, tuples = checked_parts(unit, sc, blocks, data, _compared(blocks, cdb))
    if len(wanted) != _compared(blocks, cdb) * medium.block:
        raise Refused(INVALID_INFORMATION_UNIT)
    step = PIECE >> unit.lu.sect_shift
    for first in range(0, blocks.number, step):
        _verify_piece(medium, blocks, cdb.bytchk, first, min(step, blocks.number - first), wanted, tuples)
    return finish(sc)


def _verify_piece(
    medium: ProtectedMedium, blocks: Blocks, how: int, first: int, count: int, wanted: bytes, tuples: bytes
) -> None:
    """Verify `count` blocks from the `first` on of a command's."""
    found, stored = medium.read_blocks(blocks.lba + first, count)
    tags = (
        blocks.tags if blocks.tags.reference is None else blocks.tags._replace(reference=blocks.tags.reference + first)
    )
    check(found, stored, medium.block, blocks.lba + first, tags, blocks.checks)
    if how == _NOTHING:
        return
    block = medium.block
    whole = how == _ALL
    start = first * block if whole else 0
    _same(wanted[start : start + count * block] if whole else wanted * count, found, start)
    if blocks.protect:
        part = _COMPARED[blocks.protect] if whole else slice(0, 2)  # one tuple cannot be that of every block
        own = tuples[first * TUPLE : (first + count) * TUPLE] if whole else tuples * count
        _same(_parts(own, part), _parts(stored, part), start)


def _parts(tuples: bytes, part: slice) -> bytes:
    return b"".join(tuples[at : at + TUPLE][part] for at in range(0, len(tuples), TUPLE))


def _same(wanted: bytes | bytearray, found: bytes, offset: int) -> None:
    if wanted != found:
        at = next(index for index, (one, other) in enumerate(zip(wanted, found, strict=True)) if one != other)
        raise Refused(MISCOMPARE, information=offset + at)


# WRITE SAME


def same(unit: LogicalUnit, sc: chiscsi_scsi_command, cdb: Any) -> int:
    """WRITE SAME: the tuple comes once too; its reference tag counts on, unless the type is 3."""
    blocks = blocks_of(unit, cdb)
    ndob = getattr(cdb, "ndob", 0)
    if blocks.protect and ndob:
        raise Refused(INVALID_FIELD_IN_CDB, Field(10 if cdb.STRUCT.size == 32 else 1, 0))
    return collect(unit, sc, cdb, 0 if ndob else blocks.wire_block(1 << unit.lu.sect_shift), _fill)


def _fill(unit: LogicalUnit, sc: chiscsi_scsi_command, cdb: Any, data: bytes | bytearray) -> int:
    blocks, medium = blocks_of(unit, cdb), protected_medium_of(unit)
    if not blocks.protect:
        return write_same(unit, sc, cdb, data)
    check_unmapping(unit, cdb)
    check_range(unit, blocks.lba, blocks.number, MOST_WRITE_SAME_BLOCKS if medium.thin else 0, blocks.field)
    if not blocks.number and medium.thin:
        raise Refused(INVALID_FIELD_IN_CDB, blocks.field)  # WSNZ
    check_writable(unit, sc)
    content, stored = checked_parts(unit, sc, blocks, data, 1)
    count = blocks.number or unit.lu.block_count - blocks.lba
    if cdb.unmap and not any(content) and stored == NEVER_WRITTEN:
        return execute_in_pieces(unit, sc, unmapping(unit, [(blocks.lba, count)], anchor=bool(cdb.anchor)))
    return execute_in_pieces(unit, sc, _repeating(medium, blocks.lba, count, content, stored))


def _repeating(medium: ProtectedMedium, lba: int, count: int, content: bytes, stored: bytes) -> Iterator[int]:
    """Write a block and its tuple over and over; yields how many blocks each step has written."""
    step = PIECE // len(content)
    head, reference = stored[:4], int.from_bytes(stored[4:])
    counts_on = medium.kind != 3
    for first in range(0, count, step):
        several = min(step, count - first)
        tuples = b"".join(
            head + ((reference + (first + index if counts_on else 0)) & 0xFFFFFFFF).to_bytes(4)
            for index in range(several)
        )
        medium.write_blocks(lba + first, content * several, tuples)
        yield several


# SYNCHRONIZE CACHE


def synchronize(unit: LogicalUnit, sc: chiscsi_scsi_command, cdb: Any) -> int:
    """SYNCHRONIZE CACHE: both the blocks and their protection information, all of them."""
    check_range(unit, cdb.logical_block_address, cdb.number_of_logical_blocks)
    protected_medium_of(unit).flush()
    return good(sc)


_NONE, _IN, _OUT = Direction.NONE, Direction.IN, Direction.OUT
_FUA_NV: Final = ("fua_nv",)

PROTECTED_COMMANDS: Final = (
    Command(scsi.Read6, _IN, read),
    Command(scsi.Write6, _OUT, write),
    *(Command(cdb, _IN, read, ignored=_FUA_NV) for cdb in (scsi.Read10, scsi.Read12, scsi.Read16)),
    *(Command(cdb, _OUT, write, ignored=_FUA_NV) for cdb in (scsi.Write10, scsi.Write12, scsi.Write16)),
    *(Command(cdb, _OUT, write) for cdb in (scsi.WriteAndVerify10, scsi.WriteAndVerify12, scsi.WriteAndVerify16)),
    *(Command(cdb, _OUT, verify) for cdb in (scsi.Verify10, scsi.Verify12, scsi.Verify16)),
    *(Command(cdb, _OUT, same, where=UNMAPPING) for cdb in (scsi.WriteSame10, scsi.WriteSame16)),
    *(
        Command(cdb, _NONE, synchronize, ignored=("sync_nv",))
        for cdb in (scsi.SynchronizeCache10, scsi.SynchronizeCache16)
    ),
)
"""What takes the place of the commands of the same operation codes on a unit with protection information."""

LONG_COMMANDS: Final = (
    Command(scsi.Read32, _IN, read, ignored=_FUA_NV, needs=has_type_2),
    Command(scsi.Write32, _OUT, write, ignored=_FUA_NV, needs=has_type_2),
    Command(scsi.WriteAndVerify32, _OUT, write, needs=has_type_2),
    Command(scsi.Verify32, _OUT, verify, needs=has_type_2),
    Command(scsi.WriteSame32, _OUT, same, where=UNMAPPING, needs=has_type_2),
)
"""What only a unit with protection information of type 2 has."""
