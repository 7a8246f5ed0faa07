"""Sense data in both formats, whole and cut short."""

from __future__ import annotations

import pytest

from initiator_sim.scsi import Sense


@pytest.mark.parametrize(
    "octets, key, asc, ascq",
    [
        ("70 00 05 00000000 0a 00000000 24 01 00 0000 00", 5, 0x24, 1),
        ("f0 00 26 00000000 0a 00000000 29 00", 6, 0x29, 0),
        ("70 00 03", 3, 0, 0),
        ("72 0b 47 05 00000000", 0xB, 0x47, 5),
        ("73 02", 2, 0, 0),
    ],
)
def test_sense(octets: str, key: int, asc: int, ascq: int) -> None:
    raw = bytes.fromhex(octets)
    sense = Sense.from_segment(len(raw).to_bytes(2, "big") + raw + b"\xff")
    assert sense == Sense(key, asc, ascq, raw)
    assert str(sense) == f"{key:#x}/{asc:#04x}/{ascq:#04x}"


@pytest.mark.parametrize("segment", [b"", b"\0", b"\0\0", b"\0\x12"])
def test_no_sense(segment: bytes) -> None:
    assert Sense.from_segment(segment) is None
