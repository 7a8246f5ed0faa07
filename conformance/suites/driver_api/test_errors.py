"""Errors before, between and after the data, and every form of sense data (behaviour file, 3.4 and 3.8)."""

from __future__ import annotations

from chiscsi_target.errors import DriverError
from conformance.api import Received, ScsiResponse, expect, variants
from conformance.driver_bench import HOW, DriverBench, driver_case
from conformance.driver_bench.hooks import How
from conformance.suites.blocks import pattern

STATUSES = [0x02, 0x08, 0x18, 0x28, 0x40]


@driver_case("drv-error-01", "7143-11.7.3-01", guide="7.3.5.1", behaviour="3.3, 3.8")
@variants("how", HOW)
def test_read_that_fails_before_its_data(bench: DriverBench, how: How) -> None:
    """A read that fails at once: no Data-In, the SCSI Response with the driver's sense data, cleanup."""
    bench.when("fp_scsi_cmd_cdb_rcved", lambda call: bench.fail(call.sc, 3, 0x11, 4), how)
    task, sc = bench.begin_read(4096)
    result = task.expect(expect.check_condition(key=3, asc=0x11, ascq=4))
    assert result.received == 0, f"{result.received} octets came"
    bench.expect_end(sc)


@driver_case("drv-error-02", "7143-11.4.2-01", guide="7.3.5.1", behaviour="3.8")
@variants("status", STATUSES, ids=["check-condition", "busy", "reservation-conflict", "task-set-full", "task-aborted"])
def test_drivers_status_reaches_the_wire(bench: DriverBench, status: int) -> None:
    """sc_status is the status of the SCSI Response."""
    task, sc = bench.begin_read(4096)
    sc.sc_status = status
    sc.sc_sense_key = 5 if status == 0x02 else 0
    bench.executed(sc, length=0)
    task.expect(expect.status(status))


@driver_case("drv-error-03", "7143-11.7.3-01", guide="7.3.5.2", behaviour="3.8")
def test_read_that_fails_between_phases(phased_bench: DriverBench) -> None:
    """A read that fails when some phases were sent: no more data, a SCSI Response, the phases sent came back."""
    data = pattern(16384)
    # A sequence of Data-In ends with a burst, so that the status does not come within one (RFC 7143, 11.7.1).
    session = phased_bench.login(keys={"MaxBurstLength": "8192", "FirstBurstLength": "512"})
    task, sc = phased_bench.begin_read(16384, session)
    first = phased_bench.execute(sc, data[:8192])
    phased_bench.expect_returned(sc, first)
    phased_bench.fail(sc, 3, 0x11)
    result = task.expect(expect.check_condition(key=3, asc=0x11))
    assert result.data == data[:8192], f"{result.received} octets came"
    phased_bench.expect_end(sc)


@driver_case("drv-error-04", guide="7.3.5.1", behaviour="3.3, 3.8")
@variants("how", HOW)
def test_write_that_fails_before_its_data(bench: DriverBench, how: How) -> None:
    """A write that fails at once: nothing is asked for, the SCSI Response, cleanup."""
    bench.when("fp_scsi_cmd_cdb_rcved", lambda call: bench.fail(call.sc, 7, 0x27), how)
    task, sc = bench.begin_write(pattern(4096))
    task.expect(expect.check_condition(key=7, asc=0x27))
    bench.expect_end(sc)


@driver_case("drv-error-05", guide="7.3.5.3", behaviour="3.8")
@variants("how", HOW)
def test_write_that_fails_after_its_data(bench: DriverBench, how: How) -> None:
    """A write whose execution fails when the data are there: they came back, the status is the driver's."""
    bench.when("fp_scsi_cmd_data_xfer_status", lambda call: bench.fail(call.sc, 3, 0x0C, 2), how)
    task, sc = bench.begin_write(pattern(4096))
    buffers = bench.give_buffers(sc)
    task.expect(expect.check_condition(key=3, asc=0x0C, ascq=2))
    bench.expect_returned(sc, buffers)
    bench.expect_end(sc)


@driver_case("drv-error-06", "7143-11.4.2-02", guide="7.3.5.3", behaviour="3.8")
def test_write_that_fails_between_phases(phased_bench: DriverBench) -> None:
    """A write that fails between two phases asks for no more, and ends with the driver's status."""
    task, sc = phased_bench.begin_write(pattern(16384))
    first = phased_bench.give_buffers(sc, 8192)
    phased_bench.wait_for_data(task, sc, first)
    phased_bench.fail(sc, 3, 0x0C)
    task.expect(expect.check_condition(key=3, asc=0x0C))
    phased_bench.expect_end(sc)


@driver_case("drv-error-07", "7143-11.4.2-02", guide="7.3.5.3", behaviour="3.8")
def test_status_waits_for_the_data_asked_for(phased_bench: DriverBench) -> None:
    """A write that fails while an R2T is unanswered: its data are awaited, then comes the status."""
    task, sc = phased_bench.begin_write(pattern(16384))
    phased_bench.give_buffers(sc, 8192)
    r2t = task.next_r2t()
    phased_bench.fail(sc, 4, 0x44)
    phased_bench.session.expect(expect.nothing(5))
    task.serve(r2t)
    phased_bench.stage.settle()
    if phased_bench.count_hooks("fp_scsi_cmd_abort", sc):
        phased_bench.abort_done(sc)
    task.expect(expect.check_condition(key=4, asc=0x44))


@driver_case("drv-error-08", "7143-11.4.7-02", guide="7.3.5.1", behaviour="3.4")
@variants("codes", [(5, 0x24, 0), (2, 4, 2), (6, 0x29, 0), (0xB, 0x47, 3)], ids=["5-24-0", "2-4-2", "6-29-0", "b-47-3"])
def test_sense_codes_make_fixed_format_sense(bench: DriverBench, codes: tuple[int, int, int]) -> None:
    """sc_sense_key, sc_sense_asc and sc_sense_ascq become sense data of the fixed format."""
    task, sc = bench.begin_no_data()
    bench.fail(sc, *codes)
    ending = task.expect(expect.check_condition(*codes)).ending
    assert isinstance(ending, Received)
    assert ending.data[2] & 0x7F == 0x70, f"response code {ending.data[2]:#x}"


@driver_case("drv-error-09", "7143-11.4.7.1-01", guide="7.3.5.1", behaviour="3.4")
@variants("length", [18, 32, 96])
def test_drivers_own_sense_goes_out_as_it_is(bench: DriverBench, length: int) -> None:
    """A driver that fills sc_sense_buf has its octets sent, whatever the codes say."""
    sense = b"\x72\x05\x24\x00" + bytes(3) + bytes((length - 8,)) + bytes(range(length - 8))
    task, sc = bench.begin_no_data()
    sc.sc_sense_buf = sense
    bench.fail(sc, 3, 0x11)
    ending = task.wait().ending
    assert isinstance(ending, Received)
    assert ending.data[2 : 2 + length] == sense, f"sense {ending.data[2:].hex()}"


@driver_case("drv-error-10", behaviour="3.4, 12")
def test_longer_sense_is_cut(bench: DriverBench) -> None:
    """sc_sense_buf holds 96 octets: no more are sent."""
    task, sc = bench.begin_no_data()
    sc.sc_sense_buf = b"\x72" + bytes(range(1, 120))
    bench.fail(sc, 3, 0x11)
    ending = task.wait().ending
    assert isinstance(ending, Received)
    length = int.from_bytes(ending.data[:2])
    assert length == 96, f"SenseLength {length}"


@driver_case("drv-error-11", "7143-11.4.3-01", "7143-11.4.8-02", guide="7.3.5.1", behaviour="3.8")
@variants("response", [1, 0x80, 0xFF])
def test_response_code_reaches_the_wire(bench: DriverBench, response: int) -> None:
    """sc_response other than 0 makes a SCSI Response with that code, without residual flags."""
    task, sc = bench.begin_no_data()
    sc.sc_response = response
    bench.executed(sc)
    result = task.expect(expect.response(response))
    assert isinstance(result.header, ScsiResponse) and not result.header.octet_1 & 0x1E, "residual bits are set"


@driver_case("drv-error-12", guide="7.3.5.1")
def test_raised_driver_error_is_the_commands_status(bench: DriverBench) -> None:
    """A hook that raises DriverError ends its command with the sense data of the error."""
    bench.when("fp_scsi_cmd_cdb_rcved", raises=DriverError(3, 0x11, 1))
    task, sc = bench.begin_read(4096)
    task.expect(expect.check_condition(key=3, asc=0x11, ascq=1))
    bench.expect_end(sc)


@driver_case("drv-error-13", guide="7.3.5.1")
@variants("hook", ["fp_scsi_cmd_cdb_rcved", "fp_scsi_cmd_data_xfer_status"])
def test_raising_hook_fails_its_command_alone(bench: DriverBench, hook: str) -> None:
    """A hook that raises anything else ends its command with HARDWARE ERROR, with a log line; the next goes on."""
    bench.when(hook, raises=ZeroDivisionError("oh"))
    task = bench.start_write(pattern(4096))
    sc = bench.expect_hook("fp_scsi_cmd_cdb_rcved").sc
    if hook != "fp_scsi_cmd_cdb_rcved":
        bench.give_buffers(sc)
    task.expect(expect.check_condition(key=4, asc=0x44))
    bench.expect_log("ZeroDivisionError: oh")
    bench.when(hook)
    other, sc = bench.begin_write(pattern(4096))
    assert bench.serve_write(other, sc) == pattern(4096), "other octets are in the buffer than were sent"


@driver_case("drv-error-14", "7143-11.7.3-01", guide="7.3.5.1", behaviour="3.3, 3.8")
def test_error_with_data_comes_in_a_response(phased_bench: DriverBench) -> None:
    """The status of a read that fails behind its data is never on a Data-In."""
    task, sc = phased_bench.begin_read(8192)
    phased_bench.execute(sc, pattern(4096))
    phased_bench.fail(sc, 3, 0x11)
    ending = task.wait().ending
    assert isinstance(ending, Received) and isinstance(ending.header, ScsiResponse), f"ended by {ending}"


@driver_case("drv-error-15", guide="7.3.5.1", behaviour="3.8")
def test_failed_commands_neighbours_go_on(bench: DriverBench) -> None:
    """The failure of one command leaves the others of the session alone."""
    failing, failed = bench.begin_read(4096)
    other, sc = bench.begin_read(4096)
    bench.fail(failed, 3, 0x11)
    failing.expect(expect.check_condition(key=3))
    bench.serve_read(other, sc, pattern(4096)).expect(expect.good(data=pattern(4096)))
