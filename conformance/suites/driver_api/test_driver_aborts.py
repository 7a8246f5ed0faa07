"""chiscsi_scsi_cmd_abort: commands that the driver gives up (guide 7.3.5.4; behaviour file, 4.1 and 4.3)."""

from __future__ import annotations

from chiscsi_target.api import SC_FLAG_CMD_ABORT, SC_FLAG_WRITE, chiscsi_scsi_cmd_abort
from conformance.api import expect, variants
from conformance.driver_bench import HOW, DriverBench, driver_case
from conformance.driver_bench.hooks import How
from conformance.driver_bench.playing import EINVAL
from conformance.suites.blocks import pattern
from conformance.suites.driver_api.states import ALL, State, asked_write, held_read, names


@driver_case("drv-abort-01", guide="7.3.5.4", behaviour="4.1, 4.3")
@variants("state", ALL, ids=names(ALL))
def test_given_up_command_ends_with_a_check_condition(bench: DriverBench, state: State) -> None:
    """A driver may give a command up in any state: the initiator gets CHECK CONDITION, 0b/11/00 for a read, 0b/0c/00
    for a write; the driver is told by fp_scsi_cmd_abort_status, and the command is released.
    """
    command = state(bench)
    bench.abort(command.sc)
    asc = 0x0C if command.sc.sc_flag & SC_FLAG_WRITE else 0x11
    bench.stage.settle()
    command.send_late_data()
    command.task.expect(expect.check_condition(key=0x0B, asc=asc, ascq=0))
    bench.expect_hook("fp_scsi_cmd_abort_status", sc_itt=command.sc.sc_itt)
    bench.expect_end(command.sc)


@driver_case("drv-abort-02", guide="7.3.5.4", behaviour="4.3")
@variants("state", ALL, ids=names(ALL))
def test_drivers_reason_is_kept(bench: DriverBench, state: State) -> None:
    """A driver that gives a command up with status and sense data of its own has these sent."""
    command = state(bench)
    command.sc.fail(4, 0x3E, 1)
    bench.abort(command.sc)
    bench.stage.settle()
    command.send_late_data()
    command.task.expect(expect.check_condition(key=4, asc=0x3E, ascq=1))


@driver_case("drv-abort-03", guide="7.3.5.4", behaviour="4.1")
def test_abort_status_brings_the_buffers_back(bench: DriverBench) -> None:
    """fp_scsi_cmd_abort_status gets LUN, CmdSN, tag, the buffers that are with the stack, and the driver's handle; it
    comes in place of fp_scsi_cmd_data_xfer_status.
    """
    mine = object()
    command = asked_write(bench, lun=3)
    command.sc.sc_sdev_hdl = mine
    bench.abort(command.sc)
    call = bench.expect_hook("fp_scsi_cmd_abort_status", sc_itt=command.sc.sc_itt, sc_lun=3)
    assert call.sc_cmdsn == command.task.cmd_sn, f"sc_cmdsn {call.sc_cmdsn}"
    assert call.buf is command.buffers[0].given, "not the list that the driver gave"
    assert call.sc_xfer_sgcnt == command.buffers[0].sgcnt, f"sgcnt {call.sc_xfer_sgcnt}"
    assert call.sc_sdev_hdl is mine, f"sc_sdev_hdl {call.sc_sdev_hdl}"
    assert bench.count_hooks("fp_scsi_cmd_data_xfer_status", command.sc) == 0, "the buffers came back twice"


@driver_case("drv-abort-04", guide="7.3.5.4", behaviour="4.1")
def test_abort_without_buffers_is_reported_once(bench: DriverBench) -> None:
    """Without buffers with the stack, fp_scsi_cmd_abort_status is called once, with none."""
    command = held_read(bench)
    bench.abort(command.sc)
    call = bench.expect_hook("fp_scsi_cmd_abort_status", sc_itt=command.sc.sc_itt)
    assert not call.sc_xfer_sgcnt and call.buf is None, str(call)
    bench.expect_end(command.sc)


@driver_case("drv-abort-05", guide="7.3.5.4", behaviour="4.1")
@variants("how", HOW)
def test_command_can_be_given_up_inside_its_hook(bench: DriverBench, how: How) -> None:
    """chiscsi_scsi_cmd_abort may be called inside fp_scsi_cmd_cdb_rcved, later, or from another thread."""
    bench.when("fp_scsi_cmd_cdb_rcved", lambda call: bench.abort(call.sc), how)
    task, sc = bench.begin_read(4096)
    task.expect(expect.check_condition(key=0x0B))
    assert sc.sc_flag & SC_FLAG_CMD_ABORT, f"sc_flag {sc.sc_flag:#x}"
    bench.expect_hook("fp_scsi_cmd_abort_status", sc_itt=sc.sc_itt)
    bench.expect_end(sc)


@driver_case("drv-abort-06", behaviour="3.5, 4.3")
def test_finished_command_cannot_be_given_up(bench: DriverBench) -> None:
    """For a command that is over, chiscsi_scsi_cmd_abort returns -EINVAL, and nothing comes of it."""
    task, sc = bench.begin_read(4096)
    bench.serve_read(task, sc, pattern(4096)).expect(expect.good())
    bench.stage.settle()
    bench.forget()
    result = chiscsi_scsi_cmd_abort(sc)
    assert result == EINVAL, f"result {result}"
    bench.expect_no_hook()
    bench.session.expect(expect.nothing(5))


@driver_case("drv-abort-07", guide="7.3.5.4", behaviour="4.3")
def test_data_for_a_given_up_write_are_swallowed(bench: DriverBench) -> None:
    """Data-Out that were asked for before a write was given up do no harm, and reach no buffer of the driver."""
    command = asked_write(bench)
    bench.abort(command.sc)
    bench.stage.settle()
    command.send_late_data()
    command.task.expect(expect.check_condition(key=0x0B))
    bench.session.nop(b"alive")
    assert command.buffers[0].contents == bytes(len(command.buffers[0].contents)), "data reached the driver's buffer"


@driver_case("drv-abort-08", guide="7.3.5.4", behaviour="4.3")
def test_phases_come_back_by_abort_status(phased_bench: DriverBench) -> None:
    """A multi-phase write that is given up: each phase that is with the stack comes back, those before it do not."""
    task, sc = phased_bench.begin_write(pattern(12288))
    first = phased_bench.give_buffers(sc, 4096)
    phased_bench.wait_for_data(task, sc, first)
    rest = [phased_bench.give_buffers(sc, 4096, offset) for offset in (4096, 8192)]
    r2t = task.next_r2t()
    phased_bench.abort(sc)
    phased_bench.stage.settle()
    task.serve(r2t)
    task.wait()
    back = [call.buf for call in phased_bench.hooks.calls if call.name == "fp_scsi_cmd_abort_status"]
    wanted = [phase.given for phase in rest]
    assert len(back) == len(wanted) and all(map(_is, back, wanted)), f"{len(back)} lists came back"


@driver_case("drv-abort-09", guide="7.3.5.4")
def test_given_up_commands_neighbours_go_on(bench: DriverBench) -> None:
    """Giving one command up leaves the others of the session alone."""
    given_up = held_read(bench)
    other, sc = bench.begin_read(4096)
    bench.abort(given_up.sc)
    given_up.task.expect(expect.check_condition(key=0x0B))
    bench.serve_read(other, sc, pattern(4096)).expect(expect.good(data=pattern(4096)))


def _is(one: object, other: object) -> bool:
    return one is other
