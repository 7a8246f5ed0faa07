from __future__ import annotations

from pathlib import Path

import pytest

from conformance.harness.settings import from_config


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """These cases are about the driver that `--driver` names; without one there are none."""
    return None if from_config(config).driver else True
