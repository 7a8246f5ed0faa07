"""Commands that compare what is on the medium, or change it in one step with a look at it.

COMPARE AND WRITE, ORWRITE, VERIFY, and WRITE AND VERIFY (SBC-3, 5.2, 5.5, 5.29 to 5.31, 5.37 to 5.39); WRITE ATOMIC
(SBC-4).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from chiscsi_target.api.constants import SC_FLAG_XFER_OVERFLOW, SC_FLAG_XFER_UNDERFLOW
from chiscsi_target.scsi.commands import Command, Direction
from chiscsi_target.scsi.ranges import check_range, check_writable, has_medium, make_safe, medium_of
from chiscsi_target.scsi.refused import Refused
from chiscsi_target.scsi.reply import finish
from chiscsi_target.scsi.sense import INVALID_FIELD_IN_CDB, INVALID_INFORMATION_UNIT, MISCOMPARE, Field
from iscsi_wire import scsi

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from chiscsi_target.api.medium import Medium
    from chiscsi_target.api.scsi_command import chiscsi_scsi_command
    from chiscsi_target.scsi.logical_unit import LogicalUnit
    from iscsi_wire.structure import Cdb

__all__ = [
    "MOST_ATOMIC_BLOCKS",
    "MOST_COMPARED_BLOCKS",
    "VERIFYING_COMMANDS",
    "compare_and_write",
    "or_write",
    "verify",
    "write_and_verify",
    "write_atomic",
]

MOST_COMPARED_BLOCKS: Final = 0xFF
"""Blocks that one COMPARE AND WRITE may name; VPD page B0h tells it."""
MOST_ATOMIC_BLOCKS: Final = 256
"""Blocks that one WRITE ATOMIC (16) may write, likewise. They are one piece to every other command, and one write to
the system below, which is as atomic as that makes it: a kernel that dies in its midst may leave a part behind."""

_NOTHING, _ALL, _RESERVED, _ONE_BLOCK = range(4)  # BYTCHK (SBC-3, VERIFY (10) command)
_BYTE_CHECK_FIELD, _BLOCKS_FIELD, _BOUNDARY_FIELD, _LENGTH_FIELD_ATOMIC = Field(1, 2), Field(13), Field(10), Field(12)
_LENGTH_FIELDS: Final = {10: Field(7), 12: Field(6), 16: Field(10)}
_MISMATCH: Final = SC_FLAG_XFER_OVERFLOW | SC_FLAG_XFER_UNDERFLOW
_CHUNK: Final = 1 << 20


def _length_field(cdb: Cdb) -> Field:
    return _LENGTH_FIELDS[cdb.STRUCT.size]


# VERIFY


def _verified_octets(unit: LogicalUnit, cdb: Any) -> int:
    """How much data a VERIFY brings to compare with."""
    blocks = {_ALL: cdb.verification_length, _ONE_BLOCK: min(cdb.verification_length, 1)}.get(cdb.bytchk, 0)
    return int(blocks) << unit.lu.sect_shift


def verify(unit: LogicalUnit, sc: chiscsi_scsi_command, cdb: Any, data: bytes | bytearray) -> int:
    """VERIFY: the blocks can be read, and with BYTCHK they are what the initiator says."""
    medium = medium_of(unit)
    if cdb.bytchk == _RESERVED:
        raise Refused(INVALID_FIELD_IN_CDB, _BYTE_CHECK_FIELD)
    lba, count = cdb.logical_block_address, cdb.verification_length
    most = unit.max_blocks if cdb.bytchk == _ALL else 0
    check_range(unit, lba, count, most, _length_field(cdb))
    _check_all_came(unit, sc, cdb, data)
    shift = unit.lu.sect_shift
    offset, end = lba << shift, (lba + count) << shift
    for start in range(offset, end, _CHUNK):
        found = medium.read(start, min(_CHUNK, end - start))
        if cdb.bytchk == _ALL:
            _compare(data[start - offset : start - offset + len(found)], found, start - offset)
        elif cdb.bytchk == _ONE_BLOCK:
            _compare(bytes(data) * (len(found) >> shift), found, start - offset)
    return finish(sc)


def _check_all_came(unit: LogicalUnit, sc: chiscsi_scsi_command, cdb: Any, data: bytes | bytearray) -> None:
    if sc.sc_flag & _MISMATCH or len(data) != _verified_octets(unit, cdb):
        raise Refused(INVALID_INFORMATION_UNIT)


def _compare(wanted: bytes | bytearray, found: bytes, offset: int) -> None:
    """Compare octets; INFORMATION says where the first difference is in the data (SBC-3, COMPARE AND WRITE)."""
    if wanted != found:
        # As one number each, since a walk over the octets of a long miscompare would hold up everybody else's commands.
        differing = (int.from_bytes(wanted) ^ int.from_bytes(found)).bit_length()
        raise Refused(MISCOMPARE, information=offset + len(found) - (differing + 7) // 8)


# Writing


def _written_octets(unit: LogicalUnit, cdb: Any) -> int:
    return int(cdb.transfer_length) << unit.lu.sect_shift


def _write(unit: LogicalUnit, medium: Medium, cdb: Any, data: bytes | bytearray) -> None:
    medium.write(cdb.logical_block_address << unit.lu.sect_shift, data)
    if data:
        make_safe(unit, forced=bool(getattr(cdb, "fua", 0)))


def write_and_verify(unit: LogicalUnit, sc: chiscsi_scsi_command, cdb: Any, data: bytes | bytearray) -> int:
    """WRITE AND VERIFY: the data are on the medium, not in a cache, and with BYTCHK they are read back."""
    medium = medium_of(unit)
    if cdb.bytchk not in (_NOTHING, _ALL):
        raise Refused(INVALID_FIELD_IN_CDB, _BYTE_CHECK_FIELD)
    check_range(unit, cdb.logical_block_address, cdb.transfer_length, unit.max_blocks, _length_field(cdb))
    check_writable(unit, sc)
    _write(unit, medium, cdb, data)
    if data:
        medium.flush()
    if cdb.bytchk == _ALL:
        _compare(data, medium.read(cdb.logical_block_address << unit.lu.sect_shift, len(data)), 0)
    return finish(sc)


def or_write(unit: LogicalUnit, sc: chiscsi_scsi_command, cdb: scsi.OrWrite16, data: bytes | bytearray) -> int:
    """ORWRITE (16): the blocks become the bitwise OR of what they were and the data."""
    medium = medium_of(unit)
    check_range(unit, cdb.logical_block_address, cdb.transfer_length, unit.max_blocks, _length_field(cdb))
    check_writable(unit, sc)
    old = medium.read(cdb.logical_block_address << unit.lu.sect_shift, len(data))
    both = int.from_bytes(old) | int.from_bytes(data)
    _write(unit, medium, cdb, both.to_bytes(len(data)))
    return finish(sc)


def write_atomic(unit: LogicalUnit, sc: chiscsi_scsi_command, cdb: scsi.WriteAtomic16, data: bytes | bytearray) -> int:
    """WRITE ATOMIC (16): all of the blocks are written, or none (SBC-4); there are no boundaries within."""
    medium = medium_of(unit)
    if cdb.atomic_boundary:
        raise Refused(INVALID_FIELD_IN_CDB, _BOUNDARY_FIELD)
    check_range(unit, cdb.logical_block_address, cdb.transfer_length, MOST_ATOMIC_BLOCKS, _LENGTH_FIELD_ATOMIC)
    check_writable(unit, sc)
    if sc.sc_flag & _MISMATCH:
        raise Refused(INVALID_INFORMATION_UNIT)
    _write(unit, medium, cdb, data)
    return finish(sc)


# COMPARE AND WRITE


def compare_and_write(
    unit: LogicalUnit, sc: chiscsi_scsi_command, cdb: scsi.CompareAndWrite, data: bytes | bytearray
) -> int:
    """COMPARE AND WRITE: the second half of the data is written if the first half is what the blocks hold."""
    medium = medium_of(unit)
    lba, count = cdb.logical_block_address, cdb.number_of_logical_blocks
    check_range(unit, lba, count, MOST_COMPARED_BLOCKS, _BLOCKS_FIELD)
    check_writable(unit, sc)
    if sc.sc_flag & _MISMATCH:
        raise Refused(INVALID_FIELD_IN_CDB, _BLOCKS_FIELD)
    half = count << unit.lu.sect_shift
    _compare(data[:half], medium.read(lba << unit.lu.sect_shift, half), 0)
    _write(unit, medium, cdb, data[half:])
    return finish(sc)


_OUT: Final = Direction.OUT


def _row(
    cdb: type[Cdb],
    execute: Callable[[LogicalUnit, chiscsi_scsi_command, Any, bytes | bytearray], int],
    octets: Callable[[LogicalUnit, Any], int],
    protect: str = "wrprotect",
) -> Command:
    ignored = ("fua_nv",) if any(info.name == "fua_nv" for info in cdb.FIELDS) else ()
    return Command(
        cdb,
        _OUT,
        execute_with_data=execute,
        data_length=octets,
        refused=(protect,),
        ignored=ignored,
        needs=has_medium,
    )


VERIFYING_COMMANDS: Final = (
    _row(scsi.WriteAndVerify10, write_and_verify, _written_octets),
    _row(scsi.Verify10, verify, _verified_octets, "vrprotect"),
    _row(
        scsi.CompareAndWrite,
        compare_and_write,
        lambda unit, cdb: int(cdb.number_of_logical_blocks) << unit.lu.sect_shift + 1,
    ),
    _row(scsi.OrWrite16, or_write, _written_octets, "orprotect"),
    _row(scsi.WriteAndVerify16, write_and_verify, _written_octets),
    _row(scsi.Verify16, verify, _verified_octets, "vrprotect"),
    _row(scsi.WriteAtomic16, write_atomic, _written_octets),
    _row(scsi.WriteAndVerify12, write_and_verify, _written_octets),
    _row(scsi.Verify12, verify, _verified_octets, "vrprotect"),
)
