"""Commands that are under way when their session or connection ends (guide 7.3.5.4; behaviour file, 1.7 and 4.1)."""

from __future__ import annotations

from collections.abc import Callable

from chiscsi_target.api import SC_FLAG_SESS_ABORT, chiscsi_scsi_cmd_abort_status
from conformance.api import LogoutReason, expect, variants
from conformance.driver_bench import DriverBench, driver_case, make_buffers
from conformance.suites.blocks import pattern
from conformance.suites.driver_api.states import ALL, HELD, State, Underway, asked_write, held_read, held_write, names
from iscsi_wire.scsi import TestUnitReady

Make = Callable[..., DriverBench]
ENDS = ["closed", "reset", "logout", "driver", "removal"]


def end_session(bench: DriverBench, how: str) -> None:
    """End the bench's session, with its commands."""
    if how == "driver":
        handle = next(call.sess_hdl for call in bench.hooks.calls if call.name == "fp_session_added")
        assert bench.module.chiscsi_target_session_abort(handle) == 0
    elif how == "removal":
        assert bench.module.chiscsi_target_remove(None, bench.name) == 0
    elif how == "logout":
        bench.session.logout(LogoutReason.CLOSE_SESSION)
    else:
        (bench.session.connection.reset if how == "reset" else bench.session.connection.close)()


@driver_case("drv-session-abort-01", guide="7.3.5.4", behaviour="1.7, 4.1")
@variants("how", ENDS)
@variants("state", ALL, ids=names(ALL))
def test_command_of_an_ending_session_is_aborted(bench: DriverBench, state: State, how: str) -> None:
    """Each command that the driver has seen gets fp_scsi_cmd_abort with SC_FLAG_SESS_ABORT, once, however the session
    ends; then comes fp_session_removed.
    """
    command = state(bench)
    end_session(bench, how)
    call = bench.expect_hook("fp_scsi_cmd_abort", command.sc)
    assert call.flag & SC_FLAG_SESS_ABORT, f"sc_flag {call.flag:#x}"
    order = [call.name for call in bench.hooks.calls if call.name in ("fp_scsi_cmd_abort", "fp_session_removed")]
    bench.expect_hook("fp_session_removed")
    order = [call.name for call in bench.hooks.calls if call.name in ("fp_scsi_cmd_abort", "fp_session_removed")]
    assert order == ["fp_scsi_cmd_abort", "fp_session_removed"], f"called: {order}"


@driver_case("drv-session-abort-02", guide="7.3.5.4", behaviour="1.7")
@variants("state", HELD, ids=names(HELD))
def test_held_command_is_released_by_the_drivers_answer(bench: DriverBench, state: State) -> None:
    """A command that the driver holds is not released under its hands: fp_scsi_cmd_cleanup follows its
    chiscsi_scsi_cmd_abort_status.
    """
    command = state(bench)
    bench.session.connection.close()
    bench.expect_hook("fp_scsi_cmd_abort", command.sc)
    bench.expect_no_hook("fp_scsi_cmd_cleanup")
    bench.abort_done(command.sc)
    bench.expect_end(command.sc)


@driver_case("drv-session-abort-03", behaviour="1.7")
@variants("state", HELD, ids=names(HELD))
def test_late_completion_releases_a_held_command(bench: DriverBench, state: State) -> None:
    """A driver that completes a command of a session that is gone: the call returns 0, and the command is released."""
    command = state(bench)
    bench.session.connection.close()
    bench.expect_hook("fp_scsi_cmd_abort", command.sc)
    result = bench.execution_status(command.sc, make_buffers(bytes(command.sc.sc_xfer_len)))
    assert result == 0, f"result {result}"
    bench.expect_end(command.sc)


@driver_case("drv-session-abort-04", behaviour="1.7")
def test_late_buffers_release_a_held_write(bench: DriverBench) -> None:
    """The same for a driver that gives buffers to a write of a session that is gone."""
    command = held_write(bench)
    bench.session.connection.close()
    bench.expect_hook("fp_scsi_cmd_abort", command.sc)
    result = bench.buffer_ready(command.sc, make_buffers(bytes(command.sc.sc_xfer_len)))
    assert result == 0, f"result {result}"
    bench.expect_end(command.sc)


@driver_case("drv-session-abort-05", behaviour="1.7")
def test_command_with_the_stack_is_released_at_once(bench: DriverBench) -> None:
    """A command whose buffers are with the stack is not held: it is released after the abort hook without an answer."""
    command = asked_write(bench)
    bench.session.connection.close()
    bench.expect_hook("fp_scsi_cmd_abort", command.sc)
    assert bench.count_hooks("fp_scsi_cmd_cleanup", command.sc) == 1, "fp_scsi_cmd_cleanup is not called"


@driver_case("drv-session-abort-06", behaviour="1.7")
def test_commands_are_aborted_in_their_order(bench: DriverBench) -> None:
    """The commands of a session are aborted in the order in which they came."""
    commands = [state(bench) for state in (*ALL, *ALL)]
    bench.session.connection.close()
    bench.stage.settle()
    order = [call.sc.sc_itt for call in bench.hooks.calls if call.name == "fp_scsi_cmd_abort"]
    assert order == [command.sc.sc_itt for command in commands], f"aborted in the order {order}"


@driver_case("drv-session-abort-07", guide="7.3.5.4", behaviour="1.7")
def test_command_that_the_driver_never_saw_is_not_aborted(bench: DriverBench) -> None:
    """A command that waits for its turn has not reached the driver: no hook of it is called when the session ends."""
    session = bench.session
    session.numbering.cmd_sn += 1  # leaves a hole, for which what follows waits
    session.start(TestUnitReady())
    session.connection.close()
    bench.expect_hook("fp_session_removed")
    bench.expect_no_hook()


@driver_case("drv-session-abort-08", behaviour="1.7")
def test_held_command_loses_its_session(bench: DriverBench) -> None:
    """When the session of a held command is gone, sc_sess and sc_conn are null."""
    command = held_read(bench)
    bench.session.connection.close()
    bench.expect_hook("fp_session_removed")
    handles = (command.sc.sc_sess, command.sc.sc_conn)
    assert handles == (None, None), f"sc_sess and sc_conn are {handles}"


@driver_case("drv-session-abort-09", behaviour="1.7")
def test_lost_connection_takes_its_own_commands_only(make_bench: Make) -> None:
    """When one of several connections is lost, its commands are aborted, and those of the others go on."""
    bench = make_bench(keys={"MaxConnections": "2"})
    session = bench.login(keys={"MaxConnections": "2"})
    second = session.add_connection()
    stays = Underway(*bench.begin_read(4096, session))
    goes = Underway(*bench.begin_read(4096, session, connection=second))
    second.close()
    bench.expect_hook("fp_scsi_cmd_abort", goes.sc)
    bench.expect_no_hook("fp_scsi_cmd_abort", "fp_session_removed")
    bench.serve_read(stays.task, stays.sc, pattern(4096)).expect(expect.good(data=pattern(4096)))


@driver_case("drv-session-abort-10", guide="7.3.5.4", behaviour="1.7")
def test_other_sessions_commands_go_on(bench: DriverBench) -> None:
    """The end of one session concerns no command of another."""
    held_read(bench)
    other = held_read(bench, bench.other_session)
    bench.session.connection.close()
    bench.expect_no_hook("fp_scsi_cmd_abort", sc=other.sc)
    bench.serve_read(other.task, other.sc, pattern(8192)).expect(expect.good(data=pattern(8192)))


@driver_case("drv-session-abort-11", behaviour="1.7, 4.1")
def test_answer_inside_the_abort_hook(bench: DriverBench) -> None:
    """chiscsi_scsi_cmd_abort_status may be called inside fp_scsi_cmd_abort."""
    bench.when("fp_scsi_cmd_abort", lambda call: bench.abort_done(call.sc))
    command = held_read(bench)
    bench.session.connection.close()
    bench.expect_hooks("fp_scsi_cmd_abort", "fp_scsi_cmd_cleanup", sc=command.sc)


@driver_case("drv-session-abort-12", behaviour="1.7, 3.9")
def test_command_is_released_once(bench: DriverBench) -> None:
    """A driver that answers an abort twice does not have the command released twice."""
    command = held_read(bench)
    bench.session.connection.close()
    bench.expect_hook("fp_scsi_cmd_abort", command.sc)
    bench.abort_done(command.sc)
    bench.expect_hook("fp_scsi_cmd_cleanup", command.sc)
    chiscsi_scsi_cmd_abort_status(command.sc)
    bench.expect_no_hook("fp_scsi_cmd_cleanup")


@driver_case("drv-session-abort-13", behaviour="1.7")
def test_driver_that_never_answers_keeps_nobody_else(bench: DriverBench) -> None:
    """Commands that a driver never gives back keep neither their initiator from coming back nor others from working."""
    for state in HELD:
        state(bench)
    bench.session.connection.close()
    bench.expect_hook("fp_session_removed")
    again = bench.login(isid=bench.session.isid)
    task, sc = bench.begin_read(4096, again)
    bench.serve_read(task, sc, pattern(4096)).expect(expect.good(data=pattern(4096)))


@driver_case("drv-session-abort-14", guide="7.3.5.4", behaviour="1.7")
def test_phases_of_an_ending_session(phased_bench: DriverBench) -> None:
    """A multi-phase write with phases on both sides is aborted once, and released when the driver has answered."""
    task, sc = phased_bench.begin_write(pattern(12288))
    first = phased_bench.give_buffers(sc, 4096)
    phased_bench.wait_for_data(task, sc, first)
    phased_bench.give_buffers(sc, 4096, 4096)
    task.next_r2t()
    phased_bench.session.connection.close()
    phased_bench.expect_hook("fp_scsi_cmd_abort", sc)
    phased_bench.expect_hook("fp_session_removed")
    chiscsi_scsi_cmd_abort_status(sc)
    assert phased_bench.count_hooks("fp_scsi_cmd_cleanup", sc) == 1, "fp_scsi_cmd_cleanup is not called once"
    assert phased_bench.count_hooks("fp_scsi_cmd_abort", sc) == 1, "fp_scsi_cmd_abort is called again"
