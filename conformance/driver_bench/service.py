"""A scripted driver that serves commands on its own, in phases, in one of the ways that the guide allows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from chiscsi_target.api import SC_FLAG_WRITE
from conformance.driver_bench.buffers import Buffers, make_buffers

if TYPE_CHECKING:
    from conformance.driver_bench.bench import DriverBench
    from conformance.driver_bench.hooks import HookCall, How

Path = Literal["long", "short", "ahead"]


@dataclass
class Service:
    """Serves reads from `data` and writes into phases of its own.

    Paths (guide 7.3.5.2 and 7.3.5.3): `long` executes a phase and waits to be asked for the next; `short` gives the
    next phase when one comes back, and executes all of them at the end; `ahead` gives all phases at once.

    Args:
        bench: whose hooks it answers from now on.
        phase: octets of a phase.
        path: see above.
        how: when it answers: inside the hook, later, or from another thread.
        data: what reads find.

    Attributes:
        given: the phases that were given, in order.
        came_back: offset and length of those that came back.
    """

    bench: DriverBench
    phase: int
    path: Path
    how: How
    data: bytes = b""
    given: list[Buffers] = field(default_factory=list)
    came_back: list[tuple[int, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.bench.when("fp_scsi_cmd_cdb_rcved", self._asked, self.how)
        self.bench.when("fp_scsi_cmd_data_xfer_status", self._returned, self.how)

    @property
    def contents(self) -> bytes:
        """What the phases of a write hold."""
        return b"".join(phase.contents for phase in self.given)

    def expect_all_back(self, sizes: Sequence[int]) -> None:
        """Require that all phases came back once, in order, none cut in two."""
        ends = {0}
        for size in sizes:
            ends.add(max(ends) + size)
        position = 0
        for offset, length in self.came_back:
            self.bench.expect_equal("offset of the phase given back", offset, position)
            position += length
            self.bench.expect_equal(f"{position} is the end of a phase", position in ends, True)
        self.bench.expect_equal("octets given back", position, max(ends))

    def _asked(self, call: HookCall) -> None:
        """Give the next phase, or all there are."""
        self._give(call.sc)
        while self._end < call.sc.sc_xfer_len and self.path == "ahead":
            self._give(call.sc)

    def _returned(self, call: HookCall) -> None:
        sc, end = call.sc, call.offset + call.buflen
        self.came_back.append((call.offset, call.buflen))
        write = sc.sc_flag & SC_FLAG_WRITE
        if write and self.path == "long":
            self.bench.executed(sc, call.offset, call.buflen)
        elif write and end == sc.sc_xfer_len:
            self.bench.executed(sc, 0, end)
        elif self.path != "ahead" and self._end < sc.sc_xfer_len:
            self._give(sc)

    @property
    def _end(self) -> int:
        return self.given[-1].offset + self.given[-1].length if self.given else 0

    def _give(self, sc: Any) -> None:
        start = self._end
        length = min(self.phase, sc.sc_xfer_len - start)
        if sc.sc_flag & SC_FLAG_WRITE:
            buffers = make_buffers(bytes(length), start)
            call = self.bench.buffer_ready
        else:
            buffers = make_buffers(self.data[start : start + length], start)
            call = self.bench.execution_status
        self.given.append(buffers)
        self.bench.expect_equal("result of the driver's call", call(sc, buffers), 0)
