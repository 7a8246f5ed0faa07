"""LUN masking: numbers and rights of a session of its own (behaviour file, 2.6)."""

from __future__ import annotations

from collections.abc import Callable

from conformance.api import TaskManagementFunction, expect, variants
from conformance.driver_bench import DriverBench, driver_case
from conformance.suites.blocks import pattern
from conformance.suites.driver_api.nodes import disks, only, reconfigure
from iscsi_wire.scsi import ModeSense6, Read10, ReadCapacity10, ReportLuns, TestUnitReady, Write10

Make = Callable[..., DriverBench]

LUN_ACL_R, LUN_ACL_W, LUN_OOR = 0x800, 0x1000, 0x2000


def _masked(make_bench: Make, rights: str) -> DriverBench:
    bench = make_bench()
    assert reconfigure(bench, only(bench, rights)) == 0, "chiscsi_target_reconfig refuses"
    return bench


@driver_case("drv-masking-01", behaviour="2.6")
@variants("lun", [0, 1])
def test_visible_units_are_numbered_from_zero(make_bench: Make, lun: int) -> None:
    """With a list of units, the session counts from 0 what is visible; the driver is given the target's number."""
    bench = _masked(make_bench, "3,5:RW")
    _, sc = bench.begin_no_data(lun=lun)
    bench.expect_equal("sc_lun", sc.sc_lun, (3, 5)[lun])


@driver_case("drv-masking-02", behaviour="2.6")
def test_unit_that_is_not_visible_is_out_of_range(make_bench: Make) -> None:
    """The target's own number of a unit that is not in the list means no unit: SC_FLAG_LUN_OOR, and no rights."""
    bench = _masked(make_bench, "3,5:RW")
    _, sc = bench.begin_no_data(lun=3)
    bench.expect_equal("flags", sc.sc_flag & (LUN_ACL_R | LUN_ACL_W | LUN_OOR), LUN_OOR)
    bench.expect_equal("sc_lun is a unit's number", sc.sc_lun in range(256), False)


@driver_case("drv-masking-03", behaviour="2.6, 3.1")
@variants("rights", ["R", "RW", "W"])
def test_driver_is_told_of_the_rights(make_bench: Make, rights: str) -> None:
    """SC_FLAG_LUN_ACL_R and SC_FLAG_LUN_ACL_W say what the list grants on the unit; W implies R."""
    bench = _masked(make_bench, f"ALL:{rights}")
    _, sc = bench.begin_no_data(lun=2)
    granted = LUN_ACL_R if rights == "R" else LUN_ACL_R | LUN_ACL_W
    bench.expect_equal("rights", sc.sc_flag & (LUN_ACL_R | LUN_ACL_W), granted)


@driver_case("drv-masking-04", behaviour="2.6")
def test_task_management_goes_by_the_same_numbers(make_bench: Make) -> None:
    """A logical unit reset of the session's LUN 1 reaches the driver as one of the unit which that is."""
    bench = _masked(make_bench, "3,5:RW")
    bench.when("fp_tmf_execute", bench.answer_tmf)
    bench.session.task_management(TaskManagementFunction.LOGICAL_UNIT_RESET, lun=1)
    bench.expect_hook("fp_tmf_execute", lun=5)


@driver_case("drv-masking-05", behaviour="2.6, 8.2")
def test_units_that_are_listed(bench: DriverBench) -> None:
    """REPORT LUNS and READ CAPACITY tell of the visible units, under the session's numbers."""
    _, session = disks(bench, *only(bench, "1:RW"))
    listed = session.command(ReportLuns.make(allocation_length=256), read=256)
    listed.expect(expect.good(residual=None))
    bench.expect_equal("LUN list", listed.data[:24].hex(), "00000008" + "00" * 12)
    size = session.command(ReadCapacity10(), read=8)
    bench.expect_equal("last block of LUN 0", int.from_bytes(size.data[:4]), 4095)
    session.command(TestUnitReady(), lun=1).expect(expect.check_condition(key=5, asc=0x25))


@driver_case("drv-masking-06", behaviour="2.6, 8.4")
def test_write_without_the_right_to_it(bench: DriverBench) -> None:
    """A write to a built-in unit without W ends with 03/03/00 and changes nothing; reads are allowed."""
    name, writer = disks(bench, *only(bench, "ALL:RW"))
    data = pattern(512)
    writer.command(Write10.make(transfer_length=1), write=data).expect(expect.good())
    keys = [*(("TargetDevice", f"{path},MEM,size={size}M") for path, size in (("first", 1), ("second", 2)))]
    assert reconfigure(bench, [*keys, *only(bench, "ALL:R")], disks=name) == 0, "chiscsi_target_reconfig refuses"
    refused = writer.command(Write10.make(transfer_length=1), write=bytes(512))
    refused.expect(expect.check_condition(key=3, asc=3, ascq=0))
    writer.command(Read10.make(transfer_length=1), read=512).expect(expect.good(data=data))


@driver_case("drv-masking-07", behaviour="8.3")
def test_mode_sense_says_that_writes_are_refused(bench: DriverBench) -> None:
    """The write-protect bit of MODE SENSE follows the right to write, unit by unit."""
    _, session = disks(bench, *only(bench, "0:RW,1:R"))
    found = []
    for lun in (0, 1):
        answer = session.command(ModeSense6.make(page_code=0x3F, allocation_length=255), read=255, lun=lun)
        answer.expect(expect.good(residual=None))
        found.append(answer.data[2] >> 7)
    bench.expect_equal("write-protect bits of LUN 0 and 1", found, [0, 1])
