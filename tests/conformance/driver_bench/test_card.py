"""What a case learns of the adapter: where data went, messages, counters."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from chiscsi_target.api.address_space import AddressSpace
from chiscsi_target.offload.terminator import Offload
from conformance.driver_bench import DriverBench
from conformance.driver_bench.card import Card
from conformance.driver_bench.pages import Kind, make_pages
from initiator_sim.outcomes import ExpectationFailed, HarnessFault
from initiator_sim.task import Task

Make = Callable[..., DriverBench]


def written(make_bench: Make, kind: Kind) -> tuple[Card, Task]:
    """The card of a bench that has served a write of 8 KiB."""
    space = AddressSpace()
    bench = make_bench(address_space=space)
    task, sc = bench.begin_write(bytes(8192))
    pages = make_pages(space, kind, [(0, 8192)])
    assert bench.buffer_ready(sc, pages.buffers) == 0
    bench.wait_for_data(task, sc, pages.buffers)
    bench.executed(sc)
    task.wait()
    return Card(bench), task


def test_where_data_went(make_bench: Make) -> None:
    card, task = written(make_bench, "page")
    card.expect_went(task, 8192, 0)
    info = card.information()
    assert (info.offloaded, info.placed_bytes, info.ppods_peak, card.pods.in_use) == (True, 8192, 1, 0)
    assert len(card.messages("CPL_SET_TCB_RPL")) == 1 and len(card.messages()) > 5


def test_why_data_were_copied(make_bench: Make) -> None:
    card, task = written(make_bench, "addr")
    card.expect_went(task, 0, 8192, "memory")
    with pytest.raises(ExpectationFailed, match="octets placed and copied"):
        card.expect_went(task, 8192, 0)
    with pytest.raises(ExpectationFailed, match="the reason names 'pods'"):
        card.expect_went(task, 0, 8192, "pods")
    with pytest.raises(ExpectationFailed, match="the reason names ''"):
        card.expect_went(task, 0, 8192)


def test_there_may_be_none(make_bench: Make) -> None:
    card = Card(make_bench(module={"offload": Offload.OFF}))
    with pytest.raises(HarnessFault, match="no adapter"):
        card.pods.reserve(1)
