"""Immediate and unsolicited data that arrive before the driver has given buffers (behaviour file, 3.4)."""

from __future__ import annotations

from collections.abc import Callable

from conformance.api import ReadyToTransfer, Session, expect, variants
from conformance.driver_bench import HOW, Buffers, DriverBench, driver_case
from conformance.driver_bench.hooks import How
from conformance.suites.blocks import pattern

Make = Callable[..., DriverBench]
KEYS = {"InitialR2T": "No", "ImmediateData": "Yes"}
OFFERS = {**KEYS, "FirstBurstLength": "8192", "MaxBurstLength": "8192"}


def _open(make_bench: Make) -> tuple[DriverBench, Session]:
    bench = make_bench(keys=KEYS)
    return bench, bench.login(keys=OFFERS)


@driver_case("drv-early-01", guide="7.3.5.3", behaviour="3.4")
@variants(
    "immediate, unsolicited",
    [(512, 0), (4096, 0), (0, 8192), (512, 7680), (4096, 4096)],
    ids=["little", "immediate", "unsolicited", "both", "halves"],
)
@variants("how", HOW)
def test_data_without_a_buffer_are_kept(make_bench: Make, immediate: int, unsolicited: int, how: How) -> None:
    """What arrives before the driver gave buffers is kept, and is in them when they come back."""
    bench, session = _open(make_bench)
    data = pattern(16384)
    given: list[Buffers] = []
    bench.when("fp_scsi_cmd_cdb_rcved", lambda call: given.append(bench.give_buffers(call.sc, pieces=3)), how)
    bench.when("fp_scsi_cmd_data_xfer_status", lambda call: bench.executed(call.sc), how)
    task, sc = bench.begin_write(data, session, immediate_data=immediate, unsolicited=unsolicited)
    task.expect(expect.good())
    bench.expect_returned(sc, given[0])
    assert given[0].contents == data, "other octets are in the buffers than were sent"


@driver_case("drv-early-02", guide="7.3.5.3", behaviour="3.4")
def test_buffers_may_come_long_after_the_data(make_bench: Make) -> None:
    """Kept data wait as long as the driver takes; other traffic of the connection does not spoil them."""
    bench, session = _open(make_bench)
    data = pattern(8192)
    task, sc = bench.begin_write(data, session, immediate_data=4096, unsolicited=4096)
    for _ in range(8):
        session.nop(b"\xff" * 4096)
    buffers = bench.give_buffers(sc)
    bench.expect_returned(sc, buffers)
    assert buffers.contents == data, "other octets are in the buffers than were sent"
    bench.executed(sc)
    task.expect(expect.good())


@driver_case("drv-early-03", behaviour="3.4")
def test_write_that_came_whole_asks_for_nothing(make_bench: Make) -> None:
    """When all data came immediately, the buffers come back as soon as they are given, without an R2T."""
    bench, session = _open(make_bench)
    data = pattern(4096)
    task, sc = bench.begin_write(data, session, immediate_data=4096)
    buffers = bench.give_buffers(sc)
    bench.expect_returned(sc, buffers)
    bench.executed(sc)
    bench.stage.settle()
    assert not task.connection.pending(ReadyToTransfer, task.tag), "an R2T came"
    task.expect(expect.good())
    assert buffers.contents == data, "other octets are in the buffer than were sent"


@driver_case("drv-early-04", behaviour="3.4")
def test_rest_is_asked_for_behind_the_unsolicited_data(make_bench: Make) -> None:
    """R2Ts begin where the immediate and unsolicited data end, and wait for all of these."""
    bench, session = _open(make_bench)
    task, sc = bench.begin_write(pattern(16384), session, immediate_data=512, unsolicited=7680)
    buffers = bench.give_buffers(sc)
    r2t = task.next_r2t()
    assert r2t.header.buffer_offset == 8192, f"the first R2T asks from {r2t.header.buffer_offset} on"
    task.serve(r2t)
    bench.expect_returned(sc, buffers)
    assert buffers.contents == pattern(16384), "other octets are in the buffer than were sent"


@driver_case("drv-early-05", behaviour="3.4")
def test_driver_is_asked_while_data_are_still_coming(make_bench: Make) -> None:
    """fp_scsi_cmd_cdb_rcved is called when the command is there, before its unsolicited data are."""
    bench, session = _open(make_bench)
    data = pattern(8192)
    task = bench.start_write(data, session, final=0)
    sc = bench.expect_hook("fp_scsi_cmd_cdb_rcved", sc_itt=task.tag).sc
    buffers = bench.give_buffers(sc)
    bench.expect_no_hook(sc=sc)
    task.send_sequence(0, 8192)
    bench.expect_returned(sc, buffers)
    assert buffers.contents == data, "other octets are in the buffer than were sent"


@driver_case("drv-early-06", behaviour="3.4, 3.8")
def test_early_data_of_a_failed_write_are_thrown_away(make_bench: Make) -> None:
    """A driver that fails a write without a buffer: data that still come are taken in, then the status is sent."""
    bench, session = _open(make_bench)
    task = bench.start_write(pattern(8192), session, final=0)
    sc = bench.expect_hook("fp_scsi_cmd_cdb_rcved", sc_itt=task.tag).sc
    bench.fail(sc, 5, 0x21)
    task.send_sequence(0, 8192)
    task.expect(expect.check_condition(key=5, asc=0x21))
    bench.expect_end(sc)


@driver_case("drv-early-07", guide="7.3.5.1", behaviour="2.3")
def test_no_immediate_data_where_they_are_switched_off(make_bench: Make) -> None:
    """A node configured with ImmediateData=No settles for that, so that a driver can use memory out of reach."""
    bench = make_bench(keys={"ImmediateData": "No", "InitialR2T": "Yes"})
    parameters = bench.login(keys=OFFERS).parameters
    assert not parameters.immediate_data and parameters.initial_r2t, f"{parameters}"
