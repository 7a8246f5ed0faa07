from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from conformance.driver_bench import DriverBench
from conformance.driver_bench.fixtures import make_bench
from conformance.suites.offload.rig import Rig

__all__ = ["make_bench", "make_rig", "phased_rig", "rig"]


@pytest.fixture
def make_rig(make_bench: Callable[..., DriverBench]) -> Callable[..., Rig]:
    """Makes a rig as its arguments say."""

    def make(**arguments: Any) -> Rig:
        return Rig(make_bench, **arguments)

    return make


@pytest.fixture
def rig(make_rig: Callable[..., Rig]) -> Rig:
    """A single-phase driver."""
    return make_rig()


@pytest.fixture
def phased_rig(make_rig: Callable[..., Rig]) -> Rig:
    """A multi-phase driver."""
    return make_rig(multi_phase=True)
