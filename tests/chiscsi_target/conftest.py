"""What many tests of the target start from."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.chiscsi_target.bench import Bench, Laboratory
from tests.chiscsi_target.shells.server import Server


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.fixture
def lab() -> Laboratory:
    return Laboratory()


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    yield running
    running.close()
