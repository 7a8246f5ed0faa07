"""LUN fields: peripheral, flat and extended flat addressing of one level, and one well known logical unit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chiscsi_target.core.lun import REPORT_LUNS_UNIT, UNADDRESSABLE, decode_lun


@pytest.mark.parametrize(
    "field, lun",
    [
        (0, 0),
        (0x0001_0000_0000_0000, 1),
        (0x00FF_0000_0000_0000, 255),
        (0x4000_0000_0000_0000, 0),
        (0x4001_0000_0000_0000, 1),
        (0x7FFF_0000_0000_0000, 0x3FFF),
        (0x0100_0000_0000_0000, UNADDRESSABLE),  # another bus
        (0x8001_0000_0000_0000, UNADDRESSABLE),  # logical unit addressing
        (0xC101_0000_0000_0000, REPORT_LUNS_UNIT),
        (0xC102_0000_0000_0000, UNADDRESSABLE),  # another well known logical unit
        (0xC101_0000_0001_0000, UNADDRESSABLE),
        (0xD200_0001_0000_0000, 1),
        (0xD200_3FFF_0000_0000, 0x3FFF),
        (0xD200_4000_0000_0000, 0x4000),
        (0xD200_0001_0001_0000, UNADDRESSABLE),
        (0xD200_C101_0000_0000, UNADDRESSABLE),  # a number that would be taken for the well known one
        (0xE200_0000_0001_0000, 1),
        (0xE200_0000_0001_0001, UNADDRESSABLE),
        (0xF200_0000_0000_0001, UNADDRESSABLE),
        (0x0001_0001_0000_0000, UNADDRESSABLE),  # a second level
        (0x0000_0000_0000_0001, UNADDRESSABLE),
    ],
)
def test_fields(field: int, lun: int) -> None:
    assert decode_lun(field) == lun


@given(st.integers(0, (1 << 64) - 1))
def test_every_field_is_a_number_or_none(field: int) -> None:
    lun = decode_lun(field)
    assert lun == UNADDRESSABLE or 0 <= lun <= REPORT_LUNS_UNIT
    if field >> 62 != 3:
        assert (lun == UNADDRESSABLE) == bool(
            field & 0xFFFF_FFFF_FFFF or field >> 62 > 1 or (field >> 62 == 0 and field >> 56 != 0)
        )
