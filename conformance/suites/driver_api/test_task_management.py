"""Task management functions: answered by the stack or forwarded, and with what (guide 7.3.6; behaviour file, 4.2)."""

from __future__ import annotations

from chiscsi_target.api import chiscsi_tmf_execution_done
from conformance.api import RESERVED_TAG, TaskManagementFunction, TaskManagementRequest, expect, variants
from conformance.driver_bench import HOW, DriverBench, driver_case
from conformance.driver_bench.hooks import How
from conformance.driver_bench.playing import EINVAL
from conformance.suites.blocks import pattern
from conformance.suites.exchanges import NO_TASK, expect_function_response, send_function

Function = TaskManagementFunction
OF_A_LUN = [Function.ABORT_TASK_SET, Function.CLEAR_TASK_SET, Function.LOGICAL_UNIT_RESET]
RESETS = [Function.TARGET_WARM_RESET, Function.TARGET_COLD_RESET]
FORWARDED = [*OF_A_LUN, *RESETS]


def ids(functions: list[Function]) -> list[str]:
    """Ids of variants."""
    return [function.name.lower().replace("_", "-") for function in functions]


@driver_case("drv-tmf-01", "7143-11.6.1-01", guide="7.3.6", behaviour="4.2")
@variants("function, codes", [(3, {5}), (8, {4, 5}), (0, {5, 255}), (9, {5, 255}), (127, {5, 255})])
def test_function_is_answered_by_the_stack(bench: DriverBench, function: int, codes: set[int]) -> None:
    """CLEAR ACA, TASK REASSIGN and functions that nobody knows are answered without the driver."""
    answer = bench.session.task_management(function)
    assert answer.header.response in codes, f"response {answer.header.response}"
    bench.expect_no_hook()


@driver_case("drv-tmf-02", guide="7.3.6", behaviour="4.2")
@variants("function", FORWARDED, ids=ids(FORWARDED))
@variants("how", HOW)
def test_function_is_forwarded(bench: DriverBench, function: Function, how: How) -> None:
    """Every other function is the driver's to execute; it may answer inside the hook, later, or from another thread."""
    bench.when("fp_tmf_execute", bench.answer_tmf, how)
    answer = bench.session.task_management(function)
    assert answer.header.response == 0, f"response {answer.header.response}"
    bench.expect_hook("fp_tmf_execute", tmf_func=int(function))
    assert bench.count_hooks("fp_tmf_execute") == 1, "the driver is asked again"


@driver_case("drv-tmf-03", guide="7.3.6", behaviour="4.2")
@variants("lun", [0, 5, 300])
@variants("immediate", [0, 1], ids=["numbered", "immediate"])
@variants("function", OF_A_LUN, ids=ids(OF_A_LUN))
def test_arguments_are_the_requests(bench: DriverBench, function: Function, immediate: int, lun: int) -> None:
    """fp_tmf_execute gets the I bit, the function and the LUN of the request, and no command."""
    bench.when("fp_tmf_execute", bench.answer_tmf)
    bench.session.task_management(function, lun=lun, immediate=immediate)
    call = bench.expect_hook("fp_tmf_execute")
    found = (call.immediate_cmd, call.tmf_func, call.lun, call.sc)
    assert found == (immediate, int(function), lun, None), f"immediate_cmd, tmf_func, lun, sc are {found}"


@driver_case("drv-tmf-04", guide="7.3.6", behaviour="4.2")
@variants("function", RESETS, ids=ids(RESETS))
def test_target_reset_is_for_all_luns(bench: DriverBench, function: Function) -> None:
    """A target reset is forwarded with the LUN 0xffffffff, whatever stands in the request."""
    bench.when("fp_tmf_execute", bench.answer_tmf)
    bench.session.task_management(function, lun=2)
    call = bench.expect_hook("fp_tmf_execute")
    assert call.lun == 0xFFFFFFFF, f"lun {call.lun:#x}"


@driver_case("drv-tmf-05", "7143-11.6.1-01", guide="7.3.6", behaviour="4.2")
@variants("response", [0, 1, 2, 3, 4, 5, 6, 255])
def test_drivers_response_reaches_the_wire(bench: DriverBench, response: int) -> None:
    """The response code is the driver's, unchecked."""
    bench.when("fp_tmf_execute", lambda call: bench.answer_tmf(call, response))
    answer = bench.session.task_management(Function.LOGICAL_UNIT_RESET)
    assert answer.header.response == response, f"response {answer.header.response}"


@driver_case("drv-tmf-06", guide="7.3.6", behaviour="4.2")
@variants("function", FORWARDED, ids=ids(FORWARDED))
def test_response_waits_for_the_driver(bench: DriverBench, function: Function) -> None:
    """Until chiscsi_tmf_execution_done there is no response; other traffic of the session goes on."""
    request = send_function(bench.session, function, 0)
    call = bench.expect_hook("fp_tmf_execute")
    bench.session.expect(expect.nothing(60))
    bench.session.nop(b"alive")
    bench.answer_tmf(call)
    expect_function_response(bench.session.connection, request, 0)


@driver_case("drv-tmf-07", guide="7.3.6", behaviour="4.2")
def test_refusing_hook_rejects_the_function(bench: DriverBench) -> None:
    """fp_tmf_execute below 0 means `Function rejected`."""
    bench.when("fp_tmf_execute", returns=-1)
    answer = bench.session.task_management(Function.LOGICAL_UNIT_RESET)
    assert answer.header.response == 255, f"response {answer.header.response}"


@driver_case("drv-tmf-08", guide="7.3.6")
def test_raising_hook_rejects_the_function(bench: DriverBench) -> None:
    """fp_tmf_execute that raises means `Function rejected`, with a line in the log."""
    bench.when("fp_tmf_execute", raises=KeyError("which?"))
    answer = bench.session.task_management(Function.LOGICAL_UNIT_RESET)
    assert answer.header.response == 255, f"response {answer.header.response}"
    bench.expect_log("which?")


@driver_case("drv-tmf-09", behaviour="3.5, 4.2")
def test_function_is_answered_once(bench: DriverBench) -> None:
    """A second answer of the driver brings no second response."""
    request = send_function(bench.session, Function.LOGICAL_UNIT_RESET, 0)
    call = bench.expect_hook("fp_tmf_execute")
    bench.answer_tmf(call)
    expect_function_response(bench.session.connection, request, 0)
    chiscsi_tmf_execution_done(call.hndl, 255, None)
    bench.session.expect(expect.nothing(5))


@driver_case("drv-tmf-10", behaviour="4.2")
def test_null_handle_is_refused(bench: DriverBench) -> None:
    """chiscsi_tmf_execution_done without a handle returns -EINVAL."""
    result = chiscsi_tmf_execution_done(None, 0, None)
    assert result == EINVAL, f"result {result}"


@driver_case("drv-tmf-11", behaviour="4.2")
@variants("tag", [0x100, 0x12345678, 0xFFFFFFFE])
def test_response_bears_the_whole_tag(bench: DriverBench, tag: int) -> None:
    """The response of a forwarded function has the Initiator Task Tag of the request, all 32 bits of it."""
    bench.when("fp_tmf_execute", bench.answer_tmf, "later")
    answer = bench.session.task_management(Function.LOGICAL_UNIT_RESET, initiator_task_tag=tag)
    assert answer.header.initiator_task_tag == tag, f"tag {answer.header.initiator_task_tag:#x}"


@driver_case("drv-tmf-12", "7143-11.6.1-09", guide="7.3.6", behaviour="4.2")
def test_unknown_task_is_answered_by_the_stack(bench: DriverBench) -> None:
    """ABORT TASK of a task that does not exist, and cannot come any more, is answered 1 without the driver."""
    session = bench.session
    task, sc = bench.begin_no_data()
    bench.executed(sc)
    task.expect(expect.good())
    bench.stage.settle()
    bench.forget()
    answer = session.task_management(Function.ABORT_TASK, referenced_task_tag=NO_TASK, ref_cmd_sn=task.cmd_sn)
    assert answer.header.response == 1, f"response {answer.header.response}"
    bench.expect_no_hook()


@driver_case("drv-tmf-13", guide="7.3.6", behaviour="4.2")
def test_completed_task_is_answered_by_the_stack(bench: DriverBench) -> None:
    """ABORT TASK of a command that was executed is answered without the driver; its status stays what it was."""
    task, sc = bench.begin_read(4096)
    bench.serve_read(task, sc, pattern(4096)).expect(expect.good())
    answer = bench.session.task_management(Function.ABORT_TASK, task=task)
    assert answer.header.response in (0, 1), f"response {answer.header.response}"
    bench.expect_no_hook("fp_tmf_execute", "fp_scsi_cmd_abort")


@driver_case("drv-tmf-14", "7143-11.6.1-08", guide="7.3.6", behaviour="4.2")
def test_task_that_did_not_arrive_is_answered_by_the_stack(bench: DriverBench) -> None:
    """ABORT TASK of a command that is on its way counts as received: 0 without the driver, who never sees it."""
    session = bench.session
    missing = session.numbering.take_cmd_sn(immediate=False)
    session.numbering.sent(missing)
    answer = session.task_management(Function.ABORT_TASK, referenced_task_tag=NO_TASK, ref_cmd_sn=missing)
    assert answer.header.response == 0, f"response {answer.header.response}"
    bench.expect_no_hook()


@driver_case("drv-tmf-15", "7143-11.5.1-04", behaviour="4.2")
def test_numbered_function_waits_for_its_turn(bench: DriverBench) -> None:
    """A request with I=0 acts in the order of CmdSN: commands before it reach the driver first."""
    session = bench.session
    with session.connection.held() as held:
        command = bench.session.start(b"\0" * 6, lun=1)
        session.send(
            TaskManagementRequest, function=Function.LOGICAL_UNIT_RESET, immediate=0, referenced_task_tag=RESERVED_TAG
        )
        held.reverse()
    bench.stage.settle()
    order = [call.name for call in bench.hooks.calls if call.name in ("fp_scsi_cmd_cdb_rcved", "fp_tmf_execute")]
    assert order == ["fp_scsi_cmd_cdb_rcved", "fp_tmf_execute"], f"called: {order}"
    assert command.tag == next(call.sc.sc_itt for call in bench.hooks.calls if call.name == "fp_scsi_cmd_cdb_rcved")


@driver_case("drv-tmf-16", "7143-11.5.1-02", behaviour="4.2")
@variants("number", [2, 5])
def test_functions_are_answered_in_any_order(bench: DriverBench, number: int) -> None:
    """Several functions may be with the driver at a time; each gets its own answer, in the driver's order."""
    requests = [send_function(bench.session, Function.LOGICAL_UNIT_RESET, lun << 48) for lun in range(number)]
    calls = {lun: bench.expect_hook("fp_tmf_execute", lun=lun) for lun in range(number)}
    for lun in reversed(range(number)):
        bench.answer_tmf(calls[lun], lun)
        expect_function_response(bench.session.connection, requests[lun], lun)


@driver_case("drv-tmf-17", behaviour="1.7, 4.2")
def test_answer_for_a_lost_session_is_ignored(bench: DriverBench) -> None:
    """A function that the driver answers when its session is gone has no response, and harms nobody."""
    other = bench.other_session
    send_function(bench.session, Function.LOGICAL_UNIT_RESET, 0)
    call = bench.expect_hook("fp_tmf_execute")
    bench.session.connection.close()
    chiscsi_tmf_execution_done(call.hndl, 0, None)
    task, sc = bench.begin_read(4096, other)
    bench.serve_read(task, sc, pattern(4096)).expect(expect.good(data=pattern(4096)))


@driver_case("drv-tmf-18", guide="7.3.6", behaviour="4.2")
def test_driver_that_never_answers_a_function(bench: DriverBench) -> None:
    """A function that is never answered stays pending: the other sessions, and new ones, work."""
    send_function(bench.session, Function.TARGET_WARM_RESET, 0)
    bench.expect_hook("fp_tmf_execute")
    bench.advance(3600)
    task, sc = bench.begin_read(4096, bench.other_session)
    bench.serve_read(task, sc, pattern(4096)).expect(expect.good(data=pattern(4096)))
    bench.session.nop()
