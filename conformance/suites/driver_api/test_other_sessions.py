"""What a task management function does to the commands of other sessions (behaviour file, 4.2 to 4.4)."""

from __future__ import annotations

from conformance.api import ScsiStatus, TaskManagementFunction, expect, variants
from conformance.driver_bench import DriverBench, driver_case
from conformance.suites.blocks import pattern
from conformance.suites.driver_api.states import Underway, held_read

Function = TaskManagementFunction
RESETS = [Function.LOGICAL_UNIT_RESET, Function.TARGET_WARM_RESET]
CROSSING = [*RESETS, Function.CLEAR_TASK_SET]


def _ids(functions: list[Function]) -> list[str]:
    return [function.name.lower().replace("_", "-") for function in functions]


def _let_go(bench: DriverBench, command: Underway) -> None:
    """Answer whatever the driver was asked about the command."""
    bench.stage.settle()
    if command.sc.sc_xfer_len:
        bench.abort_done(command.sc)


@driver_case("drv-other-01", "7143-4.2.3.2-01", behaviour="4.2")
def test_abort_task_set_is_for_ones_own(bench: DriverBench) -> None:
    """ABORT TASK SET ends no command of another session."""
    bench.when("fp_tmf_execute", bench.answer_tmf)
    other = held_read(bench, bench.other_session)
    bench.session.task_management(Function.ABORT_TASK_SET)
    bench.serve_read(other.task, other.sc, pattern(8192)).expect(expect.good(data=pattern(8192)))


@driver_case("drv-other-02", "7143-4.2.3.2-03", guide="7.3.6", behaviour="4.3, 4.4")
@variants("function", RESETS, ids=_ids(RESETS))
def test_reset_ends_other_sessions_commands(bench: DriverBench, function: Function) -> None:
    """A reset ends the commands of other sessions too: with unit attention 06/29, or without a status at all."""
    bench.when("fp_tmf_execute", bench.answer_tmf)
    other = held_read(bench, bench.other_session)
    bench.session.task_management(function)
    _let_go(bench, other)
    bench.stage.settle()
    result = other.task.wait()
    told = result.status == ScsiStatus.CHECK_CONDITION and result.sense is not None and result.sense.key == 6
    assert result.header is None or told or result.status == ScsiStatus.TASK_ABORTED, f"it ends with {result}"
    bench.other_session.nop()


@driver_case("drv-other-03", "7143-4.2.3.2-03", behaviour="4.4")
def test_reset_of_one_lun_spares_the_others(bench: DriverBench) -> None:
    """LOGICAL UNIT RESET ends no command of another LUN, in whichever session."""
    bench.when("fp_tmf_execute", bench.answer_tmf)
    other = held_read(bench, bench.other_session, lun=2)
    bench.session.task_management(Function.LOGICAL_UNIT_RESET, lun=1)
    bench.serve_read(other.task, other.sc, pattern(8192)).expect(expect.good(data=pattern(8192)))


@driver_case("drv-other-04", guide="7.3.6", behaviour="4.2")
@variants("function", CROSSING, ids=_ids(CROSSING))
def test_refused_function_touches_nobody(bench: DriverBench, function: Function) -> None:
    """A function that the driver does not execute ends no command of another session."""
    bench.when("fp_tmf_execute", lambda call: bench.answer_tmf(call, 255))
    other = held_read(bench, bench.other_session)
    bench.session.task_management(function)
    bench.serve_read(other.task, other.sc, pattern(8192)).expect(expect.good(data=pattern(8192)))


@driver_case("drv-other-05", "7143-11.5.1-25", behaviour="4.2, 4.4")
def test_cold_reset_closes_all_sessions(bench: DriverBench) -> None:
    """TARGET COLD RESET closes the sessions of the node, the others' too, once the driver has executed it."""
    bench.when("fp_tmf_execute", bench.answer_tmf)
    handles = {bench.session.tsih, bench.other_session.tsih}
    bench.session.task_management(Function.TARGET_COLD_RESET)
    bench.expect_that("both sessions are removed", lambda: bench.count_hooks("fp_session_removed") == len(handles))
    bench.other_session.connection.expect(expect.connection_closed())


@driver_case("drv-other-06", behaviour="4.2, 4.4")
def test_refused_cold_reset_closes_none(bench: DriverBench) -> None:
    """A TARGET COLD RESET that the driver refuses leaves the sessions as they are."""
    bench.when("fp_tmf_execute", lambda call: bench.answer_tmf(call, 5))
    other = bench.other_session
    bench.session.task_management(Function.TARGET_COLD_RESET)
    bench.session.nop()
    other.nop()
    bench.expect_no_hook("fp_session_removed")


@driver_case("drv-other-07", guide="6.1", behaviour="4.4")
def test_reset_is_for_its_own_target(bench: DriverBench) -> None:
    """A reset concerns the sessions of its own node: those of another node of the same class go on."""
    bench.when("fp_tmf_execute", bench.answer_tmf)
    assert bench.add_target(f"{bench.name}.two") == 0
    elsewhere = bench.login(bench.second_initiator, keys={"TargetName": f"{bench.name}.two"})
    other = held_read(bench, elsewhere)
    bench.session.task_management(Function.TARGET_COLD_RESET)
    bench.serve_read(other.task, other.sc, pattern(8192)).expect(expect.good(data=pattern(8192)))
