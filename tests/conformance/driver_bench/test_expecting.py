"""The bench accuses the target of what it does wrong, of nothing else, and never keeps a failure to itself."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from conformance.driver_bench import Buffers, DriverBench, make_buffers
from conformance.driver_bench.expecting import _merged
from conformance.driver_bench.hooks import HookCall
from initiator_sim.outcomes import ExpectationFailed

Make = Callable[..., DriverBench]


def test_hook_that_is_not_called_fails(bench: DriverBench) -> None:
    with pytest.raises(ExpectationFailed, match="no hook is called") as caught:
        bench.expect_hook("fp_scsi_cmd_abort")
    assert caught.value.expected == "fp_scsi_cmd_abort()"


def test_hooks_of_one_command_have_an_order(bench: DriverBench) -> None:
    task, sc = bench.begin_read(512)
    bench.execute(sc, bytes(512))
    task.wait()
    with pytest.raises(ExpectationFailed, match=r"fp_scsi_cmd_data_xfer_status.*before it"):
        bench.expect_hook("fp_scsi_cmd_cleanup", sc)


def test_hooks_of_two_commands_have_none(bench: DriverBench) -> None:
    pairs = [bench.begin_no_data() for _ in range(2)]
    for task, sc in pairs:
        bench.executed(sc)
        task.wait()
    for _, sc in reversed(pairs):
        bench.expect_hooks("fp_scsi_cmd_data_xfer_status", "fp_scsi_cmd_cleanup", sc=sc)
    bench.expect_no_hook()


def test_stray_hook_fails(bench: DriverBench) -> None:
    task, sc = bench.begin_no_data()
    bench.executed(sc)
    task.wait()
    with pytest.raises(ExpectationFailed, match="fp_scsi_cmd_data_xfer_status"):
        bench.expect_no_hook(sc=sc)
    bench.forget()
    bench.expect_no_hook()


def test_arguments_are_compared(bench: DriverBench) -> None:
    bench.begin_no_data(lun=3)
    call = bench.hooks.calls[-1]
    assert call.sc.sc_lun == 3
    with pytest.raises(AttributeError, match="fp_scsi_cmd_cdb_rcved has no argument 'lun'"):
        _ = call.lun


@pytest.mark.parametrize("how", ["hook", "later", "thread"])
def test_what_an_answer_finds_wrong_fails_the_case(bench: DriverBench, how: str) -> None:
    bench.when("fp_scsi_cmd_cdb_rcved", lambda call: bench.expect_equal("one", 1, 2), how)  # type: ignore[arg-type]
    bench.session.start(bytes(6))
    with pytest.raises(ExpectationFailed, match="expected: one: 2"):
        bench.expect_no_hook("fp_scsi_cmd_abort")
    bench.expect_no_hook("fp_scsi_cmd_abort")


def test_refused_call_fails_the_case(bench: DriverBench) -> None:
    _, sc = bench.begin_read(512)
    with pytest.raises(ExpectationFailed, match="-26"):
        bench.execute(sc, bytes(1024))


def test_log_lines_are_compared_without_blanks_and_stops(bench: DriverBench) -> None:
    bench.module.directory.login_worker.log(2, "itt 0x2, buf off 8192+4096, exp. 0+4096.")
    bench.expect_log("itt 0x2, buf off 8192 + 4096, exp 0+4096")
    with pytest.raises(ExpectationFailed):
        bench.expect_log("itt 0x3")
    with pytest.raises(ExpectationFailed):
        bench.expect_no_log("buf off")


def _call(buffers: list[Buffers], **changes: object) -> HookCall:
    vectors = [vector for one in buffers for vector in one.given]
    given = {
        "buf": buffers[0].given if len(buffers) == 1 else vectors,
        "sgcnt": len(vectors),
        "offset": buffers[0].offset,
        "buflen": sum(one.length for one in buffers),
    }
    return HookCall("fp_scsi_cmd_data_xfer_status", {**given, **changes})


def test_phases_come_back_whole_alone_or_merged() -> None:
    phases = [make_buffers(bytes(4096), offset, 2) for offset in (0, 4096, 8192)]
    assert _merged(_call(phases[:1]), phases) == 1
    assert _merged(_call(phases[:2]), phases) == 2
    assert _merged(_call(phases), phases) == 3


@pytest.mark.parametrize(
    "changes",
    [{"sgcnt": 3}, {"offset": 512}, {"buflen": 6144}, {"buf": [object()] * 4}],
    ids=["part-of-a-phase", "elsewhere", "cut", "other-vectors"],
)
def test_phases_that_come_back_otherwise_are_wrong(changes: dict[str, object]) -> None:
    phases = [make_buffers(bytes(4096), offset, 2) for offset in (0, 4096)]
    assert _merged(_call(phases, **changes), phases) == 0


def test_time_passes_as_the_case_says(bench: DriverBench) -> None:
    before = bench.clock()
    bench.advance(3600)
    assert bench.clock() == before + 3600


def test_bench_over_tcp_waits_for_other_threads(make_bench: Make) -> None:
    bench = make_bench(tcp=True)
    bench.when("fp_scsi_cmd_cdb_rcved", lambda call: bench.executed(call.sc), "thread")
    task, sc = bench.begin_no_data()
    assert task.wait().status == 0
    bench.expect_hook("fp_scsi_cmd_data_xfer_status", sc)
    bench.expect_hook("fp_scsi_cmd_cleanup", sc)
