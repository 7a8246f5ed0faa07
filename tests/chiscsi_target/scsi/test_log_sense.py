from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iscsi_wire.scsi import LogPage
from tests.chiscsi_target.fakes import Outcome
from tests.chiscsi_target.scsi.modes import EXCEPTIONS, page, select
from tests.chiscsi_target.scsi.rig import Rig

IN_CDB, IN_LIST, LENGTH_ERROR = (5, 0x24, 0), (5, 0x26, 0), (5, 0x1A, 0)
TEMPERATURE, CYCLES, INFORMATIONAL = 0x0D, 0x0E, 0x2F


def log_sense(code: int, subpage: int = 0, *, control: int = 1, pointer: int = 0, allocation: int = 512) -> str:
    return f"4d 00 {control << 6 | code:02x} {subpage:02x} 00 {pointer:04x} {allocation:04x} 00"


def log_select(rig: Rig, data: bytes = b"", *, code: int = 0, flags: int = 0, control: int = 1) -> Outcome:
    return rig.write(f"4c {flags:02x} {control << 6 | code:02x} 00 00 0000 {len(data):04x} 00", data)


def logged(code: int, subpage: int = 0, **how: int) -> LogPage:
    data = Rig().run(log_sense(code, subpage, **how), length=512).data
    found = LogPage.decode(data)
    assert (found.page_code, found.spf, found.subpage_code) == (code, int(subpage > 0), subpage)
    assert found.page_length == len(data) - 4
    return found


def parameters(data: bytes) -> dict[int, bytes]:
    """The values of log parameters by their codes."""
    found: dict[int, bytes] = {}
    while data:
        end = 4 + data[3]
        found[int.from_bytes(data[:2])], data = data[4:end], data[end:]
    return found


def test_the_pages_that_there_are() -> None:
    assert logged(0).parameters == bytes((0, TEMPERATURE, CYCLES, INFORMATIONAL))
    assert logged(0, 0xFF).parameters == bytes.fromhex("0000 00ff 0d00 0dff 0e00 0eff 2f00 2fff")
    assert logged(CYCLES, 0xFF).parameters == bytes.fromhex("0e00 0eff")


def test_each_page_that_is_listed_is_answered_and_no_other() -> None:
    rig = Rig()
    listed = bytes(logged(0, 0xFF).parameters)
    pairs = {(code, subpage) for code, subpage in zip(listed[::2], listed[1::2], strict=True)}
    answered = {
        (code, subpage)
        for code in range(0x40)
        for subpage in range(0x100)
        if rig.run(log_sense(code, subpage), length=512).status == 0
    }
    assert answered == pairs


def test_there_is_no_thermometer() -> None:
    assert parameters(logged(TEMPERATURE).parameters) == {0: b"\x00\xff", 1: b"\x00\xff"}


def test_nothing_starts_or_stops() -> None:
    blank, none = b" " * 6, bytes(4)
    assert parameters(logged(CYCLES).parameters) == {1: blank, 2: blank, 3: none, 4: none, 5: none, 6: none}


def test_a_pending_exception_is_logged() -> None:
    assert parameters(logged(INFORMATIONAL).parameters) == {0: bytes.fromhex("00 00 ff ff")}
    rig = Rig()
    octets = bytearray(page(rig, EXCEPTIONS))
    octets[2:4] = bytes.fromhex("04 06")
    assert select(rig, bytes(octets)).status == 0
    data = rig.run(log_sense(INFORMATIONAL), length=512).data
    assert parameters(data[4:]) == {0: bytes.fromhex("5d ff ff ff")}


@pytest.mark.parametrize("control", range(4))
def test_all_values_are_the_same(control: int) -> None:
    assert logged(TEMPERATURE, control=control) == logged(TEMPERATURE)


def test_the_parameter_pointer_leaves_out_what_is_before_it() -> None:
    assert list(parameters(logged(CYCLES, pointer=5).parameters)) == [5, 6]
    for code, pointer in ((CYCLES, 7), (TEMPERATURE, 2), (0, 1)):
        outcome = Rig().run(log_sense(code, pointer=pointer), length=512)
        assert (outcome.sense, outcome.field) == (IN_CDB, (5, None))


@pytest.mark.parametrize(
    "cdb, field",
    [
        ("4d 01 40 00 00 0000 0200 00", (1, 0)),  # SP
        ("4d 02 40 00 00 0000 0200 00", (1, 1)),  # PPC
        (log_sense(0x02), (2, 5)),
        (log_sense(TEMPERATURE, 1), (3, None)),
    ],
)
def test_what_log_sense_refuses(cdb: str, field: tuple[int, int | None]) -> None:
    outcome = Rig().run(cdb, length=512)
    assert (outcome.status, outcome.sense, outcome.field) == (2, IN_CDB, field)


def test_it_is_cut_to_the_allocation_length() -> None:
    outcome = Rig().run(log_sense(CYCLES, allocation=6), length=512)
    assert (len(outcome.data), outcome.residual) == (6, 506) and outcome.data[2:4] == bytes.fromhex("0034")


# LOG SELECT


@pytest.mark.parametrize("code", [0, TEMPERATURE, CYCLES, INFORMATIONAL])
def test_a_reset_of_parameters_is_nothing_to_do(code: int) -> None:
    rig = Rig()
    before = rig.run(log_sense(code), length=512).data
    for flags in (0, 2):
        assert rig.run(f"4c {flags:02x} {0xC0 | code:02x} 00 00 0000 0000 00").status == 0
    assert rig.run(log_sense(code), length=512).data == before


def test_an_empty_page_changes_nothing() -> None:
    assert log_select(Rig(), bytes.fromhex("0d 00 0000 0e 00 0000")).status == 0


@pytest.mark.parametrize(
    "data, sense, field",
    [
        ("0d 00 0006 0000 03 02 00 20", IN_LIST, (4, None)),
        ("0d 00 0000 0e 00 0006 0000 03 02 00 20", IN_LIST, (8, None)),
        ("02 00 0000", IN_LIST, (0, 5)),
        ("0d 00 00", LENGTH_ERROR, None),
        ("0d 00 0008 0000 03 02", LENGTH_ERROR, None),
    ],
)
def test_no_parameter_can_be_set(data: str, sense: tuple[int, int, int], field: tuple[int, int | None] | None) -> None:
    outcome = log_select(Rig(), bytes.fromhex(data))
    assert (outcome.status, outcome.sense, outcome.field) == (2, sense, field)


@pytest.mark.parametrize(
    "flags, code, data, field",
    [(1, 0, b"", (1, 0)), (2, 0, bytes(4), (7, None)), (0, TEMPERATURE, bytes(4), (7, None)), (2, 5, b"", (2, 5))],
)
def test_what_log_select_refuses(flags: int, code: int, data: bytes, field: tuple[int, int | None]) -> None:
    outcome = log_select(Rig(), data, flags=flags, code=code)
    assert (outcome.status, outcome.sense, outcome.field) == (2, IN_CDB, field)


def test_fewer_data_than_the_list_has() -> None:
    assert Rig().write("4c 00 40 00 00 0000 0008 00", bytes(8), length=4).sense == LENGTH_ERROR


@given(st.binary(max_size=32))
def test_whatever_is_sent_is_taken_or_refused(data: bytes) -> None:
    outcome = Rig().write(f"4c 00 40 00 00 0000 {len(data):04x} 00", data)
    assert (outcome.status, outcome.sense) in ((0, (0, 0, 0)), (2, IN_LIST), (2, LENGTH_ERROR))
