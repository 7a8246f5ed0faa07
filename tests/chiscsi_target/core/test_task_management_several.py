"""Functions that end several tasks, also of other connections and sessions, while connections come and go."""

from __future__ import annotations

import pytest

from chiscsi_target.api import (
    chiscsi_scsi_cmd_abort,
    chiscsi_tmf_execution_done,
)
from chiscsi_target.core.task_management import ALL_LUNS, CROSSES_SESSIONS
from chiscsi_target.offload.terminator import Offload
from iscsi_wire.constants import TaskManagementFunction as Function
from iscsi_wire.constants import TaskManagementResponseCode as Response
from iscsi_wire.pdus import (
    DataIn,
    ReadyToTransfer,
    ScsiResponse,
    TaskManagementResponse,
)
from tests.chiscsi_target.bench import LENGTH, SEVERAL, Bench, send_data
from tests.chiscsi_target.peer import lun_field, of_kind, read10, write10
from tests.chiscsi_target.stand import Stand

# Several tasks


@pytest.mark.parametrize("function", SEVERAL)
def test_functions_on_several_tasks(bench: Bench, function: Function) -> None:
    """One call to the driver without a command; the response is the last thing that is said of them."""
    ended = [bench.read() for _ in range(3)]
    other = bench.read(lun=lun_field(1))
    bench.peer.manage(function)
    assert bench.peer.silent()
    ((_, called, lun, sc),) = bench.driver.requests
    resets = (Function.TARGET_WARM_RESET, Function.TARGET_COLD_RESET)
    assert (called, lun, sc) == (function, ALL_LUNS if function in resets else 0, None)
    bench.driver.answer()
    assert bench.response() == Response.FUNCTION_COMPLETE
    for request in ended:
        assert bench.driver.complete(bench.scsi_command(request), bytes(LENGTH)) == 0
    assert bench.peer.receive() == []
    if function in resets:
        assert bench.driver.complete(bench.scsi_command(other), bytes(LENGTH)) in (0, -26)
        assert bench.peer.receive() == []
    else:
        assert bench.driver.complete(bench.scsi_command(other), bytes(LENGTH)) == 0
        assert bench.peer.take(DataIn)
    assert bench.peer.closed == (function == Function.TARGET_COLD_RESET)


@pytest.mark.parametrize("function", SEVERAL)
def test_commands_behind_the_request_are_not_affected(bench: Bench, function: Function) -> None:
    bench.peer.manage(function, immediate=0)
    behind = bench.read()
    bench.driver.answer()
    assert bench.response() == Response.FUNCTION_COMPLETE
    if function != Function.TARGET_COLD_RESET:
        assert bench.driver.complete(bench.scsi_command(behind), bytes(LENGTH)) == 0
        assert bench.peer.take(DataIn)


def test_data_that_were_asked_for_are_awaited_first(bench: Bench) -> None:
    """RFC 7143, 4.2.3.3 a: the function is executed when the Data-Out of all affected tasks are in."""
    requests = [bench.write(), bench.write()]
    for request in requests:
        bench.driver.give(bench.scsi_command(request))
    r2ts = of_kind(bench.peer.receive(), ReadyToTransfer)
    bench.peer.manage(Function.ABORT_TASK_SET)
    send_data(bench.peer, r2ts[0])
    assert "tmf_execute" not in bench.driver.calls and bench.peer.silent()
    send_data(bench.peer, r2ts[1])
    assert bench.driver.calls[-3:] == ["abort", "abort", "tmf_execute"]
    bench.driver.answer()
    assert bench.response() == Response.FUNCTION_COMPLETE
    assert bench.driver.calls[-2:] == ["cleanup", "cleanup"]
    assert "data_xfer_status" not in bench.driver.calls
    assert bench.alive()


def test_an_immediate_request_waits_for_the_commands_before_it(bench: Bench) -> None:
    """RFC 7143, 4.2.3.3 b: all commands with numbers below the request's have to be there."""
    missing = bench.peer.number()
    later = bench.read()
    bench.peer.manage(Function.ABORT_TASK_SET)
    assert bench.driver.calls == [] and bench.peer.silent()
    filler = bench.read(cmd_sn=missing)
    assert bench.driver.calls[-1] == "tmf_execute"
    bench.driver.answer()
    assert bench.response() == Response.FUNCTION_COMPLETE
    for request in (filler, later):
        held = [sc for sc in bench.driver.commands if sc.sc_itt == request.initiator_task_tag]
        for sc in held:
            bench.driver.complete(sc, bytes(LENGTH))
    assert bench.peer.silent() and bench.alive()


@pytest.mark.parametrize("function", CROSSES_SESSIONS)
def test_tasks_of_other_sessions(bench: Bench, function: Function) -> None:
    """Behaviour file, 4.4: they end with unit attention 29/03, or 2F/00 when the task set was cleared."""
    other = bench.stand.login(isid=bytes.fromhex("400000000002"))
    other.command(read10(0, 8), LENGTH)
    other.command(write10(0, 8), LENGTH, write=True)
    held, writing = bench.driver.commands
    bench.driver.give(writing)
    r2t, _ = other.take(ReadyToTransfer)
    bench.peer.manage(function)
    bench.driver.answer()
    assert bench.response() == Response.FUNCTION_COMPLETE
    if function == Function.TARGET_COLD_RESET:
        assert other.receive() == [] and other.closed
        return
    # One waits for its data, the other for its driver.
    assert other.silent()
    send_data(other, r2t)
    bench.driver.complete(held, bytes(LENGTH))
    expected = (6, 0x2F, 0) if function == Function.CLEAR_TASK_SET else (6, 0x29, 3)
    answers = other.receive()
    assert [(data[4] & 0xF, data[14], data[15]) for _, data in answers] == [expected, expected]
    assert all(isinstance(pdu, ScsiResponse) and pdu.status == 2 for pdu, _ in answers)
    assert bench.driver.calls.count("cleanup") == 2


@pytest.mark.parametrize("offload", [Offload.OFF, Offload.ULP])
def test_data_of_a_write_that_another_session_ended_are_not_stored(offload: Offload) -> None:
    """RFC 7143, 4.2.3.2: an adapter that would place them by the tag of their R2T has been told in time."""
    stand = Stand(offload=offload)
    peer, other = stand.login(), stand.login(isid=bytes.fromhex("400000000002"))
    other.command(write10(0, 8), LENGTH, write=True)
    r2t, _ = other.take(ReadyToTransfer)
    peer.manage(Function.LOGICAL_UNIT_RESET)
    assert peer.take(TaskManagementResponse)[0].response == Response.FUNCTION_COMPLETE
    send_data(other, r2t, b"\xff" * LENGTH)
    assert of_kind(other.receive(), ScsiResponse)[0].status == 2
    peer.execute("00")
    peer.command(read10(0, 8), LENGTH)
    assert peer.receive()[0][1] == bytes(LENGTH)


def test_other_sessions_keep_their_tasks_on_other_units(bench: Bench) -> None:
    other = bench.stand.login(isid=bytes.fromhex("400000000002"))
    other.command(read10(0, 8), LENGTH, lun=lun_field(1))
    bench.peer.manage(Function.LOGICAL_UNIT_RESET)
    bench.driver.answer()
    assert bench.response() == Response.FUNCTION_COMPLETE
    bench.driver.complete(bench.driver.last, bytes(LENGTH))
    assert other.take(DataIn)


# Connections that go


def test_the_driver_answers_after_the_session_is_gone(bench: Bench) -> None:
    bench.read()
    bench.peer.manage(Function.ABORT_TASK_SET)
    bench.stand.pipe(bench.peer).close()
    bench.driver.answer()
    bench.stand.pump()
    assert bench.stand.sessions == []


def test_a_driver_that_never_answers_holds_nothing_up(bench: Bench) -> None:
    bench.read()
    bench.peer.manage(Function.LOGICAL_UNIT_RESET)
    assert bench.peer.ping(b"on")[1] == b"on"
    bench.stand.pipe(bench.peer).close()
    assert bench.stand.sessions == []
    assert bench.stand.login().ping(b"again")[1] == b"again"


@pytest.mark.parametrize("response", [Response.FUNCTION_COMPLETE, Response.FUNCTION_REJECTED])
def test_the_connection_of_a_forwarded_request_goes_and_the_session_stays(bench: Bench, response: Response) -> None:
    """Tasks of the other connections end, or go on, as the driver decides; nobody is told, but nobody is forgotten."""
    further = bench.stand.join(bench.peer)
    further.cmd_sn = bench.peer.cmd_sn
    request = further.command(read10(0, 8), LENGTH)
    bench.peer.cmd_sn = further.cmd_sn
    bench.peer.manage(Function.ABORT_TASK_SET)
    bench.stand.pipe(bench.peer).close()
    bench.driver.answer(response)
    assert further.silent()
    assert bench.driver.complete(bench.scsi_command(request), b"z" * LENGTH) == 0
    if response == Response.FUNCTION_COMPLETE:
        assert further.silent()
    else:
        assert further.take(DataIn)[1] == b"z" * LENGTH
    assert bench.driver.calls[-1] == "cleanup"
    assert not bench.stand.session(further).tasks


def test_the_connection_of_a_waiting_request_goes_and_the_session_stays(bench: Bench) -> None:
    """The function has not been executed and never will be: its tasks go on."""
    further = bench.stand.join(bench.peer)
    further.cmd_sn = bench.peer.cmd_sn
    further.command(write10(0, 8), LENGTH, write=True)
    bench.driver.give(bench.driver.last)
    r2t, _ = further.take(ReadyToTransfer)
    bench.peer.cmd_sn = further.cmd_sn
    bench.peer.manage(Function.ABORT_TASK_SET)
    assert "tmf_execute" not in bench.driver.calls
    bench.stand.pipe(bench.peer).close()
    send_data(further, r2t)
    assert bench.driver.calls[-1] == "data_xfer_status"
    bench.driver.complete(bench.driver.last)
    assert further.take(ScsiResponse)[0].status == 0


def test_answers_that_come_twice_count_once(bench: Bench) -> None:
    bench.read()
    bench.peer.manage(Function.ABORT_TASK_SET)
    ((hndl, *_),) = bench.driver.requests
    for response in (0, 255, 0):
        chiscsi_tmf_execution_done(hndl, response, None)
    assert bench.response() == Response.FUNCTION_COMPLETE
    assert bench.peer.silent()


def test_an_abort_by_the_driver_while_a_function_is_on_its_way(bench: Bench) -> None:
    """The function comes first: nothing is sent for a task that it ends."""
    request = bench.read()
    bench.peer.manage(Function.ABORT_TASK, request)
    assert chiscsi_scsi_cmd_abort(bench.scsi_command(request)) == 0
    assert bench.peer.silent()
    bench.driver.answer()
    assert bench.response() == Response.FUNCTION_COMPLETE
    assert bench.hooks_of(request) == ["cdb_rcved", "abort_status", "cleanup"]
