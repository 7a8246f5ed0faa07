"""Long work, a step at a time: commands beside it, its end, and every way in which it can be given up."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from chiscsi_target.api.constants import SC_FLAG_SESS_ABORT, SC_FLAG_TMF_ABORT
from chiscsi_target.api.logical_unit import chiscsi_lun
from chiscsi_target.api.scsi_command import chiscsi_scsi_command
from chiscsi_target.config.target_config import parse_target
from chiscsi_target.core.target_node import TargetNode
from chiscsi_target.drivers.memory import MemoryLunClass
from chiscsi_target.errors import DriverError
from chiscsi_target.scsi.long_work import PIECE
from iscsi_wire.constants import TaskManagementFunction
from iscsi_wire.pdus import ScsiResponse, TaskManagementResponse
from tests.chiscsi_target.fakes import FakeHandle
from tests.chiscsi_target.scsi.rig import BLOCK, READ_ONLY, Rig
from tests.chiscsi_target.shells.server import Server, until

SIZE = 8 * PIECE
PATTERN = bytes(range(256)) * (BLOCK // 256)
WHOLE = bytes.fromhex(f"93 00 {0:016x} {0:08x} 00 00")
NAME = "iqn.2026-11.org.example:long"


class Slow(Rig):
    """A unit that keeps its storage, and whose steps are taken when the test says so."""

    def __init__(self) -> None:
        super().__init__(self.disk(f"size={SIZE}"), self.disk("size=1M", READ_ONLY))
        medium = self.server.units[0].lu.medium
        assert medium is not None
        medium.thin = False  # type: ignore[misc]  # so that WRITE SAME reaches to the end
        self.steps: list[Callable[[], bool]] = []
        self.server.work_by(self.steps.append)

    def begin(self) -> chiscsi_scsi_command:
        """A WRITE SAME of the whole unit that has begun."""
        self.stack.reset(PATTERN)
        scmd = self.stack.command(WHOLE, length=BLOCK, write=True)
        assert self.server.fp_scsi_cmd_cdb_rcved(scmd) == 0
        self.stack.deliver(scmd)
        assert not self.stack.completions
        return scmd

    def written(self) -> int:
        """How much of the unit is not zeros."""
        medium = self.server.units[0].lu.medium
        assert medium is not None
        return sum(1 for offset in range(0, SIZE, PIECE) if any(medium.read(offset, BLOCK))) * PIECE


def test_each_step_writes_a_piece_and_the_last_one_completes_the_command() -> None:
    rig = Slow()
    rig.begin()
    (step,) = rig.steps
    assert rig.written() == 2 * PIECE
    assert [step() for _ in range(6)] == [True] * 6 and rig.written() == SIZE
    completions = [rig.stack.completions, step(), rig.stack.completions]
    assert completions == [0, False, 1]


def test_a_short_one_is_executed_at_once() -> None:
    rig = Slow()
    assert rig.write(f"93 00 {0:016x} {PIECE // BLOCK:08x} 00 00", PATTERN).status == 0
    assert not rig.steps


@pytest.mark.parametrize("flag", [SC_FLAG_SESS_ABORT, SC_FLAG_TMF_ABORT])
def test_a_command_that_was_ended_from_outside_is_let_go_and_takes_no_step(flag: int) -> None:
    rig = Slow()
    scmd = rig.begin()
    scmd.sc_flag |= flag
    assert rig.steps[0]() is False
    assert (rig.stack.aborted, rig.stack.completions, rig.written()) == (1, 0, 2 * PIECE)


def test_the_hook_lets_it_go_at_once() -> None:
    rig = Slow()
    scmd = rig.begin()
    assert rig.server.fp_scsi_cmd_abort(scmd) == 0
    assert rig.stack.aborted == 1
    assert rig.steps[0]() is False
    assert (rig.stack.aborted, rig.stack.completions, rig.written()) == (1, 0, 2 * PIECE)


def test_nothing_is_said_of_a_command_that_is_released() -> None:
    rig = Slow()
    scmd = rig.begin()
    scmd.sc_flag |= SC_FLAG_TMF_ABORT
    rig.server.fp_tmf_execute(1, FakeHandle(), 0, int(TaskManagementFunction.ABORT_TASK), 0, scmd)
    rig.server.fp_scsi_cmd_cleanup(scmd)
    assert rig.steps[0]() is False
    assert (rig.stack.aborted, rig.stack.completions) == (0, 0)


def test_it_ends_with_its_unit() -> None:
    rig = Slow()
    rig.begin()
    rig.server.replace_units([chiscsi_lun(MemoryLunClass(), 0, "other")], portal_group_tag=1)
    assert rig.steps[0]() is False
    assert not rig.stack.completions


@pytest.mark.parametrize(
    ("error", "sense"),
    [(DriverError(0x3, 0x0C, message="planted"), (3, 0x0C, 0)), (ValueError("planted"), (4, 0x44, 0))],
)
def test_a_step_that_fails_fails_the_command(error: Exception, sense: tuple[int, int, int]) -> None:
    rig = Slow()
    scmd = rig.begin()
    medium = rig.server.units[0].lu.medium
    assert medium is not None

    def broken(offset: int, data: object) -> None:
        raise error

    medium.write = broken  # type: ignore[method-assign]
    if isinstance(error, DriverError):
        assert rig.steps[0]() is False
    else:
        with pytest.raises(ValueError, match="planted"):
            rig.steps[0]()
    assert rig.stack.completions == 1
    assert (scmd.sc_sense_key, scmd.sc_sense_asc, scmd.sc_sense_ascq) == sense


# Over TCP, on a unit that would take minutes


@pytest.fixture
def node(server: Server) -> TargetNode:
    device = ("TargetDevice", "huge,MEM,size=4T,NULLRW")
    return server.module.add_target(parse_target([("TargetName", NAME), ("PortalGroup", "1@127.0.0.1:0"), device]))


def test_others_are_served_beside_it(server: Server, node: TargetNode) -> None:
    busy, other = server.login(node, number=1), server.login(node, number=2)
    busy.execute("00 00 00 00 00 00")
    command = busy.command(WHOLE, BLOCK, write=True, data=PATTERN)
    assert other.ping(b"beside")[1] == b"beside"
    other.execute("00 00 00 00 00 00")
    assert other.execute("00 00 00 00 00 00")[0].status == 0
    assert busy.ping(b"behind")[1] == b"behind"
    (worker,) = server.module.directory.workers
    assert len(worker.steps) == 1
    busy.manage(int(TaskManagementFunction.ABORT_TASK), command)
    assert busy.take(TaskManagementResponse, 10.0)[0].response == 0
    until(lambda: not worker.steps)


@pytest.mark.parametrize("function", [TaskManagementFunction.ABORT_TASK_SET, TaskManagementFunction.LOGICAL_UNIT_RESET])
def test_functions_that_end_several_end_it(server: Server, node: TargetNode, function: TaskManagementFunction) -> None:
    busy = server.login(node)
    busy.execute("00 00 00 00 00 00")
    busy.command(WHOLE, BLOCK, write=True, data=PATTERN)
    busy.manage(int(function))
    assert busy.take(TaskManagementResponse, 10.0)[0].response == 0
    (worker,) = server.module.directory.workers
    until(lambda: not worker.steps and not worker.orphans)
    if function == TaskManagementFunction.LOGICAL_UNIT_RESET:
        assert busy.execute("00 00 00 00 00 00")[0].status == 2  # the unit attention of the reset
    assert busy.execute("00 00 00 00 00 00")[0].status == 0


def test_it_ends_with_its_session(server: Server, node: TargetNode) -> None:
    busy = server.login(node)
    busy.execute("00 00 00 00 00 00")
    busy.command(WHOLE, BLOCK, write=True, data=PATTERN)
    busy.ping(b"it runs")
    busy.pipe.reset()  # type: ignore[attr-defined]
    (worker,) = server.module.directory.workers
    until(lambda: not worker.steps and not server.module.directory.registry.sessions)


def test_it_ends_with_its_target(server: Server, node: TargetNode) -> None:
    busy = server.login(node)
    busy.execute("00 00 00 00 00 00")
    busy.command(WHOLE, BLOCK, write=True, data=PATTERN)
    busy.ping(b"it runs")
    server.module.chiscsi_target_remove(None, NAME)
    assert not any(worker.steps for worker in server.module.directory.workers)


def test_a_session_is_given_the_worker_that_works_for_its_target() -> None:
    server = Server(workers=3)
    device = ("TargetDevice", "huge,MEM,size=4T,NULLRW")
    node = server.module.add_target(parse_target([("TargetName", NAME), ("PortalGroup", "1@127.0.0.1:0"), device]))
    try:
        directory = server.module.directory
        steps = iter([True] * 10)
        directory.workers[2].background(node.hooks, lambda: next(steps, True))
        server.login(node).ping(b"x")
        assert directory.workers_for(node.hooks) == [directory.workers[2]]
        assert len(directory.workers[2].connections) == 1
    finally:
        directory.workers[2].steps.clear()
        server.close()


def test_responses_are_as_ever(server: Server) -> None:
    """A unit whose WRITE SAME takes several steps and ends."""
    device = ("TargetDevice", "disk,MEM,size=64M,NULLRW")
    node = server.module.add_target(parse_target([("TargetName", NAME), ("PortalGroup", "1@127.0.0.1:0"), device]))
    busy = server.login(node)
    busy.execute("00 00 00 00 00 00")
    busy.command(WHOLE, BLOCK, write=True, data=PATTERN)
    assert busy.take(ScsiResponse, 10.0)[0].status == 0
