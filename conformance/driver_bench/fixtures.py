"""The bench as cases ask for it: import these names into the `conftest.py` of a suite of driver cases."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from conformance.api import Target
from conformance.driver_bench import DriverBench
from conformance.harness.station import STATION


@pytest.fixture
def make_bench(request: pytest.FixtureRequest, target: Target) -> Iterator[Callable[..., DriverBench]]:
    """Makes a bench as its arguments say (`conformance.driver_bench.bench.DriverBench`); it is closed after the case.

    `target` is asked for since a faulty target in its place plants its fault when it is started.
    """
    station = request.config.stash[STATION]
    benches: list[DriverBench] = []

    def make(**arguments: Any) -> DriverBench:
        benches.append(DriverBench(station, **arguments))
        return benches[-1]

    yield make
    for bench in benches:
        bench.close()
    for bench in benches:
        bench.check()


@pytest.fixture
def bench(make_bench: Callable[..., DriverBench]) -> DriverBench:
    """A single-phase driver behind a node in memory."""
    return make_bench()


@pytest.fixture
def phased_bench(make_bench: Callable[..., DriverBench]) -> DriverBench:
    """A multi-phase driver behind a node in memory."""
    return make_bench(multi_phase=True)
