"""Outcomes that several cases about CHAP allow."""

from __future__ import annotations

from conformance.api import LoginResult, LoginStatus, expect
from initiator_sim.expectation import Expectation

WRONG_STEP = frozenset({LoginStatus.INITIATOR_ERROR, LoginStatus.MISSING_PARAMETER})
"""What a request gets whose keys or values are not those of the step (RFC 7143, 9.2)."""
UNPROVEN = frozenset({LoginStatus.AUTHENTICATION_FAILURE})
"""What a request gets that fits, and proves nothing."""


def refused_for_its_form() -> Expectation[LoginResult]:
    """The login ends because of what the keys are, not because of what they prove."""
    return expect.login_failed(WRONG_STEP)


def refused_as_unproven() -> Expectation[LoginResult]:
    """The login ends with "Authentication Failure"."""
    return expect.login_failed(UNPROVEN)


def turned_away(result: LoginResult) -> None:
    """Require that a login ended with "Authentication Failure"."""
    result.expect(refused_as_unproven())


def cut_off(result: LoginResult) -> None:
    """Require that the connection ends with the login that failed on it."""
    result.login.connection.expect(expect.connection_closed(after=()))


def let_in(result: LoginResult) -> None:
    """Require that the target takes the initiator for who it claims to be, and leaves the security stage."""
    assert result.status == 0, f"{result}"
    assert result.header is not None and result.header.transit, "the target stays in the security stage"
