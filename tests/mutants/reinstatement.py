"""Faults of session and connection reinstatement (RFC 7143 sections 4.4.3, 6.3.4, 6.3.5 and 7.4.2)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chiscsi_target.core import login
from chiscsi_target.core.connection import Connection
from chiscsi_target.core.connection_state import ConnectionEvent
from chiscsi_target.core.login import Login
from chiscsi_target.core.login_identity import LoginIdentity
from chiscsi_target.core.registry import Registry
from chiscsi_target.core.session import Session
from chiscsi_target.engine.worker import Worker
from chiscsi_target.errors import LoginFailure
from iscsi_wire.constants import LoginStatus
from iscsi_wire.pdus import LoginRequest, LoginResponse
from tests.mutants.planting import Original, Plant, mutant

# Which session a login replaces


def _key(plant: Plant, key: Callable[[tuple[str, bytes, str, str], LoginIdentity], Any]) -> None:
    """Change what must be unique for sessions: name, ISID, target name, portal group."""
    original = LoginIdentity.key.fget  # type: ignore[attr-defined]
    plant.replace(LoginIdentity, "key", property(lambda identity: key(original(identity), identity)))


@mutant("6.3.5", "reinstate-session-01 reinstate-discovery-01 reinstate-discovery-03")
def old_sessions_are_kept(plant: Plant) -> None:
    """A login with the ISID of a session does not end that session."""
    _key(plant, lambda key, identity: (*key, id(identity)))


@mutant("4.4.3", "reinstate-session-02 reinstate-discovery-05.another-isid")
def isid_does_not_count(plant: Plant) -> None:
    """A login ends the session that the initiator has, also with another ISID."""
    _key(plant, lambda key, identity: (key[0], b"", *key[2:]))


@mutant("4.4.3", "reinstate-session-03 reinstate-discovery-05.another-initiator login-tsih-05")
def initiator_name_does_not_count(plant: Plant) -> None:
    """A login ends the session that has its ISID, whoever's it is."""
    _key(plant, lambda key, identity: ("", *key[1:]))


@mutant("7.4.2.1", "reinstate-discovery-02 reinstate-discovery-04")
def target_does_not_count(plant: Plant) -> None:
    """An unnamed discovery session and sessions of a target end one another."""
    _key(plant, lambda key, identity: (*key[:2], "", ""))


@mutant("7.4.2.2", "reinstate-discovery-03.by-normal")
def discovery_and_normal_sessions_are_kept_apart(plant: Plant) -> None:
    """A normal session does not end a named discovery session with its ISID."""
    _key(plant, lambda key, identity: (*key, identity.discovery))


@mutant("6.3.5", "reinstate-session-05")
def one_connection_of_the_old_session_is_closed(plant: Plant) -> None:
    """Reinstatement of a session closes its first connection alone."""

    def close(original: Original, session: Session, event: ConnectionEvent, **how: Any) -> None:
        session.connections = dict(list(session.connections.items())[:1])
        original(session, event, **how)

    plant.wrap(Session, "close", close)


@mutant("6.3.1", "reinstate-session-06 login-tsih-03")
def isid_alone_finds_the_session(plant: Plant) -> None:
    """A connection joins the session that has its ISID, whatever TSIH it names."""

    def find(original: Original, identity: LoginIdentity, tsih: int, cid: int, registry: Registry) -> Session:
        found = registry.sessions.get(identity.key)
        result: Session = original(identity, tsih if found is None else found.tsih, cid, registry)
        return result

    plant.wrap(login, "session_to_join", find)


@mutant("4.2.8", "reinstate-session-08")
def new_session_inherits_the_digests(plant: Plant) -> None:
    """A session that takes the place of another uses its digests, though nobody negotiated any."""

    def start(original: Original, attempt: Login) -> None:
        original(attempt)
        old = attempt.registry.sessions.get(attempt.identity.key)
        if old is not None:
            for name in ("HeaderDigest", "DataDigest"):
                attempt._negotiation.settings[name] = old.negotiation.settings[name]

    plant.wrap(Login, "_begin_session", start)


@mutant("7.15", "reinstate-session-09 reinstate-session-10")
def broken_connection_locks_its_isid(plant: Plant) -> None:
    """An ISID whose connection broke without a logout cannot log in again."""
    broken: set[bytes] = set()

    def closed(original: Original, connection: Connection, reset: bool = False) -> None:
        session = connection.session
        if session is not None and not connection.closing:
            broken.add(session.identity.isid)
        original(connection, reset)

    def check(original: Original, request: LoginRequest, first: LoginRequest | None) -> None:
        if request.isid in broken and not request.tsih:
            raise LoginFailure(LoginStatus.OUT_OF_RESOURCES, "the ISID is in use", "none")
        original(request, first)

    plant.wrap(Connection, "transport_closed", closed)
    plant.wrap(login, "check_request", check)


# Which connection a login replaces


@mutant("6.3.4", "reinstate-connection-01 reinstate-connection-02 reinstate-connection-05")
def cid_in_use_is_refused(plant: Plant) -> None:
    """A login with the CID of a connection that exists is refused."""

    def find(original: Original, identity: LoginIdentity, tsih: int, cid: int, registry: Registry) -> Session:
        session: Session = original(identity, tsih, cid, registry)
        if cid in session.connections:
            raise LoginFailure(LoginStatus.INITIATOR_ERROR, "the CID is in use", "none")
        return session

    plant.wrap(login, "session_to_join", find)


@mutant("6.3.6", "reinstate-connection-03")
def connection_that_joins_begins_the_numbering_anew(plant: Plant) -> None:
    """ExpCmdSN of the login of a further connection is 1."""

    def edit(pdu: LoginResponse, connection: Connection) -> None:
        if pdu.tsih and connection.session is not None and connection.session.connections:
            pdu.exp_cmd_sn = 1

    plant.sent(LoginResponse, edit)


@mutant("6.3.4", "reinstate-connection-05")
def reinstated_connection_is_alone(plant: Plant) -> None:
    """Reinstatement of a connection closes all others of its session."""

    def substitute(original: Original, session: Session, old: Connection, new: Connection) -> None:
        others = [other for other in session.connections.values() if other is not old]
        original(session, old, new)
        for other in others:
            other.close(ConnectionEvent.CLOSED_CLEANLY)

    plant.wrap(Session, "replace", substitute)


@mutant("4.4.3", "reinstate-connection-06")
def reinstated_connection_ends_the_sessions_of_others(plant: Plant) -> None:
    """Reinstatement of a connection closes the connections of other initiators that have its CID."""

    def substitute(original: Original, session: Session, old: Connection, new: Connection) -> None:
        worker = session.agenda
        assert isinstance(worker, Worker)
        original(session, old, new)
        for other in worker.directory.sessions_of(session.node):
            if other is not session:
                other.close(ConnectionEvent.CLOSED_CLEANLY)

    plant.wrap(Session, "replace", substitute)
