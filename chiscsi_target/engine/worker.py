"""`Worker`: one thread's share of the protocol work, without the thread.

Hooks are queued calls: the core puts them on its worker's queue, and `run` makes them one after the other, with no lock
held and the core at rest. Completions are queued too, whoever calls: the hook itself, a later one, or another thread.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection
from threading import get_ident
from typing import TYPE_CHECKING, Any

from chiscsi_target.core.agenda import Agenda
from chiscsi_target.engine.chap_hook import chap_info_get
from chiscsi_target.engine.completions import Completions, LinkingCompletions
from chiscsi_target.engine.hook_calls import HookCalls
from chiscsi_target.engine.phased_completions import PhasedCompletions
from chiscsi_target.engine.short_reads import ShortReadCompletions, ShortReadPhasedCompletions
from chiscsi_target.engine.target_hooks import select_redirection_portal

if TYPE_CHECKING:
    from chiscsi_target.api.chap_info import chap_info
    from chiscsi_target.api.endpoints import tcp_endpoint
    from chiscsi_target.api.scsi_command import CommandStack
    from chiscsi_target.core.connection import Connection
    from chiscsi_target.core.login import Login
    from chiscsi_target.core.login_identity import LoginIdentity
    from chiscsi_target.core.session import Session
    from chiscsi_target.core.target_node import TargetNode
    from chiscsi_target.core.task import Task
    from chiscsi_target.core.task_management import TaskManagement
    from chiscsi_target.engine.directory import Directory
    from iscsi_wire.constants import LoginStage
    from iscsi_wire.records import Listener


SEND_AT = 1024 * 1024
"""Octets of data to be sent at which `run` lets the shell send."""


class Worker(Agenda):
    """Runs connections and their drivers' hooks.

    The shell's duties: call `run` after every input, with the time; send for and close the connections that
    `take_dirty` names; call `handle_timers` at `deadline`; set `wake`, which makes a shell that waits for input call
    `run`, and `thread`, the identity of the thread that it runs in.

    Attributes:
        directory: nodes, sessions and the other workers.
        connections: those that it serves.
        steps: long work that is done piece by piece, with whom it is for.
        deadline: when `handle_timers` is due, in seconds; infinity for never.
    """

    def __init__(self, directory: Directory, listener: Listener | None = None) -> None:
        super().__init__(listener)
        self.directory = directory
        self.wake: Callable[[], None] = _nothing
        self.thread = get_ident()
        self.connections: dict[Connection, None] = {}
        self.deadline = float("inf")
        self.completions = Completions(self)
        self.linking_completions = LinkingCompletions(self)
        self.phased_completions = PhasedCompletions(self)
        self.queue: deque[tuple[Callable[[Any], object], Any]] = deque()
        self.steps: deque[tuple[object, Callable[[], bool]]] = deque()
        self._early: list[Task] = []
        hooks = HookCalls(self)
        # Bound once, since they are queued for every command.
        self._cdb_rcved, self._release, self._phases_sent = hooks.cdb_rcved, hooks.release, hooks.phases_sent
        self._data_xfer_status, self._abort, self._tmf_execute = hooks.data_xfer_status, hooks.abort, hooks.tmf_execute

    # For the shell

    def run(self, now: float) -> None:
        """Make the calls that are queued, and those that come of them; then one step of what is done beside them.

        Stops early when much has been queued for sending, so that the initiator can take it in while the rest is done.
        """
        self.now = now
        queue = self.queue
        while queue and self.unsent < SEND_AT:
            function, subject = queue.popleft()
            function(subject)
        if self._early:
            self._copy_early_data()
        if self.steps and not queue:
            self._take_step()

    def background(self, owner: object, step: Callable[[], bool]) -> None:
        """Have a step called by `run` whenever there is nothing else to do, until it returns False.

        Args:
            owner: whom it is for, so that `Directory` finds who still works for whom.
            step: does a piece of work of a millisecond at most.
        """
        self.steps.append((owner, step))

    def _take_step(self) -> None:
        """Take one step of the oldest work, which is then the newest; one that raises is not taken again."""
        work = self.steps[0]
        more = False
        try:
            more = work[1]()
        finally:
            self.steps.popleft()
            if more:
                self.steps.append(work)

    def post(self, function: Callable[[Any], object], subject: Any) -> None:
        """Have a function called by `run`; from any thread."""
        self.queue.append((function, subject))
        if get_ident() != self.thread:
            self.wake()

    def take_dirty(self) -> list[Connection]:
        """The connections that have got output or are closing since the last call."""
        dirty = list(self.dirty)
        self.dirty.clear()
        self.unsent = 0
        return dirty

    def handle_timers(self, now: float) -> None:
        """Do what is due, and set `deadline` anew."""
        self.now = now
        self.deadline = float("inf")
        for connection in list(self.connections):
            self._set_timer(connection)
        self.run(now)

    def adopt(self, connection: Connection) -> None:
        """Serve a connection from now on."""
        self.connections[connection] = None
        self.dirty[connection] = None
        self._set_timer(connection)

    def disown(self, connection: Connection) -> None:
        """Serve a connection no longer."""
        self.connections.pop(connection, None)
        self.dirty.pop(connection, None)
        if connection.closing:
            self.directory.disowned(connection)

    def rearm(self, _: object = None) -> None:
        """Look at all timers anew: what they go by may have changed."""
        for connection in list(self.connections):
            self._set_timer(connection)

    def _set_timer(self, connection: Connection) -> None:
        due = connection.handle_timer(self.now)
        if due is not None:
            self.timer_due(due)

    # For the core: see `Agenda`

    def timer_due(self, deadline: float) -> None:
        """See `Agenda`."""
        self.deadline = min(self.deadline, deadline)

    def stack_for(self, session: Session) -> CommandStack:
        """Where the calls of a session's driver go."""
        if self.quirks.read_underflow_unchecked and (session.pass_through or session.multi_phase):
            return ShortReadPhasedCompletions(self) if session.multi_phase else ShortReadCompletions(self)
        if session.multi_phase:
            return self.phased_completions
        return self.linking_completions if session.pass_through else self.completions

    def call_cdb_rcved(self, task: Task) -> None:
        """See `Agenda`."""
        self.queue.append((self._cdb_rcved, task))

    def call_data_xfer_status(self, task: Task) -> None:
        """See `Agenda`."""
        self.queue.append((self._data_xfer_status, task))

    def call_abort(self, task: Task) -> None:
        """See `Agenda`."""
        self.queue.append((self._abort, task))

    def call_release(self, task: Task) -> None:
        """See `Agenda`."""
        self.queue.append((self._release, task))

    def call_tmf_execute(self, request: TaskManagement) -> None:
        """See `Agenda`."""
        self.queue.append((self._tmf_execute, request))

    def call_phases_sent(self, sent: tuple[Task, int]) -> None:
        """See `Agenda`."""
        self.queue.append((self._phases_sent, sent))

    def take_place_away(self, task: Task) -> None:
        """See `Agenda`."""
        if get_ident() == self.thread:
            task.connection.take_place_away(task)
        else:
            # A driver's call from its own thread: what is being received is this thread's business.
            self.post(task.connection.take_place_away, task)

    def resume(self, task: Task) -> None:
        """See `Agenda`."""
        stack = self.phased_completions if task.session.multi_phase else self.completions
        self.queue.append((stack.resume, task))

    def tmf_execution_done(self, request: TaskManagement, response: int) -> int:
        """See `Agenda`."""
        self.post(request.finish, response)
        return 0

    def keep_unsolicited(self, task: Task) -> None:
        """See `Agenda`."""
        self._early.append(task)

    def _copy_early_data(self) -> None:
        for task in self._early:
            if task.unsolicited:
                task.unsolicited = [(offset, bytes(data)) for offset, data in task.unsolicited]
        self._early.clear()

    def call_first_login_check(self, login: Login) -> None:
        """See `Agenda`."""
        self.directory.first_login_check(login)

    def call_login_stage_check(self, login: Login, stage: LoginStage) -> None:
        """See `Agenda`."""
        self.directory.login_stage_check(login, stage)

    def call_chap_info_get(self, identity: LoginIdentity, info: chap_info) -> None:
        """See `Agenda`."""
        chap_info_get(self, identity, info)

    def close_replaced(self, login: Login, session: Session, connection: Connection | None) -> None:
        """See `Agenda`."""
        self.directory.close_replaced(login, session, connection)

    def leave_place(self, session: Session, connection: Connection) -> None:
        """See `Agenda`."""
        self.directory.leave_place(session, connection)

    def login_concluded(self, login: Login) -> None:
        """See `Agenda`."""
        self.queue.append((self.directory.login_concluded, login))

    def call_session_removed(self, session: Session) -> None:
        """See `Agenda`."""
        self.queue.append((self.directory.session_removed, session))

    def call_tasks_cleared(self, session: Session, luns: Collection[int]) -> None:
        """See `Agenda`."""
        self.directory.tasks_cleared(session, luns)

    def visible_nodes(self, connection: Connection, name: str | None = None) -> list[TargetNode]:
        """See `Agenda`."""
        return self.directory.visible_nodes(connection, name)

    def select_redirection_portal(self, connection: Connection, identity: LoginIdentity) -> tcp_endpoint | None:
        """See `Agenda`."""
        return select_redirection_portal(connection, identity)

    def reset_tasks_of_others(self, request: TaskManagement) -> None:
        """See `Agenda`."""
        self.directory.reset_tasks_of_others(request)

    def close_all_sessions(self, session: Session) -> None:
        """See `Agenda`."""
        self.directory.close_all_sessions(session)


def _nothing() -> None:
    """Wake nobody."""
