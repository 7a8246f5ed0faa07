"""The scenarios of a LUN class: each one function, which tries one thing and leaves judgement to trial and ledger."""

from __future__ import annotations

import gc
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType
from typing import TYPE_CHECKING, Final

from chiscsi_target.api import chiscsi_sgvec
from conformance.contract.trial import Trial, pattern
from initiator_sim.evidence import Received
from initiator_sim.outcomes import ExpectationFailed
from iscsi_wire.constants import ScsiStatus, TaskManagementFunction
from iscsi_wire.pdus import TaskManagementRequest, TaskManagementResponse
from iscsi_wire.scsi import Inquiry, Read10, TestUnitReady, Write10

if TYPE_CHECKING:
    from initiator_sim.session import Session

SIZES: Final = (1, 2, 7, 8, 9, 16, 64, 128, 256, 2048)
"""Blocks of a transfer: one, a page and its neighbours, bursts, a mebibyte."""
KIB: Final = 1024
LARGE: Final = 64 * KIB
_NONE: Final = {"InitialR2T": "Yes", "ImmediateData": "No"}
_REPEATS: Final = 24


class NotTried(Exception):
    """The class has no use for this scenario; the message says why."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """One thing to try: its identifier, what it is in words, and how."""

    name: str
    title: str
    run: Callable[[Trial], None]


def reads_and_writes(trial: Trial) -> None:
    """Write and read back transfers of every size."""
    _round_trips(trial, {})


def small_bursts(trial: Trial) -> None:
    """The same in bursts of 512 octets, asked for one by one."""
    keys = {**_NONE, "MaxBurstLength": "512", "FirstBurstLength": "512", "MaxOutstandingR2T": "1"}
    _round_trips(trial, keys, SIZES[:6])


def unsolicited_data(trial: Trial) -> None:
    """The same with immediate and unsolicited data, which come before there is a buffer."""
    _round_trips(trial, {"InitialR2T": "No", "ImmediateData": "Yes"}, SIZES[:8])


def _round_trips(trial: Trial, keys: dict[str, str], sizes: tuple[int, ...] = SIZES) -> None:
    session = trial.login(keys=keys)
    for number, count in enumerate(sizes):
        if count * 2 > trial.blocks:
            break
        data = pattern(count * trial.block, number)
        trial.write(session, number, data)
        trial.compare(data, trial.read(session, number, len(data)), f"{len(data)} octets at block {number}")


def no_data(trial: Trial) -> None:
    """Commands that move nothing."""
    session = trial.login()
    trial.good(session.command(TestUnitReady()), "TEST UNIT READY")
    for cdb in (Read10.make(logical_block_address=0), Write10.make(logical_block_address=0)):
        trial.good(session.command(cdb), f"{type(cdb).__name__} of no block")


def residuals(trial: Trial) -> None:
    """Initiators that expect more, or less, than their CDB says."""
    session = trial.login(keys=_NONE)
    block, data = trial.block, pattern(4 * trial.block, 5)
    trial.write(session, 0, data)
    for cdb, transfer, difference in (
        (trial.read_cdb(0, block), {"read": 2 * block}, -block),
        (trial.read_cdb(0, 2 * block), {"read": block}, block),
        (trial.write_cdb(0, block), {"write": data[: 2 * block]}, -block),
        (trial.write_cdb(0, 2 * block), {"write": data[:block]}, block),
    ):
        what = f"{type(cdb).__name__} of {cdb.transfer_length} blocks, {difference:+} octets"
        try:
            result = session.command(cdb, **transfer)
        except ExpectationFailed as failure:
            trial.bench.ledger.note("residual", f"{what}: {failure.observed}")
            return
        if result.status == ScsiStatus.CHECK_CONDITION:
            continue  # a driver may refuse what it need not do
        trial.good(result, what)
        if result.residual != difference:
            trial.bench.ledger.note("residual", f"{what}: residual {result.residual:+} was reported")
    trial.compare(data, trial.read(session, 0, len(data)), "after transfers of odd lengths")


def refusals(trial: Trial) -> None:
    """Commands that cannot be executed."""
    session = trial.login()
    beyond = min(trial.blocks, 4294967295)
    if trial.blocks <= 0xFFFFFFFF:
        trial.refused(
            session.command(trial.read_cdb(beyond, trial.block), read=trial.block), "READ(10) beyond the end", (5, 0x21)
        )
        trial.refused(
            session.command(trial.write_cdb(beyond, trial.block), write=bytes(trial.block)),
            "WRITE(10) beyond the end",
            (5, 0x21),
        )
    trial.refused(session.command(b"\xff" + bytes(15)), "an unknown command", (5, 0x20))
    absent = max(trial.luns) + 1
    trial.refused(session.command(TestUnitReady(), lun=absent), "TEST UNIT READY to a LUN that is none", (5, 0x25))
    answer = session.command(Inquiry(allocation_length=36), read=36, lun=absent)
    if answer.status == ScsiStatus.GOOD and answer.received and answer.data[0] >> 5 == 0:
        trial.bench.ledger.note("sense", "INQUIRY of a LUN that is none says that there is a device")


def units(trial: Trial) -> None:
    """Two LUNs, written with different data."""
    if len(trial.luns) < 2:
        raise NotTried("one LUN")
    session = trial.login()
    first, second = trial.luns[:2]
    one, other = pattern(8 * trial.block, 1), pattern(8 * trial.block, 2)
    trial.write(session, 0, one, lun=first)
    trial.write(session, 0, other, lun=second)
    for lun, data in ((first, one), (second, other)):
        trial.compare(data, trial.read(session, 0, len(data), lun=lun), f"LUN {lun}", "units")


def many_at_once(trial: Trial) -> None:
    """Several commands at a time, of different lengths and in both directions."""
    session = trial.login(keys=_NONE)
    pieces = [pattern((2 * number + 1) * trial.block, number) for number in range(8)]
    starts = [64 * number for number in range(8)]
    if starts[-1] + 16 > trial.blocks:
        raise NotTried("the disk is too small")
    for task in [trial.start_write(session, start, data) for start, data in zip(starts, pieces, strict=True)]:
        trial.good(task.wait(), "one of several writes")
    tasks = [
        session.start(trial.read_cdb(at, len(data)), read=len(data)) for at, data in zip(starts, pieces, strict=True)
    ]
    for task, data, at in zip(tasks, pieces, starts, strict=True):
        result = task.wait()
        trial.good(result, "one of several reads")
        trial.compare(data, result.data, f"one of several commands, at block {at}")


def abort_write(trial: Trial) -> None:
    """ABORT TASK of a write that waits for its data."""
    _end_write(trial, TaskManagementFunction.ABORT_TASK)


def abort_task_set(trial: Trial) -> None:
    """ABORT TASK SET with a write that waits for its data."""
    _end_write(trial, TaskManagementFunction.ABORT_TASK_SET)


def reset_unit(trial: Trial) -> None:
    """LOGICAL UNIT RESET with a write that waits for its data."""
    _end_write(trial, TaskManagementFunction.LOGICAL_UNIT_RESET)


def reset_target(trial: Trial) -> None:
    """TARGET WARM RESET with a write that waits for its data."""
    _end_write(trial, TaskManagementFunction.TARGET_WARM_RESET)


def _end_write(trial: Trial, function: TaskManagementFunction) -> None:
    session = trial.login(keys=_NONE)
    task = trial.start_write(session, 0, pattern(LARGE, 3))
    r2t = task.next_r2t()
    if function == TaskManagementFunction.ABORT_TASK:
        session.task_management(function, task=task)
    else:
        session.send(TaskManagementRequest, function=function, immediate=1, lun=task.lun)
        task.serve(r2t)  # RFC 7143, 4.2.3.3: the target waits for the data that it asked for
        _await_answer(session)
    session.close()
    trial.bench.await_driver()
    trial.served(function.name, keys=_NONE)


def _await_answer(session: Session) -> None:
    connection = session.connection
    event = connection.take(lambda pdu: isinstance(pdu.header, TaskManagementResponse), None)
    if not isinstance(event, Received):
        raise connection.failed("Task Management Function Response", event)


def abort_halfway(trial: Trial) -> None:
    """ABORT TASK of a write, half of whose data have come."""
    session = trial.login(keys={**_NONE, "MaxBurstLength": "8192", "MaxOutstandingR2T": "1"})
    task = trial.start_write(session, 0, pattern(LARGE, 4))
    for _ in range(3):
        task.serve(task.next_r2t())
    session.task_management(TaskManagementFunction.ABORT_TASK, task=task)
    session.close()
    trial.bench.await_driver()
    trial.served("ABORT TASK in the middle of the data", keys=_NONE)


def abort_read(trial: Trial) -> None:
    """ABORT TASK right behind a read."""
    session = trial.login()
    task = session.start(trial.read_cdb(0, LARGE), read=LARGE)
    session.task_management(TaskManagementFunction.ABORT_TASK, task=task)
    session.close()
    trial.bench.await_driver()
    trial.served("ABORT TASK of a read")


def loss_of_session(trial: Trial) -> None:
    """A connection that breaks while writes wait for their data, and a read was just asked for."""
    session = trial.login(keys=_NONE)
    for number in range(4):
        trial.start_write(session, 256 * number, pattern(LARGE, number)).next_r2t()
    session.start(trial.read_cdb(0, LARGE), read=LARGE)
    session.close()
    trial.bench.await_driver()
    trial.served("the loss of a session")


def loss_halfway(trial: Trial) -> None:
    """A connection that breaks in the middle of a write's data."""
    session = trial.login(keys={**_NONE, "MaxBurstLength": "4096", "MaxOutstandingR2T": "1"})
    task = trial.start_write(session, 0, pattern(LARGE, 8))
    for _ in range(5):
        task.serve(task.next_r2t())
    session.close()
    trial.bench.await_driver()
    trial.served("the loss of a session in the middle of the data")


def two_sessions(trial: Trial) -> None:
    """Two initiators, one of which resets the logical unit."""
    one, other = trial.login(keys=_NONE), trial.login(1, _NONE)
    trial.start_write(one, 0, pattern(LARGE, 6)).next_r2t()
    other.task_management(TaskManagementFunction.LOGICAL_UNIT_RESET)
    trial.bench.await_driver()
    trial.served("another initiator's LOGICAL UNIT RESET", number=2)


def buffers_let_go(trial: Trial) -> None:
    """Many commands one after the other: their buffers must not stay."""
    ledger = trial.bench.ledger
    session = trial.login()
    data = pattern(16 * trial.block, 7)
    ledger.keep_vectors = True
    for number in range(_REPEATS):
        trial.write(session, number, data)
        trial.read(session, number, len(data))
    session.close()
    trial.bench.await_driver()
    ledger.keep_vectors = False
    alive = _alive(ledger.vectors)
    if alive >= _REPEATS:
        ledger.note("freed", f"after {2 * _REPEATS} commands {alive} vectors that were returned are still referred to")


def _alive(vectors: list[chiscsi_sgvec]) -> int:
    """How many of these vectors somebody still refers to, beside one another: the stack chains those of a phase."""
    gc.collect()
    distinct = list({id(vector): vector for vector in vectors}.values())
    vectors.clear()
    return sum(any(_keeps(one, distinct) for one in gc.get_referrers(vector)) for vector in distinct)


def _keeps(referrer: object, ours: list[chiscsi_sgvec]) -> bool:
    return referrer is not ours and not isinstance(referrer, chiscsi_sgvec | FrameType)


SCENARIOS: Final = (
    Scenario("reads-and-writes", "Transfers of every size make the round trip", reads_and_writes),
    Scenario("small-bursts", "The same in bursts of 512 octets", small_bursts),
    Scenario("unsolicited-data", "The same with data that come before there is a buffer", unsolicited_data),
    Scenario("no-data", "Commands that move nothing", no_data),
    Scenario("residuals", "Initiators that expect more or less than they ask for", residuals),
    Scenario("refusals", "Commands that cannot be executed", refusals),
    Scenario("units", "Two LUNs keep their own data", units),
    Scenario("many-at-once", "Several commands at a time", many_at_once),
    Scenario("abort-write", "ABORT TASK of a write that waits for data", abort_write),
    Scenario("abort-halfway", "ABORT TASK in the middle of a write's data", abort_halfway),
    Scenario("abort-read", "ABORT TASK of a read", abort_read),
    Scenario("abort-task-set", "ABORT TASK SET", abort_task_set),
    Scenario("reset-unit", "LOGICAL UNIT RESET", reset_unit),
    Scenario("reset-target", "TARGET WARM RESET", reset_target),
    Scenario("two-sessions", "A reset by another initiator", two_sessions),
    Scenario("loss-of-session", "A connection breaks with commands outstanding", loss_of_session),
    Scenario("loss-halfway", "A connection breaks in the middle of a write's data", loss_halfway),
    Scenario("buffers-let-go", "Buffers are let go of", buffers_let_go),
)
"""In the order in which they are tried: what others build on comes first."""
