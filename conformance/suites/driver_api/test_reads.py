"""Reads of single-phase drivers (guide 7.3.5.2)."""

from __future__ import annotations

from chiscsi_target.api import chiscsi_sgvec
from conformance.api import DataIn, Received, expect, variants
from conformance.driver_bench import HOW, Buffers, DriverBench, driver_case, make_buffers
from conformance.driver_bench.hooks import How
from conformance.suites.blocks import pattern, take_data_in
from iscsi_wire.scsi import Read10


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
    assert (call.sgcnt, call.offset, call.buflen) == (3, 0, 16384), str(call)
    bench.expect_end(sc)


@driver_case("drv-read-02", guide="7.3.5.1", behaviour="3.5")
@variants("pieces", [1, 2, 3, 16, 128])
def test_vectors_are_sent_in_order(bench: DriverBench, pieces: int) -> None:
    """The vectors of a list are the transfer, one after the other, however many there are; the same list comes back."""
    data = pattern(65536)
    task, sc = bench.begin_read(65536)
    buffers = bench.execute(sc, data, pieces=pieces)
    task.expect(expect.good(data=data))
    bench.expect_returned(sc, buffers)
    bench.expect_end(sc)


@driver_case("drv-read-03", behaviour="3.5")
def test_linear_buffer_is_sent(bench: DriverBench) -> None:
    """With sgcnt 0 the buffer is the octets themselves, for a whole transfer at once; it comes back as it is."""
    data = pattern(4096)
    task, sc = bench.begin_read(4096)
    buffers = make_buffers(data, linear=True)
    assert bench.execution_status(sc, buffers) == 0, "a linear buffer is refused"
    task.expect(expect.good(data=data))
    bench.expect_returned(sc, buffers)


@driver_case("drv-read-04", guide="7.3.5.1")
@variants("start", [0, 512, 3584])
def test_pages_are_read_from_their_offset(bench: DriverBench, start: int) -> None:
    """A vector with sg_page and sg_offset is the octets of the page from there on, sg_addr or not."""
    page = bytearray(pattern(8192))
    task, sc = bench.begin_read(4096)
    vectors = [chiscsi_sgvec(None, 4096, sg_page=page, sg_offset=start)]
    assert bench.execution_status(sc, Buffers([page], vectors, 1, 0, 4096)) == 0, "a page is refused"
    task.expect(expect.good(data=bytes(page[start : start + 4096])))


@driver_case("drv-read-05", guide="7.3.5.2")
def test_held_read_gets_no_answer(bench: DriverBench) -> None:
    """Until the driver has executed a read, the initiator gets nothing for it."""
    task, sc = bench.begin_read(4096)
    bench.session.expect(expect.nothing(30))
    bench.serve_read(task, sc, pattern(4096)).expect(expect.good(data=pattern(4096)))


@driver_case("drv-read-06", guide="7.3.5.2")
def test_held_read_holds_up_nothing_else(bench: DriverBench) -> None:
    """While a driver holds a read, other commands of the session go on, and pings are answered."""
    held, sc = bench.begin_read(4096)
    task, other = bench.begin_read(512)
    bench.serve_read(task, other, pattern(512)).expect(expect.good(data=pattern(512)))
    bench.session.nop(b"alive")
    bench.serve_read(held, sc, pattern(4096)).expect(expect.good(data=pattern(4096)))


@driver_case("drv-read-07", guide="7.3.5.2")
@variants("how", ["hook", "later", "thread"])
def test_reads_may_be_executed_in_any_order(bench: DriverBench, how: How) -> None:
    """Commands may be executed in another order than they came: each gets its own octets, and its own hooks."""
    pairs = [bench.begin_read(2048 * (number + 1)) for number in range(4)]
    for task, sc in reversed(pairs):
        data = pattern(sc.sc_xfer_len, sc.sc_itt)
        bench.act(how, bench.execute, sc, data)
        task.expect(expect.good(data=data))
        bench.expect_hooks("fp_scsi_cmd_data_xfer_status", "fp_scsi_cmd_cleanup", sc=sc)
    bench.expect_no_hook()


@driver_case("drv-read-08", "7143-11.7-01", guide="7.3.5.2", behaviour="3.3")
def test_good_status_rides_on_the_last_data(bench: DriverBench) -> None:
    """The status of a read that went well comes with its last Data-In."""
    task, sc = bench.begin_read(4096)
    bench.execute(sc, pattern(4096))
    last = take_data_in(task)
    assert task.result is not None
    ending = task.result.ending
    assert isinstance(ending, Received) and isinstance(ending.header, DataIn), f"{ending} behind {last}"


@driver_case("drv-read-09", "7143-11.7.1-04", guide="7.3.5.2", behaviour="3.3")
@variants("segment", ["512", "1024", "8192"])
def test_data_keep_to_what_the_initiator_takes(bench: DriverBench, segment: str) -> None:
    """No Data-In exceeds the initiator's MaxRecvDataSegmentLength, whatever the driver's vectors are."""
    session = bench.login(keys={"MaxRecvDataSegmentLength": segment})
    data = pattern(32768)
    task, sc = bench.begin_read(32768, session)
    bench.execute(sc, data, pieces=5)
    came = take_data_in(task)
    longest = max(len(pdu.data) for pdu in came)
    assert longest <= int(segment), f"a Data-In of {longest} octets"
    assert task.result is not None and task.result.data == data, "other octets came than the driver gave"


@driver_case("drv-read-10", "7143-13.13-02", guide="7.3.5.2", behaviour="3.3")
@variants("burst", ["512", "4096", "12288"])
def test_sequences_keep_to_the_burst(bench: DriverBench, burst: str) -> None:
    """A sequence of Data-In ends, by F=1, at every multiple of MaxBurstLength."""
    session = bench.login(keys={"MaxBurstLength": burst, "FirstBurstLength": "512"})
    task, sc = bench.begin_read(32768, session)
    bench.execute(sc, pattern(32768))
    came = take_data_in(task)
    ends = {pdu.header.buffer_offset + len(pdu.data) for pdu in came if pdu.header.final}
    wanted = {*range(int(burst), 32768, int(burst)), 32768}
    assert ends == wanted, f"F=1 at {sorted(ends)}"


@driver_case("drv-read-11", guide="7.3.5.2", behaviour="3.3")
def test_read_is_over_when_its_buffers_came_back(bench: DriverBench) -> None:
    """The hooks of a read are cdb_rcved, data_xfer_status, cleanup: each once, in this order."""
    task, sc = bench.begin_read(4096)
    bench.expect_no_hook(sc=sc)
    bench.serve_read(task, sc, pattern(4096)).expect(expect.good())
    bench.expect_hooks("fp_scsi_cmd_data_xfer_status", "fp_scsi_cmd_cleanup", sc=sc)
    counts = [bench.count_hooks(f"fp_scsi_cmd_{name}", sc) for name in ("cdb_rcved", "data_xfer_status", "cleanup")]
    assert counts == [1, 1, 1], f"cdb_rcved, data_xfer_status, cleanup: {counts} times"


@driver_case("drv-read-12", behaviour="3.3")
def test_data_are_sent_as_they_are_when_given(bench: DriverBench) -> None:
    """A read of many commands at once: what each driver's buffer holds goes to the command it was given for."""
    pairs = [bench.begin_read(1024) for _ in range(32)]
    for _, sc in pairs:
        bench.execute(sc, pattern(1024, sc.sc_itt), pieces=2)
    for task, sc in pairs:
        task.expect(expect.good(data=pattern(1024, sc.sc_itt)))


@driver_case("drv-read-13", behaviour="3.3")
def test_refused_read_ends_with_a_read_error(bench: DriverBench) -> None:
    """fp_scsi_cmd_cdb_rcved below 0 without a status set ends a read with CHECK CONDITION 03/11/00."""
    bench.when("fp_scsi_cmd_cdb_rcved", returns=-1)
    task, sc = bench.begin_read(4096)
    task.expect(expect.check_condition(key=3, asc=0x11, ascq=0))
    bench.expect_end(sc)


@driver_case("drv-read-14", behaviour="3.3")
def test_refused_reads_status_is_kept(bench: DriverBench) -> None:
    """fp_scsi_cmd_cdb_rcved below 0 with a status set ends the read with that status."""
    bench.when("fp_scsi_cmd_cdb_rcved", lambda call: call.sc.fail(5, 0x21), returns=-1)
    task = bench.session.start(Read10.make(transfer_length=8), read=4096)
    task.expect(expect.check_condition(key=5, asc=0x21, ascq=0))
