"""AHS areas: both segments of the RFC, unknown ones, and lengths that lie."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iscsi_wire.ahs import Ahs, build_ahs, parse_ahs
from iscsi_wire.errors import DecodeError, FieldValueError
from iscsi_wire.pdus import BidirectionalReadLengthAhs, ExtendedCdbAhs, UnknownAhs

# Laid out by hand from the drawings in RFC 7143, 11.2.2.3 and 11.2.2.4.
TABLE: list[tuple[str, list[Ahs]]] = [
    ("", []),
    (
        "0011 01 00 101112131415161718191a1b1c1d1e1f",
        [ExtendedCdbAhs(17, 1, 0, bytes(range(0x10, 0x20)))],
    ),
    ("0003 01 00 aabb 0000", [ExtendedCdbAhs(3, 1, 0, b"\xaa\xbb")]),
    ("0005 02 00 00010000", [BidirectionalReadLengthAhs(5, 2, 0, 65536)]),
    (
        "0002 01 07 aa000000 0005 c2 ff 00000001",
        [ExtendedCdbAhs(2, 1, 7, b"\xaa"), BidirectionalReadLengthAhs(5, 0xC2, 0xFF, 1)],
    ),
    ("0004 3f 11223344 00", [UnknownAhs(4, 0x3F, bytes.fromhex("11223344"))]),
    ("0000 00 00", [UnknownAhs(0, 0, b"")]),
]


@pytest.mark.parametrize("digits, segments", TABLE, ids=[digits or "empty" for digits, _ in TABLE])
def test_areas_and_segments(digits: str, segments: list[Ahs]) -> None:
    area = bytes.fromhex(digits)
    assert parse_ahs(area) == segments
    assert build_ahs(segments) == area


@pytest.mark.parametrize(
    "digits",
    ["0000 01 00", "0004 02 00 000001 00", "0006 02 00 00000001 05 000000"],
    ids=["no room for the reserved byte", "too short", "too long"],
)
def test_a_length_that_does_not_suit_the_type_gives_an_unknown_segment(digits: str) -> None:
    (segment,) = parse_ahs(bytes.fromhex(digits))
    assert isinstance(segment, UnknownAhs)
    assert build_ahs([segment]) == bytes.fromhex(digits)


@pytest.mark.parametrize(
    "digits, offset, field",
    [
        ("0011 01 00 10111213", 3, "ahs_specific"),
        ("ffff 3f 00", 3, "ahs_specific"),
        ("0005 02 00 00000001 00", 8, "ahs_length"),
        ("0005 02 00 00000001 0005 02", 11, "ahs_specific"),
    ],
)
def test_a_segment_that_ends_outside_the_area_is_an_error(digits: str, offset: int, field: str) -> None:
    with pytest.raises(DecodeError) as caught:
        parse_ahs(bytes.fromhex(digits))
    assert (caught.value.offset, caught.value.field) == (offset, field)


def test_an_area_that_total_ahs_length_cannot_announce_is_refused() -> None:
    assert len(build_ahs([ExtendedCdbAhs(extended_cdb=bytes(1016))])) == 1020
    with pytest.raises(FieldValueError, match="1020 can be announced"):
        build_ahs([ExtendedCdbAhs(extended_cdb=bytes(1017))])


def fault_of(area: bytes) -> DecodeError | None:
    try:
        parse_ahs(area)
    except DecodeError as fault:
        return fault
    return None


@given(st.binary(max_size=60))
def test_an_area_is_read_whole_or_refused_within_it(area: bytes) -> None:
    fault = fault_of(area)
    if fault is not None:
        assert 0 <= fault.offset <= len(area)
    else:
        assert len(build_ahs(parse_ahs(area))) == len(area) + -len(area) % 4
