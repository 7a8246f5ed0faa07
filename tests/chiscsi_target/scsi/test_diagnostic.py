from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chiscsi_target.errors import DriverError
from tests.chiscsi_target.scsi.rig import BLOCK, BLOCKS, Rig

IN_CDB, IN_LIST, LENGTH_ERROR = (5, 0x24, 0), (5, 0x26, 0), (5, 0x1A, 0)
RESULTS = "1c {flags:02x} {page:02x} {room:04x} 00"
PAGES = bytes.fromhex("00 00 0001 00")


class Unreadable:
    """A medium that cannot be read at one offset."""

    thin = False

    def __init__(self, offset: int) -> None:
        self.offset = offset

    def read(self, offset: int, length: int) -> bytes:
        if offset == self.offset:
            raise DriverError(3, 0x11)
        return bytes(length)


@pytest.mark.parametrize("octet", ["04", "14", "07", "a0"])
def test_a_sound_unit_passes_its_self_test(octet: str) -> None:
    assert Rig().run(f"1d {octet} 00 0000 00").status == 0


@pytest.mark.parametrize("offset", [0, (BLOCKS - 1) * BLOCK])
def test_an_unreadable_unit_fails_its_self_test(offset: int) -> None:
    unit = Rig.disk("size=1M")
    unit.medium = Unreadable(offset)  # type: ignore[assignment]  # the test does no more than read
    rig = Rig(unit)
    for octet in ("04", "a0"):
        assert rig.run(f"1d {octet} 00 0000 00").sense == (4, 0x3E, 3)
    assert rig.run("1d 00 00 0000 00").status == 0


def test_a_unit_that_nobody_can_look_into_passes() -> None:
    unit = Rig.disk("size=1M")
    unit.medium = None
    assert Rig(unit).run("1d 04 00 0000 00").status == 0


@pytest.mark.parametrize("code", [1, 2, 3, 4, 6, 7])
def test_there_are_no_other_self_tests(code: int) -> None:
    outcome = Rig().run(f"1d {code << 5:02x} 00 0000 00")
    assert (outcome.sense, outcome.field) == (IN_CDB, (1, 7))


def test_one_self_test_at_a_time() -> None:
    assert Rig().run("1d a4 00 0000 00").field == (1, 7)


@pytest.mark.parametrize("octet, field", [("04", (3, None)), ("a0", (3, None)), ("00", (1, 4)), ("18", (1, 3))])
def test_what_cannot_come_with_a_page(octet: str, field: tuple[int, int | None]) -> None:
    outcome = Rig().write(f"1d {octet} 00 0004 00", bytes(4))
    assert (outcome.sense, outcome.field) == (IN_CDB, field)


def test_the_pages_can_be_asked_for_in_both_ways() -> None:
    rig = Rig()
    assert rig.write("1d 10 00 0004 00", bytes(4)).status == 0
    for flags in (0, 1):
        assert rig.run(RESULTS.format(flags=flags, page=0, room=255), length=255).data == PAGES
    assert rig.run(RESULTS.format(flags=1, page=0, room=3), length=255).data == PAGES[:3]


@pytest.mark.parametrize("flags", [0, 1])
def test_other_pages_have_no_results(flags: int) -> None:
    outcome = Rig().run(RESULTS.format(flags=flags, page=0x40, room=255), length=255)
    assert (outcome.sense, outcome.field) == (IN_CDB, (2, None))


@pytest.mark.parametrize(
    "data, sense, field",
    [
        ("40 00 0000", IN_LIST, (0, None)),
        ("00 00 0001 00", IN_LIST, (2, None)),
        ("00 00 0000 00", IN_LIST, (2, None)),
        ("00 00 00", LENGTH_ERROR, None),
    ],
)
def test_other_pages_cannot_be_sent(data: str, sense: tuple[int, int, int], field: tuple[int, None] | None) -> None:
    octets = bytes.fromhex(data)
    outcome = Rig().write(f"1d 10 00 {len(octets):04x} 00", octets)
    assert (outcome.status, outcome.sense, outcome.field) == (2, sense, field)


def test_fewer_data_than_the_list_has() -> None:
    assert Rig().write("1d 10 00 0008 00", bytes(8), length=4).sense == LENGTH_ERROR


@given(st.binary(max_size=32))
def test_whatever_is_sent_is_taken_or_refused(data: bytes) -> None:
    outcome = Rig().write(f"1d 10 00 {len(data):04x} 00", data)
    assert (outcome.status, outcome.sense) in ((0, (0, 0, 0)), (2, IN_LIST), (2, LENGTH_ERROR))
