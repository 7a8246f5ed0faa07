"""What becomes of commands that a task management function ends, in each of their states (behaviour file, 4.3)."""

from __future__ import annotations

from chiscsi_target.api import SC_FLAG_TMF_ABORT, chiscsi_scsi_cmd_execution_status
from conformance.api import TaskManagementFunction, TaskManagementRequest, expect, variants
from conformance.driver_bench import HOW, DriverBench, driver_case
from conformance.driver_bench.hooks import How
from conformance.suites.blocks import pattern
from conformance.suites.driver_api.states import (
    ALL,
    HELD,
    State,
    Underway,
    asked_write,
    filled_write,
    held_read,
    held_write,
    names,
)
from conformance.suites.exchanges import expect_function_response, send_function
from initiator_sim.draft import Draft

Function = TaskManagementFunction
SEVERAL = [Function.ABORT_TASK_SET, Function.CLEAR_TASK_SET, Function.LOGICAL_UNIT_RESET, Function.TARGET_WARM_RESET]


def _ask_to_abort(bench: DriverBench, command: Underway) -> Draft[TaskManagementRequest]:
    task = command.task
    fields = {"referenced_task_tag": task.tag, "ref_cmd_sn": task.cmd_sn}
    return send_function(bench.session, Function.ABORT_TASK, task.lun, **fields)


@driver_case("drv-task-abort-01", "7143-11.6.1-07", guide="7.3.6", behaviour="4.1, 4.2")
@variants("how", HOW)
@variants("state", ALL, ids=names(ALL))
def test_abort_task_names_the_command(bench: DriverBench, state: State, how: How) -> None:
    """ABORT TASK of a command that the driver has is forwarded with the command, which bears SC_FLAG_TMF_ABORT; when
    the driver has answered, the command gets no status, and is released.
    """
    bench.when("fp_tmf_execute", bench.answer_tmf, how)
    command = state(bench)
    answer = bench.session.task_management(Function.ABORT_TASK, task=command.task)
    assert answer.header.response == 0, f"response {answer.header.response}"
    call = bench.expect_hook("fp_tmf_execute", tmf_func=1) if state is not asked_write else None
    flags = [one.flag for one in bench.hooks.calls if one.name == "fp_tmf_execute" and one.sc is command.sc]
    assert flags and flags[0] & SC_FLAG_TMF_ABORT, f"{call}: sc_flag {flags}"
    bench.session.connection.never_answered(command.task.tag)
    command.send_late_data()
    bench.session.nop()
    chiscsi_scsi_cmd_execution_status(command.sc, None, 0, 0, 0)
    assert bench.count_hooks("fp_scsi_cmd_cleanup", command.sc) == 1, "fp_scsi_cmd_cleanup is not called once"
    bench.session.nop()


@driver_case("drv-task-abort-02", guide="7.3.6", behaviour="4.1")
def test_command_in_data_transfer_has_its_abort_hook(bench: DriverBench) -> None:
    """A command whose buffers are with the stack is also announced by fp_scsi_cmd_abort, with SC_FLAG_TMF_ABORT."""
    command = asked_write(bench)
    _ask_to_abort(bench, command)
    call = bench.expect_hook("fp_scsi_cmd_abort", command.sc)
    assert call.flag & SC_FLAG_TMF_ABORT, f"sc_flag {call.flag:#x}"
    bench.expect_hook("fp_tmf_execute", command.sc)


@driver_case("drv-task-abort-03", guide="7.3.6", behaviour="4.1")
@variants("state", HELD, ids=names(HELD))
def test_command_not_in_data_transfer_has_none(bench: DriverBench, state: State) -> None:
    """A command that the driver holds is announced by fp_tmf_execute alone."""
    command = state(bench)
    _ask_to_abort(bench, command)
    bench.expect_hook("fp_tmf_execute", command.sc)
    bench.expect_no_hook("fp_scsi_cmd_abort")


@driver_case("drv-task-abort-04", guide="7.3.6", behaviour="4.2")
@variants("response", [5, 255])
@variants("state", ALL, ids=names(ALL))
def test_command_goes_on_when_the_driver_refuses(bench: DriverBench, state: State, response: int) -> None:
    """A driver that does not abort the task says so: the command goes on, to its own status."""
    command = state(bench)
    request = _ask_to_abort(bench, command)
    call = bench.hooks.calls[-1] if bench.stage.wait(lambda: bench.count_hooks("fp_tmf_execute") == 1) else None
    assert call is not None, "the driver is not asked"
    bench.forget()
    bench.answer_tmf(call, response)
    expect_function_response(bench.session.connection, request, response)
    if state is asked_write:
        command.send_late_data()
        bench.expect_returned(command.sc, *command.buffers)
    if state in (asked_write, filled_write):
        bench.executed(command.sc)
        command.task.expect(expect.good())
    elif state is held_write:
        assert bench.serve_write(command.task, command.sc) == command.task.output, "other octets than were sent"
    else:
        bench.fail(command.sc, 5, 0x20)
        command.task.expect(expect.check_condition(key=5, asc=0x20))


@driver_case("drv-task-abort-05", "7143-11.5.1-07", guide="7.3.6", behaviour="4.3")
@variants("state", HELD, ids=names(HELD))
def test_completion_of_an_aborted_command_is_not_sent(bench: DriverBench, state: State) -> None:
    """A driver may complete an aborted command before it answers the function: 0 comes back, and no status goes out."""
    command = state(bench)
    request = _ask_to_abort(bench, command)
    call = bench.expect_hook("fp_tmf_execute", command.sc)
    command.sc.fail(0xB, 0, 0)
    result = chiscsi_scsi_cmd_execution_status(command.sc, None, 0, 0, 0)
    assert result == 0, f"result {result}"
    bench.session.connection.never_answered(command.task.tag)
    bench.answer_tmf(call)
    expect_function_response(bench.session.connection, request, 0)
    bench.session.nop()
    bench.expect_end(command.sc)


@driver_case("drv-task-abort-06", guide="7.3.6", behaviour="4.2, 4.3")
@variants("function", SEVERAL, ids=[function.name.lower().replace("_", "-") for function in SEVERAL])
def test_function_marks_all_commands_it_ends(bench: DriverBench, function: Function) -> None:
    """A function for several tasks marks all of them with SC_FLAG_TMF_ABORT, then asks the driver once."""
    commands = [state(bench) for state in HELD]
    request = send_function(bench.session, function, 0)
    call = bench.expect_hook("fp_tmf_execute")
    unmarked = [command.sc.sc_itt for command in commands if not command.sc.sc_flag & SC_FLAG_TMF_ABORT]
    assert not unmarked, f"without the flag: {unmarked}"
    bench.answer_tmf(call)
    expect_function_response(bench.session.connection, request, 0)
    for command in commands:
        bench.session.connection.never_answered(command.task.tag)
        chiscsi_scsi_cmd_execution_status(command.sc, None, 0, 0, 0)
        bench.expect_end(command.sc)
    bench.session.nop()


@driver_case("drv-task-abort-07", "7143-4.2.3.2-01", guide="7.3.6", behaviour="4.2")
@variants("function", SEVERAL[:3], ids=[function.name.lower().replace("_", "-") for function in SEVERAL[:3]])
def test_commands_of_another_lun_go_on(bench: DriverBench, function: Function) -> None:
    """A function for one LUN ends no command of another."""
    bench.when("fp_tmf_execute", bench.answer_tmf)
    here, there = held_read(bench, lun=1), held_read(bench, lun=2)
    bench.session.task_management(function, lun=1)
    assert here.sc.sc_flag & SC_FLAG_TMF_ABORT, "the command of the LUN is not marked"
    assert not there.sc.sc_flag & SC_FLAG_TMF_ABORT, "the other LUN's command is marked"
    bench.serve_read(there.task, there.sc, pattern(8192)).expect(expect.good(data=pattern(8192)))


@driver_case("drv-task-abort-08", "7143-11.5.1-04", behaviour="4.2")
def test_later_commands_are_not_ended(bench: DriverBench) -> None:
    """A function ends commands that came before it: one with a higher CmdSN goes on."""
    before = held_read(bench)
    send_function(bench.session, Function.ABORT_TASK_SET, 0)
    call = bench.expect_hook("fp_tmf_execute")
    behind = held_read(bench)
    bench.answer_tmf(call)
    bench.stage.settle()
    assert before.sc.sc_flag & SC_FLAG_TMF_ABORT and not behind.sc.sc_flag & SC_FLAG_TMF_ABORT, "wrong commands marked"
    bench.serve_read(behind.task, behind.sc, pattern(8192)).expect(expect.good(data=pattern(8192)))


@driver_case("drv-task-abort-09", behaviour="3.9, 4.3")
@variants("state", HELD, ids=names(HELD))
def test_held_command_is_reported_and_kept(bench: DriverBench, state: State) -> None:
    """A command that the driver still holds when its function is over is not released before the driver's next call."""
    command = state(bench)
    send_function(bench.session, Function.ABORT_TASK_SET, 0)
    bench.answer_tmf(bench.expect_hook("fp_tmf_execute"))
    bench.stage.settle()
    bench.expect_no_hook("fp_scsi_cmd_cleanup")
    bench.expect_log(f"itt 0x{command.sc.sc_itt:x}, held by storage driver")
    chiscsi_scsi_cmd_execution_status(command.sc, None, 0, 0, 0)
    bench.expect_end(command.sc)


@driver_case("drv-task-abort-10", "7143-4.2.3.3-07", behaviour="4.2")
@variants("function", SEVERAL, ids=[function.name.lower().replace("_", "-") for function in SEVERAL])
def test_function_waits_for_the_data_asked_for(bench: DriverBench, function: Function) -> None:
    """R2Ts of the commands concerned are answered first; then the driver is asked."""
    command = asked_write(bench)
    request = send_function(bench.session, function, 0)
    bench.expect_no_hook("fp_tmf_execute")
    command.send_late_data()
    bench.stage.settle()
    call = next(call for call in bench.hooks.calls if call.name == "fp_tmf_execute")
    bench.answer_tmf(call)
    expect_function_response(bench.session.connection, request, 0)
    bench.session.connection.never_answered(command.task.tag)
    bench.session.nop()


@driver_case("drv-task-abort-11", behaviour="4.2, 4.3")
def test_aborted_write_is_asked_for_no_more(bench: DriverBench) -> None:
    """After ABORT TASK no further R2T goes out for the write, and its late data reach no buffer."""
    session = bench.login(keys={"MaxBurstLength": "1024", "FirstBurstLength": "512"})
    bench.when("fp_tmf_execute", bench.answer_tmf)
    command = asked_write(bench, session)
    session.task_management(Function.ABORT_TASK, task=command.task)
    session.connection.never_answered(command.task.tag)
    command.send_late_data()
    session.nop(b"alive")
    assert command.buffers[0].contents == bytes(8192), "data reached the driver's buffer"


@driver_case("drv-task-abort-12", guide="7.3.6", behaviour="4.3")
def test_aborted_read_sends_no_more(phased_bench: DriverBench) -> None:
    """Phases that a driver gives of a read behind its abort are not sent."""
    phased_bench.when("fp_tmf_execute", phased_bench.answer_tmf)
    task, sc = phased_bench.begin_read(8192)
    phased_bench.execute(sc, pattern(4096))
    task.next()
    phased_bench.session.task_management(Function.ABORT_TASK, task=task)
    phased_bench.session.connection.never_answered(task.tag)
    chiscsi_scsi_cmd_execution_status(sc, None, 0, 4096, 4096)
    phased_bench.session.nop()
    assert phased_bench.count_hooks("fp_scsi_cmd_cleanup", sc) == 1, "fp_scsi_cmd_cleanup is not called once"


@driver_case("drv-task-abort-13", behaviour="4.2")
def test_tag_of_an_aborted_command_is_free(bench: DriverBench) -> None:
    """When the function is over, its tag may be given to another command, which the driver gets as a new one."""
    bench.when("fp_tmf_execute", bench.answer_tmf)
    command = held_read(bench)
    bench.session.task_management(Function.ABORT_TASK, task=command.task)
    bench.stage.settle()
    bench.forget()
    task, sc = bench.begin_read(8192, initiator_task_tag=command.task.tag)
    assert sc is not command.sc, "the driver is given the old command again"
    bench.serve_read(task, sc, pattern(8192)).expect(expect.good(data=pattern(8192)))


@driver_case("drv-task-abort-14", behaviour="4.2, 9.1")
@variants("state", HELD, ids=names(HELD))
def test_answer_that_names_the_command_lets_it_go(bench: DriverBench, state: State) -> None:
    """A driver that answers ABORT TASK with the command it was given, and `task does not exist`, holds it no longer: it
    is over without a status, and released.
    """
    command = state(bench)
    request = _ask_to_abort(bench, command)
    bench.answer_tmf(bench.expect_hook("fp_tmf_execute", command.sc), 1)
    expect_function_response(bench.session.connection, request, 1)
    bench.session.connection.never_answered(command.task.tag)
    bench.session.nop()
    bench.expect_end(command.sc)
