"""A watched command tells of every move, and its machines' tables are what the code really does."""

from __future__ import annotations

import pytest

from chiscsi_target.api import chiscsi_scsi_cmd_execution_status
from chiscsi_target.core.task import CLOSED, EXECUTING, W_XFER, Task
from chiscsi_target.core.task_states import IllegalMove
from chiscsi_target.core.watched_task import WatchedTask
from iscsi_wire.records import StateRecord
from tests.chiscsi_target.bench import LENGTH, Laboratory
from tests.chiscsi_target.scripted import HoldingDriver

PAGE = 512


def moves(lab: Laboratory) -> list[str]:
    """The states that the last command went through."""
    records = [record for record in lab.stand.of_type(StateRecord) if record.machine == "command"]
    return [record.new for record in records if record.event.startswith(f"itt 0x{lab.driver.last.sc_itt:x}: ")]


def test_a_read() -> None:
    lab = Laboratory()
    _, sc = lab.read()
    assert moves(lab) == ["INITIALIZED", "EXE_READY", "EXECUTING"]
    lab.driver.complete(sc, bytes(LENGTH))
    lab.peer.receive()
    assert moves(lab)[3:] == ["R_XFER", "DONE", "CLOSED"]


def test_a_read_that_fails() -> None:
    lab = Laboratory()
    _, sc = lab.read()
    sc.fail(5, 0x24)
    lab.driver.complete(sc)
    lab.peer.receive()
    assert moves(lab)[3:] == ["STATUS", "DONE", "CLOSED"]
    (failed,) = [record for record in lab.stand.of_type(StateRecord) if record.new == "STATUS"]
    assert failed.event == f"itt 0x{sc.sc_itt:x}: status set by driver or stack"


def test_a_write() -> None:
    lab = Laboratory()
    _, sc = lab.write()
    lab.driver.give(sc)
    lab.answer_r2t(bytes(LENGTH))
    lab.driver.complete(sc)
    lab.peer.receive()
    before = ["INITIALIZED", "W_BUFFER_WAIT", "W_BUFFER_READY", "W_XFER", "W_XFER", "EXE_READY", "EXECUTING"]
    assert moves(lab) == [*before, "STATUS", "DONE", "CLOSED"]


def test_the_long_path_of_a_write() -> None:
    """Guide 7.3.5.3: the driver is asked for buffers again."""
    lab = Laboratory(driver=HoldingDriver(multi_phase=True))
    _, sc = lab.write(2 * PAGE)
    for offset in (0, PAGE):
        lab.driver.give(sc, PAGE, offset)
        lab.answer_r2t(bytes(2 * PAGE))
        assert chiscsi_scsi_cmd_execution_status(sc, None, 0, offset, PAGE) == 0
        lab.stand.pump()
    assert moves(lab).count("W_BUFFER_WAIT") == 2 and moves(lab)[-1] == "CLOSED"


@pytest.mark.parametrize("state", [W_XFER, CLOSED])
def test_a_move_that_no_table_has_is_a_fault_of_ours(state: int) -> None:
    lab = Laboratory()
    _, sc = lab.read()
    assert isinstance(sc, WatchedTask)
    with pytest.raises(IllegalMove):
        sc.state = state
    assert sc.state == EXECUTING


def test_without_listener_nothing_is_watched() -> None:
    lab = Laboratory(quiet=True)
    _, sc = lab.read()
    assert type(sc) is Task
    lab = Laboratory(quiet=True, findings=True)
    _, sc = lab.read()
    assert type(sc) is WatchedTask
