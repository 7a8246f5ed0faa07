"""What drivers call, whenever they call it: inside the hook, later, twice, too late, from other threads, or never."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from chiscsi_target.api import (
    SC_FLAG_CMD_ABORT,
    SC_FLAG_SESS_ABORT,
    chiscsi_scsi_cmd_abort,
    chiscsi_scsi_cmd_abort_status,
    chiscsi_scsi_cmd_buffer_ready,
    chiscsi_sgvec,
)
from chiscsi_target.shells.memory import MemoryTarget
from iscsi_wire.pdus import DataIn, ReadyToTransfer, ScsiResponse
from iscsi_wire.records import CompletionRecord
from tests.chiscsi_target.bench import Laboratory, send_data
from tests.chiscsi_target.peer import read10, write10
from tests.chiscsi_target.scripted import RamDriver
from tests.chiscsi_target.stand import Stand

EINVAL = -26
CHECK_CONDITION = 2
Work = Callable[[], object]


# When


def test_a_read_completed_later(lab: Laboratory) -> None:
    _, sc = lab.read()
    assert lab.peer.silent()
    assert lab.driver.complete(sc, b"r" * 4096) == 0
    pdu, data = lab.peer.take(DataIn)
    assert (pdu.status_present, pdu.status, data) == (1, 0, b"r" * 4096)
    assert lab.driver.calls == ["cdb_rcved", "data_xfer_status", "cleanup"]


def test_a_write_completed_later(lab: Laboratory) -> None:
    _, sc = lab.write()
    assert lab.peer.silent()
    buffer = lab.driver.give(sc)
    lab.answer_r2t(b"w" * 4096)
    assert lab.peer.silent() and bytes(buffer) == b"w" * 4096
    assert lab.driver.calls == ["cdb_rcved", "data_xfer_status"]
    assert lab.driver.complete(sc) == 0
    assert lab.status() == (0, (0, 0, 0))
    assert lab.driver.calls == ["cdb_rcved", "data_xfer_status", "cleanup"]


def immediately(work: Work) -> None:
    work()


class InAnotherThread:
    """Makes calls in a thread that is over when it returns."""

    def __call__(self, work: Work) -> None:
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()


class Afterwards:
    """Keeps calls until the target has nothing left to do; then makes them, the newest first."""

    def __init__(self) -> None:
        self.waiting: list[Work] = []

    def __call__(self, work: Work) -> None:
        self.waiting.append(work)

    def run(self, shell: MemoryTarget) -> None:
        while self.waiting:
            self.waiting.pop()()
            shell.pump()


@pytest.mark.parametrize("quiet", [True, False])
@pytest.mark.parametrize("way", [immediately, InAnotherThread(), Afterwards()])
def test_a_driver_end_to_end(way: Any, quiet: bool) -> None:
    """Reads and writes of several sizes; whichever way the calls are made, the data are right and nothing is left."""
    driver = RamDriver(way)
    stand = Stand(("MaxBurstLength", "8192"), ("FirstBurstLength", "4096"), driver=driver, quiet=quiet)
    peer = stand.login(("MaxBurstLength", "8192"), ("FirstBurstLength", "4096"))
    for block, length in ((0, 1024), (8, 4096), (32, 24576)):
        data = bytes((block + position) % 253 for position in range(length))
        peer.command(write10(block, length // 512), length, data[:512], write=True)
        sent = 512
        while sent <= length:
            if isinstance(way, Afterwards):
                way.run(stand.shell)
            pdu = peer.receive()[0][0]
            if isinstance(pdu, ScsiResponse):
                assert pdu.status == 0
                break
            assert isinstance(pdu, ReadyToTransfer) and pdu.buffer_offset == sent
            sent += pdu.desired_data_transfer_length
            for offset in range(pdu.buffer_offset, sent, 4096):
                end = min(offset + 4096, sent)
                number = (offset - pdu.buffer_offset) // 4096
                send_data(peer, pdu, data[offset:end], buffer_offset=offset, data_sn=number, final=int(end == sent))
        assert driver.medium[block * 512 : block * 512 + length] == data
        peer.command(read10(block, length // 512), length)
        if isinstance(way, Afterwards):
            way.run(stand.shell)
        assert b"".join(piece for _, piece in peer.receive()) == data
    names = [name for name, _ in driver.events]
    assert names.count("cdb_rcved") == names.count("cleanup") == 6
    for tag in {tag for _, tag in driver.events}:
        assert [name for name, of in driver.events if of == tag] == ["cdb_rcved", "data_xfer_status", "cleanup"]
    assert not stand.session(peer).tasks


def test_out_of_order() -> None:
    lab = Laboratory()
    commands = [lab.read(512) for _ in range(4)]
    for request, sc in reversed(commands):
        lab.driver.complete(sc, request.initiator_task_tag.to_bytes(512))
    answers = lab.peer.receive()
    assert [pdu.initiator_task_tag for pdu, _ in answers] == [  # type: ignore[attr-defined]  # Data-In
        request.initiator_task_tag for request, _ in reversed(commands)
    ]


def test_without_listener_nothing_is_different() -> None:
    lab = Laboratory(quiet=True)
    _, sc = lab.read()
    lab.driver.complete(sc, b"q" * 4096)
    assert lab.peer.take(DataIn)[1] == b"q" * 4096
    assert lab.stand.records == []


# Too often, too late, in the wrong state


def test_a_second_completion_is_refused_and_harms_nothing(lab: Laboratory) -> None:
    _, sc = lab.read()
    assert lab.driver.complete(sc, b"1" * 4096) == 0
    assert lab.driver.complete(sc, b"2" * 4096) == EINVAL
    assert lab.peer.take(DataIn)[1] == b"1" * 4096
    assert lab.driver.complete(sc, b"3" * 4096) == EINVAL
    assert lab.peer.silent()
    assert lab.driver.calls.count("cleanup") == 1
    assert "chiscsi_scsi_cmd_execution_status: itt 0x1001, not expected in state EXECUTING." in lab.stand.log
    assert "chiscsi_scsi_cmd_execution_status: itt 0x1001, not expected in state CLOSED." in lab.stand.log


def test_buffers_for_a_read_are_refused(lab: Laboratory) -> None:
    _, sc = lab.read()
    vectors = [chiscsi_sgvec(bytearray(4096), 4096)]
    assert chiscsi_scsi_cmd_buffer_ready(sc, vectors, 1, 0, 4096) == EINVAL
    assert lab.driver.complete(sc, bytes(4096)) == 0
    assert lab.peer.take(DataIn)


def test_a_second_buffer_in_single_phase_mode_is_refused(lab: Laboratory) -> None:
    _, sc = lab.write()
    lab.driver.give(sc)
    vectors = [chiscsi_sgvec(bytearray(4096), 4096)]
    assert chiscsi_scsi_cmd_buffer_ready(sc, vectors, 1, 4096, 4096) == EINVAL
    lab.answer_r2t(b"w" * 4096)
    lab.driver.complete(sc)
    assert lab.status()[0] == 0


def test_a_write_completed_before_its_data_came_is_refused(lab: Laboratory) -> None:
    _, sc = lab.write()
    lab.driver.give(sc)
    assert lab.driver.complete(sc) == EINVAL
    lab.answer_r2t(b"w" * 4096)
    assert lab.driver.complete(sc) == 0
    assert lab.status()[0] == 0


@pytest.mark.parametrize("function", [chiscsi_scsi_cmd_abort, chiscsi_scsi_cmd_abort_status])
def test_calls_for_a_dead_command_harm_nobody(lab: Laboratory, function: Callable[..., int]) -> None:
    _, sc = lab.read()
    lab.driver.complete(sc, bytes(4096))
    lab.peer.receive()
    assert function(sc) in (0, EINVAL)
    lab.stand.pump()
    assert lab.driver.calls.count("cleanup") == 1 and lab.peer.silent()


# Status


def test_status_and_sense_are_the_drivers(lab: Laboratory) -> None:
    _, sc = lab.read()
    sc.fail(3, 0x11, 4)
    assert lab.driver.complete(sc) == 0
    assert lab.status() == (CHECK_CONDITION, (3, 0x11, 4))


def test_with_a_status_no_buffer_is_checked(lab: Laboratory) -> None:
    _, sc = lab.write()
    sc.sc_status = 0x08
    assert chiscsi_scsi_cmd_buffer_ready(sc, None, 99, 7, 1) == 0
    assert lab.status()[0] == 0x08


def test_an_iscsi_response_other_than_success(lab: Laboratory) -> None:
    _, sc = lab.read()
    sc.sc_response = 1
    assert lab.driver.complete(sc, bytes(4096)) == 0
    answers = lab.peer.receive()
    response = answers[-1][0]
    assert isinstance(response, ScsiResponse)
    assert (response.response, response.status, response.exp_data_sn) == (1, 0, 0)


# The driver asks for an abort


def test_a_driver_gives_a_command_up(lab: Laboratory) -> None:
    """Behaviour file, 4.3: CHECK CONDITION, and `fp_scsi_cmd_abort_status` in place of `data_xfer_status`."""
    request, sc = lab.write()
    sc.sc_sdev_hdl = "mine"
    buffer = lab.driver.give(sc)
    lab.peer.take(ReadyToTransfer)
    assert chiscsi_scsi_cmd_abort(sc) == 0
    assert lab.status() == (CHECK_CONDITION, (0x0B, 0x0C, 0))
    assert lab.driver.calls == ["cdb_rcved", "abort_status", "cleanup"]
    ((lun, cmd_sn, itt, sgcnt, buf, handle),) = lab.driver.abort_statuses
    assert (lun, cmd_sn, itt, sgcnt, handle) == (0, request.cmd_sn, request.initiator_task_tag, 1, "mine")
    assert buf[0].sg_addr is buffer
    assert sc.sc_flag & SC_FLAG_CMD_ABORT


def test_a_driver_gives_a_read_up_with_sense_of_its_own(lab: Laboratory) -> None:
    _, sc = lab.read()
    sc.sc_sense_key, sc.sc_sense_asc = 4, 0x44
    assert chiscsi_scsi_cmd_abort(sc) == 0
    assert lab.status() == (CHECK_CONDITION, (4, 0x44, 0))
    assert lab.driver.abort_statuses == [(0, 1, 0x1001, 0, None, None)]
    assert lab.driver.complete(sc, bytes(4096)) == EINVAL


def test_a_driver_gives_a_read_up(lab: Laboratory) -> None:
    _, sc = lab.read()
    sc.sc_status = 0x28
    assert chiscsi_scsi_cmd_abort(sc) == 0
    response, data = lab.peer.take(ScsiResponse)
    assert response.status == 0x28 and data == b""


def test_late_data_for_a_command_that_was_given_up_are_swallowed(lab: Laboratory) -> None:
    _, sc = lab.write()
    buffer = lab.driver.give(sc)
    r2t, _ = lab.peer.take(ReadyToTransfer)
    chiscsi_scsi_cmd_abort(sc)
    lab.status()
    send_data(lab.peer, r2t, b"late" * 1024)
    assert lab.peer.silent()
    assert bytes(buffer) == bytes(4096)


def test_a_hook_that_raises_where_nothing_can_fail_is_logged(lab: Laboratory) -> None:
    def explode(*_: Any) -> int:
        raise ZeroDivisionError("in a hook")

    lab.driver.on_abort_status = explode
    _, sc = lab.read()
    assert chiscsi_scsi_cmd_abort(sc) == 0
    assert lab.status()[0] == CHECK_CONDITION
    assert lab.driver.calls == ["cdb_rcved", "abort_status", "cleanup"]
    assert "ZeroDivisionError: in a hook" in lab.stand.log


# Sessions that end


def test_a_completion_after_the_session_is_gone(lab: Laboratory) -> None:
    _, held = lab.read()
    lab.stand.pipe(lab.peer).close()
    assert lab.driver.calls == ["cdb_rcved", "abort"]
    assert held.sc_flag & SC_FLAG_SESS_ABORT
    assert lab.driver.complete(held, bytes(4096)) == 0
    lab.stand.pump()
    assert lab.driver.calls == ["cdb_rcved", "abort", "cleanup"]
    assert lab.driver.complete(held, bytes(4096)) == EINVAL


def test_the_abort_answered_inside_its_hook(lab: Laboratory) -> None:
    lab.driver.on_abort = chiscsi_scsi_cmd_abort_status
    lab.read()
    lab.stand.pipe(lab.peer).close()
    assert lab.driver.calls == ["cdb_rcved", "abort", "cleanup"]


def test_a_command_that_is_never_completed_holds_nothing_up(lab: Laboratory) -> None:
    lab.read()
    assert lab.peer.ping(b"others go on")[1] == b"others go on"
    lab.stand.pipe(lab.peer).close()
    assert lab.stand.sessions == []
    again = lab.stand.login()
    assert again.ping(b"again")[1] == b"again"


# Records


def test_completions_are_recorded(lab: Laboratory) -> None:
    _, sc = lab.write()
    lab.driver.give(sc)
    lab.answer_r2t(bytes(4096))
    lab.driver.complete(sc)
    lab.status()
    made = [(record.name, record.arguments) for record in lab.stand.of_type(CompletionRecord)]
    assert made == [
        ("chiscsi_scsi_cmd_buffer_ready", "itt 0x1001, sgcnt 1, 0+4096, status 0x00"),
        ("chiscsi_scsi_cmd_execution_status", "itt 0x1001, sgcnt 0, 0+4096, status 0x00"),
    ]
