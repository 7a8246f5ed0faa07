"""Faults by plan: each kind does what it says, to the commands that the plan names and to no other."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from chiscsi_target.api import chiscsi_lun, chiscsi_target_lun_class
from chiscsi_target.api.address_space import AddressSpace
from chiscsi_target.api.lun_class import missing_hooks
from chiscsi_target.api.struct import is_set
from chiscsi_target.drivers import faulty as faulty_driver
from chiscsi_target.drivers.faulty import Fault, FaultKind, FaultyLunClass, faulty_disk, parse_plan
from chiscsi_target.drivers.samples.single_phase import ApiDisk
from initiator_sim import Initiator, Session, Settings
from initiator_sim.task import CommandResult
from iscsi_wire import scsi
from iscsi_wire.scsi import Read10, Write10
from tests.chiscsi_target.stand import NAME, Stand

READ_10, WRITE_10 = 0x28, 0x2A
EINVAL = -26


def driver(*plan: Fault, seed: int = 0) -> FaultyLunClass:
    return FaultyLunClass(ApiDisk(size_mb=1, luns=2), plan, seed)


def session(driver: FaultyLunClass) -> Session:
    stand = Stand(driver=driver)
    settings = Settings(clock=lambda: stand.shell.now, timeout=1.0)
    return Initiator(lambda: stand.shell.connect(stand.node.portals[0]), NAME, settings=settings).login()


def read(session: Session, blocks: int = 2, lun: int = 0) -> CommandResult:
    return session.command(Read10.make(transfer_length=blocks), read=512 * blocks, lun=lun)


def write(session: Session, data: bytes) -> CommandResult:
    return session.command(Write10.make(transfer_length=len(data) // 512), write=data)


def test_an_error_comes_with_its_sense_data() -> None:
    faulty = driver(Fault(FaultKind.ERROR, opcode=READ_10, nth=2, sense=(3, 0x11, 1)))
    initiator = session(faulty)
    results = [read(initiator) for _ in range(3)]
    assert [result.status for result in results] == [0, 2, 0]
    sense = results[1].sense
    assert sense is not None and (sense.key, sense.asc, sense.ascq) == (3, 0x11, 1)
    assert [fault.kind for fault in faulty.injected] == [FaultKind.ERROR]


def test_a_raising_hook_fails_its_own_command() -> None:
    initiator = session(driver(Fault(FaultKind.RAISE, opcode=READ_10, nth=1)))
    assert [read(initiator).status for _ in range(2)] == [2, 0]


@pytest.mark.parametrize("opcode", [READ_10, WRITE_10])
def test_silence_is_for_ever(opcode: int) -> None:
    faulty = driver(Fault(FaultKind.SILENCE, opcode=opcode))
    initiator = session(faulty)
    result = read(initiator) if opcode == READ_10 else write(initiator, bytes(512))
    assert result.status is None
    assert initiator.command(scsi.TestUnitReady()).status == 0
    assert faulty.release() == 0


def test_a_delay_ends_when_it_is_told_to() -> None:
    faulty = driver(Fault(FaultKind.DELAY, opcode=READ_10))
    initiator = session(faulty)
    tasks = [initiator.start(Read10.make(transfer_length=1), read=512) for _ in range(3)]
    initiator.nop()
    assert not faulty.injected
    assert [faulty.release(2), faulty.release(), faulty.release()] == [2, 1, 0]
    assert [task.wait().status for task in tasks] == [0, 0, 0]


def test_a_delay_may_have_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    timers: list[FakeTimer] = []

    class FakeTimer:
        daemon = False

        def __init__(self, seconds: float, call: Callable[[], object]) -> None:
            self.seconds, self.end = seconds, call

        def start(self) -> None:
            timers.append(self)

    monkeypatch.setattr(faulty_driver, "Timer", FakeTimer)
    faulty = driver(*parse_plan("delay:opcode=0x28:seconds=0.5"))
    initiator = session(faulty)
    task = initiator.start(Read10.make(transfer_length=1), read=512)
    assert write(initiator, bytes(512)).status == 0
    assert faulty.release() == 0 and not faulty.injected
    (timer,) = timers
    assert (timer.seconds, timer.daemon) == (0.5, True)
    timer.end()
    assert task.wait().status == 0
    assert [fault.kind for fault in faulty.injected] == [FaultKind.DELAY]


def test_reordered_commands_are_completed_behind_the_next() -> None:
    initiator = session(driver(Fault(FaultKind.REORDER, opcode=READ_10, nth=1)))
    first = initiator.start(Read10.make(transfer_length=1), read=512)
    second = initiator.start(Read10.make(transfer_length=1), read=512)
    ends = [task.wait().header for task in (second, first)]
    assert ends[0] is not None and ends[1] is not None
    assert ends[0].stat_sn < ends[1].stat_sn


def test_a_second_completion_changes_nothing_on_the_wire() -> None:
    faulty = driver(Fault(FaultKind.TWICE, opcode=READ_10))
    initiator = session(faulty)
    assert read(initiator).status == 0
    assert [fault.result for fault in faulty.injected] == [EINVAL]


@pytest.mark.parametrize(
    "kind", [FaultKind.SHORT, FaultKind.LONG, FaultKind.WRONG_OFFSET, FaultKind.NO_BUFFER], ids=str
)
def test_buffers_that_are_refused_are_followed_by_the_right_ones(kind: FaultKind) -> None:
    faulty = driver(Fault(kind))
    initiator = session(faulty)
    data = bytes(range(256)) * 4
    assert write(initiator, data).status == 0
    assert read(initiator).data == data
    assert [fault.result for fault in faulty.injected if fault.result is not None].count(EINVAL) >= 2


@pytest.mark.parametrize("kind", [FaultKind.OVERLAPPING, FaultKind.ZERO_LENGTH], ids=str)
def test_vectors_that_nobody_refuses_are_used(kind: FaultKind) -> None:
    faulty = driver(Fault(kind, opcode=READ_10))
    initiator = session(faulty)
    data = bytes(range(256)) * 4
    assert write(initiator, data).status == 0
    wrong = data[:512] * 2 if kind is FaultKind.OVERLAPPING else data
    assert read(initiator).data == wrong
    assert [fault.result for fault in faulty.injected] == [0]


def test_the_plan_names_the_commands() -> None:
    faulty = driver(Fault(FaultKind.ERROR, lun=1), Fault(FaultKind.ERROR, opcode=WRITE_10, nth=2))
    initiator = session(faulty)
    assert [read(initiator, lun=lun).status for lun in (0, 1)] == [0, 2]
    assert [write(initiator, bytes(512)).status for _ in range(3)] == [0, 2, 0]


def test_the_same_seed_gives_the_same_faults() -> None:
    def tags(seed: int) -> list[int]:
        faulty = driver(Fault(FaultKind.ERROR, opcode=READ_10, chance=0.3), seed=seed)
        initiator = session(faulty)
        for _ in range(30):
            read(initiator)
        return [fault.itt for fault in faulty.injected]

    assert tags(1) == tags(1) != tags(2)
    assert 0 < len(tags(1)) < 30


class Flushing(ApiDisk):
    """A disk with a hook and an address space that the sample does without."""

    def __init__(self) -> None:
        super().__init__(size_mb=1)
        self.address_space = AddressSpace()
        self.flushed: list[chiscsi_lun] = []

    def fp_flush(self, lu: chiscsi_lun) -> int:
        self.flushed.append(lu)
        return -5


def test_what_the_class_behind_it_has_is_there_and_nothing_else() -> None:
    behind = Flushing()
    faulty = FaultyLunClass(behind, [])
    lu = chiscsi_lun(faulty, 0, "disk")
    assert (faulty.class_name, faulty.property) == (behind.class_name, behind.property)
    assert faulty.address_space is behind.address_space
    assert faulty.fp_flush(lu) == -5 and behind.flushed == [lu]
    assert missing_hooks(faulty) == []
    assert is_set(faulty, chiscsi_target_lun_class, "fp_flush")
    assert not is_set(driver(), chiscsi_target_lun_class, "fp_flush")


def test_a_plan_as_text() -> None:
    assert parse_plan("error:opcode=0x28:nth=3:sense=3/11/0; silence:lun=1;reorder:chance=0.5") == [
        Fault(FaultKind.ERROR, opcode=0x28, nth=3, sense=(3, 0x11, 0)),
        Fault(FaultKind.SILENCE, lun=1),
        Fault(FaultKind.REORDER, chance=0.5),
    ]
    assert parse_plan("") == []


@pytest.mark.parametrize(
    "text, word",
    [
        ("explode", "'explode' is no fault"),
        ("error:opcode=x", "opcode=x"),
        ("error:colour=red", "no such condition"),
        ("error:sense=3", "sense=3"),
        ("delay:chance=often", "chance=often"),
    ],
)
def test_a_plan_that_is_none_says_why(text: str, word: str) -> None:
    with pytest.raises(ValueError, match=word):
        parse_plan(text)


def test_the_disk_of_the_command_line() -> None:
    faulty = faulty_disk("error:opcode=0x28:nth=1", size_mb=1)
    assert [read(session(faulty)).status, read(session(faulty)).status] == [2, 0]
