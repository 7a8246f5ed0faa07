"""Any writes over any connections: with the card and without it, the same statuses and the same memory; nothing leaks.

A plan is made from a seed and then carried out with each setting, so that a failure can be played again by its seed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from chiscsi_target.api import (
    chiscsi_scsi_cmd_abort,
    chiscsi_scsi_cmd_abort_status,
    chiscsi_scsi_cmd_buffer_ready,
    chiscsi_scsi_cmd_execution_status,
    chiscsi_scsi_command,
)
from chiscsi_target.api.sgvec import SgList
from chiscsi_target.offload.terminator import Offload
from iscsi_wire.constants import TaskManagementFunction as Function
from iscsi_wire.pdus import ReadyToTransfer, ScsiCommand, ScsiResponse
from tests.chiscsi_target.offload.ground import Buffer, Offloaded, data_out, make
from tests.chiscsi_target.peer import ISID, Peer, write10

KEYS = (
    ("MaxOutstandingR2T", "4"),
    ("MaxBurstLength", "16384"),
    ("FirstBurstLength", "8192"),
    ("InitialR2T", "No"),
)
DIGESTS = {False: (), True: (("HeaderDigest", "CRC32C"), ("DataDigest", "CRC32C"))}
PEERS = 3


@dataclass
class Write:
    """A write as it was planned: its data, and the buffers that its driver gives, phase by phase."""

    data: bytes
    immediate: int
    phases: list[list[tuple[str, int, int]]]
    ahead: int
    end: str
    buffers: list[Buffer] = field(default_factory=list)
    given: int = 0
    status: int | None = None
    request: ScsiCommand | None = None
    sc: chiscsi_scsi_command | None = None


def plan_write(random: Random, multi_phase: bool) -> Write:
    page = random.choice([4096, 8192])
    kinds = ["dmable", "page", "region", "virtual"]
    kind = random.choice(kinds)
    first = random.choice([page, 512, page - 512])
    shapes = [(kind, first, (-first % page) if kind != "dmable" else 0)]
    shapes += [(kind, page, 0) for _ in range(random.randrange(6))]
    shapes.append((kind, random.choice([512, page]), 0))
    if random.random() < 0.4:
        # Something that no page can be.
        odd = (random.choice(kinds), random.choice([512, 1024, 12288]), random.choice([0, 512]))
        shapes.insert(random.randrange(len(shapes)), odd)
    length = sum(length for _, length, _ in shapes)
    cuts = sorted(random.sample(range(1, len(shapes)), min(random.randrange(3), len(shapes) - 1)))
    phases = [shapes[start:end] for start, end in pairwise([0, *cuts, len(shapes)])] if multi_phase else [shapes]
    immediate = random.choice([0, 0, min(length, 4096)])
    end = random.choice(["good"] * 6 + ["driver aborts", "initiator aborts", "refused"])
    return Write(random.randbytes(length), immediate, phases, random.randint(1, 3), end)


class Session:
    """The plan, carried out over one kind of adapter."""

    def __init__(self, seed: int, offload: Offload) -> None:
        random = self.random = Random(seed)
        multi_phase = random.random() < 0.5
        quiet = random.random() < 0.5
        self.ground = Offloaded(*KEYS, multi_phase=multi_phase, offload=offload, workers=2, quiet=quiet)
        self.writes = [plan_write(random, multi_phase) for _ in range(12)]
        self.segment = random.choice([512, 4096, 8192, 15000])
        self.peers: list[Peer] = [self.ground.peer]
        for number in range(1, PEERS):
            digests = DIGESTS[random.random() < 0.5]
            self.peers.append(self.log_in(number, *digests))
        driver = self.ground.driver
        driver.on_data = self.filled
        driver.on_abort = chiscsi_scsi_cmd_abort_status
        self.of: dict[chiscsi_scsi_command, Write] = {}
        self.waiting: dict[int, list[ReadyToTransfer]] = {number: [] for number in range(PEERS)}

    def log_in(self, number: int, *digests: tuple[str, str]) -> Peer:
        return self.ground.stand.login(*KEYS, *digests, isid=ISID[:5] + bytes((number + 1,)))

    # The driver

    def give(self, write: Write) -> None:
        """Hand over as many phases as the driver is ahead."""
        sc = write.sc
        assert sc is not None
        returned = sum(1 for done in self.ground.driver.returned if done[0] in self.lists(write))
        while write.given < min(len(write.phases), returned + write.ahead) and sc.sc_flag & 0x2:
            buffers = [make(self.ground.space, *shape) for shape in write.phases[write.given]]
            offset = sum(len(buffer.memory) for buffer in write.buffers)
            write.buffers += buffers
            write.given += 1
            vectors = [buffer.vector for buffer in buffers]
            length = sum(vector.sg_length for vector in vectors)
            assert chiscsi_scsi_cmd_buffer_ready(sc, vectors, len(vectors), offset, length) == 0

    def lists(self, write: Write) -> list[SgList]:
        """The vector lists of a write that came back, told by their first vectors."""
        mine = {id(buffer.vector) for buffer in write.buffers}
        return [buf for buf, *_ in self.ground.driver.returned if isinstance(buf, list) and id(buf[0]) in mine]

    def filled(self, sc: chiscsi_scsi_command) -> int:
        """Execute what came back, and give what comes next."""
        write = self.of.get(sc)
        if write is None or sc.sc_status:
            return 0
        _, _, offset, length = self.ground.driver.returned[-1]
        end = offset + length
        assert b"".join(buffer.memory for buffer in write.buffers)[offset:end] == write.data[offset:end]
        self.give(write)
        assert chiscsi_scsi_cmd_execution_status(sc, None, 0, offset, length) == 0
        return 0

    # The initiators

    def run(self) -> None:
        """Start the writes in turn, and answer R2Ts in between; end with all of them over."""
        random = self.random
        choices = list(self.steps(random))
        for step in choices:
            step_name, number, *rest = step
            getattr(self, step_name)(number, *rest)
        for number in range(PEERS):
            while self.pending(number):
                self.answer(number, 0, 0)
        for write in self.writes:
            if write.end != "dropped":
                assert write.status is not None

    def steps(self, random: Random) -> Iterator[tuple[Any, ...]]:
        for index in range(len(self.writes)):
            yield "start", random.randrange(PEERS), index
            for _ in range(random.randrange(5)):
                yield "answer", random.randrange(PEERS), random.randrange(4), random.choice([0, 700, 5000, 9000])
        if random.random() < 0.5:
            yield "drop", random.randrange(1, PEERS)

    def start(self, number: int, index: int) -> None:
        write, peer = self.writes[index], self.peers[number]
        length = len(write.data)
        write.request = peer.command(write10(index, 1), length, write.data[: write.immediate], write=True)
        write.sc = self.ground.driver.last
        self.of[write.sc] = write
        self.give(write)
        self.ground.stand.pump()
        self.take(number)
        if write.status is not None:
            return
        if write.end == "driver aborts":
            chiscsi_scsi_cmd_abort(write.sc)
        elif write.end in ("initiator aborts", "refused"):
            refuse = write.end == "refused"
            if refuse:
                self.ground.driver.on_abort = lambda _: 0
            peer.manage(Function.ABORT_TASK, write.request)
            while self.ground.driver.requests:
                self.ground.driver.answer(5 if refuse else 0)
            self.ground.driver.on_abort = chiscsi_scsi_cmd_abort_status
            if not refuse:
                write.status = -1
        self.take(number)

    def take(self, number: int) -> None:
        for pdu, _ in self.peers[number].receive():
            if isinstance(pdu, ReadyToTransfer):
                self.waiting[number].append(pdu)
            elif isinstance(pdu, ScsiResponse):
                self.find(pdu.initiator_task_tag, number).status = pdu.status

    def find(self, itt: int, number: int) -> Write:
        for write in reversed(self.writes):
            if write.request is not None and write.request.initiator_task_tag == itt and self.mine(write, number):
                return write
        raise AssertionError(f"a response for 0x{itt:x}, which nobody sent")

    def mine(self, write: Write, number: int) -> bool:
        connection = self.ground.stand.connection(self.peers[number])
        return write.sc is not None and write.sc.sc_conn == connection.handle

    def pending(self, number: int) -> bool:
        self.take(number)
        return bool(self.waiting[number])

    def answer(self, number: int, which: int, cut: int) -> None:
        """Answer one R2T by Data-Out, in pieces of `cut` octets or at once; it may be that of a write that is over."""
        if not self.pending(number):
            return
        waiting, peer = self.waiting[number], self.peers[number]
        r2t = waiting.pop(which % len(waiting))
        write = self.find(r2t.initiator_task_tag, number)
        octets = b"".join(data_out(peer, r2t, write.data, self.segment))
        for start in range(0, len(octets), cut or len(octets)):
            peer.pipe.send(octets[start : start + (cut or len(octets))])
        self.take(number)

    def drop(self, number: int) -> None:
        """The connection is gone, in the middle of a PDU if one is due."""
        peer = self.peers[number]
        if self.pending(number):
            r2t = self.waiting[number][0]
            write = self.find(r2t.initiator_task_tag, number)
            peer.pipe.send(data_out(peer, r2t, write.data, self.segment)[0][:-100])
        for write in self.writes:
            if self.mine(write, number) and write.status is None:
                write.end = "dropped"
        self.waiting[number].clear()
        self.ground.stand.pipe(peer).reset()
        self.peers[number] = self.log_in(number)

    def memory(self) -> list[bytes | None]:
        """What the buffers hold of each write that went well."""
        return [
            b"".join(buffer.memory for buffer in write.buffers) if write.status == 0 else None for write in self.writes
        ]

    def end(self) -> None:
        for peer in self.peers:
            self.ground.stand.pipe(peer).close()


@settings(max_examples=40)
@given(seed=st.integers(0, 1 << 32))
def test_with_the_card_and_without_it(seed: int) -> None:
    ran = {}
    for offload in (Offload.OFF, Offload.ULP):
        session = ran[offload] = Session(seed, offload)
        session.run()
        for write, memory in zip(session.writes, session.memory(), strict=True):
            assert memory is None or memory == write.data
            assert write.status == 0 or write.end not in ("good", "refused")
        session.end()
    plain, offloaded = ran.values()
    assert [write.status for write in offloaded.writes] == [write.status for write in plain.writes]
    assert offloaded.memory() == plain.memory()
    assert offloaded.ground.nothing_is_left()
    cleaned = offloaded.ground.driver.calls.count("cleanup")
    assert cleaned == len(offloaded.writes) == plain.ground.driver.calls.count("cleanup")


def test_these_sessions_place_and_copy_and_lose_connections() -> None:
    """Or the property above would say little."""
    placed = copied = dropped = aborted = 0
    for seed in range(12):
        session = Session(seed, Offload.ULP)
        seen = list(session.ground.card.connections.values())
        session.run()
        placed += sum(ulp.placed for ulp in seen)
        copied += sum(ulp.copied for ulp in seen)
        dropped += sum(write.end == "dropped" for write in session.writes)
        aborted += sum(write.status not in (0, None) for write in session.writes)
        session.end()
    assert placed > 100_000 and copied > 100_000 and dropped > 0 and aborted > 5
