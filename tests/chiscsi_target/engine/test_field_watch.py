"""Who may write which field of a command: a driver that writes to the stack's is found out (guide 7.3.5.1)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from chiscsi_target.api import (
    SC_FLAG_IMMEDIATE_CMD,
    SC_FLAG_LUN_ACL_W,
    SC_FLAG_READ,
    SC_FLAG_XFER_OVERFLOW,
    SC_FLAG_XFER_UNDERFLOW,
    FindingKind,
    chiscsi_scsi_cmd_abort,
    chiscsi_scsi_cmd_abort_status,
    chiscsi_scsi_cmd_buffer_ready,
    chiscsi_scsi_cmd_execution_status,
    chiscsi_scsi_command,
)
from chiscsi_target.engine.field_watch import READ_ONLY
from iscsi_wire.pdus import DataIn, ReadyToTransfer, ScsiResponse
from tests.chiscsi_target.bench import LENGTH, Laboratory
from tests.chiscsi_target.scripted import HoldingDriver

EINVAL = -26
Command = chiscsi_scsi_command


def found(lab: Laboratory) -> list[str]:
    """What was found of fields, in order."""
    return [record.text for record in lab.stand.module.findings if record.kind == FindingKind.FIELDS_CHANGED]


def complete(sc: Command, length: int = LENGTH) -> int:
    return chiscsi_scsi_cmd_execution_status(sc, bytearray(length), 0, 0, length)


@pytest.fixture
def lab() -> Laboratory:
    return Laboratory()


@pytest.mark.parametrize("name", READ_ONLY)
def test_a_field_of_the_stack(lab: Laboratory, name: str) -> None:
    """The command goes on as if nothing had happened."""
    request, sc = lab.read()
    setattr(sc, name, b"other" if name == "sc_cmd" else 0x7777)
    assert complete(sc) == 0
    (text,) = found(lab)
    tag = request.initiator_task_tag
    assert text == f"itt 0x{tag:x}: {name} is the stack's, and was changed (chiscsi_scsi_cmd_execution_status)"
    assert lab.stand.module.findings[0].itt == tag and lab.peer.take(DataIn)[0].initiator_task_tag == tag


@pytest.mark.parametrize("name", READ_ONLY)
@pytest.mark.parametrize("write", [False, True])
def test_without_a_watch_the_stack_goes_on(name: str, write: bool) -> None:
    """Nobody looks then; but no driver can keep a command from its end, or a session from its own."""
    lab = Laboratory(quiet=True)
    request, sc = lab.write() if write else lab.read()
    setattr(sc, name, b"other" if name == "sc_cmd" else 0x7777)
    if write:
        lab.driver.give(sc)
        lab.answer_r2t(bytes(LENGTH))
    assert lab.driver.complete(sc, None if write else bytes(LENGTH)) == 0
    kind: type[DataIn | ScsiResponse] = ScsiResponse if write else DataIn
    assert lab.peer.take(kind)[0].initiator_task_tag == request.initiator_task_tag
    lab.stand.pipe(lab.peer).close()
    assert lab.stand.sessions == [] and lab.driver.calls[-1] == "cleanup"


@pytest.mark.parametrize("change", [SC_FLAG_READ, SC_FLAG_IMMEDIATE_CMD, SC_FLAG_LUN_ACL_W])
def test_a_flag_of_the_stack(lab: Laboratory, change: int) -> None:
    """A driver that assigns its flag, rather than adding it, wipes out what the stack has said."""
    _, sc = lab.read()
    sc.sc_flag = sc.sc_flag ^ change | SC_FLAG_XFER_UNDERFLOW
    sc.sc_xfer_len = 512
    assert complete(sc, 512) == 0
    assert len(found(lab)) == 1 and "sc_flag" in found(lab)[0]
    response, _ = lab.peer.take(DataIn)
    assert response.residual_count == LENGTH - 512


def overwrite(sc: Command) -> int:
    sc.sc_itt += 1
    return 0


def overwrite_and_raise(sc: Command) -> int:
    overwrite(sc)
    raise RuntimeError("and now?")


def overwrite_and_refuse(sc: Command) -> int:
    return overwrite(sc) - 1


@pytest.mark.parametrize("hook", [overwrite_and_raise, overwrite_and_refuse])
def test_inside_the_first_hook(lab: Laboratory, hook: Callable[[Command], int]) -> None:
    lab.driver.on_cdb = hook
    request, _ = lab.read()
    response, _ = lab.peer.take(ScsiResponse)
    assert (response.initiator_task_tag, response.status) == (request.initiator_task_tag, 2)
    assert len(found(lab)) == 1


def test_inside_later_hooks(lab: Laboratory) -> None:
    lab.driver.on_data = lab.driver.on_abort = overwrite
    _, sc = lab.write()
    lab.driver.give(sc)
    lab.answer_r2t(bytes(LENGTH))
    assert len(found(lab)) == 1 and "fp_scsi_cmd_data_xfer_status" in found(lab)[0]
    lab.stand.pipe(lab.peer).close()
    assert len(found(lab)) == 2 and "(fp_scsi_cmd_abort)" in found(lab)[1]
    overwrite(sc)
    assert chiscsi_scsi_cmd_abort_status(sc) == 0
    assert len(found(lab)) == 3


def test_a_driver_that_gives_a_command_up(lab: Laboratory) -> None:
    request, sc = lab.read()
    overwrite(sc)
    assert chiscsi_scsi_cmd_abort(sc) == 0
    assert lab.peer.take(ScsiResponse)[0].initiator_task_tag == request.initiator_task_tag
    assert len(found(lab)) == 1


def test_the_drivers_own_fields(lab: Laboratory) -> None:
    """What the guide marks as writeable, and what is of no concern to the stack."""
    _, sc = lab.read()
    own: dict[str, Any] = {"sc_status": 2, "sc_sense_key": 3, "sc_sense_asc": 0x11, "sc_sense_ascq": 1}
    own |= {"sc_response": 0, "sc_sense_buf": b"", "sc_xfer_residualcount": 0, "sc_sdev_hdl": object()}
    for name, value in {**own, "sc_lba": 7, "sc_blk_cnt": 1}.items():
        setattr(sc, name, value)
    assert complete(sc) == 0
    assert found(lab) == []


def test_a_session_that_goes_takes_its_handles_along(lab: Laboratory) -> None:
    """Behaviour file, 1.7: the stack itself clears them of a command that is held."""
    _, sc = lab.read()
    lab.stand.pipe(lab.peer).close()
    assert sc.sc_sess is sc.sc_conn is None
    assert complete(sc) == 0 and found(lab) == []


# The transfer length


@pytest.mark.parametrize("quiet", [False, True])
def test_a_transfer_length_is_not_raised(quiet: bool) -> None:
    """Appendix D: more than the initiator expects is an overflow, whatever the driver wrote; watched or not."""
    lab = Laboratory(("ImmediateData", "No"), quiet=quiet)
    for ask, give in ((lab.read, chiscsi_scsi_cmd_execution_status), (lab.write, chiscsi_scsi_cmd_buffer_ready)):
        _, sc = ask()
        sc.sc_xfer_len = 2 * LENGTH
        assert give(sc, bytearray(2 * LENGTH), 0, 0, 2 * LENGTH) == EINVAL
        assert sc.sc_xfer_len == LENGTH and lab.peer.silent()
        assert give(sc, bytearray(LENGTH), 0, 0, LENGTH) == 0
        pdu, _ = lab.peer.receive()[0]
        assert isinstance(pdu, DataIn | ReadyToTransfer)
    raised = f"sc_xfer_len was raised from {LENGTH} to {2 * LENGTH}"
    assert [raised in text for text in found(lab)] == ([] if quiet else [True, True])


@pytest.mark.parametrize("multi_phase", [False, True])
def test_a_length_that_is_raised_when_a_write_was_executed(multi_phase: bool) -> None:
    """There is no residual then: all that was asked for has been moved."""
    lab = Laboratory(driver=HoldingDriver(multi_phase=multi_phase))
    _, sc = lab.write()
    lab.driver.give(sc)
    lab.answer_r2t(bytes(LENGTH))
    sc.sc_xfer_len = 2 * LENGTH
    assert chiscsi_scsi_cmd_execution_status(sc, None, 0, 0, LENGTH) == 0
    response, _ = lab.peer.take(ScsiResponse)
    assert (response.status, response.residual_count) == (0, 0) and not sc.sc_flag & SC_FLAG_XFER_UNDERFLOW


@pytest.mark.parametrize("flag, count", [(0, 1), (SC_FLAG_XFER_OVERFLOW, 1), (SC_FLAG_XFER_UNDERFLOW, 0)])
def test_a_length_is_lowered_for_an_underflow(lab: Laboratory, flag: int, count: int) -> None:
    """Guide, 7.3.5.1: the flag, the residual count, and the new length go together."""
    _, sc = lab.read()
    sc.sc_flag |= flag
    sc.sc_xfer_len = 512
    assert complete(sc, 512) == 0
    assert len(found(lab)) == count
    assert all("lowered from 4096 to 512 without SC_FLAG_XFER_UNDERFLOW" in text for text in found(lab))
