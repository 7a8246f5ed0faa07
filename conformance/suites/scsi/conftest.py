"""What cases about SCSI commands ask for by name, beside what all cases can."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from conformance.api import Session
from conformance.suites.scsi.commands import READY, settle
from conformance.suites.scsi.reservations import FIRST, SECOND, give_up


@pytest.fixture
def pair(session: Session, second_session: Session) -> Iterator[tuple[Session, Session]]:
    """Two sessions of different initiators; whatever they reserve is released, and their registrations go."""
    settle(second_session)
    yield session, second_session
    for each, key in ((session, FIRST), (second_session, SECOND)):
        give_up(_answering(each), key)


def _answering(session: Session) -> Session:
    """A session of the same initiator port: that one, or if nobody answers there any more, another in its place.

    A registration that outlived its case would have all further ones fail.
    """
    if session.command(READY).status is not None:
        return session
    for connection in session.connections:
        connection.close()
    return session.initiator.login(isid=session.isid)
