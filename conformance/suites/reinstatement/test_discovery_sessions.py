from __future__ import annotations

from conformance.api import Initiator, Session, case, expect, variants
from conformance.suites.discovery.sessions import log_in_named
from iscsi_wire.scsi import TestUnitReady


def _discover(initiator: Initiator, isid: bytes | None = None) -> Session:
    """A Discovery session that names no target."""
    session = initiator.session(discovery=True, isid=isid)
    session.attempt_login().expect(expect.login_succeeded())
    return session


def _discover_named(initiator: Initiator, isid: bytes | None = None) -> Session:
    """A Discovery session that names its target."""
    session = initiator.session(discovery=True, isid=isid)
    log_in_named(initiator, session).expect(expect.login_succeeded())
    return session


def _normal(initiator: Initiator, isid: bytes) -> Session:
    session = initiator.session(isid=isid)
    session.attempt_login().expect(expect.login_succeeded())
    return session


def _serves(session: Session) -> None:
    """Require that a session, of whichever type, is alive."""
    if session.discovery:
        session.send_targets("All")
    else:
        session.command(TestUnitReady()).expect(expect.status(0, 2))


@case("reinstate-discovery-01", "7143-7.4.2.1-05", "7143-7.4.2.1-01", needs="discovery")
def test_unnamed_discovery_session_takes_the_place_of_its_like(initiator: Initiator) -> None:
    """> A new Unnamed Discovery session that has a matching <InitiatorName, ISID, NULL, TargetAddress> to an existing
    > Discovery session MUST reinstate the existing Unnamed Discovery session.
    """
    old = _discover(initiator)
    new = _discover(initiator, old.isid)
    old.expect(expect.connection_closed(after=()))
    _serves(new)


@case("reinstate-discovery-02", "7143-7.4.2.1-06", "7143-7.4.2.1-04", needs="discovery")
@variants("discovery_first", [True, False], ids=["discovery-first", "normal-first"])
def test_unnamed_discovery_and_normal_session_are_independent(initiator: Initiator, discovery_first: bool) -> None:
    """> Note thus that only an Unnamed Discovery session may reinstate another Unnamed Discovery session."""
    isid = initiator.new_isid()
    if discovery_first:
        old, new = _discover(initiator, isid), _normal(initiator, isid)
    else:
        old, new = _normal(initiator, isid), _discover(initiator, isid)
    _serves(old)
    _serves(new)


@case("reinstate-discovery-03", "7143-7.4.2.2-01", "7143-4.4.3-01", needs="discovery")
@variants("normal", [False, True], ids=["by-discovery", "by-normal"])
def test_named_discovery_session_is_reinstated(initiator: Initiator, normal: bool) -> None:
    """> A new session with a matching <InitiatorName, ISID, TargetName, TargetPortalGroupTag> thus will reinstate an
    > existing session. Note in this case that any new iSCSI session (Discovery or Normal) with the matching 4-tuple may
    > reinstate an existing Named Discovery iSCSI session.
    """
    old = _discover_named(initiator)
    new = _normal(initiator, old.isid) if normal else _discover_named(initiator, old.isid)
    old.expect(expect.connection_closed(after=()))
    _serves(new)


@case("reinstate-discovery-04", "7143-7.4.2.2-01", "7143-7.4.2.1-06", needs="discovery")
def test_unnamed_and_named_discovery_session_are_independent(initiator: Initiator) -> None:
    """> Note thus that only an Unnamed Discovery session may reinstate another Unnamed Discovery session."""
    unnamed = _discover(initiator)
    named = _discover_named(initiator, unnamed.isid)
    _serves(unnamed)
    _serves(named)


@case("reinstate-discovery-05", "7143-7.4.2.1-01", "7143-4.4.3-03", needs="discovery")
@variants("same_name", [True, False], ids=["another-isid", "another-initiator"])
def test_discovery_sessions_of_different_ports_are_independent(
    initiator: Initiator, second_initiator: Initiator, same_name: bool
) -> None:
    """> Targets MUST enforce the uniqueness of the following 4-tuple for Unnamed Discovery sessions: <InitiatorName,
    > ISID, NULL, TargetAddress>.
    """
    first = _discover(initiator)
    second = _discover(initiator) if same_name else _discover(second_initiator, first.isid)
    _serves(first)
    _serves(second)
