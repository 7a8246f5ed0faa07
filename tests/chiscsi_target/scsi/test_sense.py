from __future__ import annotations

from collections.abc import Callable

import pytest

from chiscsi_target.scsi.sense import (
    INVALID_FIELD_IN_CDB,
    INVALID_INFORMATION_UNIT,
    LBA_OUT_OF_RANGE,
    NO_SENSE,
    RESET_OCCURRED,
    WRITE_PROTECTED,
    Field,
    Sense,
    descriptor_format,
    fixed_format,
)
from tests.chiscsi_target.peers import run_peer

FIXED = [
    (NO_SENSE, None, "70 00 00 00000000 0a 00000000 00 00 00 000000"),
    (LBA_OUT_OF_RANGE, None, "70 00 05 00000000 0a 00000000 21 00 00 000000"),
    (RESET_OCCURRED, None, "70 00 06 00000000 0a 00000000 29 00 00 000000"),
    (WRITE_PROTECTED, None, "70 00 07 00000000 0a 00000000 27 00 00 000000"),
    (INVALID_INFORMATION_UNIT, None, "70 00 05 00000000 0a 00000000 0e 03 00 000000"),
    # Sense-key specific: SKSV and C/D; with BPV and the bit pointer where the field does not fill its octet.
    (INVALID_FIELD_IN_CDB, Field(2), "70 00 05 00000000 0a 00000000 24 00 00 c00002"),
    (INVALID_FIELD_IN_CDB, Field(1, 7), "70 00 05 00000000 0a 00000000 24 00 00 cf0001"),
    (INVALID_FIELD_IN_CDB, Field(10, 0), "70 00 05 00000000 0a 00000000 24 00 00 c8000a"),
]


@pytest.mark.parametrize("sense, field, octets", FIXED)
def test_fixed_format(sense: Sense, field: Field | None, octets: str) -> None:
    assert fixed_format(sense, field) == bytes.fromhex(octets)


DESCRIPTOR = [
    (NO_SENSE, None, "72 00 00 00 000000 00"),
    (RESET_OCCURRED, None, "72 06 29 00 000000 00"),
    (INVALID_FIELD_IN_CDB, Field(1, 7), "72 05 24 00 000000 08 02 06 0000 cf0001 00"),
]


@pytest.mark.parametrize("sense, field, octets", DESCRIPTOR)
def test_descriptor_format(sense: Sense, field: Field | None, octets: str) -> None:
    assert descriptor_format(sense, field) == bytes.fromhex(octets)


@pytest.mark.interop
@pytest.mark.parametrize("encode", [fixed_format, descriptor_format], ids=["fixed", "descriptor"])
def test_sg_decode_sense_reads_the_same(encode: Callable[[Sense, Field], bytes]) -> None:
    text = run_peer("sg_decode_sense", *(f"{octet:02x}" for octet in encode(INVALID_FIELD_IN_CDB, Field(1, 7))))
    assert "Sense key: Illegal Request" in text
    assert "Additional sense: Invalid field in cdb" in text
    assert "Error in Command: byte 1 bit 7" in text
