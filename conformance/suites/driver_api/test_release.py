"""The end of commands: cleanup, classes that keep their commands, merged returns, and what is shown of commands."""

from __future__ import annotations

from collections.abc import Callable

from chiscsi_target.api import (
    CHISCSI_SG_SBUF_DMABLE,
    LUN_CLASS_CMD_RELEASE_WAIT_BIT,
    LUN_CLASS_SCSI_PASS_THRU_BIT,
    AddressSpace,
    chiscsi_iscsi_command_dump,
    chiscsi_scsi_cmd_ready_to_release,
    chiscsi_sgvec,
)
from conformance.api import expect, variants
from conformance.driver_bench import Buffers, DriverBench, driver_case
from conformance.driver_bench.playing import EINVAL
from conformance.suites.blocks import pattern
from conformance.suites.driver_api.states import ALL, HELD, State, held_read, names

Make = Callable[..., DriverBench]
KEEPING = 1 << LUN_CLASS_SCSI_PASS_THRU_BIT | 1 << LUN_CLASS_CMD_RELEASE_WAIT_BIT


@driver_case("drv-release-01", guide="7.3.5.1", behaviour="3.9")
def test_raising_cleanup_harms_nobody(bench: DriverBench) -> None:
    """fp_scsi_cmd_cleanup that raises is logged; its command is over, and others go on."""
    bench.when("fp_scsi_cmd_cleanup", raises=RuntimeError("cannot free"))
    for _ in range(2):
        task, sc = bench.begin_read(4096)
        bench.serve_read(task, sc, pattern(4096)).expect(expect.good(data=pattern(4096)))
    bench.expect_log("cannot free")


@driver_case("drv-release-02", behaviour="1.2, 3.9")
def test_kept_command_waits_for_its_driver(make_bench: Make) -> None:
    """A class with LUN_CLASS_CMD_RELEASE_WAIT_BIT keeps commands after their cleanup until
    chiscsi_scsi_cmd_ready_to_release, which is accepted once.
    """
    bench = make_bench(lun_property=KEEPING)
    task, sc = bench.begin_read(4096)
    bench.serve_read(task, sc, pattern(4096)).expect(expect.good())
    bench.expect_hooks("fp_scsi_cmd_data_xfer_status", "fp_scsi_cmd_cleanup", sc=sc)
    results = (chiscsi_scsi_cmd_ready_to_release(sc), chiscsi_scsi_cmd_ready_to_release(sc))
    assert results == (0, EINVAL), f"results {results}"


@driver_case("drv-release-03", behaviour="3.9")
def test_command_may_be_let_go_ahead(make_bench: Make) -> None:
    """chiscsi_scsi_cmd_ready_to_release before a command is done is allowed, and means that nobody waits."""
    bench = make_bench(lun_property=KEEPING)
    task, sc = bench.begin_read(4096)
    result = chiscsi_scsi_cmd_ready_to_release(sc)
    assert result == 0, f"result {result}"
    bench.serve_read(task, sc, pattern(4096)).expect(expect.good())
    bench.expect_hooks("fp_scsi_cmd_data_xfer_status", "fp_scsi_cmd_cleanup", sc=sc)


@driver_case("drv-release-04", behaviour="3.9")
def test_other_classes_keep_no_command(bench: DriverBench) -> None:
    """A class without the bit has nothing to let go: -EINVAL."""
    task, sc = bench.begin_read(4096)
    bench.serve_read(task, sc, pattern(4096)).expect(expect.good())
    bench.stage.settle()
    result = chiscsi_scsi_cmd_ready_to_release(sc)
    assert result == EINVAL, f"result {result}"


@driver_case("drv-release-05", guide="7.3.5.1", behaviour="3.5")
def test_phases_may_come_back_together(make_bench: Make) -> None:
    """Buffers given back may be merged from several of those given: they begin and end with phases, in order."""
    bench = make_bench(multi_phase=True, module={"merge_returns": True})
    data = pattern(16384)
    task, sc = bench.begin_write(data)
    phases = [bench.give_buffers(sc, 4096, offset) for offset in range(0, 16384, 4096)]
    bench.wait_for_data(task, sc, *phases)
    assert b"".join(phase.contents for phase in phases) == data, "other octets are in the buffers than were sent"
    bench.executed(sc)
    task.expect(expect.good())
    bench.expect_end(sc)


@driver_case("drv-dump-01", guide="7.3.5.5", behaviour="1.8")
@variants("state", ALL, ids=names(ALL))
def test_dump_shows_a_command(bench: DriverBench, state: State) -> None:
    """chiscsi_iscsi_command_dump writes the command to the log at any time, and changes nothing."""
    command = state(bench)
    chiscsi_iscsi_command_dump(command.sc)
    bench.expect_log(f"itt 0x{command.sc.sc_itt:x}, CmdSN {command.sc.sc_CmdSN}, lun {command.sc.sc_lun}")
    for field in ("sc_flag", "sc_xfer_len", "sc_status", "sc_cmd"):
        bench.expect_log(field)
    bench.expect_no_hook()


@driver_case("drv-dump-02", guide="7.3.5.5")
def test_dump_shows_a_command_that_is_over(bench: DriverBench) -> None:
    """A command can still be dumped when it has been released."""
    task, sc = bench.begin_read(4096)
    bench.serve_read(task, sc, pattern(4096)).expect(expect.good())
    bench.stage.settle()
    chiscsi_iscsi_command_dump(sc)
    bench.expect_log(f"itt 0x{sc.sc_itt:x}, CmdSN {sc.sc_CmdSN}")


@driver_case("drv-held-01", behaviour="4.2")
@variants("state", HELD, ids=names(HELD))
def test_held_commands_are_listed(bench: DriverBench, state: State) -> None:
    """What a driver owes an answer for is listed, while the session lives and when it is gone."""
    command = state(bench)
    assert [one.itt for one in bench.module.held_commands()] == [command.sc.sc_itt], "not listed"
    bench.session.connection.close()
    bench.expect_hook("fp_scsi_cmd_abort", command.sc)
    assert [one.itt for one in bench.module.held_commands()] == [command.sc.sc_itt], "not listed any more"
    bench.abort_done(command.sc)
    bench.expect_end(command.sc)
    assert not bench.module.held_commands(), "still listed"


@driver_case("drv-held-02", behaviour="4.2")
def test_answered_commands_are_not_listed(bench: DriverBench) -> None:
    """A command that the driver has answered is no longer listed."""
    command = held_read(bench)
    bench.serve_read(command.task, command.sc, pattern(8192)).expect(expect.good())
    assert not bench.module.held_commands(), "still listed"


@driver_case("drv-dma-01", guide="7.3.5.1", behaviour="5.3")
@variants("direction", ["read", "write"])
def test_memory_named_by_its_dma_address(make_bench: Make, direction: str) -> None:
    """sg_dma_addr with ISCSI_SG_SBUF_DMABLE names the memory, and takes precedence over sg_page."""
    space = AddressSpace()
    region, page = space.region(4096, mapped=True), bytearray(4096)
    bench = make_bench(address_space=space)
    data = pattern(4096)
    vector = chiscsi_sgvec(None, 4096, sg_page=page, sg_dma_addr=region.dma_address, sg_flag=CHISCSI_SG_SBUF_DMABLE)
    buffers = Buffers([region.memory], [vector], 1, 0, 4096)
    if direction == "read":
        region.memory[:] = data
        task, sc = bench.begin_read(4096)
        assert bench.execution_status(sc, buffers) == 0, "the call is refused"
        task.expect(expect.good(data=data))
    else:
        task, sc = bench.begin_write(data)
        assert bench.buffer_ready(sc, buffers) == 0, "the call is refused"
        bench.wait_for_data(task, sc, buffers)
        assert bytes(region.memory) == data and page == bytearray(4096), "the data are not in the region"


@driver_case("drv-dma-02", guide="7.3.5.1", behaviour="5.3")
def test_address_is_used_where_there_is_one(make_bench: Make) -> None:
    """Memory with sg_dma_addr and sg_addr is reached by sg_addr when octets have to be copied."""
    space = AddressSpace()
    region = space.region(4096)
    bench = make_bench(address_space=space)
    task, sc = bench.begin_write(pattern(4096))
    vector = chiscsi_sgvec(region.memory, 4096, sg_dma_addr=region.dma_address, sg_flag=CHISCSI_SG_SBUF_DMABLE)
    buffers = Buffers([region.memory], [vector], 1, 0, 4096)
    assert bench.buffer_ready(sc, buffers) == 0, "the call is refused"
    bench.wait_for_data(task, sc, buffers)
    assert bytes(region.memory) == pattern(4096), "the data are not in the region"
