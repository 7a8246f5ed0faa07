"""Task management of one command in every state, with drivers that answer at once, later, or never."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from chiscsi_target.api import (
    SC_FLAG_TMF_ABORT,
    chiscsi_scsi_cmd_abort_status,
    chiscsi_scsi_cmd_buffer_ready,
    chiscsi_tmf_execution_done,
)
from iscsi_wire.constants import TaskManagementFunction as Function
from iscsi_wire.constants import TaskManagementResponseCode as Response
from iscsi_wire.pdus import (
    DataIn,
    ReadyToTransfer,
    Reject,
    ScsiCommand,
    ScsiResponse,
    TaskManagementResponse,
)
from tests.chiscsi_target.bench import ABORTS, LENGTH, Bench, send_data
from tests.chiscsi_target.peer import of_kind

# What is answered without the driver


@pytest.mark.parametrize(
    "function, response",
    [
        (Function.CLEAR_ACA, Response.FUNCTION_NOT_SUPPORTED),
        (Function.TASK_REASSIGN, Response.TASK_REASSIGNMENT_NOT_SUPPORTED),
        (Function.QUERY_TASK, Response.FUNCTION_NOT_SUPPORTED),
        (Function.QUERY_TASK_SET, Response.FUNCTION_NOT_SUPPORTED),
        (Function.I_T_NEXUS_RESET, Response.FUNCTION_NOT_SUPPORTED),
        (Function.QUERY_ASYNCHRONOUS_EVENT, Response.FUNCTION_NOT_SUPPORTED),
        (0, Response.FUNCTION_REJECTED),
        (13, Response.FUNCTION_REJECTED),
        (127, Response.FUNCTION_REJECTED),
    ],
)
@pytest.mark.parametrize("immediate", [0, 1])
def test_functions_that_the_target_does_not_execute(
    bench: Bench, function: int, response: Response, immediate: int
) -> None:
    request = bench.peer.manage(function, immediate=immediate)
    answer, _ = bench.peer.take(TaskManagementResponse)
    assert (answer.response, answer.initiator_task_tag) == (response, request.initiator_task_tag)
    assert bench.driver.calls == [] and bench.alive()


# ABORT TASK


def test_abort_of_a_command_that_the_driver_holds(bench: Bench) -> None:
    request = bench.read()
    bench.peer.manage(Function.ABORT_TASK, request)
    assert bench.peer.silent()
    ((_, function, lun, sc),) = bench.driver.requests
    assert (function, lun, sc) == (Function.ABORT_TASK, 0, bench.scsi_command(request))
    assert bench.scsi_command(request).sc_flag & SC_FLAG_TMF_ABORT
    bench.driver.answer()
    assert bench.response() == Response.FUNCTION_COMPLETE
    # The driver still holds it: it goes when the driver calls for it the next time.
    assert bench.hooks_of(request) == ["cdb_rcved"]
    assert bench.driver.complete(bench.scsi_command(request), bytes(LENGTH)) == 0
    assert bench.peer.silent()
    assert bench.hooks_of(request) == ["cdb_rcved", "data_xfer_status", "cleanup"]
    assert bench.alive()


def test_abort_of_a_held_command_that_the_driver_completes_first(bench: Bench) -> None:
    """Guide, 7.3.6: a driver may complete the command before it answers the function; nothing is sent for it."""
    request = bench.read()
    bench.peer.manage(Function.ABORT_TASK, request)
    assert bench.driver.complete(bench.scsi_command(request), bytes(LENGTH)) == 0
    assert bench.peer.silent()
    bench.driver.answer()
    assert bench.response() == Response.FUNCTION_COMPLETE
    assert bench.hooks_of(request)[-1] == "cleanup" and bench.alive()


def test_an_answer_inside_the_hook(bench: Bench) -> None:
    bench.driver.on_tmf = lambda hndl: chiscsi_tmf_execution_done(hndl, 0, None)
    request = bench.write()
    bench.driver.give(bench.scsi_command(request))
    bench.peer.take(ReadyToTransfer)
    bench.peer.manage(Function.ABORT_TASK, request)
    assert bench.response() == Response.FUNCTION_COMPLETE
    assert bench.alive()


def test_abort_during_data_transfer(bench: Bench) -> None:
    """Guide, 7.3.6: such a command gets `fp_scsi_cmd_abort` as well; late data are swallowed."""
    request = bench.write()
    buffer = bench.driver.give(bench.scsi_command(request))
    r2t, _ = bench.peer.take(ReadyToTransfer)
    bench.peer.manage(Function.ABORT_TASK, request)
    assert bench.driver.calls == ["cdb_rcved", "abort", "tmf_execute"]
    chiscsi_scsi_cmd_abort_status(bench.scsi_command(request))
    bench.driver.answer()
    assert bench.response() == Response.FUNCTION_COMPLETE
    assert bench.hooks_of(request) == ["cdb_rcved", "abort", "cleanup"]
    send_data(bench.peer, r2t)
    assert bench.alive() and bytes(buffer) == bytes(LENGTH)


def test_abort_of_a_command_that_waits_for_its_turn(bench: Bench) -> None:
    """Guide, 7.3.6 c: the driver was not given it, and never will be; its number stays used."""
    bench.peer.number()
    request = bench.read()
    assert bench.driver.calls == []
    bench.peer.manage(Function.ABORT_TASK, request)
    assert bench.response() == Response.FUNCTION_COMPLETE
    bench.peer.send(bench.peer.nop_out(cmd_sn=1))
    assert bench.peer.receive()
    assert bench.driver.calls == [] and bench.alive()


def test_abort_of_a_command_that_never_came(bench: Bench) -> None:
    """RFC 7143, 11.6.1: it counts as received and is aborted; when it comes after all it is outside the window."""
    missing = bench.peer.number()
    bench.peer.number()
    bench.peer.manage(Function.ABORT_TASK, referenced_task_tag=0x99, ref_cmd_sn=missing)
    assert bench.response() == Response.FUNCTION_COMPLETE
    bench.read(cmd_sn=missing, initiator_task_tag=0x99)
    assert bench.peer.silent() and bench.driver.calls == []
    bench.peer.cmd_sn = missing + 1
    assert bench.alive()


@pytest.mark.parametrize("referenced", [0, 100, 200, 0x80000001])
def test_abort_of_a_task_that_does_not_exist(bench: Bench, referenced: int) -> None:
    bench.peer.manage(Function.ABORT_TASK, referenced_task_tag=0x99, ref_cmd_sn=referenced)
    assert bench.response() == Response.TASK_DOES_NOT_EXIST
    assert bench.alive()


def test_a_second_abort_of_the_same_task(bench: Bench) -> None:
    """Whether there is a task to be aborted is known when the first function is answered (found by chiscsi explore)."""
    request = bench.read()
    bench.peer.manage(Function.ABORT_TASK, request)
    bench.peer.manage(Function.ABORT_TASK, request)
    assert bench.peer.silent()
    bench.driver.answer()
    answers = [pdu.response for pdu in of_kind(bench.peer.receive(), TaskManagementResponse)]
    assert answers == [Response.FUNCTION_COMPLETE, Response.TASK_DOES_NOT_EXIST]
    assert len(bench.driver.calls) == 2


def test_a_second_abort_of_a_task_whose_first_one_is_refused(bench: Bench) -> None:
    request = bench.read()
    bench.peer.manage(Function.ABORT_TASK, request)
    bench.peer.manage(Function.ABORT_TASK, request)
    bench.driver.answer(Response.FUNCTION_NOT_SUPPORTED)
    assert bench.response() == Response.FUNCTION_NOT_SUPPORTED
    bench.driver.answer()
    assert bench.response() == Response.FUNCTION_COMPLETE


def test_a_reset_ends_a_task_whose_abort_is_refused_later(bench: Bench) -> None:
    """The later function has the last word: behind its response the task is not answered."""
    request = bench.read()
    bench.peer.manage(Function.ABORT_TASK, request)
    bench.peer.manage(Function.LOGICAL_UNIT_RESET)
    bench.driver.answer(Response.FUNCTION_NOT_SUPPORTED)
    bench.driver.complete(bench.scsi_command(request), bytes(LENGTH))
    assert bench.response() == Response.FUNCTION_NOT_SUPPORTED
    bench.driver.answer()
    assert bench.response() == Response.FUNCTION_COMPLETE
    assert bench.alive()


def test_a_reset_does_not_wait_for_data_of_a_task_that_an_abort_ended(bench: Bench) -> None:
    request = bench.write()
    bench.driver.give(bench.scsi_command(request))
    bench.peer.take(ReadyToTransfer)
    bench.peer.manage(Function.ABORT_TASK, request)
    bench.peer.manage(Function.LOGICAL_UNIT_RESET)
    bench.driver.answer()
    assert bench.response() == Response.FUNCTION_COMPLETE
    bench.driver.answer()
    assert bench.response() == Response.FUNCTION_COMPLETE


def test_abort_of_a_task_management_request(bench: Bench) -> None:
    """RFC 7143, 11.5.1: such requests are not aborted."""
    bench.read()
    waiting = bench.peer.manage(Function.ABORT_TASK_SET)
    bench.peer.manage(Function.ABORT_TASK, referenced_task_tag=waiting.initiator_task_tag, ref_cmd_sn=waiting.cmd_sn)
    assert bench.response() == Response.FUNCTION_REJECTED
    bench.driver.answer()
    assert bench.response() == Response.FUNCTION_COMPLETE


@pytest.mark.parametrize("tag", ["task", "request"])
def test_a_tag_that_is_in_use_is_refused(bench: Bench, tag: str) -> None:
    request = bench.read()
    used = request.initiator_task_tag
    if tag == "request":
        used = bench.peer.manage(Function.ABORT_TASK, request).initiator_task_tag
    bench.peer.manage(Function.ABORT_TASK_SET, initiator_task_tag=used)
    assert bench.peer.take(Reject)[0].reason == 7


def test_the_reserved_tag_is_refused(bench: Bench) -> None:
    bench.peer.manage(Function.ABORT_TASK_SET, initiator_task_tag=0xFFFFFFFF)
    assert bench.peer.take(Reject)[0].reason == 9


# A driver that does not execute the function


@pytest.mark.parametrize("function", ABORTS)
@pytest.mark.parametrize("refuse", ["answer", "result", "exception"])
def test_a_function_that_was_not_executed_ends_nothing(bench: Bench, function: Function, refuse: str) -> None:
    def raise_error(*_: object) -> int:
        raise RuntimeError("not today")

    request = bench.read()
    if refuse == "exception":
        bench.driver.on_tmf = raise_error
    elif refuse == "result":
        bench.driver.on_tmf = lambda _: -1
    bench.peer.manage(function, request)
    if refuse == "answer":
        bench.driver.answer(Response.FUNCTION_REJECTED)
    assert bench.response() == Response.FUNCTION_REJECTED
    assert not bench.scsi_command(request).sc_flag & SC_FLAG_TMF_ABORT
    assert bench.driver.complete(bench.scsi_command(request), b"r" * LENGTH) == 0
    assert bench.peer.take(DataIn)[1] == b"r" * LENGTH
    assert ("RuntimeError: not today" in bench.stand.log) == (refuse == "exception")


Step = Callable[[Bench, ScsiCommand], None]


def complete_read(bench: Bench, request: ScsiCommand) -> None:
    assert bench.driver.complete(bench.scsi_command(request), b"x" * LENGTH) == 0


def give_buffer(bench: Bench, request: ScsiCommand) -> None:
    bench.driver.give(bench.scsi_command(request))


def complete_write(bench: Bench, request: ScsiCommand) -> None:
    assert bench.driver.complete(bench.scsi_command(request)) == 0


def send_all(bench: Bench, request: ScsiCommand) -> None:
    send_data(bench.peer, bench.peer.take(ReadyToTransfer)[0])


def nothing(bench: Bench, request: ScsiCommand) -> None:
    """Leave it as it is."""


@pytest.mark.parametrize(
    "before, meanwhile, behind",
    [
        ([], [complete_read], []),
        ([], [nothing], [complete_read]),
    ],
)
def test_a_read_goes_on_after_a_function_that_was_not_executed(
    bench: Bench, before: list[Step], meanwhile: list[Step], behind: list[Step]
) -> None:
    request = bench.read()
    bench.peer.manage(Function.ABORT_TASK, request)
    for step in meanwhile:
        step(bench, request)
    bench.driver.answer(Response.FUNCTION_REJECTED)
    answers = bench.peer.receive()
    for step in behind:
        step(bench, request)
    answers += bench.peer.receive()
    assert [response.response for response in of_kind(answers, TaskManagementResponse)] == [255]
    assert len(of_kind(answers, DataIn)) == 1
    assert bench.alive()


@pytest.mark.parametrize(
    "before, meanwhile, behind",
    [
        ([], [give_buffer], [send_all, complete_write]),
        ([give_buffer], [send_all], [complete_write]),
        ([give_buffer], [nothing], [send_all, complete_write]),
        ([give_buffer, send_all], [complete_write], []),
        ([give_buffer, send_all], [nothing], [complete_write]),
        ([], [nothing], [give_buffer, send_all, complete_write]),
    ],
)
def test_a_write_goes_on_after_a_function_that_was_not_executed(
    bench: Bench, before: list[Step], meanwhile: list[Step], behind: list[Step]
) -> None:
    """Whatever happens to it while the function is on its way, the driver gets all of its data before the status."""
    request = bench.write()
    for step in before:
        step(bench, request)
    bench.peer.manage(Function.ABORT_TASK, request)
    for step in meanwhile:
        step(bench, request)
    bench.stand.pump()
    bench.driver.answer(Response.FUNCTION_REJECTED)
    bench.stand.pump()
    inbox = bench.peer.receive()
    assert [response.response for response in of_kind(inbox, TaskManagementResponse)] == [255]
    bench.peer._inbox = [answer for answer in inbox if not isinstance(answer[0], TaskManagementResponse)]
    for step in behind:
        step(bench, request)
        bench.stand.pump()
    assert bench.peer.take(ScsiResponse)[0].status == 0
    hooks = [name for name in bench.hooks_of(request) if name != "abort"]
    assert hooks == ["cdb_rcved", "data_xfer_status", "cleanup"]
    assert bench.alive()


def test_an_unusable_buffer_given_during_an_abort_that_fails(bench: Bench) -> None:
    """Nothing is checked meanwhile (behaviour file, 4.3), but such a command cannot go on."""
    request = bench.write()
    bench.peer.manage(Function.ABORT_TASK, request)
    assert chiscsi_scsi_cmd_buffer_ready(bench.scsi_command(request), None, 1, 7, 1) == 0
    bench.driver.answer(Response.FUNCTION_REJECTED)
    answers = bench.peer.receive()
    assert [response.status for response in of_kind(answers, ScsiResponse)] == [2]
    assert bench.alive()


def test_a_command_that_waits_for_its_turn_keeps_waiting_after_a_reset_that_failed(bench: Bench) -> None:
    missing = bench.peer.number()
    request = bench.read()
    bench.peer.manage(Function.TARGET_WARM_RESET)
    bench.driver.answer(Response.FUNCTION_REJECTED)
    assert bench.response() == Response.FUNCTION_REJECTED
    assert "cdb_rcved" not in bench.driver.calls
    bench.peer.send(bench.peer.nop_out(cmd_sn=missing))
    assert bench.hooks_of(request) == ["cdb_rcved"]
