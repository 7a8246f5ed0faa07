from __future__ import annotations

import pytest

from chiscsi_target.api import chiscsi_lun
from chiscsi_target.core.lun import decode_lun
from chiscsi_target.drivers.memory import MemoryLunClass
from chiscsi_target.scsi.device_server import DeviceServer
from chiscsi_target.scsi.sense import MODE_PARAMETERS_CHANGED, RESET_OCCURRED
from chiscsi_target.scsi.status import REPORT_LUNS_UNIT
from iscsi_wire.scsi import ReadCapacity16Data, ReportLunsData
from tests.chiscsi_target.fakes import FakeStack
from tests.chiscsi_target.scsi.rig import ABSENT, Rig

READY = "00 00 00 00 00 00"
CAPACITY_10 = "25 00 00000000 0000 00 00"


def capacity_16(allocation: int = 32) -> str:
    return f"9e 10 {0:016x} {allocation:08x} 00 00"


def report_luns(select: int = 0, allocation: int = 256) -> str:
    return f"a0 00 {select:02x} 000000 {allocation:08x} 00 00"


# TEST UNIT READY


def test_a_unit_is_ready() -> None:
    outcome = Rig().run(READY)
    assert (outcome.status, outcome.residual) == (0, 0)


def test_a_unit_that_is_not_there_is_not_supported() -> None:
    outcome = Rig().run(READY, lun=ABSENT)
    assert (outcome.status, outcome.sense) == (2, (5, 0x25, 0))


def test_data_that_is_expected_of_test_unit_ready_is_all_missing() -> None:
    assert Rig().run(READY, length=512).residual == 512


# READ CAPACITY


def test_read_capacity_10_names_the_last_block() -> None:
    assert Rig().run(CAPACITY_10, length=8).data == bytes.fromhex("000007ff 00000200")


def test_read_capacity_16_names_the_last_block() -> None:
    data = Rig().run(capacity_16(), length=32).data
    assert len(data) == 32
    assert data[:12] == bytes.fromhex("00000000000007ff 00000200")
    assert data[14] == 0xC0 and not any(data[12:14] + data[15:])  # thin, and what is given back reads as zeros


@pytest.mark.parametrize(
    "blocks, last_10",
    [(1 << 32, 0xFFFFFFFF), ((1 << 32) - 1, 0xFFFFFFFE), ((1 << 32) + 1, 0xFFFFFFFF), (1 << 44, 0xFFFFFFFF)],
)
def test_a_medium_too_large_for_read_capacity_10(blocks: int, last_10: int) -> None:
    unit = Rig.disk("size=1M")
    unit.size = blocks << 9
    rig = Rig(unit)
    assert int.from_bytes(rig.run(CAPACITY_10, length=8).data[:4]) == last_10
    decoded = ReadCapacity16Data.decode(rig.run(capacity_16(), length=32).data)
    assert decoded.returned_logical_block_address == blocks - 1


def test_capacity_of_4096_byte_blocks() -> None:
    data = Rig(Rig.disk("size=1M,BLOCK=4096")).run(CAPACITY_10, length=8).data
    assert data == bytes.fromhex("000000ff 00001000")


@pytest.mark.parametrize("allocation, length", [(0, 0), (8, 8), (12, 12), (31, 31), (64, 32), (0xFFFFFFFF, 32)])
def test_read_capacity_16_is_cut_to_the_allocation_length(allocation: int, length: int) -> None:
    outcome = Rig().run(capacity_16(allocation), length=64)
    assert (outcome.status, len(outcome.data), outcome.residual) == (0, length, 64 - length)


@pytest.mark.parametrize(
    "cdb, field",
    [
        ("25 00 00000001 0000 00 00", (5, 0)),  # LOGICAL BLOCK ADDRESS and PMI are obsolete in SBC-3
        ("25 00 00000000 0000 01 00", (8, 0)),
        ("9e 10 0000000000000001 00000020 00 00", (9, 0)),
        ("9e 10 0000000000000000 00000020 01 00", (14, 0)),
        ("9e 11 0000000000000000 00000020 00 00", (1, 4)),
        ("9e 00 0000000000000000 00000020 00 00", (1, 4)),
    ],
)
def test_obsolete_fields_and_other_service_actions_are_refused(cdb: str, field: tuple[int, int]) -> None:
    outcome = Rig().run(cdb, length=32)
    assert (outcome.status, outcome.sense, outcome.field) == (2, (5, 0x24, 0), field)


# REPORT LUNS


def test_report_luns_lists_the_units() -> None:
    data = Rig().run(report_luns(), length=256).data
    assert data == bytes.fromhex("00000010 00000000 0000000000000000 0001000000000000")


@pytest.mark.parametrize("lun", [0, 1, ABSENT])
def test_report_luns_is_answered_by_any_number(lun: int) -> None:
    assert len(Rig().run(report_luns(), length=256, lun=lun).data) == 24


def test_numbers_beyond_255_use_flat_addressing() -> None:
    rig = Rig(*(Rig.disk("size=1M", number) for number in (16383, 256, 255, 0)))
    luns = ReportLunsData.decode(rig.run(report_luns(), length=256).data).luns
    assert luns == [0, 0x00FF << 48, 0x4100 << 48, 0x7FFF << 48]


UNITS, WELL_KNOWN = [0, 1 << 48], [0xC101 << 48]


@pytest.mark.parametrize(
    "select, luns",
    [(0x00, UNITS), (0x01, WELL_KNOWN), (0x02, UNITS + WELL_KNOWN), (0x10, []), (0x11, UNITS)],
)
@pytest.mark.parametrize("lun", [0, ABSENT, REPORT_LUNS_UNIT])
def test_what_is_selected_is_listed_whichever_unit_is_asked(select: int, luns: list[int], lun: int) -> None:
    outcome = Rig().run(report_luns(select), length=256, lun=lun)
    assert ReportLunsData.decode(outcome.data).luns == luns


def test_numbers_are_written_in_the_shortest_way_that_holds_them() -> None:
    numbers = (0, 255, 256, 16383, 16384)
    rig = Rig(*(Rig.disk("size=1M", number) for number in numbers))
    luns = ReportLunsData.decode(rig.run(report_luns(), length=256).data).luns
    written = (0, 0x00FF << 48, 0x4100 << 48, 0x7FFF << 48, 0xD2004000 << 32)
    assert tuple(luns) == written and tuple(map(decode_lun, luns)) == numbers


def test_thousands_of_units_are_listed() -> None:
    server = DeviceServer([chiscsi_lun(MemoryLunClass(), number, "disk") for number in range(16383)])
    outcome = FakeStack(server).run(report_luns(allocation=1 << 18), length=1 << 18)
    luns = ReportLunsData.decode(outcome.data).luns
    assert [decode_lun(lun) for lun in luns] == list(range(16383))


def test_the_list_length_is_of_the_whole_list() -> None:
    outcome = Rig().run(report_luns(allocation=16), length=16)
    assert outcome.data == bytes.fromhex("00000010 00000000 0000000000000000") and outcome.residual == 0


@pytest.mark.parametrize("cdb, field", [(report_luns(3), (2, None)), (report_luns(allocation=15), (6, None))])
def test_report_luns_refuses_other_selections_and_too_little_room(cdb: str, field: tuple[int, None]) -> None:
    outcome = Rig().run(cdb, length=256)
    assert (outcome.status, outcome.sense, outcome.field) == (2, (5, 0x24, 0), field)


# REQUEST SENSE

NOTHING = bytes.fromhex("70 00 00 00000000 0a 00000000 00 00 00 000000")


def test_request_sense_has_nothing_to_say() -> None:
    assert Rig().run("03 00 00 00 fc 00", length=252).data == NOTHING
    assert Rig().run("03 01 00 00 fc 00", length=252).data == bytes.fromhex("72 00 00 00 000000 00")


def test_request_sense_of_an_absent_unit_says_so() -> None:
    outcome = Rig().run("03 00 00 00 12 00", length=18, lun=ABSENT)
    assert outcome.status == 0
    assert (outcome.data[2], outcome.data[12], outcome.data[13]) == (5, 0x25, 0)


def test_request_sense_reports_a_unit_attention_as_data_and_clears_it() -> None:
    rig = Rig()
    rig.server.establish_attention(1, 0, RESET_OCCURRED)
    outcome = rig.run("03 00 00 00 12 00", length=18)
    assert (outcome.status, outcome.data[2], outcome.data[12]) == (0, 6, 0x29)
    assert rig.run("03 00 00 00 12 00", length=18).data == NOTHING
    assert rig.run(READY).status == 0


@pytest.mark.parametrize("room", [0, 1, 8, 17, 18, 252])
def test_request_sense_is_cut_and_the_condition_is_cleared_all_the_same(room: int) -> None:
    rig = Rig()
    rig.server.establish_attention(1, 0, RESET_OCCURRED)
    outcome = rig.run(f"03 00 00 00 {room:02x} 00", length=252)
    assert (outcome.status, len(outcome.data)) == (0, min(room, 18))
    assert rig.run(READY).status == 0


def test_request_sense_reports_one_condition_at_a_time_to_whom_it_concerns() -> None:
    rig = Rig()
    for sense in (RESET_OCCURRED, MODE_PARAMETERS_CHANGED):
        rig.server.establish_attention(1, 0, sense)
    rig.server.establish_attention(2, 0, MODE_PARAMETERS_CHANGED)
    seen = [rig.run("03 01 00 00 fc 00", length=252, session=1).data[1:4] for _ in range(3)]
    assert seen == [bytes.fromhex("06 29 00"), bytes.fromhex("06 2a 01"), bytes(3)]
    assert rig.run(READY, session=2).sense == MODE_PARAMETERS_CHANGED


@pytest.mark.parametrize("cdb", ["03 02 00 00 12 00", "03 00 01 00 12 00", "03 00 00 80 12 00"])
def test_request_sense_refuses_reserved_bits(cdb: str) -> None:
    assert Rig().run(cdb, length=18).sense == (5, 0x24, 0)


def test_descriptor_format_of_an_absent_unit() -> None:
    assert Rig().run("03 01 00 00 12 00", length=18, lun=ABSENT).data == bytes.fromhex("72 05 25 00 000000 00")
