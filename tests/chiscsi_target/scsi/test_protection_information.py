from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chiscsi_target.scsi.protection_information import (
    CHECKS,
    NEVER_WRITTEN,
    TUPLE,
    Tags,
    check,
    generate,
    interleave,
    separate,
)
from chiscsi_target.scsi.refused import Refused

BLOCK = 512
GUARD, APPLICATION, REFERENCE = (0xB, 0x10, 1), (0xB, 0x10, 2), (0xB, 0x10, 3)


def slow_crc(data: bytes) -> int:
    """The guard, bit by bit: polynomial 8BB7h, from 0 (SBC-3, 4.22.4)."""
    value = 0
    for octet in data:
        value ^= octet << 8
        for _ in range(8):
            value = (value << 1 ^ 0x8BB7 if value & 0x8000 else value << 1) & 0xFFFF
    return value


@pytest.mark.parametrize(
    "data, guard",
    [
        (bytes(32), 0x0000),
        (b"\xff" * 32, 0xA293),
        (bytes(range(32)), 0x0224),
        (b"\xff\xff" + bytes(30), 0x21B8),
        (bytes(range(255, 223, -1)), 0xA0B7),
    ],
)
def test_guards_are_those_of_the_standards_examples(data: bytes, guard: int) -> None:
    """SBC-3, 4.22.4.4, CRC test cases."""
    assert generate(data, 32, 1, 0)[:2] == guard.to_bytes(2) == slow_crc(data).to_bytes(2)


@given(st.binary(min_size=BLOCK, max_size=BLOCK))
def test_guards_are_what_bits_make_of_them(data: bytes) -> None:
    assert int.from_bytes(generate(data, BLOCK, 3, 0)[:2]) == slow_crc(data)


@pytest.mark.parametrize("kind, references", [(1, [0xFFFFFFFF, 0]), (2, [0xFFFFFFFF, 0]), (3, [0xFFFFFFFF] * 2)])
def test_generated_tags(kind: int, references: list[int]) -> None:
    tuples = generate(bytes(2 * BLOCK), BLOCK, kind, (5 << 32) - 1)
    assert [fields[1:] for fields in struct.iter_unpack(">HHI", tuples)] == [(0, each) for each in references]


@given(st.binary(max_size=4 * 48).map(lambda data: data[: len(data) // 48 * 48]))
def test_what_is_interleaved_can_be_separated(octets: bytes) -> None:
    data, tuples = separate(octets, 40)
    assert len(tuples) == len(octets) // 48 * TUPLE
    assert interleave(data, tuples, 40) == octets


def sense(data: bytes, tuples: bytes, tags: Tags, protect: int = 1) -> tuple[int, int, int] | None:
    """What a check says of block 8, the second one from 7 on."""
    try:
        check(data, tuples, BLOCK, 7, tags, CHECKS[protect])
    except Refused as reason:
        return reason.sense if reason.information == 8 else None
    return None


GOOD = generate(bytes(2 * BLOCK), BLOCK, 1, 7)


@pytest.mark.parametrize(
    "wrong, protects",
    [
        (b"\x12\x34" + GOOD[10:], {GUARD: (0, 1, 4, 5), None: (2, 3)}),
        (GOOD[8:10] + b"\x00\x01" + GOOD[12:], {APPLICATION: (0, 1, 2, 5), None: (3, 4)}),
        (GOOD[8:12] + b"\x00\x00\x00\x07", {REFERENCE: (0, 1, 2, 5), None: (3, 4)}),
    ],
)
def test_each_field_is_checked_when_it_is_to_be(
    wrong: bytes, protects: dict[tuple[int, int, int] | None, tuple[int, ...]]
) -> None:
    tags = Tags(2, 7, 0, 0xFFFF)
    for expected, values in protects.items():
        for protect in values:
            assert sense(bytes(2 * BLOCK), GOOD[:8] + wrong, tags, protect) == expected


def test_masked_bits_of_the_application_tag_do_not_matter() -> None:
    tuples = GOOD[:8] + GOOD[8:10] + b"\x12\x34" + GOOD[12:]
    assert sense(bytes(2 * BLOCK), tuples, Tags(2, 7, 0x1200, 0)) is None
    assert sense(bytes(2 * BLOCK), tuples[8:] + tuples[8:], Tags(2, None, 0x12FF, 0xFF00)) is None
    assert sense(bytes(2 * BLOCK), GOOD[:8] + tuples[8:], Tags(2, 7, 0, 0x00FF)) == APPLICATION


@pytest.mark.parametrize("kind, free", [(1, True), (2, True), (3, False)])
def test_the_application_tag_that_checks_nothing(kind: int, free: bool) -> None:
    """With type 3 the reference tag has to be ffffffffh too (SBC-3, 4.22.2)."""
    tags = Tags(kind, None)
    assert (sense(bytes(2 * BLOCK), GOOD[:8] + b"\x12\x34\xff\xff\x00\x00\x00\x00", tags) is None) == free
    assert sense(bytes(2 * BLOCK), GOOD[:8] + NEVER_WRITTEN, tags) is None


def test_reference_tags_count_on_beyond_32_bits() -> None:
    assert Tags(2, 5).after(3) == Tags(2, 8) and Tags(3, None).after(3) == Tags(3, None)
    check(bytes(2 * BLOCK), generate(bytes(2 * BLOCK), BLOCK, 1, 0xFFFFFFFF), BLOCK, 0, Tags(1, 0xFFFFFFFF), CHECKS[1])
