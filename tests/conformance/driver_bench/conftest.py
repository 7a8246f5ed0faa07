from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from conformance.driver_bench import DriverBench
from conformance.harness.place import place_of_one
from conformance.harness.settings import Settings
from conformance.harness.station import Station


@pytest.fixture
def make_bench() -> Iterator[Callable[..., DriverBench]]:
    """Makes benches outside a run of cases, and closes them."""
    benches: list[DriverBench] = []

    def make(**arguments: Any) -> DriverBench:
        station = Station(Settings(transport="memory"), place_of_one())
        benches.append(DriverBench(station, **arguments))
        return benches[-1]

    yield make
    for bench in benches:
        bench.close()


@pytest.fixture
def bench(make_bench: Callable[..., DriverBench]) -> DriverBench:
    """A single-phase driver in memory."""
    return make_bench()
