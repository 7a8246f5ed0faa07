"""Multi-phase drivers: data change hands in pieces (guide 5.2.2.2, 7.3.5.2, 7.3.5.3)."""

from __future__ import annotations

from collections.abc import Callable

from conformance.api import expect, variants
from conformance.driver_bench import HOW, DriverBench, Service, driver_case, make_buffers
from conformance.driver_bench.hooks import How
from conformance.driver_bench.service import Path
from conformance.suites.blocks import pattern

Make = Callable[..., DriverBench]
LENGTH = 12288
PHASES = [4096, 5120, 12288]
BURSTS = ["2048", "4096", "262144"]
WRITE_PATHS: list[Path] = ["long", "short", "ahead"]
READ_PATHS: list[Path] = ["short", "ahead"]


def _sizes(phase: int) -> list[int]:
    return [min(phase, LENGTH - start) for start in range(0, LENGTH, phase)]


@driver_case("drv-phase-01", "7143-13.13-02", guide="7.3.5.1, 7.3.5.2", behaviour="3.3, 3.5")
@variants("phase", PHASES)
@variants("burst", BURSTS)
@variants("path", READ_PATHS)
@variants("how", HOW)
def test_read_in_phases(phased_bench: DriverBench, phase: int, burst: str, path: Path, how: How) -> None:
    """A read given in phases of any size is one transfer for the initiator; each phase comes back whole, in order."""
    session = phased_bench.login(keys={"MaxBurstLength": burst, "FirstBurstLength": "512"})
    data = pattern(LENGTH)
    service = Service(phased_bench, phase, path, how, data)
    task, sc = phased_bench.begin_read(LENGTH, session)
    task.expect(expect.good(data=data))
    phased_bench.stage.settle()
    service.expect_all_back(_sizes(phase))
    assert phased_bench.hooks.calls[-1].name == "fp_scsi_cmd_cleanup", "the last hook is not fp_scsi_cmd_cleanup"
    assert phased_bench.count_hooks("fp_scsi_cmd_cleanup", sc) == 1, "fp_scsi_cmd_cleanup is called again"


@driver_case("drv-phase-02", "7143-11.8.4-02", guide="7.3.5.1, 7.3.5.3", behaviour="3.4, 3.5")
@variants("phase", PHASES)
@variants("burst", BURSTS)
@variants("path", WRITE_PATHS)
@variants("how", HOW)
def test_write_in_phases(phased_bench: DriverBench, phase: int, burst: str, path: Path, how: How) -> None:
    """A write whose buffers come in phases of any size, by the long path, the short one, or all ahead: each phase comes
    back once, full and whole, and the status follows the execution of all of them.
    """
    session = phased_bench.login(keys={"MaxBurstLength": burst, "FirstBurstLength": "512"})
    data = pattern(LENGTH)
    service = Service(phased_bench, phase, path, how)
    task, sc = phased_bench.begin_write(data, session)
    task.expect(expect.good())
    phased_bench.stage.settle()
    assert service.contents == data, "other octets are in the buffers than were sent"
    service.expect_all_back(_sizes(phase))
    assert phased_bench.count_hooks("fp_scsi_cmd_cleanup", sc) == 1, "fp_scsi_cmd_cleanup is not called once"


@driver_case("drv-phase-03", guide="7.3.5.3", behaviour="3.4")
@variants("path, times", [("long", 3), ("short", 1), ("ahead", 1)])
def test_long_path_asks_again_and_short_path_does_not(phased_bench: DriverBench, path: Path, times: int) -> None:
    """On the long path a driver is asked for each phase by fp_scsi_cmd_cdb_rcved; on the short path once in all."""
    Service(phased_bench, 4096, path, "later")
    task, sc = phased_bench.begin_write(pattern(LENGTH))
    task.expect(expect.good())
    asked = phased_bench.count_hooks("fp_scsi_cmd_cdb_rcved", sc)
    assert asked == times, f"asked {asked} times"


@driver_case("drv-phase-04", guide="7.3.5.1", behaviour="3.3")
def test_phase_of_a_read_is_sent_at_once(phased_bench: DriverBench) -> None:
    """What a driver has given of a read goes out without waiting for the rest, and the phase comes back."""
    data = pattern(8192)
    task, sc = phased_bench.begin_read(8192)
    first = phased_bench.execute(sc, data[:4096])
    task.expect(expect.data_in(offset=0, data=data[:4096], status_present=0))
    phased_bench.expect_returned(sc, first)
    phased_bench.session.expect(expect.nothing(10))
    last = phased_bench.execute(sc, data[4096:], offset=4096)
    task.expect(expect.good(data=data))
    phased_bench.expect_returned(sc, last)
    phased_bench.expect_end(sc)


@driver_case("drv-phase-05", guide="7.3.5.1", behaviour="3.4")
def test_only_the_given_part_of_a_write_is_asked_for(phased_bench: DriverBench) -> None:
    """R2Ts ask for no more than there are buffers for; a further phase lets the transfer go on."""
    data = pattern(12288)
    task, sc = phased_bench.begin_write(data)
    first = phased_bench.give_buffers(sc, 4096)
    r2t = task.expect(expect.r2t(offset=0, length=4096))
    phased_bench.session.expect(expect.nothing(10))
    second = phased_bench.give_buffers(sc, offset=4096)
    task.serve(r2t)
    phased_bench.wait_for_data(task, sc, first, second)
    phased_bench.executed(sc)
    task.expect(expect.good())
    assert first.contents + second.contents == data, "other octets are in the buffers than were sent"


@driver_case("drv-phase-06", guide="7.3.5.1", behaviour="3.5")
def test_phases_may_be_given_before_earlier_ones_came_back(phased_bench: DriverBench) -> None:
    """Several phases of a write may be with the stack: each comes back when its octets are there, in order."""
    session = phased_bench.login(keys={"MaxBurstLength": "4096", "FirstBurstLength": "512"})
    data = pattern(16384)
    task, sc = phased_bench.begin_write(data, session)
    phases = [phased_bench.give_buffers(sc, 4096, offset) for offset in range(0, 16384, 4096)]
    phased_bench.wait_for_data(task, sc, *phases)
    assert b"".join(phase.contents for phase in phases) == data, "other octets are in the buffers than were sent"
    phased_bench.executed(sc)
    task.expect(expect.good())


@driver_case("drv-phase-07", guide="7.3.5.3", behaviour="3.5")
@variants("parts", [(4096, 4096, 4096, 4096), (8192, 8192), (4096, 12288), (2048, 14336), (16384,)])
def test_phases_may_be_executed_in_portions(phased_bench: DriverBench, parts: tuple[int, ...]) -> None:
    """Phases that came back may be executed one by one, several at once, or in part: the status follows the last."""
    task, sc = phased_bench.begin_write(pattern(16384))
    phases = [phased_bench.give_buffers(sc, 4096, offset) for offset in range(0, 16384, 4096)]
    phased_bench.wait_for_data(task, sc, *phases)
    offset = 0
    for part in parts:
        phased_bench.stage.settle()
        assert phased_bench.count_hooks("fp_scsi_cmd_cleanup", sc) == 0, "the write is over before it is executed"
        phased_bench.executed(sc, offset, part)
        offset += part
    task.expect(expect.good())
    phased_bench.expect_end(sc)


@driver_case("drv-phase-08", guide="7.3.5.2")
@variants("how", HOW)
def test_phases_of_several_commands_interleave(phased_bench: DriverBench, how: How) -> None:
    """Phases of different commands may be given in any order between them: each command gets its own octets."""
    tasks = [phased_bench.begin_read(8192) for _ in range(3)]
    for offset in (0, 4096):
        for _, sc in reversed(tasks):
            data = pattern(8192, sc.sc_itt)[offset : offset + 4096]
            phased_bench.act(how, phased_bench.execute, sc, data, offset)
        phased_bench.stage.settle()
    for task, sc in tasks:
        task.expect(expect.good(data=pattern(8192, sc.sc_itt)))


@driver_case("drv-phase-09", guide="7.3.5.1", behaviour="3.5")
@variants("pieces", [1, 3, 8])
def test_phases_have_lists_of_their_own(phased_bench: DriverBench, pieces: int) -> None:
    """A phase may have any number of vectors; it comes back as the list that it was given as."""
    data = pattern(16384)
    task, sc = phased_bench.begin_read(16384)
    first = phased_bench.execute(sc, data[:6144], pieces=pieces)
    second = phased_bench.execute(sc, data[6144:], offset=6144, pieces=pieces + 1)
    task.expect(expect.good(data=data))
    phased_bench.expect_returned(sc, first, second)
    phased_bench.expect_end(sc)


@driver_case("drv-phase-10", guide="7.3.5.1", behaviour="3.5")
def test_single_buffer_serves_a_multi_phase_driver_too(phased_bench: DriverBench) -> None:
    """A multi-phase driver may give all of a transfer in one phase."""
    data = pattern(8192)
    task, sc = phased_bench.begin_write(data)
    assert phased_bench.serve_write(task, sc) == data, "other octets are in the buffer than were sent"
    phased_bench.expect_end(sc)


@driver_case("drv-phase-11", behaviour="3.3")
def test_command_without_data_gives_nothing_back(phased_bench: DriverBench) -> None:
    """A command without data has no phases: fp_scsi_cmd_data_xfer_status is not called for it."""
    task, sc = phased_bench.begin_no_data()
    phased_bench.executed(sc)
    task.expect(expect.good())
    phased_bench.expect_end(sc)


@driver_case("drv-phase-12", guide="7.3.5.1", behaviour="3.5")
@variants(
    "given, offset, expected",
    [(4096, 0, "0+4096"), (4096, 8192, "0+4096"), (4096, 2048, "0+4096")],
    ids=["again", "gap", "overlap"],
)
@variants("write", [False, True], ids=["read", "write"])
def test_phases_adjoin(phased_bench: DriverBench, write: bool, given: int, offset: int, expected: str) -> None:
    """A phase that does not begin where the last one ended is refused with a message; the right one is then taken."""
    data = pattern(16384)
    task, sc = phased_bench.begin_write(data) if write else phased_bench.begin_read(16384)
    call = phased_bench.buffer_ready if write else phased_bench.execution_status
    assert call(sc, make_buffers(data[:given])) == 0, "the first phase is refused"
    result = call(sc, make_buffers(data[offset : offset + 4096], offset))
    assert result == -26, f"result {result}"
    name = "chiscsi_scsi_cmd_buffer_ready" if write else "chiscsi_scsi_cmd_execution_status"
    phased_bench.expect_log(f"{name}: itt 0x{sc.sc_itt:x}, buf off {offset}+4096, exp. {expected}")
    assert call(sc, make_buffers(data[given:], given)) == 0, "the right phase is refused"
    if write:
        phased_bench.when("fp_scsi_cmd_data_xfer_status", lambda one: phased_bench.executed(sc, one.offset, one.buflen))
    task.expect(expect.good())
