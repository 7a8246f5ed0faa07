from __future__ import annotations

from collections.abc import Callable

import pytest

from conformance.api import Initiator, LoginResult


@pytest.fixture
def attempt_discovery(initiator: Initiator) -> Callable[..., LoginResult]:
    """Logs in to a Discovery session, with whatever its arguments change, and returns how it ended."""
    return lambda **arguments: initiator.session(discovery=True).attempt_login(**arguments)
