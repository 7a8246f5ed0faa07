"""Commands that touch the medium: checked here, executed by the logical unit's driver (SBC-3).

READ and WRITE are the fast path, so their handlers read the CDB with one `struct` call and check its bits by
themselves. When a command reaches the driver, `sc_lba` and `sc_blk_cnt` are what the CDB addresses, and `sc_xfer_len`
is what is really to be moved: no more than the initiator expects, no more than the CDB asks for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from chiscsi_target.api.constants import SC_FLAG_WRITE
from chiscsi_target.api.functions import chiscsi_scsi_cmd_execution_status
from chiscsi_target.api.logical_unit import LU_FLAG_RO
from chiscsi_target.scsi.aca import NACA
from chiscsi_target.scsi.commands import Direction, reject_bits
from chiscsi_target.scsi.reply import fail, good, settle
from chiscsi_target.scsi.sense import (
    INVALID_FIELD_IN_CDB,
    INVALID_INFORMATION_UNIT,
    LBA_OUT_OF_RANGE,
    PERIPHERAL_DEVICE_WRITE_FAULT,
    WRITE_PROTECTED,
    Field,
)
from iscsi_wire.scsi import Read6, Read10

if TYPE_CHECKING:
    from chiscsi_target.api.scsi_command import chiscsi_scsi_command
    from chiscsi_target.scsi.commands import Command
    from chiscsi_target.scsi.logical_unit import Handler, LogicalUnit
    from iscsi_wire.scsi import SynchronizeCache10, SynchronizeCache16

__all__ = ["synchronize_cache", "transfer_6", "transfer_10", "transfer_12_16"]

_ADDRESS_6: Final = 0x1FFFFF
_MOST_BLOCKS_6: Final = 256


def _transfer(unit: LogicalUnit, sc: chiscsi_scsi_command, lba: int, count: int, direction: int, at: int) -> int:
    """Check a READ or WRITE whose CDB has no wrong bit, and hand it to the driver.

    `lba` and `count` are what the CDB addresses, in blocks; `direction` is SC_FLAG_WRITE for a WRITE and 0 for a READ;
    TRANSFER LENGTH begins in octet `at` of the CDB. A count of 0 is no error, and moves nothing; the address has to be
    one of the medium's all the same.
    """
    lu = unit.lu
    shift = lu.sect_shift
    if lba + (count or 1) > lu.size >> shift:
        return fail(unit, sc, LBA_OUT_OF_RANGE)
    if count > unit.max_blocks:
        return fail(unit, sc, INVALID_FIELD_IN_CDB, Field(at))
    if direction and (lu.flags & LU_FLAG_RO or unit.swp or unit.protected):
        if lu.read_only or unit.swp:
            return fail(unit, sc, WRITE_PROTECTED)
        if sc.sc_sess in unit.protected:
            unit.device.denied(sc)
            return fail(unit, sc, PERIPHERAL_DEVICE_WRITE_FAULT)
    length = count << shift
    if length != sc.sc_xfer_len or sc.sc_flag & SC_FLAG_WRITE != direction or not length:
        if sc.sc_flag & SC_FLAG_WRITE != direction and sc.sc_xfer_len:
            return _wrong_direction(unit, sc, direction)
        if not settle(sc, length):
            return chiscsi_scsi_cmd_execution_status(sc, None, 0, 0, 0)
    sc.sc_lu = lu
    sc.sc_lba = lba
    sc.sc_blk_cnt = count
    return unit.execute(sc)


def _wrong_direction(unit: LogicalUnit, sc: chiscsi_scsi_command, direction: int) -> int:
    """End a READ for which the initiator offers data, or a WRITE for which it expects some.

    Without a Data-In buffer nothing can be sent to a READ; that is no error of the command, and the residual says that
    all of the expected transfer is missing. A WRITE without data must not look as if it were done.
    """
    return fail(unit, sc, INVALID_INFORMATION_UNIT) if direction else good(sc)


def _flag(command: Command) -> int:
    return SC_FLAG_WRITE if command.direction is Direction.OUT else 0


def transfer_6(command: Command) -> Handler:
    """Make the handler of READ (6) or WRITE (6), in which a TRANSFER LENGTH of 0 stands for 256 blocks."""
    usage, direction = command.usage, _flag(command)
    unpack_from = Read6.STRUCT.unpack_from
    wrong = 0xFFFFFFFF ^ int.from_bytes(usage[:4])

    def handler(unit: LogicalUnit, sc: chiscsi_scsi_command) -> int:
        first, count, control = unpack_from(sc.sc_cmd)
        if first & wrong or (control and control != NACA):
            return reject_bits(unit, usage, sc)
        return _transfer(unit, sc, first & _ADDRESS_6, count or _MOST_BLOCKS_6, direction, 4)

    return handler


def transfer_10(command: Command) -> Handler:
    """Make the handler of READ (10) or WRITE (10)."""
    usage, direction = command.usage, _flag(command)
    unpack_from = Read10.STRUCT.unpack_from
    wrong, wrong_group = 0xFF ^ usage[1], 0xFF ^ usage[6]

    def handler(unit: LogicalUnit, sc: chiscsi_scsi_command) -> int:
        _, flags, lba, group, count, control = unpack_from(sc.sc_cmd)
        if flags & wrong or group & wrong_group or (control and control != NACA):
            return reject_bits(unit, usage, sc)
        return _transfer(unit, sc, lba, count, direction, 7)

    return handler


def transfer_12_16(command: Command) -> Handler:
    """Make the handler of READ or WRITE with a CDB of 12 or 16 octets, which differ in the width of the address."""
    usage, direction = command.usage, _flag(command)
    unpack_from = command.cdb.STRUCT.unpack_from
    wrong, wrong_group = 0xFF ^ usage[1], 0xFF ^ usage[-2]
    at = len(usage) - 6

    def handler(unit: LogicalUnit, sc: chiscsi_scsi_command) -> int:
        _, flags, lba, count, group, control = unpack_from(sc.sc_cmd)
        if flags & wrong or group & wrong_group or (control and control != NACA):
            return reject_bits(unit, usage, sc)
        return _transfer(unit, sc, lba, count, direction, at)

    return handler


def synchronize_cache(unit: LogicalUnit, sc: chiscsi_scsi_command, cdb: SynchronizeCache10 | SynchronizeCache16) -> int:
    """SYNCHRONIZE CACHE: hand the range to the driver. A count of 0 reaches to the end of the medium."""
    lu = unit.lu
    lba, count, blocks = cdb.logical_block_address, cdb.number_of_logical_blocks, lu.block_count
    if lba + (count or 1) > blocks:
        return fail(unit, sc, LBA_OUT_OF_RANGE)
    settle(sc, 0)
    sc.sc_lu = lu
    sc.sc_lba = lba
    sc.sc_blk_cnt = count or blocks - lba
    return unit.execute(sc)
