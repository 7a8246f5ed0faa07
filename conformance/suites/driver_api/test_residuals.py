"""Overflow and underflow in both directions: octets on the wire, flags, residual, buffers (guide 7.3.5.1)."""

from __future__ import annotations

from collections.abc import Callable

from chiscsi_target.api import SC_FLAG_XFER_OVERFLOW, SC_FLAG_XFER_UNDERFLOW
from conformance.api import expect, variants
from conformance.driver_bench import HOW, DriverBench, driver_case
from conformance.driver_bench.hooks import HookCall, How
from conformance.suites.blocks import pattern

Make = Callable[..., DriverBench]
LENGTH = 8192


@driver_case("drv-residual-01", "7143-11.4.5.2-02", "7143-11.4.5.2-03", guide="7.3.5.1", behaviour="3.6")
@variants("excess", [1, 512, 8192])
@variants("phases", [False, True], ids=["single", "multi"])
def test_read_overflow(make_bench: Make, phases: bool, excess: int) -> None:
    """A driver with more to read than the initiator expects sets SC_FLAG_XFER_OVERFLOW and the residual: only the
    expected octets are sent, O and the residual count say what was left, and all of the buffers come back.
    """
    bench = make_bench(multi_phase=phases)
    data = pattern(LENGTH + excess)
    task, sc = bench.begin_read(LENGTH)
    sc.sc_flag |= SC_FLAG_XFER_OVERFLOW
    sc.sc_xfer_residualcount = excess
    buffers = bench.execute(sc, data, pieces=2)
    task.expect(expect.good(data=data[:LENGTH], residual=excess))
    bench.expect_returned(sc, buffers)
    bench.expect_end(sc)


@driver_case("drv-residual-02", "7143-11.4.5.2-04", "7143-11.4.5.2-05", guide="7.3.5.1", behaviour="3.6")
@variants("missing", [1, 512, 8191])
@variants("phases", [False, True], ids=["single", "multi"])
def test_read_underflow(make_bench: Make, phases: bool, missing: int) -> None:
    """A driver with less to read sets SC_FLAG_XFER_UNDERFLOW, the residual and a lower sc_xfer_len: what there is goes
    out, U and the residual count say what is missing.
    """
    bench = make_bench(multi_phase=phases)
    data = pattern(LENGTH - missing)
    task, sc = bench.begin_read(LENGTH)
    sc.sc_flag |= SC_FLAG_XFER_UNDERFLOW
    sc.sc_xfer_residualcount = missing
    sc.sc_xfer_len = len(data)
    buffers = bench.execute(sc, data)
    task.expect(expect.good(data=data, residual=-missing))
    bench.expect_returned(sc, buffers)
    bench.expect_end(sc)


@driver_case("drv-residual-03", "7143-11.4.5.2-06", guide="7.3.5.1", behaviour="3.6")
@variants("excess", [1, 512, 8192])
@variants("phases", [False, True], ids=["single", "multi"])
def test_write_overflow(make_bench: Make, phases: bool, excess: int) -> None:
    """A driver that wants more than the initiator has to write sets SC_FLAG_XFER_OVERFLOW: no more is asked for than
    was offered, O and the residual count say what was missing, and all of the buffers come back.
    """
    bench = make_bench(multi_phase=phases)
    data = pattern(LENGTH)
    task, sc = bench.begin_write(data)
    sc.sc_flag |= SC_FLAG_XFER_OVERFLOW
    sc.sc_xfer_residualcount = excess
    buffers = bench.give_buffers(sc, LENGTH + excess)
    r2t = task.expect(expect.r2t(offset=0, length=LENGTH))
    task.serve(r2t)
    bench.expect_returned(sc, buffers)
    assert buffers.contents[:LENGTH] == data, "other octets are in the buffers than were sent"
    bench.executed(sc)
    task.expect(expect.good(residual=excess))
    bench.expect_end(sc)


@driver_case("drv-residual-04", "7143-11.4.5.2-06", guide="7.3.5.1", behaviour="3.6")
@variants("missing", [512, 4096, 7680])
@variants("phases", [False, True], ids=["single", "multi"])
def test_write_underflow(make_bench: Make, phases: bool, missing: int) -> None:
    """A driver that takes less than the initiator offers sets SC_FLAG_XFER_UNDERFLOW and a lower sc_xfer_len: only that
    much is asked for, U and the residual count say what was not taken.
    """
    bench = make_bench(multi_phase=phases)
    data = pattern(LENGTH)
    task, sc = bench.begin_write(data)
    sc.sc_flag |= SC_FLAG_XFER_UNDERFLOW
    sc.sc_xfer_residualcount = missing
    sc.sc_xfer_len = LENGTH - missing
    buffers = bench.give_buffers(sc)
    r2t = task.expect(expect.r2t(offset=0, length=LENGTH - missing))
    task.serve(r2t)
    bench.expect_returned(sc, buffers)
    assert buffers.contents == data[: LENGTH - missing], "other octets are in the buffers than were sent"
    bench.executed(sc)
    task.expect(expect.good(residual=-missing))


@driver_case("drv-residual-05", guide="7.3.5.1", behaviour="3.6")
@variants(
    "flag, length, residual",
    [(SC_FLAG_XFER_OVERFLOW, 9216, 1024), (SC_FLAG_XFER_UNDERFLOW, 7168, -1024)],
    ids=["overflow", "underflow"],
)
def test_residual_left_open_is_worked_out(bench: DriverBench, flag: int, length: int, residual: int) -> None:
    """A driver that sets a flag and leaves the residual at 0: it is the difference to what the initiator expected."""
    task, sc = bench.begin_read(LENGTH)
    sc.sc_flag |= flag
    sc.sc_xfer_len = min(length, LENGTH)
    bench.execute(sc, pattern(length))
    task.expect(expect.good(residual=residual))


@driver_case("drv-residual-06", guide="7.3.5.1", behaviour="3.6")
def test_drivers_residual_is_sent_as_it_is(bench: DriverBench) -> None:
    """A residual that the driver gives is the Residual Count, whatever it is."""
    task, sc = bench.begin_read(LENGTH)
    sc.sc_flag |= SC_FLAG_XFER_OVERFLOW
    sc.sc_xfer_residualcount = 0x12345678
    bench.execute(sc, pattern(LENGTH + 512))
    task.expect(expect.good(residual=0x12345678))


@driver_case("drv-residual-07", guide="7.3.5.1", behaviour="3.6")
@variants("how", HOW)
def test_phase_with_the_flag_is_the_last(phased_bench: DriverBench, how: How) -> None:
    """The phase in which a flag is set is the last: the status follows it, and all phases come back."""
    data = pattern(LENGTH)
    task, sc = phased_bench.begin_read(LENGTH)
    first = phased_bench.execute(sc, data[:2048])
    phased_bench.expect_returned(sc, first)

    def finish() -> None:
        sc.sc_flag |= SC_FLAG_XFER_UNDERFLOW
        sc.sc_xfer_residualcount = 4096
        sc.sc_xfer_len = 4096
        phased_bench.execute(sc, data[2048:4096], offset=2048)

    phased_bench.act(how, finish)
    task.expect(expect.good(data=data[:4096], residual=-4096))
    phased_bench.expect_hook("fp_scsi_cmd_data_xfer_status", sc, offset=2048, buflen=2048)
    phased_bench.expect_end(sc)


@driver_case("drv-residual-08", guide="7.3.5.1", behaviour="3.6")
def test_last_phase_of_an_overflowing_read(phased_bench: DriverBench) -> None:
    """A last phase that reaches beyond the transfer with SC_FLAG_XFER_OVERFLOW is sent as far as is expected."""
    data = pattern(LENGTH + 2048)
    task, sc = phased_bench.begin_read(LENGTH)
    first = phased_bench.execute(sc, data[:6144])
    sc.sc_flag |= SC_FLAG_XFER_OVERFLOW
    sc.sc_xfer_residualcount = 2048
    last = phased_bench.execute(sc, data[6144:], offset=6144)
    task.expect(expect.good(data=data[:LENGTH], residual=2048))
    phased_bench.expect_returned(sc, first, last)
    phased_bench.expect_end(sc)


@driver_case("drv-residual-09", "7143-11.4.5.1-04", guide="7.3.5.1", behaviour="3.6")
def test_residual_comes_with_an_error_too(bench: DriverBench) -> None:
    """A driver may report a residual with CHECK CONDITION: the SCSI Response carries both."""
    task, sc = bench.begin_read(LENGTH)
    sc.sc_flag |= SC_FLAG_XFER_UNDERFLOW
    sc.sc_xfer_residualcount = LENGTH
    bench.fail(sc, 5, 0x24)
    result = task.expect(expect.check_condition(key=5, asc=0x24))
    assert result.residual == -LENGTH, f"residual {result.residual}"


@driver_case("drv-residual-10", "7143-11.4.5.2-01", guide="7.3.5.1", behaviour="3.6")
@variants("direction", ["read", "write"])
def test_exact_transfer_has_no_residual(bench: DriverBench, direction: str) -> None:
    """Without a flag there is no residual, whatever stands in sc_xfer_residualcount."""
    task, sc = bench.begin_read(LENGTH) if direction == "read" else bench.begin_write(pattern(LENGTH))
    sc.sc_xfer_residualcount = 99
    if direction == "read":
        bench.execute(sc, pattern(LENGTH))
    else:
        bench.when("fp_scsi_cmd_data_xfer_status", lambda call: bench.executed(call.sc))
        bench.give_buffers(sc)
    task.expect(expect.good(residual=0))


@driver_case("drv-residual-11", "7143-13.13-02", guide="7.3.5.1", behaviour="3.6")
@variants("burst", ["1024", "4096", "65536"])
@variants("flag", [SC_FLAG_XFER_OVERFLOW, SC_FLAG_XFER_UNDERFLOW], ids=["overflow", "underflow"])
def test_bursts_end_where_the_transfer_does(bench: DriverBench, flag: int, burst: str) -> None:
    """Over- and underflow change where a transfer ends, not how it is cut into bursts."""
    session = bench.login(keys={"MaxBurstLength": burst, "FirstBurstLength": "512"})
    wanted = LENGTH + 1536 if flag == SC_FLAG_XFER_OVERFLOW else LENGTH - 1536
    given: list[bytes] = []

    def give(call: HookCall) -> None:
        call.sc.sc_flag |= flag
        call.sc.sc_xfer_residualcount = 1536
        call.sc.sc_xfer_len = min(wanted, LENGTH)
        given.append(bench.give_buffers(call.sc, wanted).contents)

    bench.when("fp_scsi_cmd_cdb_rcved", give)
    bench.when("fp_scsi_cmd_data_xfer_status", lambda call: bench.executed(call.sc))
    task, _ = bench.begin_write(pattern(LENGTH), session)
    task.expect(expect.good(residual=wanted - LENGTH))


@driver_case("drv-residual-12", guide="7.3.5.1", behaviour="3.6")
def test_surplus_of_an_underflowing_write_is_dropped(make_bench: Make) -> None:
    """Data that came unasked beyond what the driver takes are dropped; its buffer holds what it took."""
    keys = {"InitialR2T": "No", "ImmediateData": "Yes"}
    bench = make_bench(keys=keys)
    session = bench.login(keys={**keys, "FirstBurstLength": "8192"})
    data = pattern(LENGTH)
    task, sc = bench.begin_write(data, session, immediate_data=4096, unsolicited=4096)
    sc.sc_flag |= SC_FLAG_XFER_UNDERFLOW
    sc.sc_xfer_residualcount = 6144
    sc.sc_xfer_len = 2048
    buffers = bench.give_buffers(sc)
    bench.expect_returned(sc, buffers)
    assert buffers.contents == data[:2048], "other octets are in the buffer than were sent"
    bench.executed(sc)
    task.expect(expect.good(residual=-6144))
