"""What the core asks of whoever runs it.

The core never calls a storage driver: it puts the call on its agenda, and the engine makes it between two protocol
steps. The agenda also knows what time it is (the core has no clock) and who listens.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from typing import TYPE_CHECKING, Final

from chiscsi_target.core.verbosity import DEBUG, ERROR, INFORMATION, PREFIXES, WARNING, Area, Verbosity
from chiscsi_target.quirks import Quirks
from iscsi_wire.records import FindingRecord, Listener, LogRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from chiscsi_target.api.chap_info import chap_info
    from chiscsi_target.api.endpoints import tcp_endpoint
    from chiscsi_target.api.events import chiscsi_event
    from chiscsi_target.api.findings import FindingKind
    from chiscsi_target.core.adapter import Adapter
    from chiscsi_target.core.connection import Connection
    from chiscsi_target.core.login import Login
    from chiscsi_target.core.login_identity import LoginIdentity
    from chiscsi_target.core.session import Session
    from chiscsi_target.core.target_node import TargetNode
    from chiscsi_target.core.task import Task
    from chiscsi_target.core.task_management import TaskManagement
    from iscsi_wire.constants import LoginStage

__all__ = ["DEBUG", "ERROR", "INFORMATION", "WARNING", "Agenda"]

# How many findings are kept; of more, the newest.
KEPT_FINDINGS: Final = 4096


class Agenda(ABC):
    """One thread's worth of protocol work.

    Attributes:
        now: the time of the input that is being handled, in seconds.
        listener: who is told of everything observable, or None.
        complain: who prints errors and warnings, and what `verbosity` says.
        verbosity: which lines are printed besides.
        notify: who is told of events: login, logout, access denied, targets that come and go.
        quirks: where the module's release is followed rather than the guide.
        merge_returns: whether phases of a multi-phase command that can go back to the driver together go in one call.
        findings: what storage drivers did wrong, as far as the stack noticed.
        orphans: commands that are over, but that their drivers still hold (behaviour file, 3.9).
        dirty: connections that have something to send or have to be closed.
        adapter: what connections may be offloaded to, or None.
        unsent: about how many octets of data were queued on them since the shell looked.
    """

    def __init__(self, listener: Listener | None) -> None:
        self.now = 0.0
        self.listener = listener
        self.complain: Callable[[str], None] = _keep_quiet
        self.verbosity = Verbosity()
        self.notify: Callable[[chiscsi_event, str], None] = _notify_nobody
        self.quirks = Quirks()
        self.merge_returns = False
        self.findings: deque[FindingRecord] = deque(maxlen=KEPT_FINDINGS)
        self.orphans: dict[Task, None] = {}
        self.dirty: dict[Connection, None] = {}
        self.adapter: Adapter | None = None
        self.unsent = 0

    def log(self, level: int, text: str, connection: str = "", area: Area | None = None) -> None:
        """Record a log message with the guide's wording, and print it if it is an error or was asked for.

        Args:
            level: ERROR, WARNING, INFORMATION or DEBUG.
            text: the line.
            connection: the name of the connection that it is about.
            area: what a debug line is about.
        """
        if self.listener is not None:
            self.listener(LogRecord(self.now, "target", connection, level, text))
        if self.verbosity.prints(level, area):
            self.complain(f"chiscsi: {PREFIXES.get(level, '')}{text}")

    def find(self, kind: FindingKind, text: str, connection: str = "", itt: int | None = None) -> None:
        """Record a finding, from any thread.

        Args:
            kind: what kind of mistake it is.
            text: what was done, and to what.
            connection: the name of the command's connection.
            itt: the command's Initiator Task Tag.
        """
        record = FindingRecord(self.now, "target", connection, str(kind), itt, text)
        self.findings.append(record)
        if self.listener is not None:
            self.listener(record)

    def event(self, number: chiscsi_event, text: str) -> None:
        """Tell the event notifier what happened, and to whom (behaviour file, 1.8)."""
        self.notify(number, text)

    @abstractmethod
    def call_cdb_rcved(self, task: Task) -> None:
        """Have `fp_scsi_cmd_cdb_rcved` called."""

    @abstractmethod
    def call_data_xfer_status(self, task: Task) -> None:
        """Have `fp_scsi_cmd_data_xfer_status` called for the buffers that are to go back."""

    @abstractmethod
    def call_abort(self, task: Task) -> None:
        """Have `fp_scsi_cmd_abort` called."""

    @abstractmethod
    def call_release(self, task: Task) -> None:
        """Have the remaining buffers returned and `fp_scsi_cmd_cleanup` called; the task is over."""

    @abstractmethod
    def call_phases_sent(self, sent: tuple[Task, int]) -> None:
        """Have the phases of a multi-phase read given back that end at an offset which was sent."""

    @abstractmethod
    def take_place_away(self, task: Task) -> None:
        """Have no more of a task's data received into its buffers: at once, or soon when another thread asks."""

    @abstractmethod
    def resume(self, task: Task) -> None:
        """Go on with a task that a task management function did not end after all."""

    @abstractmethod
    def call_tmf_execute(self, request: TaskManagement) -> None:
        """Have `fp_tmf_execute` called."""

    @abstractmethod
    def tmf_execution_done(self, request: TaskManagement, response: int) -> int:
        """Take a driver's answer, from any thread; `TaskManagement.finish` is called with it in this one."""

    @abstractmethod
    def call_session_removed(self, session: Session) -> None:
        """Have `fp_session_removed` called; nothing of the session is left after it."""

    @abstractmethod
    def keep_unsolicited(self, task: Task) -> None:
        """Have the data that came before their buffers copied out of the receive buffer, before it is used again."""

    @abstractmethod
    def call_first_login_check(self, login: Login) -> None:
        """Have `fp_first_login_check` called, if the class has it; the login then waits for the answer."""

    @abstractmethod
    def call_login_stage_check(self, login: Login, stage: LoginStage) -> None:
        """Have `fp_login_stage_check` called, if the class has it; the login then waits for the answer."""

    @abstractmethod
    def call_chap_info_get(self, identity: LoginIdentity, info: chap_info) -> None:
        """Call `fp_chap_info_get`, which is blocking, to fill `info` in.

        Raises:
            LoginFailure: the hook raised.
        """

    @abstractmethod
    def close_replaced(self, login: Login, session: Session, connection: Connection | None) -> None:
        """Close what a login replaces, a session or one connection of it; the login waits until it is gone."""

    @abstractmethod
    def leave_place(self, session: Session, connection: Connection) -> None:
        """Take a connection whose login failed out of the session that it was to join, if it took a place there."""

    @abstractmethod
    def login_concluded(self, login: Login) -> None:
        """Hand a connection that reached full feature phase to its session's worker."""

    @abstractmethod
    def call_tasks_cleared(self, session: Session, luns: Collection[int]) -> None:
        """Have the logical units told that tasks were ended while their session goes on (section 11.14.5)."""

    @abstractmethod
    def visible_nodes(self, connection: Connection, name: str | None = None) -> list[TargetNode]:
        """The target nodes that a discovery session may see, in the order of their creation; or the one it names."""

    @abstractmethod
    def select_redirection_portal(self, connection: Connection, identity: LoginIdentity) -> tcp_endpoint | None:
        """The portal that a login is sent on to; None when there is none, or nobody to choose one."""

    @abstractmethod
    def reset_tasks_of_others(self, request: TaskManagement) -> None:
        """Have the tasks of other sessions that a task management function affects ended, in their own threads."""

    @abstractmethod
    def close_all_sessions(self, session: Session) -> None:
        """Close all sessions of a session's node, itself the last (section 11.6.1, TARGET COLD RESET)."""

    @abstractmethod
    def timer_due(self, deadline: float) -> None:
        """Have `Connection.handle_timer` called at `deadline`, or earlier."""


def _keep_quiet(line: str) -> None:
    """Print nothing: nobody asked for it."""


def _notify_nobody(number: chiscsi_event, text: str) -> None:
    """Tell nobody: no notifier is registered."""
