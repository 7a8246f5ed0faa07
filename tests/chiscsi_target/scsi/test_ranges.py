from __future__ import annotations

import pytest

from chiscsi_target.scsi.ranges import check_range, has_medium, medium_of
from chiscsi_target.scsi.refused import Refused
from chiscsi_target.scsi.sense import INVALID_FIELD_IN_CDB, LBA_OUT_OF_RANGE, Field
from tests.chiscsi_target.scsi.rig import BLOCKS, Rig


@pytest.mark.parametrize("lba, count", [(0, BLOCKS), (BLOCKS - 1, 1), (BLOCKS - 1, 0)])
def test_blocks_that_are_there(lba: int, count: int) -> None:
    check_range(Rig().server.units[0], lba, count)


@pytest.mark.parametrize("lba, count", [(0, BLOCKS + 1), (BLOCKS, 0), (BLOCKS, 1), (1 << 63, 1)])
def test_blocks_that_are_not(lba: int, count: int) -> None:
    with pytest.raises(Refused, match="05/21/00") as refused:
        check_range(Rig().server.units[0], lba, count)
    assert refused.value.sense == LBA_OUT_OF_RANGE


def test_more_than_one_command_may_name() -> None:
    unit = Rig().server.units[0]
    check_range(unit, 0, 8, 8, Field(7))
    with pytest.raises(Refused) as refused:
        check_range(unit, 0, 9, 8, Field(7))
    assert (refused.value.sense, refused.value.field) == (INVALID_FIELD_IN_CDB, Field(7))


def test_a_unit_with_and_without_medium() -> None:
    unit = Rig().server.units[0]
    assert has_medium(unit) and medium_of(unit) is unit.lu.medium
    unit.lu.medium = None
    assert not has_medium(unit)
