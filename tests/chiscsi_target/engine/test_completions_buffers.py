"""Buffers that drivers give with their calls, wrong ones and none at all."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from chiscsi_target.api import (
    SC_FLAG_CMD_ABORT,
    SC_FLAG_XFER_OVERFLOW,
    SC_FLAG_XFER_UNDERFLOW,
    chiscsi_scsi_cmd_abort_status,
    chiscsi_scsi_cmd_buffer_ready,
    chiscsi_scsi_cmd_execution_status,
    chiscsi_scsi_command,
    chiscsi_sgvec,
)
from iscsi_wire.constants import RESERVED_TAG
from iscsi_wire.pdus import DataOut, ScsiResponse
from tests.chiscsi_target.bench import LENGTH, Laboratory
from tests.chiscsi_target.peer import write10

EINVAL = -26
CHECK_CONDITION = 2
Work = Callable[[], object]


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


def test_a_buffer_short_of_a_page_is_spoken_of_and_copied(lab: Laboratory) -> None:
    """Guide, Appendix D: it is no error, only slower."""
    _, sc = lab.write(8192)
    parts = [bytearray(2048), bytearray(3072), bytearray(3072)]
    vectors = [chiscsi_sgvec(sg_page=part, sg_length=len(part)) for part in parts]
    assert chiscsi_scsi_cmd_buffer_ready(sc, vectors, 3, 0, 8192) == 0
    assert "2/3, len 3072 xferoff 0 NOT full pages" in lab.stand.log
    data = bytes(range(256)) * 32
    lab.answer_r2t(data)
    assert b"".join(parts) == data


def test_a_refused_execution_status_says_in_which_state(lab: Laboratory) -> None:
    _, sc = lab.read()
    assert chiscsi_scsi_cmd_execution_status(sc, None, 0, 0, 4096) == EINVAL
    assert f"itt 0x1001, flag 0x{sc.sc_flag:x}, state 3, check buffer -26." in lab.stand.log
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
    """Behaviour file, 5.3 and 4.1: the call is right, the data path fails; the driver is told, then the initiator."""
    _, sc = lab.write()
    assert chiscsi_scsi_cmd_buffer_ready(sc, vectors, 1, 0, 4096) == 0
    assert lab.peer.silent()
    assert [held.itt for held in lab.stand.module.held_commands()] == [sc.sc_itt]
    assert chiscsi_scsi_cmd_abort_status(sc) == 0
    assert lab.status() == (CHECK_CONDITION, (3, 0x0C, 0))
    assert message in lab.stand.log
    assert lab.driver.calls == ["cdb_rcved", "abort", "cleanup"]
    assert sc.sc_flag & SC_FLAG_CMD_ABORT


def test_a_read_from_memory_that_is_not_there_fails(lab: Laboratory) -> None:
    _, sc = lab.read()
    lab.driver.on_abort = chiscsi_scsi_cmd_abort_status
    assert chiscsi_scsi_cmd_execution_status(sc, [chiscsi_sgvec(None, 4096)], 1, 0, 4096) == 0
    assert lab.status() == (CHECK_CONDITION, (3, 0x11, 0))
    assert lab.driver.calls == ["cdb_rcved", "abort", "cleanup"]
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


def test_a_buffer_for_a_write_that_the_stack_has_failed_goes_back() -> None:
    """The initiator's data were wrong before the driver had called: the driver cannot know, and gets the abort hook."""
    lab = Laboratory(("InitialR2T", "No"))
    request, sc = lab.write(final=0)
    tags = {"initiator_task_tag": request.initiator_task_tag, "target_transfer_tag": RESERVED_TAG}
    lab.peer.send(DataOut.make(final=1, buffer_offset=0, data_sn=7, **tags), bytes(LENGTH))
    lab.driver.give(sc)
    lab.stand.pump()
    assert lab.driver.calls == ["cdb_rcved", "abort", "cleanup"]
    assert lab.status() == (2, (0x0B, 0x47, 0x05))
