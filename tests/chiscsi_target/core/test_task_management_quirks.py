"""Task management as the guide has it, and as release 3.14 has it: each switch in both positions."""

from __future__ import annotations

import pytest

from chiscsi_target.api import (
    SC_FLAG_CMD_ABORT,
    SC_FLAG_TMF_ABORT,
    chiscsi_scsi_cmd_abort_status,
    chiscsi_scsi_command,
    chiscsi_tmf_execution_done,
)
from chiscsi_target.quirks import Quirks
from iscsi_wire.constants import TaskManagementFunction as Function
from iscsi_wire.constants import TaskManagementResponseCode as Response
from iscsi_wire.pdus import ReadyToTransfer, ScsiCommand, ScsiResponse, TaskManagementResponse
from tests.chiscsi_target.bench import LENGTH, Bench
from tests.chiscsi_target.peer import of_kind, read10


@pytest.mark.parametrize("quirks, hooks", [(Quirks(), ["abort"]), (Quirks(tmf_no_abort_hook=True), [])])
def test_the_abort_hook_of_a_command_in_data_transfer(quirks: Quirks, hooks: list[str]) -> None:
    bench = Bench(quirks=quirks)
    request = bench.write()
    bench.driver.give(bench.scsi_command(request))
    bench.peer.take(ReadyToTransfer)
    bench.peer.manage(Function.ABORT_TASK, request)
    assert bench.hooks_of(request) == ["cdb_rcved", *hooks]
    bench.driver.answer()
    assert bench.response() == Response.FUNCTION_COMPLETE
    # Behaviour file, 4.3: buffers that the hook did not give back come back now.
    returned = [] if hooks else ["data_xfer_status"]
    assert bench.hooks_of(request) == ["cdb_rcved", *hooks, *returned, "cleanup"]


def undelivered(bench: Bench) -> ScsiCommand:
    """A command that waits behind a hole."""
    bench.peer.cmd_sn += 1
    return bench.peer.command(read10(0, 8), LENGTH)


@pytest.mark.parametrize("quirks, asked", [(Quirks(), False), (Quirks(tmf_forward_all=True), True)])
def test_a_command_that_the_driver_never_saw(quirks: Quirks, asked: bool) -> None:
    bench = Bench(quirks=quirks)
    request = undelivered(bench)
    bench.peer.manage(Function.ABORT_TASK, request, immediate=1)
    assert bool(bench.driver.requests) == asked
    if asked:
        bench.driver.answer()
    assert bench.response() == Response.FUNCTION_COMPLETE
    assert "cdb_rcved" not in bench.driver.calls


@pytest.mark.parametrize("quirks, asked", [(Quirks(), False), (Quirks(tmf_forward_all=True), True)])
def test_a_command_that_was_executed(quirks: Quirks, asked: bool) -> None:
    """Guide 7.3.6 b: its status waits for data that are still due."""
    bench = Bench(("InitialR2T", "No"), quirks=quirks)
    request = bench.peer.command("2a" + "00" * 9, LENGTH, write=True, final=0)
    sc = bench.scsi_command(request)
    sc.fail(5, 0x20)
    bench.driver.complete(sc)
    bench.peer.manage(Function.ABORT_TASK, request)
    assert bool(bench.driver.requests) == asked
    if asked:
        bench.driver.answer()
    assert bench.response() == Response.FUNCTION_COMPLETE
    assert bench.hooks_of(request) == ["cdb_rcved", "cleanup"]


@pytest.mark.parametrize("quirks, mask", [(Quirks(), 0xFFFFFFFF), (Quirks(tmf_itt_8bit=True), 0xFF)])
def test_the_tag_of_a_postponed_response(quirks: Quirks, mask: int) -> None:
    bench = Bench(quirks=quirks)
    bench.read()
    asked = bench.peer.manage(Function.ABORT_TASK_SET)
    bench.driver.answer()
    answer, _ = bench.peer.take(TaskManagementResponse)
    assert answer.initiator_task_tag == asked.initiator_task_tag & mask
    # An answer that is not postponed has its whole tag.
    asked = bench.peer.manage(Function.CLEAR_ACA)
    answer, _ = bench.peer.take(TaskManagementResponse)
    assert answer.initiator_task_tag == asked.initiator_task_tag


@pytest.mark.parametrize("quirks, ended", [(Quirks(), [0, 5]), (Quirks(reset_hits_lun0=True), [0])])
def test_a_target_reset_and_other_sessions(quirks: Quirks, ended: list[int]) -> None:
    bench = Bench(quirks=quirks)
    other = bench.stand.login(isid=bytes.fromhex("400000000002"))
    tags = {lun: other.command(read10(0, 8), LENGTH, lun=lun << 48).initiator_task_tag for lun in (0, 5)}
    bench.peer.manage(Function.TARGET_WARM_RESET)
    bench.driver.answer()
    assert bench.response() == Response.FUNCTION_COMPLETE
    for sc in bench.driver.commands:
        if sc.sc_flag & SC_FLAG_TMF_ABORT:
            bench.driver.complete(sc, bytes(LENGTH))
    found = {response.initiator_task_tag: response.status for response in of_kind(other.receive(), ScsiResponse)}
    assert found == {tags[lun]: 2 for lun in ended}


# What an answer names, and what a driver says meanwhile


@pytest.mark.parametrize("response, over", [(0, True), (1, True), (5, False)])
def test_a_command_that_the_answer_names_is_no_longer_held(response: int, over: bool) -> None:
    """Behaviour file, 4.2."""
    bench = Bench()
    request = bench.read()
    bench.peer.manage(Function.ABORT_TASK, request)
    bench.driver.answer(response, name=True)
    assert bench.response() == response
    assert (bench.hooks_of(request)[-1] == "cleanup") == over
    assert [held.itt for held in bench.stand.module.held_commands()] == ([] if over else [request.initiator_task_tag])


def test_a_command_that_is_not_named_stays_held() -> None:
    bench = Bench()
    request = bench.read()
    asked = bench.peer.manage(Function.ABORT_TASK, request)
    both = {request.initiator_task_tag: False, asked.initiator_task_tag: False}
    assert {held.itt: held.aborted for held in bench.stand.module.held_commands()} == both
    bench.driver.answer()
    assert bench.response() == Response.FUNCTION_COMPLETE
    sc = bench.scsi_command(request)
    (held,) = bench.stand.module.held_commands()
    assert (held.itt, held.aborted, held.state, held.what) == (sc.sc_itt, True, "DONE", sc.sc_cmd.hex())
    assert f"sc 0x{id(sc):x}, itt 0x{sc.sc_itt:x}, held by storage driver" in bench.stand.log
    assert chiscsi_scsi_cmd_abort_status(sc) == 0
    assert bench.peer.silent()
    assert bench.stand.module.held_commands() == [] and bench.hooks_of(request)[-1] == "cleanup"


def test_a_command_given_up_by_a_function_that_is_refused_then() -> None:
    """Its driver has answered the abort hook, and has its buffers back: it cannot go on."""
    bench = Bench()
    request = bench.write()
    sc = bench.scsi_command(request)
    bench.driver.on_abort = chiscsi_scsi_cmd_abort_status
    bench.driver.give(sc)
    bench.peer.take(ReadyToTransfer)
    bench.peer.manage(Function.ABORT_TASK, request)
    bench.driver.answer(Response.FUNCTION_REJECTED)
    assert bench.response() == Response.FUNCTION_REJECTED
    assert sc.sc_status == 2 and (sc.sc_sense_key, sc.sc_sense_asc) == (0x0B, 0x44)
    assert not sc.sc_flag & (SC_FLAG_TMF_ABORT | SC_FLAG_CMD_ABORT)


def handles(sc: chiscsi_scsi_command) -> list[int | None]:
    return [sc.sc_sess, sc.sc_conn]


def test_commands_of_a_session_that_is_gone() -> None:
    """Behaviour file, 1.7: what the driver holds is detached, and released at its next call."""
    bench = Bench()
    request = bench.read()
    sc = bench.scsi_command(request)
    assert None not in handles(sc)
    bench.stand.pipe(bench.peer).close()
    assert handles(sc) == [None, None]
    assert [held.aborted for held in bench.stand.module.held_commands()] == [True]
    assert bench.driver.complete(sc, bytes(LENGTH)) == 0
    bench.stand.pump()
    assert bench.hooks_of(request) == ["cdb_rcved", "abort", "cleanup"]
    assert bench.stand.module.held_commands() == []


def test_a_driver_that_never_answers_harms_nobody_else() -> None:
    bench = Bench()
    request = bench.read()
    bench.peer.manage(Function.ABORT_TASK, request)
    bench.peer.manage(Function.LOGICAL_UNIT_RESET)
    other = bench.stand.login(isid=bytes.fromhex("400000000002"))
    other.command("00")
    bench.driver.complete(bench.driver.last)
    assert other.take(ScsiResponse)[0].status == 0
    assert {held.what for held in bench.stand.module.held_commands()} >= {"ABORT_TASK", "LOGICAL_UNIT_RESET"}
    handle = bench.driver.requests[0][0]
    assert chiscsi_tmf_execution_done(handle, 0, None) == 0
