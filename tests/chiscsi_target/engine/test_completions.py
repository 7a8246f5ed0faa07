"""What drivers call, whenever they call it: inside the hook, later, twice, too late, from other threads, or never."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from chiscsi_target.api import (
    SC_FLAG_CMD_ABORT,
    SC_FLAG_SESS_ABORT,
    SC_FLAG_XFER_OVERFLOW,
    SC_FLAG_XFER_UNDERFLOW,
    chiscsi_scsi_cmd_abort,
    chiscsi_scsi_cmd_abort_status,
    chiscsi_scsi_cmd_buffer_ready,
    chiscsi_scsi_cmd_execution_status,
    chiscsi_scsi_command,
    chiscsi_sgvec,
)
from chiscsi_target.shells.memory import MemoryTarget
from iscsi_wire.pdus import DataIn, DataOut, ReadyToTransfer, ScsiCommand, ScsiResponse
from iscsi_wire.records import CompletionRecord
from tests.chiscsi_target.peer import Peer, read10, write10
from tests.chiscsi_target.scripted import HoldingDriver, RamDriver
from tests.chiscsi_target.stand import Stand

EINVAL = -26
CHECK_CONDITION = 2
Work = Callable[[], object]


class Laboratory:
    """A holding driver with one session."""

    def __init__(self, *keys: tuple[str, str], quiet: bool = False) -> None:
        self.driver = HoldingDriver()
        self.stand = Stand(*keys, driver=self.driver, quiet=quiet)
        self.peer = self.stand.login(*keys)

    def write(self, length: int = 4096, data: bytes = b"", **fields: int) -> tuple[ScsiCommand, chiscsi_scsi_command]:
        request = self.peer.command(write10(0, length // 512), length, data, write=True, **fields)
        return request, self.driver.last

    def read(self, length: int = 4096) -> tuple[ScsiCommand, chiscsi_scsi_command]:
        request = self.peer.command(read10(0, length // 512), length)
        return request, self.driver.last

    def answer_r2t(self, data: bytes) -> ReadyToTransfer:
        """Send what the one R2T that came asks for."""
        r2t, _ = self.peer.take(ReadyToTransfer)
        piece = data[r2t.buffer_offset : r2t.buffer_offset + r2t.desired_data_transfer_length]
        send_data(self.peer, r2t, piece)
        return r2t

    def status(self) -> tuple[int, tuple[int, int, int]]:
        """Status and sense codes of the one SCSI Response that came."""
        response, data = self.peer.take(ScsiResponse)
        return response.status, (data[4] & 0xF, data[14], data[15]) if data else (0, 0, 0)


def send_data(peer: Peer, r2t: ReadyToTransfer, data: bytes, **fields: int) -> None:
    """Answer an R2T by one Data-Out."""
    known = {"final": 1, "lun": r2t.lun, "initiator_task_tag": r2t.initiator_task_tag}
    known |= {"target_transfer_tag": r2t.target_transfer_tag, "buffer_offset": r2t.buffer_offset}
    peer.send(DataOut.make(**known | fields), data)


@pytest.fixture
def lab() -> Laboratory:
    return Laboratory()


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


# Buffers


def test_wrong_buffers_are_refused_and_the_driver_may_try_again(lab: Laboratory) -> None:
    _, sc = lab.write()
    vectors = [chiscsi_sgvec(bytearray(4096), 4096)]
    for sgcnt, offset, length in ((0, 0, 4096), (1, 0, 4097), (1, 0, 4095), (1, 512, 3584), (2, 0, 4096)):
        if (sgcnt, offset, length) != (2, 0, 4096):
            assert chiscsi_scsi_cmd_buffer_ready(sc, vectors, sgcnt, offset, length) == EINVAL
    assert chiscsi_scsi_cmd_buffer_ready(sc, None, 1, 0, 4096) == EINVAL
    assert lab.peer.silent()
    lab.driver.give(sc)
    lab.answer_r2t(bytes(4096))
    lab.driver.complete(sc)
    assert lab.status()[0] == 0
    assert "chiscsi_scsi_cmd_buffer_ready: itt 0x1001, data buf NULL, 0+4096/4096." in lab.stand.log
    assert "chiscsi_scsi_cmd_buffer_ready: itt 0x1001, buf overflow, 4096!=0+4097." in lab.stand.log


def test_a_refused_execution_status_says_in_which_state(lab: Laboratory) -> None:
    _, sc = lab.read()
    assert chiscsi_scsi_cmd_execution_status(sc, None, 0, 0, 4096) == EINVAL
    assert "itt 0x1001, flag 0x1, state 3, check buffer -26." in lab.stand.log
    assert repr(sc) in lab.stand.log
    assert lab.driver.complete(sc, bytes(4096)) == 0


@pytest.mark.parametrize(
    "vectors, message",
    [
        ([chiscsi_sgvec(None, 4096, sg_flag=1, sg_dma_addr=0x1000)], "sg_flag 0x1, sg_addr NULL, Cannot copy data!"),
        ([chiscsi_sgvec(bytearray(100), 4096)], "the vector's memory has 100 octets"),
        ([chiscsi_sgvec(bytes(4096), 4096)], "the buffer of a write is read-only."),
    ],
)
def test_a_write_into_memory_that_is_not_there_fails(
    lab: Laboratory, vectors: list[chiscsi_sgvec], message: str
) -> None:
    """Behaviour file, 5.3: the call is right, the data path fails; the driver is told, and the initiator too."""
    _, sc = lab.write()
    assert chiscsi_scsi_cmd_buffer_ready(sc, vectors, 1, 0, 4096) == 0
    assert lab.status() == (CHECK_CONDITION, (3, 0x0C, 0))
    assert message in lab.stand.log
    assert lab.driver.calls == ["cdb_rcved", "abort", "cleanup"]
    assert sc.sc_flag & SC_FLAG_CMD_ABORT


def test_a_read_from_memory_that_is_not_there_fails(lab: Laboratory) -> None:
    _, sc = lab.read()
    assert chiscsi_scsi_cmd_execution_status(sc, [chiscsi_sgvec(None, 4096)], 1, 0, 4096) == 0
    assert lab.status() == (CHECK_CONDITION, (3, 0x11, 0))
    assert lab.driver.calls == ["cdb_rcved", "abort", "data_xfer_status", "cleanup"]
    assert lab.peer.ping(b"alive")[1] == b"alive"


def test_a_write_executed_in_part_has_a_residual(lab: Laboratory) -> None:
    """Check 8b: the flag is set, and the command goes on to its end."""
    _, sc = lab.write()
    lab.driver.give(sc)
    lab.answer_r2t(bytes(4096))
    assert chiscsi_scsi_cmd_execution_status(sc, None, 0, 0, 1024) == 0
    response, _ = lab.peer.take(ScsiResponse)
    assert (response.underflow, response.overflow, response.residual_count) == (1, 0, 3072)
    assert "buf underflow, 4096!=0+1024." in lab.stand.log


def test_more_than_was_given_back_cannot_have_been_executed(lab: Laboratory) -> None:
    """Check 9 refuses the call; what 8a would have noted is not noted then."""
    _, sc = lab.write()
    lab.driver.give(sc)
    lab.answer_r2t(bytes(4096))
    assert chiscsi_scsi_cmd_execution_status(sc, None, 0, 0, 4097) == EINVAL
    assert "4096!=0+4097." in lab.stand.log and "0+4097 > current sgl 0+4096." in lab.stand.log
    assert not sc.sc_flag & (SC_FLAG_XFER_OVERFLOW | SC_FLAG_XFER_UNDERFLOW)
    lab.driver.complete(sc)
    assert lab.status()[0] == 0


# Without data


def test_a_command_without_data(lab: Laboratory) -> None:
    lab.peer.command("00")
    assert chiscsi_scsi_cmd_execution_status(lab.driver.last, None, 0, 0, 0) == 0
    response, _ = lab.peer.take(ScsiResponse)
    assert (response.status, response.exp_data_sn, response.residual_count) == (0, 0, 0)


def test_a_read_without_data_to_give(lab: Laboratory) -> None:
    """Behaviour file, 3.7."""
    _, sc = lab.read(512)
    sc.sc_flag |= SC_FLAG_XFER_UNDERFLOW
    sc.sc_xfer_residualcount, sc.sc_xfer_len = 512, 0
    assert chiscsi_scsi_cmd_execution_status(sc, None, 0, 0, 0) == 0
    response, _ = lab.peer.take(ScsiResponse)
    assert (response.status, response.underflow, response.residual_count) == (0, 1, 512)


def test_a_write_of_nothing(lab: Laboratory) -> None:
    lab.peer.command(write10(0, 0), 0, write=True)
    assert chiscsi_scsi_cmd_execution_status(lab.driver.last, None, 0, 0, 0) == 0
    assert lab.status()[0] == 0
    assert lab.driver.calls == ["cdb_rcved", "cleanup"]


def test_a_write_of_nothing_with_a_buffer_first(lab: Laboratory) -> None:
    lab.peer.command(write10(0, 0), 0, write=True)
    assert chiscsi_scsi_cmd_buffer_ready(lab.driver.last, b"", 0, 0, 0) == 0
    assert lab.peer.silent()
    assert chiscsi_scsi_cmd_execution_status(lab.driver.last, None, 0, 0, 0) == 0
    assert lab.status()[0] == 0


def test_a_write_of_nothing_completed_in_the_same_hook_as_its_buffer(lab: Laboratory) -> None:
    """The module loses the second call; the model does not (behaviour file, 3.7)."""

    def both(sc: chiscsi_scsi_command) -> int:
        assert chiscsi_scsi_cmd_buffer_ready(sc, b"", 0, 0, 0) == 0
        return chiscsi_scsi_cmd_execution_status(sc, None, 0, 0, 0)

    lab.driver.on_cdb = both
    lab.peer.command(write10(0, 0), 0, write=True)
    assert lab.status()[0] == 0


def test_a_write_whose_driver_has_no_buffer_to_give_ends() -> None:
    """W_BUFFER_WAIT, `execution_status`: the command is over (behaviour file, 3.4); it is not offered again."""
    lab = Laboratory(("InitialR2T", "No"))
    _, sc = lab.write()
    assert chiscsi_scsi_cmd_execution_status(sc, None, 0, 0, 0) == 0
    response, _ = lab.peer.take(ScsiResponse)
    assert (response.status, response.underflow, response.residual_count) == (0, 1, 4096)
    assert lab.driver.calls == ["cdb_rcved", "cleanup"]


def test_unsolicited_data_are_awaited_before_the_status() -> None:
    """RFC 7143, 7.8 and 11.17.1 in spirit: the data that were announced are taken in first."""
    lab = Laboratory(("InitialR2T", "No"))
    request, sc = lab.write(final=0)
    sc.fail(5, 0x20)
    assert chiscsi_scsi_cmd_execution_status(sc, None, 0, 0, 0) == 0
    assert lab.peer.silent()
    tags = {"initiator_task_tag": request.initiator_task_tag, "target_transfer_tag": 0xFFFFFFFF}
    lab.peer.send(DataOut.make(final=1, **tags), bytes(4096))
    assert lab.status() == (CHECK_CONDITION, (5, 0x20, 0))


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
