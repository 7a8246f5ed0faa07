"""What many tests of the target start from."""

from __future__ import annotations

import pytest

from tests.chiscsi_target.bench import Bench, Laboratory


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.fixture
def lab() -> Laboratory:
    return Laboratory()
