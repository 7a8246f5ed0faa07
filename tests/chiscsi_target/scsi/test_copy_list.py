from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chiscsi_target.scsi.copy_list import LONGEST_LIST, MOST_CSCDS, MOST_SEGMENTS, parse
from chiscsi_target.scsi.refused import Refused
from tests.chiscsi_target.scsi.copies import copy_list, segment
from tests.chiscsi_target.scsi.rig import BLOCK

LENGTH, FIELD = (5, 0x1A, 0), (5, 0x26, 0)
TOO_MANY_CSCDS, UNSUPPORTED_CSCD = (5, 0x26, 6), (5, 0x26, 7)
TOO_MANY_SEGMENTS, UNSUPPORTED_SEGMENT, INLINE = (5, 0x26, 8), (5, 0x26, 9), (5, 0x26, 0x0B)
CSCD = bytes.fromhex("e4000000 01030008") + bytes(20) + BLOCK.to_bytes(4)
SEGMENT = segment(0, 8, 8)


def changed(octet: int, value: int) -> bytes:
    """A good list with another value in one octet."""
    data = bytearray(copy_list([CSCD], [SEGMENT]))
    data[octet] = value
    return bytes(data)


def test_a_list_of_both_kinds() -> None:
    found = parse(copy_list([CSCD, CSCD], [SEGMENT, segment(1, 2, 3, source=1)], identifier=9))
    assert (found.identifier, len(found.cscds), found.cscds[0].disk_block_length) == (9, 2, BLOCK)
    assert [each.source_cscd_descriptor_id for each in found.segments] == [0, 1]


def test_without_a_list_identifier_there_is_none() -> None:
    assert parse(copy_list([], [], identifier=0, usage=3)).identifier is None


@pytest.mark.parametrize(
    "data, sense, field",
    [
        (bytes(15), LENGTH, None),
        (copy_list([CSCD], [SEGMENT])[:-1], LENGTH, None),
        (copy_list([CSCD], [SEGMENT])[:-29], LENGTH, None),
        (copy_list([CSCD + bytes((0xE4,))], []), LENGTH, None),
        (copy_list([], [SEGMENT + bytes((2,))]), LENGTH, None),
        (copy_list([CSCD] * MOST_CSCDS, [SEGMENT] * MOST_SEGMENTS) + bytes(4), None, None),
        (copy_list([CSCD] * (MOST_CSCDS + 1), [SEGMENT] * MOST_SEGMENTS), LENGTH, None),
        (copy_list([CSCD] * (MOST_CSCDS + 1), [SEGMENT]), TOO_MANY_CSCDS, 2),
        (copy_list([CSCD], [SEGMENT] * (MOST_SEGMENTS + 1)), TOO_MANY_SEGMENTS, 8),
        (copy_list([], [], usage=1), FIELD, 1),
        (copy_list([], [], usage=3), FIELD, 0),
        (copy_list([], [], usage=2), None, None),
        (changed(15, 4) + bytes(4), INLINE, 12),
        (changed(15, 4), LENGTH, None),
        (changed(16, 0xE0), UNSUPPORTED_CSCD, 16),
        (changed(16 + 7, 21), FIELD, 16 + 7),
        (changed(16 + 1, 0xA0), None, None),
        (changed(48, 0x03), UNSUPPORTED_SEGMENT, 48),
        (changed(48 + 3, 0x17), FIELD, 48 + 2),
    ],
)
def test_each_mistake_has_its_sense(data: bytes, sense: tuple[int, int, int] | None, field: int | None) -> None:
    if sense is None:
        parse(data)
        return
    with pytest.raises(Refused) as refused:
        parse(data)
    pointer = refused.value.field
    assert tuple(refused.value.sense) == sense
    assert (pointer.octet if pointer else None) == field
    assert pointer is None or pointer.in_data


def test_the_longest_list_holds_the_most_of_both() -> None:
    assert len(copy_list([CSCD] * MOST_CSCDS, [SEGMENT] * MOST_SEGMENTS)) == 16 + LONGEST_LIST


@given(st.binary(max_size=120), st.binary(max_size=80))
def test_any_octets_are_a_list_or_refused(head: bytes, rest: bytes) -> None:
    for data in (head, copy_list([CSCD], [SEGMENT])[: len(head)] + rest):
        with suppress(Refused):
            found = parse(data)
            assert len(found.cscds) <= MOST_CSCDS and len(found.segments) <= MOST_SEGMENTS
