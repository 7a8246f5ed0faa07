"""What the commands of a logical unit with protection information have in common (SBC-3, 4.22)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from chiscsi_target.api.constants import SC_FLAG_XFER_OVERFLOW, SC_FLAG_XFER_UNDERFLOW
from chiscsi_target.scsi.protected_medium import ProtectedMedium
from chiscsi_target.scsi.protection_information import CHECKS, TUPLE, Checks, Tags, check, separate
from chiscsi_target.scsi.ranges import medium_of
from chiscsi_target.scsi.refused import Refused
from chiscsi_target.scsi.sense import INVALID_FIELD_IN_CDB, INVALID_INFORMATION_UNIT, INVALID_OPERATION_CODE, Field

if TYPE_CHECKING:
    from chiscsi_target.api.scsi_command import chiscsi_scsi_command
    from chiscsi_target.scsi.logical_unit import LogicalUnit

__all__ = ["LONG", "Blocks", "blocks_of", "checked_parts", "has_protection", "has_type_2", "protected_medium_of"]

LONG: Final = 32
"""Octets of the CDBs with expected tags."""

_PROTECT_FIELDS: Final = ("rdprotect", "wrprotect", "vrprotect")
_COUNT_FIELDS: Final = ("transfer_length", "verification_length", "number_of_logical_blocks")
_LENGTH_FIELDS: Final = {6: Field(4), 10: Field(7), 12: Field(6), 16: Field(10), LONG: Field(28)}
_ADDITIONAL_LENGTH_FIELD: Final = Field(7)
_MOST_BLOCKS_6: Final = 256
_TYPE_2: Final = 2
_MISMATCH: Final = SC_FLAG_XFER_OVERFLOW | SC_FLAG_XFER_UNDERFLOW


def has_protection(unit: LogicalUnit) -> bool:
    """Whether a logical unit has protection information."""
    return bool(unit.lu.protection)


def has_type_2(unit: LogicalUnit) -> bool:
    """Whether a logical unit has the commands of 32 octets, which type 2 alone needs (SBC-3, 4.22.2.4)."""
    return unit.lu.protection == _TYPE_2


def protected_medium_of(unit: LogicalUnit) -> ProtectedMedium:
    """The medium of a unit with protection information."""
    medium = medium_of(unit)
    assert isinstance(medium, ProtectedMedium), "commands with protection information say so in their rows"
    return medium


class Blocks(NamedTuple):
    """What a CDB says.

    Attributes:
        lba, number: which blocks, and how many.
        protect: RDPROTECT, WRPROTECT or VRPROTECT.
        tags: what the tags have to be.
        field: where the CDB says how many blocks.
    """

    lba: int
    number: int
    protect: int
    tags: Tags
    field: Field

    @property
    def checks(self) -> Checks:
        """What is to be looked at of the protection information."""
        return CHECKS[self.protect]

    def wire_block(self, block: int) -> int:
        """Octets of a block as it is transferred."""
        return block + TUPLE if self.protect else block


def blocks_of(unit: LogicalUnit, cdb: Any) -> Blocks:
    """Read a CDB.

    Raises:
        Refused: the value of the PROTECT field is reserved, or a CDB without tags would need some.
    """
    kind, size = unit.lu.protection, cdb.STRUCT.size
    lba = cdb.logical_block_address
    count = next(getattr(cdb, name) for name in _COUNT_FIELDS if hasattr(cdb, name))
    protect = next((getattr(cdb, name) for name in _PROTECT_FIELDS if hasattr(cdb, name)), 0)
    if size == LONG:
        if cdb.additional_cdb_length != LONG - 8:
            raise Refused(INVALID_FIELD_IN_CDB, _ADDITIONAL_LENGTH_FIELD)
        tags = Tags(kind, cdb.reference_tag, cdb.application_tag, cdb.application_tag_mask)
    else:
        tags = protected_medium_of(unit).tags(lba)
    if protect >= len(CHECKS):
        raise Refused(INVALID_FIELD_IN_CDB, Field(10 if size == LONG else 1, 7))
    if protect and kind == _TYPE_2 and size != LONG:
        raise Refused(INVALID_OPERATION_CODE, Field(0))
    if size == 6:
        count = count or _MOST_BLOCKS_6
    return Blocks(lba, count, protect, tags, _LENGTH_FIELDS[size])


def checked_parts(
    unit: LogicalUnit, sc: chiscsi_scsi_command, blocks: Blocks, data: bytes | bytearray, count: int
) -> tuple[bytes, bytes]:
    """The blocks and the tuples that a command has brought.

    Args:
        unit: the logical unit.
        sc: the command.
        blocks: what its CDB says, with a PROTECT field that is not 0.
        data: what it brought,
        count: for so many blocks.

    Raises:
        Refused: it brought another amount, or a tuple does not go with its block.
    """
    block = 1 << unit.lu.sect_shift
    if sc.sc_flag & _MISMATCH or len(data) != count * (block + TUPLE):
        raise Refused(INVALID_INFORMATION_UNIT)
    contents, tuples = separate(data, block)
    check(contents, tuples, block, blocks.lba, blocks.tags, blocks.checks)
    return contents, tuples
