"""Data-Out that arrived together are one `Burst` when nobody looks; whoever looks, and without a card, it is the same.

Each script goes three ways: with a card that completes bursts at once, with one whose every message is recorded, and
without. What the initiator gets, what is in the driver's memory, and what was counted has to be the same.
"""

from __future__ import annotations

from typing import Any, Final, TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chiscsi_target.api import chiscsi_scsi_cmd_abort_status
from chiscsi_target.core.adapter import Burst
from chiscsi_target.core.task import Task
from chiscsi_target.offload.terminator import Offload
from chiscsi_target.offload.ulp_connection import UlpConnection
from iscsi_wire.constants import TaskManagementFunction as Function
from iscsi_wire.framing import Frame
from iscsi_wire.pdus import DataOut, Pdu, ReadyToTransfer, TaskManagementRequest
from tests.chiscsi_target.offload.ground import Offloaded, make, pattern

K: Final = 1024
PAGES: Final = 16
LENGTH: Final = PAGES * 4 * K
SEGMENT: Final = 12000
KEYS: Final = (
    ("ImmediateData", "No"),
    ("InitialR2T", "Yes"),
    ("FirstBurstLength", "4096"),
    ("MaxBurstLength", str(48 * K)),
)
PLAIN, WATCHED, AT_ONCE = "plain", "watched", "at once"
WAYS: Final[dict[str, dict[str, Any]]] = {
    PLAIN: {"offload": Offload.OFF},
    WATCHED: {},
    AT_ONCE: {"quiet": True},
}


class Write:
    """One write over one way, up to its first R2T."""

    def __init__(self, way: str, *, kind: str = "page", refuses: bool = False) -> None:
        self.ground = Offloaded(*KEYS, **WAYS[way])
        self.ground.driver.on_abort = (lambda _: 0) if refuses else chiscsi_scsi_cmd_abort_status
        self.peer = self.ground.peer
        self.request, self.sc = self.ground.write(LENGTH)
        self.buffers = [make(self.ground.space, kind, 4 * K) for _ in range(PAGES)]
        self.ground.give(self.sc, *self.buffers)
        (self.r2t,) = self.ground.r2ts()
        self.data = pattern(LENGTH)

    def pdu(self, number: int, last: bool, **fields: Any) -> bytes:
        """The Data-Out of the first burst with this number, each field of it as one likes."""
        start = number * SEGMENT
        length = fields.pop("length", min(SEGMENT, self.r2t.desired_data_transfer_length - start))
        known: dict[str, Any] = {
            "lun": self.r2t.lun,
            "initiator_task_tag": self.r2t.initiator_task_tag,
            "target_transfer_tag": self.r2t.target_transfer_tag,
            "data_sn": number,
            "buffer_offset": start,
            "final": int(last),
        }
        known |= {name: known[name] + more for name, more in fields.items()}
        return self.peer.octets(DataOut.make(**known), self.data[start : start + length])

    def abort(self) -> bytes:
        """A request to abort the write."""
        fields = {"function": Function.ABORT_TASK, "immediate": 1, "initiator_task_tag": self.peer.tag()}
        fields |= {"referenced_task_tag": self.request.initiator_task_tag, "ref_cmd_sn": self.request.cmd_sn}
        fields |= {"cmd_sn": self.peer.cmd_sn, "exp_stat_sn": self.peer.exp_stat_sn}
        return self.peer.octets(TaskManagementRequest.make(**fields))

    def outcome(self) -> tuple[object, ...]:
        """What the initiator got, with tags left out, which are each way's own; the memory; octets counted."""
        while self.ground.driver.requests:
            self.ground.driver.answer(5)
        self.ground.stand.pump()
        answers = [_without_tags(pdu) for pdu, _ in self.peer.receive()]
        counters = self.ground.stand.connection(self.peer).counters if not self.peer.closed else None
        memory = [bytes(buffer.memory) for buffer in self.buffers]
        return answers, memory, counters and counters.write_bytes, self.ground.driver.calls

    def counts(self) -> tuple[int, ...]:
        """What the card counted."""
        ulp = self.ground.ulp
        return ulp.ddp_pass, ulp.ddp_fail, ulp.placed, ulp.copied, ulp.coalesced, ulp.pods_in_use


def _without_tags(pdu: Pdu) -> Pdu:
    if isinstance(pdu, ReadyToTransfer):
        pdu.target_transfer_tag = 0
    return pdu


def three_ways(script: Any, **how: Any) -> dict[str, Write]:
    """Run a script of one write each way; the outcomes have to be equal."""
    writes = {way: Write(way, **how) for way in WAYS}
    outcomes = {}
    for way, write in writes.items():
        write.peer.pipe.send(script(write))
        outcomes[way] = write.outcome()
    assert outcomes[AT_ONCE] == outcomes[WATCHED] == outcomes[PLAIN]
    if not writes[AT_ONCE].peer.closed:
        assert writes[AT_ONCE].counts() == writes[WATCHED].counts()
    return writes


@pytest.fixture
def whole(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many PDUs each burst stands for that the host took whole."""
    counts: list[int] = []
    take = UlpConnection.take

    def taken(ulp: UlpConnection, frame: Frame, task: Task) -> None:
        if isinstance(frame, Burst):
            counts.append(frame.count)
        take(ulp, frame, task)

    monkeypatch.setattr(UlpConnection, "take", taken)
    return counts


@pytest.mark.parametrize("kind", ["page", "dmable", "region"])
def test_a_whole_burst(whole: list[int], kind: str) -> None:
    writes = three_ways(lambda write: b"".join(write.pdu(number, number == 4) for number in range(5)), kind=kind)
    assert whole == [5]
    assert writes[AT_ONCE].counts() == (5, 0, 48 * K, 0, 1, 4)


@pytest.mark.parametrize(
    ("cut", "taken"), [(1, 5), (48, 4), (49, 4), (5000, 5), (12047, 5), (12048, 5), (12049, 5), (24200, 5), (48300, 5)]
)
def test_a_burst_in_two_parts(whole: list[int], cut: int, taken: int) -> None:
    """The rest of a PDU is received in its place, when that is worth it."""
    outcomes = []
    for way in WAYS:
        write = Write(way)
        octets = b"".join(write.pdu(number, number == 4) for number in range(5))
        write.peer.pipe.send(octets[:cut])
        write.peer.pipe.send(octets[cut:])
        outcomes.append(write.outcome())
    assert outcomes[0] == outcomes[1] == outcomes[2]
    assert sum(whole) == taken


@pytest.mark.parametrize(
    ("numbers", "fields", "taken"),
    [
        ((0, 1, 2, 3, 4), {2: {"data_sn": 1}}, [2]),
        ((0, 1, 2, 3, 4), {2: {"buffer_offset": 4}}, [2]),
        ((0, 1, 2, 3, 4), {2: {"lun": 1 << 48}}, [2]),
        ((0, 1, 2, 3, 4), {2: {"initiator_task_tag": 77}}, [2]),
        ((0, 1, 2, 3, 4), {2: {"target_transfer_tag": 1}}, [2]),
        ((0, 1, 2, 3, 4), {2: {"final": 1}}, []),
        ((0, 1, 2, 3, 4), {4: {"final": -1}}, [5]),
        ((0, 1, 2, 3, 4), {2: {"length": 0}}, [2]),
        ((0, 1, 2, 3, 4), {2: {"length": 11999}}, [2]),
        ((0, 1, 2, 3, 4), {4: {"length": 2000}}, []),
        ((1, 2, 3, 4), {}, []),
        ((0, 2, 1, 3, 4), {}, [1]),
        ((0, 1, 1, 2, 3, 4), {}, [2]),
        ((0, 1, 2, 3), {}, [4]),
    ],
)
def test_a_burst_with_something_wrong(
    whole: list[int], numbers: tuple[int, ...], fields: dict[int, dict[str, int]], taken: list[int]
) -> None:
    """The PDU that is wrong costs what it costs without a card: the command, or a Reject for each."""
    script = lambda write: b"".join(write.pdu(n, n == 4, **fields.get(n, {})) for n in numbers)  # noqa: E731
    three_ways(script)
    assert whole == taken


@pytest.mark.parametrize("refuses", [False, True])
@pytest.mark.parametrize("at", range(6))
def test_an_abort_in_the_middle_of_a_burst(at: int, refuses: bool) -> None:
    """What comes behind it belongs to a command that is over, or that goes on after all."""

    def script(write: Write) -> bytes:
        pdus = [write.pdu(number, number == 4) for number in range(5)]
        return b"".join([*pdus[:at], write.abort(), *pdus[at:]])

    three_ways(script, refuses=refuses)


wrong = st.sampled_from(
    [
        {"data_sn": 1},
        {"data_sn": 9},
        {"buffer_offset": 4},
        {"buffer_offset": 12000},
        {"lun": 1 << 48},
        {"final": 1},
        {"target_transfer_tag": 64},
        {"initiator_task_tag": 9},
        {"length": 300},
        {"length": 0},
    ]
)
Step: TypeAlias = "tuple[int | None, dict[str, int]]"
steps: st.SearchStrategy[list[Step]] = st.lists(
    st.one_of(
        st.tuples(st.integers(0, 4), st.just({})),
        st.tuples(st.integers(0, 3), wrong),
        st.tuples(st.none(), st.just({})),
    ),
    max_size=3,
)


@settings(max_examples=60)
@given(before=steps, at=st.integers(0, 5), between=steps, refuses=st.booleans())
def test_whatever_comes_in_whatever_order(
    before: list[Step],
    at: int,
    between: list[Step],
    refuses: bool,
) -> None:
    def octets(write: Write, plan: list[Step]) -> list[bytes]:
        return [write.abort() if n is None else write.pdu(n, n == 4, **fields) for n, fields in plan]

    def script(write: Write) -> bytes:
        burst = [write.pdu(number, number == 4) for number in range(5)]
        return b"".join([*octets(write, before), *burst[:at], *octets(write, between), *burst[at:]])

    three_ways(script, refuses=refuses)
