"""The same API over TCP: the module's threads call the hooks, and drivers answer from theirs (guide 4.2)."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from conformance.api import TaskManagementFunction, expect, variants
from conformance.driver_bench import DriverBench, Service, driver_case
from conformance.suites.blocks import pattern
from conformance.suites.driver_api.logins import CHECKS
from conformance.suites.driver_api.states import held_read, held_write

Make = Callable[..., DriverBench]


@pytest.fixture
def wired(make_bench: Make) -> DriverBench:
    """A single-phase driver behind a node that is served over TCP."""
    return make_bench(tcp=True)


@driver_case("drv-tcp-01", guide="4.2, 7.3.5.2")
@variants("number", [1, 32])
def test_reads_are_executed_by_many_threads(wired: DriverBench, number: int) -> None:
    """Reads that several threads execute at a time, in whatever order: each gets its own octets."""
    wired.when("fp_scsi_cmd_cdb_rcved", lambda call: wired.execute(call.sc, pattern(8192, call.sc.sc_itt)), "thread")
    tasks = [wired.begin_read(8192)[0] for _ in range(number)]
    for task in tasks:
        task.expect(expect.good(data=pattern(8192, task.tag)))
    wired.check()


@driver_case("drv-tcp-02", guide="4.2, 7.3.5.3")
@variants("number", [1, 32])
def test_writes_are_executed_by_many_threads(wired: DriverBench, number: int) -> None:
    """Writes that several threads give buffers for and execute: each buffer holds its own command's octets."""
    given: dict[int, Any] = {}
    wired.when(
        "fp_scsi_cmd_cdb_rcved", lambda call: given.update({call.sc.sc_itt: wired.give_buffers(call.sc)}), "thread"
    )
    wired.when("fp_scsi_cmd_data_xfer_status", lambda call: wired.executed(call.sc), "thread")
    tasks = [wired.start_write(pattern(8192, seed)) for seed in range(number)]
    for task in tasks:
        task.expect(expect.good())
        assert given[task.tag].contents == task.output, f"task {task.tag:#x}: other octets than were sent"
    wired.check()


@driver_case("drv-tcp-03", guide="7.3.5.1")
@variants(
    "write, path",
    [(False, "short"), (False, "ahead"), (True, "long"), (True, "short"), (True, "ahead")],
    ids=["read-short", "read-ahead", "write-long", "write-short", "write-ahead"],
)
def test_phases_are_served_by_threads(make_bench: Make, write: bool, path: Any) -> None:
    """Phases that threads hand over and execute while the data of others are on their way."""
    bench = make_bench(tcp=True, multi_phase=True)
    data = pattern(65536)
    service = Service(bench, 8192, path, "later", data)
    task = bench.start_write(data) if write else bench.begin_read(65536)[0]
    task.expect(expect.good(data=b"" if write else data))
    assert service.contents == data, "other octets are in the phases"
    bench.check()


@driver_case("drv-tcp-04", guide="7.3.1", behaviour="2.2")
@variants("status", [0, 2])
def test_login_hooks_are_answered_by_threads(make_bench: Make, status: int) -> None:
    """Both login hooks are answered by threads, in whichever order: the login succeeds, or is refused."""
    bench = make_bench(tcp=True, target_hooks=CHECKS)
    for hook in CHECKS:
        bench.when(hook, lambda call: bench.answer_login(call, status, 0), "thread")
    outcome = expect.login_failed(0x0200) if status else expect.login_succeeded()
    bench.initiator.session().attempt_login().expect(outcome)
    bench.check()


@driver_case("drv-tcp-05", guide="7.3.4")
def test_session_is_aborted_by_another_thread(wired: DriverBench) -> None:
    """chiscsi_target_session_abort from another thread: 0 at once, and the session ends in its own."""
    command = held_read(wired)
    results: list[int] = []
    thread = threading.Thread(
        target=lambda: results.append(wired.module.chiscsi_target_session_abort(command.sc.sc_sess))
    )
    thread.start()
    wired.expect_hook("fp_scsi_cmd_abort", command.sc)
    wired.expect_hook("fp_session_removed")
    thread.join()
    assert results == [0], f"results {results}"
    wired.abort_done(command.sc)
    wired.expect_hook("fp_scsi_cmd_cleanup", command.sc)


@driver_case("drv-tcp-06", guide="6.1.2", behaviour="1.4")
def test_target_is_removed_while_commands_are_held(wired: DriverBench) -> None:
    """chiscsi_target_remove returns when the sessions are gone, although the driver holds commands of them."""
    commands = [held_read(wired), held_write(wired)]
    assert wired.module.chiscsi_target_remove(None, wired.name) == 0
    for command in commands:
        wired.expect_hook("fp_scsi_cmd_abort", command.sc)
        wired.abort_done(command.sc)
        wired.expect_hook("fp_scsi_cmd_cleanup", command.sc)


@driver_case("drv-tcp-07", guide="7.3.6")
def test_task_management_is_answered_by_a_thread(wired: DriverBench) -> None:
    """A function that a thread answers: the response comes, and the commands it ended get none."""
    wired.when("fp_tmf_execute", wired.answer_tmf, "thread")
    command = held_read(wired)
    answer = wired.session.task_management(TaskManagementFunction.LOGICAL_UNIT_RESET)
    assert answer.header.response == 0, f"response {answer.header.response}"
    wired.session.connection.never_answered(command.task.tag)
    wired.session.nop()
    wired.check()


@driver_case("drv-tcp-08", guide="4.2")
def test_hooks_run_in_the_modules_threads(wired: DriverBench) -> None:
    """The hooks of one session's commands are called by one thread, and never two at a time."""
    running: list[int] = []
    overlaps: list[bool] = []

    def look(call: Any) -> None:
        overlaps.append(bool(running))
        running.append(call.thread)
        wired.execute(call.sc, pattern(512))
        running.pop()

    wired.when("fp_scsi_cmd_cdb_rcved", look)
    tasks = [wired.begin_read(512)[0] for _ in range(16)]
    for task in tasks:
        task.expect(expect.good(data=pattern(512)))
    threads = {call.thread for call in wired.hooks.calls if call.name.startswith("fp_scsi")}
    assert len(threads) == 1 and not any(overlaps), f"{len(threads)} threads, overlapping: {any(overlaps)}"
    wired.check()
