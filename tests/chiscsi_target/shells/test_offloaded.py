"""A connection of the card under one of the core: octets in pieces of any size, credits, and every way to end."""

from __future__ import annotations

from typing import Any, cast

from chiscsi_target.core.connection import Connection
from chiscsi_target.offload.tcp import messages as cpl
from chiscsi_target.shells.offloaded import NEVER, Offloaded
from chiscsi_target.shells.stream import LINGER

TID = 7


class FakeAgenda:
    now = 0.0


class FakeConnection:
    """Takes octets into buffers of the given sizes; `wants_input`, `output`, `closing`, `resetting` as a test says."""

    def __init__(self, *sizes: int) -> None:
        self.agenda = FakeAgenda()
        self.sizes = sizes
        self.buffers: list[memoryview] = []
        self.got = b""
        self.counts: list[int] = []
        self.output: list[Any] = []
        self.wants_input = True
        self.closing = self.resetting = False
        self.ended: list[bool] = []

    def receive_buffers(self) -> list[memoryview]:
        self.buffers = [memoryview(bytearray(size)) for size in self.sizes]
        return self.buffers

    def received(self, count: int) -> None:
        self.counts.append(count)
        self.got += b"".join(self.buffers)[:count]

    def transmitted(self, count: int) -> None:
        rest = b"".join(self.output)[count:]
        self.output[:] = [rest] if rest else []

    def transport_closed(self, reset: bool = False) -> None:
        self.ended.append(reset)


class Bench:
    def __init__(self, *sizes: int, credits: int = 100) -> None:
        self.connection = FakeConnection(*(sizes or (1000,)))
        self.posted: list[cpl.ToCard] = []
        self.now = 5.0
        core = cast(Connection, self.connection)
        self.stream = Offloaded(TID, core, credits, self.posted.append, lambda: self.now)

    def deliver(self) -> int:
        count = 0
        while self.stream.deliver():
            count += 1
        return count


def test_a_segment_is_handed_on_at_once_and_used_up() -> None:
    bench = Bench()
    bench.stream.arrived(b"abc")
    bench.stream.arrived(b"de")
    assert bench.deliver() == 2
    assert bench.connection.counts == [3, 2]
    assert bench.connection.got == b"abcde"
    assert bench.connection.agenda.now == 5.0
    assert bench.posted == [cpl.CPL_RX_DATA_ACK(TID, 3), cpl.CPL_RX_DATA_ACK(TID, 2)]


def test_a_segment_fills_several_buffers_and_comes_again_for_the_rest() -> None:
    bench = Bench(2, 3)
    bench.stream.arrived(b"abcdefghijkl")
    assert bench.deliver() == 3
    assert bench.connection.counts == [5, 5, 2]
    assert bench.connection.got == b"abcdefghijkl"


def test_what_the_core_does_not_want_yet_waits() -> None:
    bench = Bench()
    bench.connection.wants_input = False
    bench.stream.arrived(b"abc")
    bench.stream.ended()
    assert bench.deliver() == 0
    assert bench.posted == []
    bench.connection.wants_input = True
    assert bench.deliver() == 2, "the octets, and then the end"
    assert bench.connection.got == b"abc"
    assert bench.posted[-1] == cpl.CPL_CLOSE_CON_REQ(TID)
    assert bench.connection.ended == [False]


def test_credits_are_kept_to() -> None:
    bench = Bench(credits=5)
    bench.connection.output = [b"abc", memoryview(b"def"), b"ghi"]
    bench.stream.flush()
    assert bench.posted == [cpl.CPL_TX_DATA(TID, b"abcde")]
    bench.stream.flush()
    assert len(bench.posted) == 1
    bench.stream.credited(2)
    bench.stream.credited(50)
    assert bench.posted[1:] == [cpl.CPL_TX_DATA(TID, b"fg"), cpl.CPL_TX_DATA(TID, b"hi")]
    assert bench.connection.output == []


def test_it_closes_when_everything_is_given_to_the_card() -> None:
    bench = Bench(credits=2)
    bench.connection.output = [b"abc"]
    bench.connection.closing = True
    bench.stream.flush()
    assert not bench.stream.done
    assert bench.stream.deadline == 5.0 + LINGER
    bench.now = 6.0
    bench.stream.flush()
    assert bench.stream.deadline == 5.0 + LINGER, "not put off"
    bench.stream.credited(9)
    assert bench.posted[-1] == cpl.CPL_CLOSE_CON_REQ(TID)
    assert (bench.stream.done, bench.stream.deadline) == (True, NEVER)


def test_while_it_closes_what_comes_is_read_and_forgotten() -> None:
    bench = Bench(credits=0)
    bench.connection.output = [b"stuck"]
    bench.connection.closing = True
    bench.stream.flush()
    bench.stream.arrived(b"abc")
    assert bench.deliver() == 1
    assert bench.connection.got == b""
    assert bench.posted == [cpl.CPL_RX_DATA_ACK(TID, 3)]


def test_a_reset_of_the_core_does_not_wait() -> None:
    bench = Bench(credits=0)
    bench.connection.output = [b"never sent"]
    bench.connection.closing = bench.connection.resetting = True
    bench.stream.flush()
    assert bench.posted == [cpl.CPL_ABORT_REQ(TID)]
    assert bench.connection.ended == [True]


def test_a_connection_that_is_lost_gives_back_what_was_not_read() -> None:
    bench = Bench()
    bench.connection.wants_input = False
    bench.stream.arrived(b"abc")
    bench.stream.lost()
    assert bench.posted == [cpl.CPL_RX_DATA_ACK(TID, 3)]
    assert bench.connection.ended == [True]
    assert bench.stream.done
    bench.stream.flush()
    assert bench.deliver() == 0
    assert len(bench.posted) == 1
