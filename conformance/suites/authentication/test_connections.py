"""Further connections of a session: each is authenticated, and as the first one was (RFC 7143, 9.2)."""

from __future__ import annotations

from conformance.api import OPERATIONAL, Initiator, Session, Unsupported, case, expect

_SEVERAL = {"MaxConnections": "2"}


def _session_for_two(applicant: Initiator) -> Session:
    session = applicant.login(keys=_SEVERAL)
    if session.parameters.max_connections < 2:
        raise Unsupported(f"the target settles for MaxConnections={session.parameters.max_connections}")
    return session


@case("chap-connections-01", "7143-9.2-12", needs="chap")
def test_further_connection_authenticates_itself_likewise(applicant: Initiator) -> None:
    """> The authentication is performed on every new iSCSI connection."""
    session = _session_for_two(applicant)
    session.attempt_login(connection=session.connect()).expect(expect.login_succeeded())


@case("chap-connections-02", "7143-9.2-14", "7143-9.2-13", needs="chap")
def test_further_connection_without_authentication_is_refused(applicant: Initiator) -> None:
    """> implementations SHOULD NOT support both authenticated and unauthenticated TCP connections in the same iSCSI
    > session.
    """
    session = _session_for_two(applicant)
    result = session.attempt_login(connection=session.connect(), stages=(OPERATIONAL,))
    result.expect(expect.login_failed(range(0x0200, 0x0300)))
