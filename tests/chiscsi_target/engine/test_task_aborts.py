"""Commands that the device server has ended: with TASK ABORTED, or without a word."""

from __future__ import annotations

from chiscsi_target.api import chiscsi_scsi_cmd_abort_status
from chiscsi_target.engine.task_aborts import abort_commands
from iscsi_wire.constants import ScsiStatus
from iscsi_wire.pdus import ReadyToTransfer, ScsiResponse
from tests.chiscsi_target.bench import Bench, send_data

TASK_ABORTED = ScsiStatus.TASK_ABORTED


def test_a_command_ends_with_task_aborted_when_its_driver_has_given_it_up(bench: Bench) -> None:
    request = bench.read()
    sc = bench.scsi_command(request)
    abort_commands(sc.sc_sess or 0, [sc], TASK_ABORTED)
    assert bench.peer.silent() and bench.hooks_of(request)[-1] == "abort"
    chiscsi_scsi_cmd_abort_status(sc)
    response, data = bench.peer.take(ScsiResponse)
    assert (response.status, response.initiator_task_tag, data) == (TASK_ABORTED, request.initiator_task_tag, b"")
    assert bench.alive()


def test_the_data_that_a_write_was_asked_for_are_awaited(bench: Bench) -> None:
    request = bench.write()
    sc = bench.scsi_command(request)
    bench.driver.give(sc)
    r2t, _ = bench.peer.take(ReadyToTransfer)
    abort_commands(sc.sc_sess or 0, [sc], TASK_ABORTED)
    assert bench.peer.silent()
    send_data(bench.peer, r2t)
    chiscsi_scsi_cmd_abort_status(sc)
    assert bench.peer.take(ScsiResponse)[0].status == TASK_ABORTED
    assert "data_xfer_status" not in bench.hooks_of(request) and bench.alive()


def test_without_a_status_nothing_is_said(bench: Bench) -> None:
    request = bench.read()
    sc = bench.scsi_command(request)
    abort_commands(sc.sc_sess or 0, [sc], 0)
    assert bench.peer.silent() and bench.hooks_of(request)[-1] == "abort"
    chiscsi_scsi_cmd_abort_status(sc)
    assert bench.peer.silent() and bench.hooks_of(request)[-1] == "cleanup"
    assert bench.alive()


def test_what_is_over_is_left_alone(bench: Bench) -> None:
    sc = bench.scsi_command(bench.read())
    for _ in range(2):
        abort_commands(sc.sc_sess or 0, [sc], 0)
    chiscsi_scsi_cmd_abort_status(sc)
    abort_commands(sc.sc_sess or 0, [sc], TASK_ABORTED)
    assert bench.peer.silent() and bench.alive()
