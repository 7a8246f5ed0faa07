"""Hooks that raise or refuse: their own command fails, with the right sense, and nothing else does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from chiscsi_target.api import chiscsi_scsi_command
from chiscsi_target.errors import DriverError
from iscsi_wire.pdus import DataIn, ReadyToTransfer, ScsiCommand, ScsiResponse
from iscsi_wire.records import LogRecord
from tests.chiscsi_target.bench import Laboratory, send_data

Hook = Callable[[chiscsi_scsi_command], int]
HARDWARE_ERROR = (4, 0x44, 0)


def raising(error: Exception, first: Hook | None = None) -> Hook:
    """A hook that raises, perhaps after it has done something."""

    def hook(sc: chiscsi_scsi_command) -> int:
        if first is not None:
            first(sc)
        raise error

    return hook


def still_alive(lab: Laboratory) -> bool:
    lab.driver.on_cdb = lambda sc: lab.driver.complete(sc, bytes(512))
    lab.peer.command("28" + "00" * 9, 512)
    return isinstance(lab.peer.take(DataIn)[0], DataIn)


@pytest.mark.parametrize(
    "error, sense, logged",
    [
        (DriverError(3, 0x11, 4, "bad sector"), (3, 0x11, 4), "fp_scsi_cmd_cdb_rcved: bad sector"),
        (DriverError(2, 4), (2, 4, 0), "sense 02/04/00"),
        (ValueError("oops"), HARDWARE_ERROR, "ValueError: oops"),
        (NotImplementedError(), HARDWARE_ERROR, "NotImplementedError"),
    ],
)
@pytest.mark.parametrize("write", [True, False])
def test_cdb_rcved_raises(
    lab: Laboratory, error: Exception, sense: tuple[int, int, int], logged: str, write: bool
) -> None:
    lab.driver.on_cdb = raising(error)
    if write:
        lab.write()
    else:
        lab.read()
    assert lab.status() == (2, sense)
    assert logged in lab.stand.log
    assert ("Traceback" in lab.stand.log) == (not isinstance(error, DriverError))
    assert lab.driver.calls == ["cdb_rcved", "cleanup"]
    assert still_alive(lab)


def test_cdb_rcved_raises_after_it_completed(lab: Laboratory) -> None:
    """What was completed stands; the exception is only logged."""
    lab.driver.on_cdb = raising(ValueError("late"), lambda sc: lab.driver.complete(sc, b"d" * 4096))
    lab.read()
    assert lab.peer.take(DataIn)[1] == b"d" * 4096
    assert "ValueError: late" in lab.stand.log and lab.driver.calls[-1] == "cleanup"


@pytest.mark.parametrize("write, sense", [(True, (3, 0x0C, 0)), (False, (3, 0x11, 0))])
def test_cdb_rcved_refuses(lab: Laboratory, write: bool, sense: tuple[int, int, int]) -> None:
    """Behaviour file, 3.3 and 3.4: a sense for the direction, unless the driver has set a status."""
    lab.driver.on_cdb = lambda _: -26
    if write:
        lab.write()
    else:
        lab.read()
    assert lab.status() == (2, sense)


def test_cdb_rcved_refuses_with_a_status_of_its_own(lab: Laboratory) -> None:
    def refuse(sc: chiscsi_scsi_command) -> int:
        sc.sc_status = 0x18
        return -1

    lab.driver.on_cdb = refuse
    lab.read()
    assert lab.status()[0] == 0x18


def test_cdb_rcved_refuses_after_it_completed(lab: Laboratory) -> None:
    def complete_and_refuse(sc: chiscsi_scsi_command) -> int:
        lab.driver.complete(sc, b"d" * 4096)
        return -1

    lab.driver.on_cdb = complete_and_refuse
    lab.read()
    assert lab.peer.take(DataIn)[1] == b"d" * 4096


@pytest.mark.parametrize("error, sense", [(DriverError(3, 0x0C), (3, 0x0C, 0)), (KeyError("medium"), HARDWARE_ERROR)])
def test_data_xfer_status_of_a_write_raises(lab: Laboratory, error: Exception, sense: tuple[int, int, int]) -> None:
    lab.driver.on_data = raising(error)
    _, sc = lab.write()
    lab.driver.give(sc)
    send_data(lab.peer, lab.peer.take(ReadyToTransfer)[0])
    assert lab.status() == (2, sense)
    assert lab.driver.calls == ["cdb_rcved", "data_xfer_status", "cleanup"]


def test_data_xfer_status_of_a_read_raises(lab: Laboratory) -> None:
    """The read is over: there is nothing left to fail, and the cleanup follows all the same."""
    lab.driver.on_data = raising(OSError("too late"))
    _, sc = lab.read()
    lab.driver.complete(sc, bytes(4096))
    assert lab.peer.take(DataIn)
    assert lab.driver.calls == ["cdb_rcved", "data_xfer_status", "cleanup"]
    assert "OSError: too late" in lab.stand.log


@pytest.mark.parametrize("hook", ["on_abort", "on_cleanup"])
def test_abort_and_cleanup_raise(lab: Laboratory, hook: str) -> None:
    setattr(lab.driver, hook, raising(RuntimeError("at the end")))
    _, sc = lab.read()
    lab.stand.pipe(lab.peer).close()
    lab.driver.complete(sc, bytes(4096))
    lab.stand.pump()
    assert lab.driver.calls == ["cdb_rcved", "abort", "cleanup"]
    errors = [record for record in lab.stand.of_type(LogRecord) if record.level == 0]
    assert len(errors) == 1 and "RuntimeError: at the end" in errors[0].text
    assert lab.stand.login().ping(b"on")[1] == b"on"


def test_the_driver_sees_what_the_pdu_says(lab: Laboratory) -> None:
    request = lab.peer.command("12" + "00" * 5, 96, attr=3, lun=5 << 48)
    sc = lab.driver.last
    seen: dict[str, Any] = {name: getattr(sc, name) for name in ("sc_lun", "sc_itt", "sc_CmdSN", "sc_xfer_len")}
    assert seen == {
        "sc_lun": 5,
        "sc_itt": request.initiator_task_tag,
        "sc_CmdSN": request.cmd_sn,
        "sc_xfer_len": 96,
    }
    assert (sc.sc_cmd[0], sc.sc_cmdlen, sc.sc_flag & 0x7FF, sc.sc_attribute) == (0x12, 16, 1, 3)
    assert str(sc.sc_ieps.taddr if sc.sc_ieps else "") == "127.0.0.1:3260"


def test_an_extended_cdb_reaches_the_driver_whole(lab: Laboratory) -> None:
    ahs = bytes((0, 1 + 16, 1, 0)) + bytes(range(16))
    request = lab.peer.nop_out()  # only for its numbers
    command = ScsiCommand.make(final=1, initiator_task_tag=9, cmd_sn=request.cmd_sn, cdb=b"\x7f" + bytes(15))
    lab.peer.send(command, b"", ahs)
    assert lab.driver.last.sc_cmd == b"\x7f" + bytes(15) + bytes(range(16))
    assert lab.driver.last.sc_cmdlen == 32
    lab.driver.complete(lab.driver.last)
    assert lab.peer.take(ScsiResponse)


@pytest.mark.parametrize("result", [None, "fine"])
def test_a_result_that_is_no_number_fails_the_command_and_nothing_else(lab: Laboratory, result: Any) -> None:
    lab.driver.on_cdb = lambda sc: result
    lab.read()
    assert lab.status() == (2, HARDWARE_ERROR)
    assert "fp_scsi_cmd_cdb_rcved raised: Traceback" in lab.stand.log
    assert still_alive(lab)
