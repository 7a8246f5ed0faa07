"""Writes of single-phase drivers (guide 7.3.5.3)."""

from __future__ import annotations

from chiscsi_target.api import chiscsi_sgvec
from conformance.api import expect, variants
from conformance.driver_bench import HOW, Buffers, DriverBench, driver_case, make_buffers
from conformance.driver_bench.hooks import HookCall, How
from conformance.suites.blocks import pattern


@driver_case("drv-write-01", guide="7.3.5.3", behaviour="3.4")
@variants("asked", HOW)
@variants("filled", HOW)
def test_write_goes_through_the_drivers_buffers(bench: DriverBench, asked: How, filled: How) -> None:
    """A write is asked for by R2T once there are buffers, handed over when they are full, and answered when executed:
    whenever and from wherever the driver calls.
    """
    data = pattern(16384)
    given: list[Buffers] = []
    bench.when("fp_scsi_cmd_cdb_rcved", lambda call: given.append(bench.give_buffers(call.sc, pieces=3)), asked)
    bench.when("fp_scsi_cmd_data_xfer_status", lambda call: bench.executed(call.sc), filled)
    task, sc = bench.begin_write(data)
    task.expect(expect.good())
    bench.expect_returned(sc, given[0])
    assert given[0].contents == data, "other octets are in the buffers than were sent"
    bench.expect_end(sc)


@driver_case("drv-write-02", guide="7.3.5.3", behaviour="3.4")
def test_nothing_is_asked_for_without_buffers(bench: DriverBench) -> None:
    """No R2T goes out before chiscsi_scsi_cmd_buffer_ready."""
    task, sc = bench.begin_write(pattern(4096))
    bench.session.expect(expect.nothing(30))
    bench.give_buffers(sc)
    r2t = task.next_r2t()
    asked = (r2t.header.buffer_offset, r2t.header.desired_data_transfer_length)
    assert asked == (0, 4096), f"the R2T asks for {asked}"


@driver_case("drv-write-03", guide="7.3.5.3", behaviour="3.4")
def test_no_status_before_the_write_is_executed(bench: DriverBench) -> None:
    """Full buffers are handed over, and the initiator has to wait until the driver has executed the write."""
    task, sc = bench.begin_write(pattern(4096))
    buffers = bench.give_buffers(sc)
    bench.wait_for_data(task, sc, buffers)
    bench.session.expect(expect.nothing(30))
    bench.executed(sc)
    task.expect(expect.good())
    bench.expect_end(sc)


@driver_case("drv-write-04", guide="7.3.5.1", behaviour="3.5")
@variants("pieces", [1, 2, 3, 16, 128])
def test_vectors_are_filled_in_order(bench: DriverBench, pieces: int) -> None:
    """The vectors of a list are filled one after the other, however many there are; the same list comes back."""
    data = pattern(65536)
    task, sc = bench.begin_write(data)
    assert bench.serve_write(task, sc, pieces) == data, "other octets are in the buffers than were sent"


@driver_case("drv-write-05", behaviour="3.5")
def test_linear_buffer_is_filled(bench: DriverBench) -> None:
    """With sgcnt 0 the buffer is the memory itself; it comes back as it was given."""
    data = pattern(4096)
    task, sc = bench.begin_write(data)
    buffers = make_buffers(bytes(4096), linear=True)
    assert bench.buffer_ready(sc, buffers) == 0, "a linear buffer is refused"
    bench.wait_for_data(task, sc, buffers)
    assert buffers.contents == data, "other octets are in the buffer than were sent"


@driver_case("drv-write-06", guide="7.3.5.1")
@variants("start", [0, 512, 3584])
def test_pages_are_filled_from_their_offset(bench: DriverBench, start: int) -> None:
    """A vector with sg_page and sg_offset is filled from that octet of the page on; the rest of the page stays."""
    data, page = pattern(4096), bytearray(8192)
    task, sc = bench.begin_write(data)
    vectors = [chiscsi_sgvec(None, 4096, sg_page=page, sg_offset=start)]
    buffers = Buffers([page], vectors, 1, 0, 4096)
    assert bench.buffer_ready(sc, buffers) == 0, "a page is refused"
    bench.wait_for_data(task, sc, buffers)
    assert bytes(page) == bytes(start) + data + bytes(4096 - start), "the page does not hold what was sent"


@driver_case("drv-write-07", "7143-11.8.4-02", "7143-13.17-02", guide="7.3.5.3", behaviour="3.4")
@variants("burst, outstanding", [("4096", "1"), ("4096", "4"), ("12288", "2"), ("65536", "4")])
def test_r2ts_keep_to_burst_and_number(bench: DriverBench, burst: str, outstanding: str) -> None:
    """R2Ts ask for MaxBurstLength at most, in order, and no more than MaxOutstandingR2T wait for their data."""
    keys = {"MaxBurstLength": burst, "FirstBurstLength": "512", "MaxOutstandingR2T": outstanding}
    session = bench.login(keys=keys)
    data = pattern(32768)
    task, sc = bench.begin_write(data, session)
    buffers = bench.give_buffers(sc)
    bench.wait_for_data(task, sc, buffers)
    assert buffers.contents == data, "other octets are in the buffers than were sent"


@driver_case("drv-write-08", guide="7.3.5.3")
def test_writes_may_be_executed_in_any_order(bench: DriverBench) -> None:
    """Writes may be given buffers in one order and be executed in another: each has its own octets."""
    pairs = [bench.begin_write(pattern(2048, seed)) for seed in range(4)]
    given = [(task, sc, bench.give_buffers(sc)) for task, sc in reversed(pairs)]
    for task, sc, buffers in given:
        bench.wait_for_data(task, sc, buffers)
    for task, sc, buffers in (given[2], given[0], given[3], given[1]):
        assert buffers.contents == task.output, f"task {task.tag:#x} got other octets"
        bench.executed(sc)
        task.expect(expect.good())


@driver_case("drv-write-09", guide="7.3.5.3", behaviour="3.9")
def test_write_has_its_hooks_once(bench: DriverBench) -> None:
    """The hooks of a write are cdb_rcved, data_xfer_status, cleanup: each once, in this order."""
    task, sc = bench.begin_write(pattern(4096))
    bench.serve_write(task, sc)
    bench.expect_end(sc)
    counts = [bench.count_hooks(f"fp_scsi_cmd_{name}", sc) for name in ("cdb_rcved", "data_xfer_status", "cleanup")]
    assert counts == [1, 1, 1], f"cdb_rcved, data_xfer_status, cleanup: {counts} times"


@driver_case("drv-write-10", guide="7.3.5.3", behaviour="3.4")
def test_write_without_a_buffer_can_be_completed(bench: DriverBench) -> None:
    """A driver that has no buffer to give completes the write with its status; nothing is asked for."""
    task, sc = bench.begin_write(pattern(4096))
    bench.fail(sc, 4, 0x44)
    task.expect(expect.check_condition(key=4, asc=0x44))
    bench.expect_end(sc)


@driver_case("drv-write-11", behaviour="3.4")
def test_refused_write_ends_with_a_write_error(bench: DriverBench) -> None:
    """fp_scsi_cmd_cdb_rcved below 0 without a status set ends a write with CHECK CONDITION 03/0c/00."""
    bench.when("fp_scsi_cmd_cdb_rcved", returns=-1)
    task, sc = bench.begin_write(pattern(4096))
    task.expect(expect.check_condition(key=3, asc=0x0C, ascq=0))
    bench.expect_end(sc)


@driver_case("drv-write-12", behaviour="3.4")
def test_refused_writes_status_is_kept(bench: DriverBench) -> None:
    """fp_scsi_cmd_cdb_rcved below 0 with a status set ends the write with that status."""
    bench.when("fp_scsi_cmd_cdb_rcved", lambda call: call.sc.fail(7, 0x27), returns=-1)
    task = bench.start_write(pattern(4096))
    task.expect(expect.check_condition(key=7, asc=0x27, ascq=0))


@driver_case("drv-write-13", guide="7.3.5.3")
def test_octets_arrive_before_the_buffers_come_back(bench: DriverBench) -> None:
    """When fp_scsi_cmd_data_xfer_status is called, every octet is in its place."""
    data = pattern(32768)
    seen: list[bytes] = []

    def look(call: HookCall) -> None:
        seen.append(b"".join(bytes(vector.sg_addr) for vector in call.buf))
        bench.executed(call.sc)

    bench.when("fp_scsi_cmd_cdb_rcved", lambda call: bench.give_buffers(call.sc, pieces=4))
    bench.when("fp_scsi_cmd_data_xfer_status", look)
    bench.start_write(data).expect(expect.good())
    assert seen == [data], "the buffers came back before they were full"


@driver_case("drv-write-14", guide="7.3.5.1")
def test_memory_out_of_reach_fails_the_write(bench: DriverBench) -> None:
    """A vector with neither sg_addr nor sg_page nor a DMA address is not allowed: the command fails, with a line in the
    log and fp_scsi_cmd_abort.
    """
    task, sc = bench.begin_write(pattern(4096))
    bench.buffer_ready(sc, Buffers([], [chiscsi_sgvec(None, 4096)], 1, 0, 4096))
    bench.expect_log("sg_addr NULL, Cannot copy data!")
    bench.expect_hook("fp_scsi_cmd_abort", sc)
    bench.abort_done(sc)
    task.expect(expect.check_condition(key=3, asc=0x0C))
