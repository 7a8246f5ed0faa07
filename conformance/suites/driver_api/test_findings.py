"""What a harness finds out about a driver that the stack would not notice (behaviour file, 3.5)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chiscsi_target.api import (
    chiscsi_scsi_cmd_buffer_ready,
    chiscsi_scsi_cmd_execution_status,
    chiscsi_sgvec,
    chiscsi_tmf_execution_done,
)
from chiscsi_target.api.lun_class import MANDATORY_HOOKS
from conformance.api import TaskManagementFunction, expect, variants
from conformance.driver_bench import HOW, Buffers, DriverBench, Service, driver_case, make_buffers
from conformance.driver_bench.hooks import How
from conformance.suites.blocks import pattern
from conformance.suites.driver_api.states import asked_write, filled_write, held_read
from conformance.suites.exchanges import send_function

Make = Callable[..., DriverBench]
LENGTH = 4096
DIRECTIONS = ["read", "write"]
_memory = bytearray(8192)
FAULTY: dict[str, tuple[str, list[chiscsi_sgvec]]] = {
    "overlap": ("overlapping-vectors", [chiscsi_sgvec(memoryview(_memory)[start:], 2048) for start in (0, 1024)]),
    "same-memory": ("overlapping-vectors", [chiscsi_sgvec(memoryview(_memory), 2048) for _ in range(2)]),
    "no-length": ("zero-length-vector", [chiscsi_sgvec(_memory, LENGTH), chiscsi_sgvec(bytearray(1), 0)]),
    "no-address": ("null-address", [chiscsi_sgvec(None, LENGTH)]),
    "short-memory": ("unusable-memory", [chiscsi_sgvec(bytearray(100), LENGTH)]),
}


def _begin(bench: DriverBench, direction: str) -> Any:
    return bench.begin_read(LENGTH)[1] if direction == "read" else bench.begin_write(pattern(LENGTH))[1]


def _call(bench: DriverBench, direction: str, sc: Any, buffers: Buffers) -> int:
    return bench.execution_status(sc, buffers) if direction == "read" else bench.buffer_ready(sc, buffers)


@driver_case("drv-finding-01", behaviour="3.5")
@variants("fault", FAULTY)
@variants("direction", DIRECTIONS)
def test_faulty_vectors_are_found(bench: DriverBench, direction: str, fault: str) -> None:
    """Vectors that overlap, have no length, no address, or less memory than they say, are findings; what the call
    returns is not changed by them.
    """
    kind, vectors = FAULTY[fault]
    sc = _begin(bench, direction)
    assert _call(bench, direction, sc, Buffers([], list(vectors), len(vectors), 0, LENGTH)) == 0, "the call is refused"
    bench.expect_finding(kind, sc)


@driver_case("drv-finding-02", behaviour="3.5")
def test_read_only_memory_for_a_write_is_found(bench: DriverBench) -> None:
    """Memory that cannot be written to is no buffer for a write."""
    sc = _begin(bench, "write")
    chiscsi_scsi_cmd_buffer_ready(sc, [chiscsi_sgvec(bytes(LENGTH), LENGTH)], 1, 0, LENGTH)
    bench.expect_finding("unusable-memory", sc)


@driver_case("drv-finding-03", guide="7.3.5.1", behaviour="3.5")
def test_vector_in_use_is_found(bench: DriverBench) -> None:
    """A vector that the stack has for one command is given for another."""
    first = asked_write(bench)
    second = bench.begin_write(pattern(8192))[1]
    assert chiscsi_scsi_cmd_buffer_ready(second, *first.buffers[0].arguments) == 0, "the call is refused"
    bench.expect_finding("buffer-with-stack", second)


@driver_case("drv-finding-04", guide="7.3.5.1", behaviour="3.1, 3.5")
def test_changed_vector_is_found(bench: DriverBench) -> None:
    """A driver that changes a vector while the stack has it."""
    command = asked_write(bench)
    vector = command.buffers[0].given[0]
    assert isinstance(vector, chiscsi_sgvec)
    vector.sg_offset = 512
    command.send_late_data()
    bench.expect_hook("fp_scsi_cmd_data_xfer_status", command.sc)
    bench.expect_finding("vectors-changed", command.sc)


@driver_case("drv-finding-05", behaviour="3.5")
def test_changed_contents_are_found(make_bench: Make) -> None:
    """A driver that writes into a buffer of a write before it came back."""
    bench = make_bench(module={"findings": True, "contents": True})
    session = bench.login(keys={"MaxBurstLength": "4096", "FirstBurstLength": "512"})
    command = asked_write(bench, session)
    command.send_late_data()
    second = command.task.next_r2t()
    command.buffers[0].memory[0][:16] = bytes(16)
    command.task.serve(second)
    bench.expect_hook("fp_scsi_cmd_data_xfer_status", command.sc)
    bench.expect_finding("contents-changed", command.sc)


@driver_case("drv-finding-06", behaviour="3.5")
def test_execution_of_other_phases_is_found(phased_bench: DriverBench) -> None:
    """A write whose execution is reported for a part behind one that was not executed."""
    task, sc = phased_bench.begin_write(pattern(8192))
    phases = [phased_bench.give_buffers(sc, 4096, offset) for offset in (0, 4096)]
    phased_bench.wait_for_data(task, sc, *phases)
    chiscsi_scsi_cmd_execution_status(sc, None, 0, 4096, 4096)
    phased_bench.expect_finding("phase-shape", sc)


@driver_case("drv-finding-07", behaviour="3.5")
def test_call_for_a_command_with_the_stack_is_found(bench: DriverBench) -> None:
    """A driver that calls for a command which it has handed over."""
    command = asked_write(bench)
    bench.buffer_ready(command.sc, make_buffers(bytes(8192)))
    bench.expect_finding("not-held", command.sc)


@driver_case("drv-finding-08", behaviour="3.5")
def test_buffers_for_a_read_are_found(bench: DriverBench) -> None:
    """chiscsi_scsi_cmd_buffer_ready for a read is a call that the command never expects."""
    command = held_read(bench)
    bench.buffer_ready(command.sc, make_buffers(bytes(8192)))
    bench.expect_finding("wrong-state", command.sc)


@driver_case("drv-finding-09", behaviour="3.5")
@variants("direction", DIRECTIONS)
def test_double_completion_is_found(bench: DriverBench, direction: str) -> None:
    """A command that is completed again, before it is released, or when it has been."""
    command = held_read(bench) if direction == "read" else filled_write(bench)
    for _ in range(2):
        bench.execution_status(command.sc, make_buffers(bytes(8192)))
    bench.expect_finding("double-completion", command.sc)


@driver_case("drv-finding-10", behaviour="3.5, 3.9")
def test_call_for_a_dead_command_is_found(bench: DriverBench) -> None:
    """A call for a command whose fp_scsi_cmd_cleanup was called."""
    command = held_read(bench)
    bench.serve_read(command.task, command.sc, pattern(8192)).expect(expect.good())
    bench.stage.settle()
    bench.execution_status(command.sc, make_buffers(bytes(8192)))
    bench.expect_finding("dead-command", command.sc)


@driver_case("drv-finding-11", guide="7.3.6", behaviour="3.5")
def test_second_answer_to_a_function_is_found(bench: DriverBench) -> None:
    """A task management function that the driver answers again."""
    send_function(bench.session, TaskManagementFunction.LOGICAL_UNIT_RESET, 0)
    call = bench.expect_hook("fp_tmf_execute")
    for _ in range(2):
        chiscsi_tmf_execution_done(call.hndl, 0, None)
    bench.expect_finding("double-tmf-answer")


@driver_case("drv-finding-12", behaviour="3.9")
def test_buffers_that_nobody_takes_back_are_found(make_bench: Make) -> None:
    """A command is released with buffers of the driver in it, whose class has no fp_scsi_cmd_cleanup: a warning too."""
    bench = make_bench(lun_hooks=MANDATORY_HOOKS)
    command = asked_write(bench)
    bench.session.connection.close()
    bench.expect_finding("memory-leak", command.sc)
    bench.expect_log("memory leak?")


@driver_case("drv-finding-13", behaviour="3.5")
@variants("how", HOW)
def test_sound_single_phase_driver_has_no_finding(bench: DriverBench, how: How) -> None:
    """A driver that does all as it should has no finding."""
    bench.when("fp_scsi_cmd_cdb_rcved", lambda call: bench.give_buffers(call.sc, pieces=3), how)
    bench.when("fp_scsi_cmd_data_xfer_status", lambda call: bench.executed(call.sc), how)
    for _ in range(3):
        bench.start_write(pattern(LENGTH)).expect(expect.good())
    bench.expect_no_finding()


@driver_case("drv-finding-14", behaviour="3.5")
@variants("path", ["long", "short", "ahead"])
def test_sound_multi_phase_driver_has_no_finding(phased_bench: DriverBench, path: Any) -> None:
    """A multi-phase driver that does all as it should has no finding."""
    Service(phased_bench, 4096, path, "later", pattern(16384))
    phased_bench.start_write(pattern(16384)).expect(expect.good())
    phased_bench.expect_no_finding()


@driver_case("drv-finding-15", guide="7.3.5.1")
@variants("name", ["sc_itt", "sc_lun", "sc_attribute", "sc_CmdSN", "sc_tclass_sess_priv"])
def test_written_field_of_the_stack_is_found(bench: DriverBench, name: str) -> None:
    """A driver that writes to a field which it may only read: the command goes on by what the initiator said."""
    sent, sc = bench.begin_read(LENGTH)
    setattr(sc, name, 0x7777)
    data = pattern(LENGTH)
    assert chiscsi_scsi_cmd_execution_status(sc, data, 0, 0, LENGTH) == 0, "the call is refused"
    sent.expect(expect.good())
    bench.expect_finding("fields-changed")


@driver_case("drv-finding-16", guide="7.3.5.1 and Appendix D")
@variants("direction", DIRECTIONS)
def test_raised_transfer_length_is_no_way_to_move_more(bench: DriverBench, direction: str) -> None:
    """Buffers for more than the initiator expects are an overflow, whatever a driver wrote to sc_xfer_len."""
    sc = _begin(bench, direction)
    sc.sc_xfer_len = 2 * LENGTH
    result = _call(bench, direction, sc, make_buffers(pattern(2 * LENGTH)))
    bench.expect_equal("result", result, -26)
    bench.expect_finding("fields-changed", sc)
