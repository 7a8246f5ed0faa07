"""What cases ask for by name. Every initiator here writes to the running case's evidence and is closed after it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from conformance.harness.casebook import case_info
from conformance.harness.interruptions import NotArranged
from conformance.harness.needs import require
from conformance.harness.station import STATION
from conformance.harness.target import Scratch, Target, settle
from initiator_sim.connection import Connection
from initiator_sim.initiator import Initiator
from initiator_sim.login import LoginResult
from initiator_sim.outcomes import ExpectationFailed
from initiator_sim.session import Session


@pytest.fixture
def target(request: pytest.FixtureRequest) -> Target:
    """The target under test; a case whose needs it does not meet ends here as unsupported."""
    target = request.config.stash[STATION].target
    info = case_info(request.function)
    if info is not None:
        require(target, info.needs)
    return target


@pytest.fixture
def initiator(target: Target) -> Iterator[Initiator]:
    """An initiator that has opened nothing yet."""
    with target.initiator() as initiator:
        yield initiator


@pytest.fixture
def second_initiator(target: Target) -> Iterator[Initiator]:
    """An initiator of another name."""
    with target.initiator("second") as initiator:
        yield initiator


@pytest.fixture
def connection(initiator: Initiator) -> Connection:
    """A connection on which nothing was sent yet."""
    return initiator.connect()


@pytest.fixture
def login(request: pytest.FixtureRequest, initiator: Initiator) -> Callable[..., Session]:
    """Logs in with whatever its arguments change (`Session.attempt_login`).

    It has to succeed, or the case is inconclusive: a case about logging in uses `attempt_login` and judges that.
    """
    station = request.config.stash[STATION]

    def log_in(*, ready: bool = True, **arguments: Any) -> Session:
        """`ready`: wait until the LUN is; a case about the first command of a session will not want that."""
        try:
            session = initiator.login(**arguments)
            station.proven()
            if ready and not session.discovery:
                settle(session)
        except ExpectationFailed as failure:
            raise NotArranged(failure) from failure
        return session

    return log_in


@pytest.fixture
def attempt_login(initiator: Initiator) -> Callable[..., LoginResult]:
    """Logs in as `login` does, and returns how it ended (`Session.attempt_login`)."""
    return lambda **arguments: initiator.session().attempt_login(**arguments)


@pytest.fixture
def session(login: Callable[..., Session]) -> Session:
    """A normal session in full feature phase, its LUN ready."""
    return login()


@pytest.fixture
def second_session(second_initiator: Initiator, session: Session) -> Session:
    """A session of another initiator beside `session`, its LUN ready."""
    other = second_initiator.login()
    settle(other)
    return other


@pytest.fixture
def discovery(login: Callable[..., Session]) -> Session:
    """A discovery session in full feature phase."""
    return login(discovery=True)


@pytest.fixture
def scratch(target: Target) -> Scratch:
    """A region of this process's LUN that the case may write to; asking for it makes the case destructive."""
    return target.scratch(target.lun)


@pytest.fixture
def non_strict(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Notes something that is allowed but not advised: a case that passes otherwise is then non-strict."""
    return request.config.stash[STATION].evidence.remarks.append
