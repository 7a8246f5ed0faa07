"""A scripted driver behind the emulated adapter, and its writes: what these cases have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from chiscsi_target.api.address_space import AddressSpace
from conformance.api import ReadyToTransfer, Received, Session, Task, expect
from conformance.driver_bench import DriverBench
from conformance.driver_bench.card import Card
from conformance.driver_bench.pages import Kind, Pages, Shape, make_pages
from conformance.suites.blocks import pattern

NODE = {"MaxRecvDataSegmentLength": "15912"}
"""The node takes PDUs as long as the card can: only long ones are received where they belong, octet by octet."""
KEYS = {"MaxBurstLength": "262144", "FirstBurstLength": "65536"}
DIGESTS = {"HeaderDigest": "CRC32C,None", "DataDigest": "CRC32C,None"}
"""Keys of a node that takes digests."""
PLACEABLE: list[Kind] = ["addr-dmable", "page", "region", "dma", "dma-mapped", "dma-page"]
COPYABLE: list[Kind] = ["addr", "addr-dmable", "page", "region", "dma-mapped", "dma-page"]
"""Kinds of memory that data can be copied to."""
GUIDES_EXAMPLE: list[Shape] = [
    [(4096, 4096), (0, 8192), (0, 8192)],
    [(0, 8192)] * 4,
    [(0, 8192), (0, 4096)],
]
"""64 KiB in buffers of 8 KiB, in three phases (guide, Requirement for DDP)."""


def pages_of(size: int, count: int, first: int = 0, last: int = 0) -> Shape:
    """Full pages, of which the first begins `first` octets late, and the last ends `last` octets early."""
    shape = [(0, size)] * count
    start, length = shape[0]
    shape[0] = start + first, length - first
    start, length = shape[-1]
    shape[-1] = start, length - last
    return shape


class Rig:
    """A bench with memory of its own, and its adapter.

    Args:
        make_bench: makes the bench.
        login: keys of the session that is opened, beside `KEYS`.
        arguments: as for `DriverBench`; `keys` of the node stand beside `NODE`.

    Attributes:
        space: where the driver's memory comes from.
        bench: the bench; `card`, its adapter.
    """

    def __init__(
        self, make_bench: Callable[..., DriverBench], login: Mapping[str, str] | None = None, **arguments: Any
    ) -> None:
        self.space = AddressSpace()
        keys = NODE | arguments.pop("keys", {})
        self.bench = make_bench(address_space=self.space, keys=keys, **arguments)
        self.card = Card(self.bench)
        self._login = KEYS | dict(login or {})

    @cached_property
    def session(self) -> Session:
        """A session in full feature phase."""
        return self.bench.login(keys=self._login)

    @cached_property
    def other_session(self) -> Session:
        """A session of another initiator."""
        return self.bench.login(self.bench.second_initiator, keys=self._login)

    def begin(
        self, kind: Kind, *shapes: Shape, length: int = 0, session: Session | None = None, seed: int = 0, **rest: Any
    ) -> Write:
        """Begin a write that nobody gave buffers for yet.

        Args:
            kind: of the memory that it will have.
            shapes: of its phases.
            length: of the transfer, in octets; as long as the buffers if 0.
            session: where; the only one if None.
            seed: of the data.
            rest: as for `DriverBench.begin_write`.
        """
        octets = length or sum(count for shape in shapes for _, count in shape)
        data = pattern(octets, seed)
        task, sc = self.bench.begin_write(data, session or self.session, **rest)
        return Write(self, kind, list(shapes), task, sc, data)

    def write(self, kind: Kind, *shapes: Shape, **arguments: Any) -> Write:
        """Begin a write, and give all its buffers."""
        write = self.begin(kind, *shapes, **arguments)
        write.give_all()
        return write

    def expect_nothing_held(self) -> None:
        """Require that no page pod is held any more."""
        self.bench.stage.settle()
        self.bench.expect_equal("page pods that are still held", self.card.pods.in_use, 0)


@dataclass
class Write:
    """A write, and the memory that its data belong into."""

    rig: Rig
    kind: Kind
    shapes: list[Shape]
    task: Task
    sc: Any
    data: bytes
    phases: list[Pages] = field(default_factory=list)

    def give(self) -> Pages:
        """Give the next phase."""
        start = sum(phase.buffers.length for phase in self.phases)
        made = make_pages(self.rig.space, self.kind, self.shapes[len(self.phases)], start)
        self.phases.append(made)
        result = self.rig.bench.buffer_ready(self.sc, made.buffers)
        self.rig.bench.expect_equal("result of chiscsi_scsi_cmd_buffer_ready", result, 0)
        return made

    def give_all(self) -> None:
        """Give the phases that are left."""
        while len(self.phases) < len(self.shapes):
            self.give()

    def next_r2t(self) -> Received[ReadyToTransfer]:
        """The next R2T."""
        return self.task.next_r2t()

    def take_data(self) -> None:
        """Answer R2Ts until all buffers came back."""
        self.rig.bench.wait_for_data(self.task, self.sc, *(phase.buffers for phase in self.phases))

    def conclude(self) -> Write:
        """Execute the write, whose data are in; its status has to be GOOD, and its memory right."""
        self.rig.bench.executed(self.sc)
        self.task.expect(expect.good())
        self.expect_data()
        return self

    def finish(self) -> Write:
        """Carry the write on to its end, which has to be GOOD, with the right octets in its memory."""
        self.take_data()
        return self.conclude()

    def expect_data(self) -> None:
        """Require that the memory holds what was sent, and nothing was written beside it."""
        bench = self.rig.bench
        found = b"".join(phase.buffers.contents for phase in self.phases)
        bench.expect_equal("octets in the driver's memory", found, self.data)
        bench.expect_equal("octets written beside the buffers", sum(phase.spilled for phase in self.phases), 0)

    def expect_untouched(self) -> None:
        """Require that nothing was written to the memory."""
        untouched = all(phase.untouched for phase in self.phases)
        self.rig.bench.expect_equal("the driver's memory is untouched", untouched, True)

    def expect_placed(self) -> None:
        """Require that all the data were placed."""
        self.rig.card.expect_went(self.task, len(self.data), 0)

    def expect_copied(self, reason: str) -> None:
        """Require that all the data were copied, for a reason that contains `reason`."""
        self.rig.card.expect_went(self.task, 0, len(self.data), reason)


def in_one_segment(rig: Rig, *sends: Callable[[], object]) -> None:
    """Send the PDUs that all of `sends` send together, in one segment."""
    rig.bench.stage.keep_whole()
    connection = rig.session.connection
    with connection.held() as held:
        for send in sends:
            send()
        octets = b"".join(draft.plain(connection.header_digest, connection.data_digest) for draft in held)
        held.clear()
    connection.send_raw(octets)


def cut(sizes: Sequence[int], shape: Shape) -> list[Shape]:
    """A list of buffers as phases of so many buffers each; what is left over is the last."""
    phases, start = [], 0
    for size in sizes:
        phases.append(shape[start : start + size])
        start += size
    return [phase for phase in (*phases, shape[start:]) if phase]
