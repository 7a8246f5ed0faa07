from __future__ import annotations

import pytest

from chiscsi_target.errors import DriverError
from chiscsi_target.scsi.copy_failure import (
    COPY_ABORTED,
    DESTINATION,
    SOURCE,
    THIRD_PARTY_DEVICE_FAILURE,
    CopyAborted,
    Forwarded,
    blaming,
)
from chiscsi_target.scsi.refused import Refused
from chiscsi_target.scsi.sense import LBA_OUT_OF_RANGE, WRITE_PROTECTED
from tests.chiscsi_target.scsi.rig import Rig


@pytest.mark.parametrize("whose, information", [(SOURCE, "12000007"), (DESTINATION, "00120007")])
def test_fixed_format_tells_segment_and_what_was_forwarded(whose: int, information: str) -> None:
    """SPC-4, 5.17.7.4: status and sense data stand where the octets of COMMAND-SPECIFIC INFORMATION say."""
    unit = Rig().server.units[0]
    data = CopyAborted(unit, COPY_ABORTED, 7, Forwarded.check_condition(whose, LBA_OUT_OF_RANGE)).sense_data
    assert data[:3] == bytes((0x70, 0, 0x0A)) and data[7] == len(data) - 8 and data[8:12].hex() == information
    assert data[18] == 2 and data[19:22] == bytes((0x70, 0, 5)) and data[19 + 12] == 0x21


def test_nothing_is_forwarded_where_nobody_said_anything() -> None:
    data = CopyAborted(Rig().server.units[0], COPY_ABORTED, 1).sense_data
    assert len(data) == 18 and data[8:12] == bytes((0, 0, 0, 1))


def test_descriptor_format_has_a_descriptor_for_each() -> None:
    unit = Rig().server.units[0]
    unit.lu.descriptor_sense = True
    data = CopyAborted(unit, COPY_ABORTED, 7, Forwarded(DESTINATION, 0x18, b"")).sense_data
    assert data.hex(" ") == "72 0a 00 00 00 00 00 10 01 0a 00 00 00 00 00 00 00 00 00 07 0c 02 02 18"


@pytest.mark.parametrize("fault", [Refused(WRITE_PROTECTED), DriverError(7, 0x27)])
def test_what_an_end_fails_with_aborts_the_copy(fault: Exception) -> None:
    unit = Rig().server.units[0]
    with pytest.raises(CopyAborted) as aborted, blaming(unit, SOURCE, 3):
        raise fault
    assert aborted.value.sense == THIRD_PARTY_DEVICE_FAILURE
    assert aborted.value.forwarded == Forwarded.check_condition(SOURCE, WRITE_PROTECTED)


def test_a_copy_that_is_aborted_already_is_left_alone() -> None:
    unit = Rig().server.units[0]
    first = CopyAborted(unit, COPY_ABORTED, 1)
    with pytest.raises(CopyAborted) as aborted, blaming(unit, SOURCE, 3):
        raise first
    assert aborted.value is first
