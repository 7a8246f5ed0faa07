"""Commands without data, and commands whose driver has none (behaviour file, 3.7)."""

from __future__ import annotations

from chiscsi_target.api import SC_FLAG_XFER_UNDERFLOW, chiscsi_scsi_cmd_buffer_ready, chiscsi_scsi_cmd_execution_status
from conformance.api import ScsiCommand, ScsiResponse, expect, variants
from conformance.driver_bench import HOW, DriverBench, driver_case
from conformance.driver_bench.hooks import How
from iscsi_wire.scsi import Write10


@driver_case("drv-zero-01", guide="7.3.5.1", behaviour="3.3, 3.7")
@variants("how", HOW)
def test_command_without_data(bench: DriverBench, how: How) -> None:
    """A command without data is executed by chiscsi_scsi_cmd_execution_status with length 0, and answered."""
    bench.when("fp_scsi_cmd_cdb_rcved", lambda call: bench.executed(call.sc), how)
    task, sc = bench.begin_no_data()
    task.expect(expect.good())
    bench.expect_no_hook("fp_scsi_cmd_abort")
    assert bench.count_hooks("fp_scsi_cmd_cleanup", sc) == 1, "fp_scsi_cmd_cleanup is not called once"


@driver_case("drv-zero-02", behaviour="3.3")
def test_end_of_a_command_without_data_is_told(bench: DriverBench) -> None:
    """A single-phase pass-through driver is told of the transmission by fp_scsi_cmd_data_xfer_status(NULL, 0, 0, 0)."""
    task, sc = bench.begin_no_data()
    bench.executed(sc)
    task.expect(expect.good())
    call = bench.expect_hook("fp_scsi_cmd_data_xfer_status", sc)
    assert (call.buf, call.sgcnt, call.offset, call.buflen) == (None, 0, 0, 0), str(call)
    bench.expect_end(sc)


@driver_case("drv-zero-03", "7143-11.4.5.2-04", behaviour="3.7")
def test_read_that_finds_nothing(bench: DriverBench) -> None:
    """A read whose driver has no data: underflow by the whole length, no Data-In, the SCSI Response with U."""
    task, sc = bench.begin_read(4096)
    sc.sc_flag |= SC_FLAG_XFER_UNDERFLOW
    sc.sc_xfer_residualcount = 4096
    sc.sc_xfer_len = 0
    assert chiscsi_scsi_cmd_execution_status(sc, None, 0, 0, 0) == 0, "the call is refused"
    task.expect(expect.good(data=b"", residual=-4096))


@driver_case("drv-zero-04", behaviour="3.7")
@variants("how", HOW)
def test_write_without_data(bench: DriverBench, how: How) -> None:
    """A write of length 0 is executed at once: no R2T, no buffers, the SCSI Response."""
    bench.when("fp_scsi_cmd_cdb_rcved", lambda call: bench.executed(call.sc), how)
    draft = bench.session.send(ScsiCommand, cdb=Write10.make().encode().ljust(16, b"\0"), write=1, final=1)
    bench.session.expect(expect.pdu(ScsiResponse, status=0))
    sc = bench.expect_hook("fp_scsi_cmd_cdb_rcved", sc_itt=draft.header.initiator_task_tag).sc
    bench.expect_hook("fp_scsi_cmd_cleanup", sc)


@driver_case("drv-zero-05", behaviour="3.7")
@variants("within", [True, False], ids=["in-one-hook", "one-after-the-other"])
def test_buffers_for_no_data_do_not_execute_it(bench: DriverBench, within: bool) -> None:
    """chiscsi_scsi_cmd_buffer_ready of length 0 is accepted; the write is over when it has been executed, which may be
    said in the same hook.
    """
    bench.session.send(ScsiCommand, cdb=Write10.make().encode().ljust(16, b"\0"), write=1, final=1)
    sc = bench.expect_hook("fp_scsi_cmd_cdb_rcved").sc
    assert chiscsi_scsi_cmd_buffer_ready(sc, [], 0, 0, 0) == 0, "the call is refused"
    if not within:
        bench.session.expect(expect.nothing(5))
    bench.executed(sc)
    bench.session.expect(expect.pdu(ScsiResponse, status=0))


@driver_case("drv-zero-06", behaviour="3.7")
def test_command_without_data_can_fail(bench: DriverBench) -> None:
    """A command without data ends with whatever status the driver sets."""
    task, sc = bench.begin_no_data()
    bench.fail(sc, 2, 4, 1)
    task.expect(expect.check_condition(key=2, asc=4, ascq=1))
