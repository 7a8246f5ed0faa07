"""Steps that cases take in a login by hand, and outcomes that several of them allow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from conformance.api import (
    FULL_FEATURE,
    OPERATIONAL,
    SECURITY,
    Inconclusive,
    Initiator,
    LoginResult,
    LoginStatus,
    Session,
    Unsupported,
    expect,
)
from initiator_sim.expectation import Expectation
from initiator_sim.login import MAX_STEPS, Login

INITIATOR_ERRORS: Final = range(0x0200, 0x0300)
"""The statuses that say: the initiator made a mistake (RFC 7143, 11.13.5)."""


def refused(*, or_closed: bool = False) -> Expectation[LoginResult]:
    """The login ends with an initiator error; or, after a format error (RFC 7143, 7.7), with the connection alone."""
    return expect.login_failed(INITIATOR_ERRORS, or_closed=or_closed)


def opening(initiator: Initiator, csg: int = SECURITY) -> dict[str, str]:
    """The keys that begin a login in stage `csg` without asking for anything: the names, and AuthMethod=None."""
    return initiator.identity() | ({"AuthMethod": "None"} if csg == SECURITY else {})


def arranged(result: LoginResult) -> LoginResult:
    """Require that the login goes on so far; what a case is about comes after.

    Raises:
        Inconclusive: it does not.
    """
    if result.status != 0:
        raise Inconclusive(f"the case could not be arranged: {result}")
    return result


def operational_stage(initiator: Initiator) -> tuple[Session, Login]:
    """A new session with its login in the operational stage, nothing negotiated there yet.

    Raises:
        Inconclusive: the login does not get so far.
    """
    session = initiator.session()
    login = session.begin_login()
    arranged(advance(login, SECURITY, OPERATIONAL, opening(initiator)))
    return session, login


def advance(login: Login, csg: int, nsg: int, keys: Mapping[str, str]) -> LoginResult:
    """Ask to go from stage `csg` to `nsg`, first with `keys`, until the target goes somewhere or ends the login."""
    result = login.step(csg=csg, nsg=nsg, transit=1, keys=keys)
    for _ in range(MAX_STEPS):
        if result.status != 0 or result.header is None or result.header.transit:
            break
        result = login.step(csg=csg, nsg=nsg, transit=1, keys=login.negotiation.take_answers())
    return result


def finish(login: Login, result: LoginResult) -> LoginResult:
    """Go on from `result` with nothing but what is owed, until the full feature phase or the end of the login."""
    for _ in range(MAX_STEPS):
        header = result.header
        if result.status != 0 or header is None or result.succeeded:
            break
        stage = header.nsg if header.transit else header.csg
        result = login.step(csg=stage, nsg=FULL_FEATURE, transit=1, keys=login.negotiation.take_answers())
    return result


def allow_compulsory_security(result: LoginResult) -> None:
    """A target need not let anybody in who skips the security stage (RFC 7143, 6.3.1).

    Raises:
        Unsupported: it does not.
    """
    if result.status == LoginStatus.AUTHENTICATION_FAILURE:
        raise Unsupported("the target refuses a login that begins in the operational stage: authentication failure")
