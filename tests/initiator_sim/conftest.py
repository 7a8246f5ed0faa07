"""What the tests of the scripted initiator start from."""

from __future__ import annotations

import pytest

from tests.initiator_sim.fakes import Bench


@pytest.fixture
def bench() -> Bench:
    return Bench()
