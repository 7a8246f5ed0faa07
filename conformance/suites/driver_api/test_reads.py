"""Reads of single-phase drivers (guide 7.3.5.2)."""

from __future__ import annotations

from conformance.api import expect, variants
from conformance.driver_bench import HOW, DriverBench, driver_case
from conformance.driver_bench.hooks import How
from conformance.suites.blocks import pattern


@driver_case("drv-read-01", guide="7.3.5.2", behaviour="3.3")
@variants("how", HOW)
def test_executed_read_sends_the_drivers_octets(bench: DriverBench, how: How) -> None:
    """A read is executed by one chiscsi_scsi_cmd_execution_status, whenever and from wherever it comes: the initiator
    gets these octets, then the buffers come back and the command is released.
    """
    data = pattern(16384)
    bench.when("fp_scsi_cmd_cdb_rcved", lambda call: bench.execute(call.sc, data, pieces=3), how)
    task, sc = bench.begin_read(16384)
    task.expect(expect.good(data=data))
    call = bench.expect_hook("fp_scsi_cmd_data_xfer_status", sc)
    bench.expect_equal("vectors, offset and length given back", (call.sgcnt, call.offset, call.buflen), (3, 0, 16384))
    bench.expect_end(sc)
