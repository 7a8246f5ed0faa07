"""`Directory`: what crosses connections and sessions. Nodes, sessions, their workers, and the hooks of target classes.

The registry is read and written by the login worker only; what concerns a session is posted to the session's worker.
"""

from __future__ import annotations

from functools import partial
from threading import get_ident
from typing import TYPE_CHECKING, Any

from chiscsi_target.api.events import chiscsi_event
from chiscsi_target.api.target_class import has_hook
from chiscsi_target.core.agenda import INFORMATION
from chiscsi_target.core.connection import Connection
from chiscsi_target.core.connection_state import ConnectionEvent
from chiscsi_target.core.registry import Registry
from chiscsi_target.core.session_state import SessionState
from chiscsi_target.engine.driver_link import DriverLink
from chiscsi_target.engine.live_access import put_mask
from chiscsi_target.engine.notifier import Notifier
from chiscsi_target.engine.target_hooks import copy_of, log_raised, target_accessible
from chiscsi_target.engine.traffic import Traffic
from chiscsi_target.engine.worker import Worker
from chiscsi_target.quirks import Quirks
from chiscsi_target.scsi.device_server import DeviceServer
from chiscsi_target.scsi.sense import COMMANDS_CLEARED_BY_ISCSI
from iscsi_wire.constants import LoginStatus
from iscsi_wire.constants import TaskManagementFunction as Function

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from chiscsi_target.api.endpoints import chiscsi_tcp_endpoints, tcp_endpoint
    from chiscsi_target.core.login import Login
    from chiscsi_target.core.portal import Portal
    from chiscsi_target.core.session import Session
    from chiscsi_target.core.target_node import TargetNode
    from chiscsi_target.core.task_management import TaskManagement
    from iscsi_wire.constants import LoginStage
    from iscsi_wire.records import Listener

# Why tasks of other sessions end (SPC-4 annex F): key, additional sense code, qualifier.
BUS_DEVICE_RESET_OCCURRED = (0x06, 0x29, 0x03)
COMMANDS_CLEARED_BY_ANOTHER_INITIATOR = (0x06, 0x2F, 0x00)


class Directory:
    """The Target Module's nodes, sessions and workers.

    Attributes:
        login_worker: runs connections until their login is over (guide 4.2: the main thread).
        workers: run them afterwards.
        notifier: who wants to be told of events.
        link: how sessions are joined to their storage drivers.
        traffic: what connections have moved, by portal.
        moved: called when a connection goes from the login worker to another; the shell moves its socket.
    """

    def __init__(
        self,
        workers: int = 1,
        listener: Listener | None = None,
        complain: Callable[[str], None] | None = None,
        quirks: Quirks | None = None,
    ) -> None:
        self.registry = Registry()
        self.listener = listener
        self.quirks = quirks or Quirks()
        self.login_worker = Worker(self, listener)
        self.workers = [Worker(self, listener) for _ in range(workers)]
        self.notifier = Notifier()
        for worker in (self.login_worker, *self.workers):
            self.notifier.attach(worker)
            worker.quirks = self.quirks
            worker.verbosity = self.registry.globals.verbosity
            if complain is not None:
                worker.complain = complain
        self.traffic = Traffic()
        self.link = DriverLink()
        self.moved: Callable[[Connection, Worker], None] = _stays
        self._logins: dict[int, tuple[Login, list[str]]] = {}  # by handle, with the hooks not answered
        self._asking: int | None = None  # the handle of the login whose hook is running

    def watch_drivers(self, *, findings: bool, contents: bool, merge_returns: bool) -> None:
        """Say how drivers are looked at, and how buffers go back to them: see `TargetModule`."""
        self.link.findings, self.link.contents = findings or contents, contents
        for worker in self.workers:
            worker.merge_returns = merge_returns

    def accept(self, endpoints: chiscsi_tcp_endpoints, portal: Portal, now: float) -> Connection:
        """Begin to serve a connection that came in at `portal`; in the login worker's thread."""
        worker = self.login_worker
        worker.now = now
        connection = Connection(self.registry.next_handle(), endpoints, portal, self.registry, worker)
        worker.adopt(connection)
        return connection

    # Logins, in the login worker's thread

    def first_login_check(self, login: Login) -> None:
        """Queue `fp_first_login_check`."""
        self._ask(login, "fp_first_login_check")

    def login_stage_check(self, login: Login, stage: LoginStage) -> None:
        """Queue `fp_login_stage_check`."""
        self._ask(login, "fp_login_stage_check", int(stage))

    def _ask(self, login: Login, hook: str, *arguments: Any) -> None:
        node = login.identity.node
        if node is None or not has_hook(node.target_class, hook):
            return
        login.await_answer()
        _, asked = self._logins.setdefault(login.connection.handle, (login, []))
        asked.append(hook)
        call = partial(
            getattr(node.target_class, hook),
            login.connection.handle,
            *arguments,
            login.identity.initiator_name,
            login.identity.target_name,
            copy_of(login.connection.endpoints),
        )
        self.login_worker.queue.append((partial(self._call_login_hook, login, hook), call))

    def _call_login_hook(self, login: Login, hook: str, call: Callable[[], object]) -> None:
        self._asking = login.connection.handle
        try:
            call()
        except Exception as error:
            log_raised(self.login_worker, hook, error)
            self._login_answered(login.connection.handle, hook, LoginStatus.TARGET_ERROR, False, 0)
        finally:
            self._asking = None

    def login_answered(self, hndl: int, hook: str, status: int, max_commands: int = 0) -> None:
        """Take a driver's answer to a login hook, from any thread."""
        later = self._asking != hndl or get_ident() != self.login_worker.thread
        self.login_worker.post(partial(self._login_answered, hndl, hook, status, later), max_commands)

    def _login_answered(self, hndl: int, hook: str, status: int, later: bool, max_commands: int) -> None:
        login, asked = self._logins.get(hndl, (None, []))
        if login is None or hook not in asked:
            self.login_worker.log(INFORMATION, f"no login waits for {hook} under handle {hndl}.")
            return
        asked.remove(hook)
        if not asked:
            del self._logins[hndl]
        login.answered(status, max_commands, later=later)

    def close_replaced(self, login: Login, session: Session, connection: Connection | None) -> None:
        """Close the session, or the one connection of it, that a login takes the place of; the login waits for that."""
        login.await_answer()
        _worker_of(session).post(partial(self._close_for, login, session), connection)

    def _close_for(self, login: Login, session: Session, connection: Connection | None) -> None:
        if connection is None:
            session.close(ConnectionEvent.CLOSED_CLEANLY)
        else:
            # The session must not end with its only connection: the new one takes its place (section 6.3.4).
            session.replace(connection, login.connection)
        # Behind the hooks that announce the end of the old session.
        _worker_of(session).post(partial(self.login_worker.post, login.answered), 0)

    def leave_place(self, session: Session, connection: Connection) -> None:
        """Have a session do without a connection whose login failed; behind `close_replaced`, if that was called."""
        _worker_of(session).post(partial(_leave, session), connection)

    def close_logins(self, node: TargetNode) -> None:
        """Break off the logins to a node that goes away, those too that have ended and were not handed over yet.

        In the login worker's thread.
        """
        for connection in list(self.login_worker.connections):
            session = connection.session
            if session is None or session.node is not node:
                continue
            concluded = connection.in_full_feature_phase
            connection.close(ConnectionEvent.TRANSPORT_LOST if concluded else ConnectionEvent.LOGIN_FAILED)
            if concluded:
                # The end of its session is queued there.
                _worker_of(session).post(_no_more, None)

    def login_concluded(self, login: Login) -> None:
        """Hand a connection over to its session's worker; a new session is announced to its drivers first."""
        connection, session = login.connection, login.session
        if session is None or connection.closing:
            return
        self.traffic.joined(connection)
        self.login_worker.event(chiscsi_event.LOGIN_SUCCESS, login.identity.parties)
        if login.leading:
            session.agenda = self._worker_for(session)
            session.leading = connection
            self._session_added(session)
        worker = _worker_of(session)
        self.login_worker.disown(connection)
        connection.agenda = worker
        self.moved(connection, worker)
        worker.post(partial(self._join, session), connection)

    def _worker_for(self, session: Session) -> Worker:
        """The worker of a new session: that of the node's other sessions, since they share the logical units' state."""
        for other in self.sessions_of(session.node):
            if other is not session and other.node is not None:
                return _worker_of(other)
        if session.node is not None:
            for worker in self.workers_for(session.node.hooks):
                return worker
        return min(self.workers, key=lambda worker: len(worker.connections))

    def time(self) -> float:
        """What time it is for the worker that knows it best, in seconds."""
        return max(worker.now for worker in self.workers)

    def background(self, server: DeviceServer, step: Callable[[], bool]) -> None:
        """Have the worker of a device server's sessions take a step again and again, until it returns False."""
        sessions = list(self.registry.sessions.values())
        owners = [_worker_of(session) for session in sessions if session.node and session.node.hooks is server]
        worker = next((worker for worker in owners if worker is not self.login_worker), self.workers[0])
        worker.background(server, step)

    def workers_for(self, server: object) -> list[Worker]:
        """The workers that still take steps for a device server."""
        return [worker for worker in self.workers if any(owner is server for owner, _ in list(worker.steps))]

    def disowned(self, connection: Connection) -> None:
        """Learn that a connection is gone for good; from its worker's thread."""
        self.login_worker.post(self.traffic.left, connection)

    def _join(self, session: Session, connection: Connection) -> None:
        if session.state is not SessionState.LOGGED_IN:
            connection.drop("the session was closed meanwhile")
        elif not connection.closing:
            old = session.connections.get(connection.cid, connection)
            session.connections[connection.cid] = connection
            if old is not connection:
                old.close(ConnectionEvent.CLOSED_CLEANLY)
            if session.ending is not None:
                connection.close(session.ending)
        session.leading = None
        _worker_of(session).adopt(connection)
        connection.resume()

    # Sessions

    def _session_added(self, session: Session) -> None:
        node = session.node
        worker = _worker_of(session)
        if node is None or session.discovery:
            return
        self.link.join(session, node, worker)
        session.announced = True
        names = (session.identity.initiator_name, node.name)
        try:
            session.tclass_priv = node.target_class.fp_session_added(session.handle, session.identity.isid, *names)
        except Exception as error:
            log_raised(self.login_worker, "fp_session_added", error)
        if isinstance(node.hooks, DeviceServer):
            tag = session.identity.portal.tag
            session.tclass_priv = node.hooks.session_added(
                session.handle, names[0], session.identity.isid, names[1], tag
            )
        put_mask(session)

    def session_removed(self, session: Session) -> None:
        """Announce the end of a session to its drivers, and strike it out; in the session's worker."""
        node = session.node
        for task in session.agenda.orphans:
            if task.session is session:
                # Behaviour file, 1.7: commands that drivers hold are detached.
                task.sc_sess = task.sc_conn = None
        if node is not None and session.announced:
            try:
                node.target_class.fp_session_removed(session.handle, session.identity.initiator_name, node.name)
            except Exception as error:
                log_raised(session.agenda, "fp_session_removed", error)
            if isinstance(node.hooks, DeviceServer):
                node.hooks.session_removed(session.handle)
        self.login_worker.post(self.registry.remove, session)

    def sessions_of(self, node: TargetNode | None) -> list[Session]:
        """The sessions of a node."""
        return [session for session in list(self.registry.sessions.values()) if session.node is node]

    def close_session(self, session: Session, event: ConnectionEvent = ConnectionEvent.TRANSPORT_LOST) -> None:
        """Close a session, announced by Async Messages (RFC 7143 section 11.9.1); from any thread."""
        self.in_session(session, partial(session.close, announce=True), event)

    def abort_session(self, handle: int) -> bool:
        """Close the session with this handle soon; returns whether there is one. From any thread."""
        for session in self.registry.active():
            if session.handle == handle:
                self.close_session(session)
                return True
        return False

    def in_session(self, session: Session, function: Callable[[Any], object], subject: Any) -> None:
        """Have a function called in a session's worker; from any thread.

        A session that has just begun is still on its way there: what is queued behind its login follows it.
        """
        worker = _worker_of(session)
        if worker is self.login_worker:
            worker.post(partial(self._follow, session, function), subject)
        else:
            worker.post(function, subject)

    def _follow(self, session: Session, function: Callable[[Any], object], subject: Any) -> None:
        worker = _worker_of(session)
        if worker is self.login_worker:
            function(subject)
        else:
            worker.post(function, subject)

    def close_logins_at(self, addresses: Collection[tcp_endpoint]) -> None:
        """Break off the logins at addresses where no target is left; in the login worker's thread."""
        for connection in list(self.login_worker.connections):
            if connection.portal.address in addresses and not connection.in_full_feature_phase:
                connection.close(ConnectionEvent.LOGIN_FAILED)

    def reset_tasks_of_others(self, request: TaskManagement) -> None:
        """End the tasks of other sessions that a task management function affects (section 4.2.3.2)."""
        lun: int | None = request.lun
        if request.function in (Function.TARGET_WARM_RESET, Function.TARGET_COLD_RESET):
            lun = 0 if self.quirks.reset_hits_lun0 else None
        cleared = request.function == Function.CLEAR_TASK_SET
        sense = COMMANDS_CLEARED_BY_ANOTHER_INITIATOR if cleared else BUS_DEVICE_RESET_OCCURRED
        for session in self.sessions_of(request.session.node):
            if session is not request.session:
                _worker_of(session).post(partial(session.end_by_reset, lun), sense)

    def close_all_sessions(self, session: Session) -> None:
        """Close all sessions of a node, `session` the last."""
        for other in self.sessions_of(session.node):
            if other is not session:
                _worker_of(other).post(other.close, ConnectionEvent.CLOSED_CLEANLY)
        _worker_of(session).post(session.close, ConnectionEvent.CLOSED_CLEANLY)

    def tasks_cleared(self, session: Session, luns: Collection[int]) -> None:
        """Have the next command to each of the logical units end with a unit attention (section 11.14.5)."""
        node = session.node
        if node is not None and isinstance(node.hooks, DeviceServer):
            for lun in luns:
                node.hooks.establish_attention(session.handle, lun, COMMANDS_CLEARED_BY_ISCSI)

    def visible_nodes(self, connection: Connection, name: str | None = None) -> list[TargetNode]:
        """The nodes that a discovery session may see (behaviour file, 2.7).

        When it asks for all, `fp_discovery_target_accessible` decides first (guide 5.1.6), then the access list; when
        it names one, the access list alone.
        """
        session = connection.session
        assert session is not None
        initiator, ends = session.identity.initiator_name, connection.endpoints
        nodes = [node for node in list(self.registry.nodes.values()) if not node.offline and name in (None, node.name)]
        if name is None:
            nodes = [node for node in nodes if target_accessible(connection, node, initiator)]
        return [node for node in nodes if node.access.entry_for(initiator, ends) is not None]


def _no_more(_: object) -> None:
    """Do nothing but wake a worker."""


def _leave(session: Session, connection: Connection) -> None:
    if session.connections.get(connection.cid) is connection:
        session.connection_closed(connection, ConnectionEvent.TRANSPORT_LOST)


def _worker_of(session: Session) -> Worker:
    worker = session.agenda
    assert isinstance(worker, Worker)
    return worker


def _stays(connection: Connection, worker: Worker) -> None:
    """Move no socket: there is none."""
