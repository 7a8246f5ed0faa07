"""The checks of Appendix D, one by one: message, return code, and a command that goes on (behaviour file, 3.5)."""

from __future__ import annotations

from typing import Any

from chiscsi_target.api import (
    SC_FLAG_XFER_OVERFLOW,
    SC_FLAG_XFER_UNDERFLOW,
    chiscsi_scsi_cmd_buffer_ready,
    chiscsi_scsi_cmd_execution_status,
    chiscsi_sgvec,
)
from conformance.api import Task, expect, variants
from conformance.driver_bench import DriverBench, driver_case
from conformance.driver_bench.playing import EINVAL
from conformance.suites.blocks import pattern

LENGTH = 4096
BOTH = SC_FLAG_XFER_OVERFLOW | SC_FLAG_XFER_UNDERFLOW
DIRECTIONS = ["read", "write"]


def _list(*lengths: int) -> list[chiscsi_sgvec]:
    return [chiscsi_sgvec(bytearray(length), length) for length in lengths]


def _vectors(length: int) -> list[chiscsi_sgvec]:
    return _list(length)


ROWS: dict[str, tuple[Any, int, int, int, int, str]] = {
    # name: list, sgcnt, offset, buflen, flags, message behind the tag
    "null": (None, 1, 0, LENGTH, 0, "data buf NULL, 0+4096/4096."),
    "no-sgcnt": (_list(LENGTH), 0, 0, LENGTH, 0, "sg 0, exp. sgl, 0+4096/4096."),
    "linear-part": (bytearray(2048), 0, 0, 2048, 0, "sg 0, exp. sgl, 0+2048/4096."),
    "both-flags": (_list(LENGTH), 1, 0, LENGTH, BOTH, "Overflow/Underflow flag, mutually exclusive."),
    "overflow": (_list(8192), 1, 0, 8192, 0, "buf overflow, 4096!=0+8192."),
    "overflow-behind": (_list(LENGTH), 1, 4096, LENGTH, 0, "buf overflow, 4096!=4096+4096."),
    "underflow": (_list(2048), 1, 0, 2048, 0, "buf underflow, 4096!=0+2048."),
    "offset": (_list(2048), 1, 2048, 2048, 0, "buf off 2048+2048, exp. 0+0."),
    "vectors-short": (_list(1024, 1024), 2, 0, LENGTH, 0, "buflen does not match, 2048!=0+4096."),
    "vectors-long": (_list(4096, 1024), 2, 0, LENGTH, 0, "buflen does not match, 5120!=0+4096."),
    "sgcnt-short": (_list(2048, 2048), 1, 0, LENGTH, 0, "buflen does not match, 2048!=0+4096."),
}
FUNCTIONS = {
    "read": ("chiscsi_scsi_cmd_execution_status", chiscsi_scsi_cmd_execution_status),
    "write": ("chiscsi_scsi_cmd_buffer_ready", chiscsi_scsi_cmd_buffer_ready),
}


def _begin(bench: DriverBench, direction: str) -> tuple[Task, Any]:
    return bench.begin_read(LENGTH) if direction == "read" else bench.begin_write(pattern(LENGTH))


def _finish(bench: DriverBench, direction: str, task: Task, sc: Any) -> None:
    """The command has to go on as if nothing had been called."""
    if direction == "read":
        bench.serve_read(task, sc, pattern(LENGTH)).expect(expect.good(data=pattern(LENGTH)))
    else:
        assert bench.serve_write(task, sc) == pattern(LENGTH), "other octets are in the buffer than were sent"


@driver_case("drv-buffer-01", guide="Appendix D", behaviour="3.5")
@variants("row", ROWS)
@variants("direction", DIRECTIONS)
def test_wrong_buffers_are_refused(bench: DriverBench, direction: str, row: str) -> None:
    """Each wrong buffer set-up is refused with -EINVAL and the message of Appendix D; nothing happens on the wire, and
    the driver may call again.
    """
    buf, sgcnt, offset, length, flags, message = ROWS[row]
    name, function = FUNCTIONS[direction]
    task, sc = _begin(bench, direction)
    sc.sc_flag |= flags
    result = function(sc, buf, sgcnt, offset, length)
    sc.sc_flag &= ~BOTH
    assert result == EINVAL, f"result {result}"
    bench.expect_log(f"{name}: itt 0x{sc.sc_itt:x}, {message}")
    bench.session.expect(expect.nothing(5))
    bench.expect_no_hook()
    _finish(bench, direction, task, sc)


@driver_case("drv-buffer-02", guide="Appendix D", behaviour="3.5")
@variants("row", ["null", "overflow", "offset", "vectors-short"])
@variants("direction", DIRECTIONS)
def test_multi_phase_driver_is_checked_too(phased_bench: DriverBench, direction: str, row: str) -> None:
    """The same checks hold for each phase of a multi-phase driver."""
    buf, sgcnt, offset, length, _, message = ROWS[row]
    name, function = FUNCTIONS[direction]
    task, sc = _begin(phased_bench, direction)
    result = function(sc, buf, sgcnt, offset, length)
    assert result == EINVAL, f"result {result}"
    phased_bench.expect_log(f"{name}: itt 0x{sc.sc_itt:x}, {message}")
    _finish(phased_bench, direction, task, sc)


@driver_case("drv-buffer-03", behaviour="3.5")
def test_refused_execution_shows_the_command(bench: DriverBench) -> None:
    """A refused chiscsi_scsi_cmd_execution_status is followed by a line with flag, state and result."""
    _, sc = bench.begin_read(LENGTH)
    chiscsi_scsi_cmd_execution_status(sc, None, 1, 0, LENGTH)
    bench.expect_log(f"itt 0x{sc.sc_itt:x}, flag 0x{sc.sc_flag:x}, state")
    bench.expect_log("check buffer -26.")


@driver_case("drv-buffer-04", behaviour="3.5")
@variants("direction", DIRECTIONS)
def test_refused_vectors_are_left_alone(bench: DriverBench, direction: str) -> None:
    """The vectors of a refused call stay as they were: they are still the driver's."""
    _, function = FUNCTIONS[direction]
    _, sc = _begin(bench, direction)
    vectors = _list(1024, 1024)
    before = [repr(vector) for vector in vectors]
    function(sc, vectors, 2, 0, LENGTH)
    assert [repr(vector) for vector in vectors] == before, "the vectors were changed"


@driver_case("drv-buffer-05", guide="7.3.5.1", behaviour="3.5, 3.8")
@variants("direction", DIRECTIONS)
def test_buffers_of_a_failed_command_are_not_checked(bench: DriverBench, direction: str) -> None:
    """With a status set, the arguments do not matter: the call returns 0 and the command ends with the status."""
    _, function = FUNCTIONS[direction]
    task, sc = _begin(bench, direction)
    sc.fail(4, 0x44)
    result = function(sc, None, 7, 99, 1)
    assert result == 0, f"result {result}"
    task.expect(expect.check_condition(key=4, asc=0x44))


@driver_case("drv-buffer-06", behaviour="3.5")
@variants(
    "offset, length, flag",
    [(0, 8192, SC_FLAG_XFER_OVERFLOW), (0, 2048, SC_FLAG_XFER_UNDERFLOW)],
    ids=["too-much", "too-little"],
)
def test_execution_of_another_amount_is_noted(bench: DriverBench, offset: int, length: int, flag: int) -> None:
    """A write whose execution covers more or less than the transfer: there is a message, and the flag is set by the
    stack; executing more than was handed over is refused.
    """
    task, sc = bench.begin_write(pattern(LENGTH))
    buffers = bench.give_buffers(sc)
    bench.wait_for_data(task, sc, buffers)
    result = chiscsi_scsi_cmd_execution_status(sc, None, 0, offset, length)
    word = "overflow" if flag == SC_FLAG_XFER_OVERFLOW else "underflow"
    bench.expect_log(f"itt 0x{sc.sc_itt:x}, buf {word}, 4096!={offset}+{length}.")
    if flag == SC_FLAG_XFER_OVERFLOW:
        assert result == EINVAL, f"result {result}"
        return
    assert result == 0, f"result {result}"
    assert sc.sc_flag & flag, f"sc_flag {sc.sc_flag:#x}"
    task.expect(expect.good(residual=-2048))


@driver_case("drv-buffer-07", behaviour="3.5")
def test_execution_ahead_of_the_data_is_refused(phased_bench: DriverBench) -> None:
    """A write cannot be executed beyond what was handed over: -EINVAL, with a message; afterwards it can."""
    task, sc = phased_bench.begin_write(pattern(8192))
    first = phased_bench.give_buffers(sc, 4096)
    phased_bench.wait_for_data(task, sc, first)
    result = chiscsi_scsi_cmd_execution_status(sc, None, 0, 0, 8192)
    assert result == EINVAL, f"result {result}"
    phased_bench.expect_log(f"itt 0x{sc.sc_itt:x}, 0+8192 > current sgl 0+4096.")
    second = phased_bench.give_buffers(sc, offset=4096)
    phased_bench.wait_for_data(task, sc, second)
    phased_bench.executed(sc)
    task.expect(expect.good())


@driver_case("drv-buffer-08", behaviour="3.5")
def test_single_phase_write_is_not_executed_before_its_data_came(bench: DriverBench) -> None:
    """chiscsi_scsi_cmd_execution_status while the data of a write are on their way is refused; the write goes on."""
    task, sc = bench.begin_write(pattern(LENGTH))
    buffers = bench.give_buffers(sc)
    result = chiscsi_scsi_cmd_execution_status(sc, None, 0, 0, LENGTH)
    assert result == EINVAL, f"result {result}"
    bench.wait_for_data(task, sc, buffers)
    bench.executed(sc)
    task.expect(expect.good())


@driver_case("drv-buffer-09", behaviour="3.5")
def test_buffers_for_a_read_are_refused(bench: DriverBench) -> None:
    """chiscsi_scsi_cmd_buffer_ready is for writes: for a read it returns -EINVAL, and the read goes on."""
    task, sc = bench.begin_read(LENGTH)
    result = chiscsi_scsi_cmd_buffer_ready(sc, _vectors(LENGTH), 1, 0, LENGTH)
    assert result == EINVAL, f"result {result}"
    bench.serve_read(task, sc, pattern(LENGTH)).expect(expect.good(data=pattern(LENGTH)))


@driver_case("drv-buffer-10", behaviour="3.5")
@variants("direction", DIRECTIONS)
def test_second_completion_is_refused(bench: DriverBench, direction: str) -> None:
    """A command that was completed cannot be completed again: -EINVAL, and the initiator gets one status."""
    task, sc = _begin(bench, direction)
    if direction == "read":
        bench.execute(sc, pattern(LENGTH))
    else:
        bench.wait_for_data(task, sc, bench.give_buffers(sc))
        bench.executed(sc)
    result = chiscsi_scsi_cmd_execution_status(sc, _vectors(LENGTH), 1, 0, LENGTH)
    assert result == EINVAL, f"result {result}"
    task.expect(expect.good())
    bench.session.expect(expect.nothing(5))


@driver_case("drv-buffer-11", behaviour="3.5")
def test_second_buffers_of_a_single_phase_write_are_refused(bench: DriverBench) -> None:
    """A single-phase write has its buffers by one call; a second one returns -EINVAL and changes nothing."""
    task, sc = bench.begin_write(pattern(LENGTH))
    buffers = bench.give_buffers(sc)
    result = chiscsi_scsi_cmd_buffer_ready(sc, _vectors(LENGTH), 1, 0, LENGTH)
    assert result == EINVAL, f"result {result}"
    bench.wait_for_data(task, sc, buffers)
    assert buffers.contents == pattern(LENGTH), "the data went elsewhere"
    bench.executed(sc)
    task.expect(expect.good())


@driver_case("drv-buffer-12", behaviour="3.5, 3.9")
@variants("direction", DIRECTIONS)
def test_call_for_a_released_command_is_refused(bench: DriverBench, direction: str) -> None:
    """After fp_scsi_cmd_cleanup a command is no more: a call for it returns -EINVAL and reaches nobody."""
    task, sc = _begin(bench, direction)
    _finish(bench, direction, task, sc)
    bench.stage.settle()
    bench.forget()
    _, function = FUNCTIONS[direction]
    result = function(sc, _vectors(LENGTH), 1, 0, LENGTH)
    assert result == EINVAL, f"result {result}"
    bench.session.expect(expect.nothing(5))
    bench.expect_no_hook()
