"""A session in full feature phase: its connections, its commands, its numbering (RFC 7143 sections 4.2 and 8.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chiscsi_target.api.constants import SC_FLAG_SESS_ABORT, SC_FLAG_TMF_ABORT
from chiscsi_target.core import async_message, dispatch, scsi_response
from chiscsi_target.core.agenda import INFORMATION
from chiscsi_target.core.connection_state import ConnectionEvent
from chiscsi_target.core.counters import Totals
from chiscsi_target.core.lun import decode_lun
from chiscsi_target.core.lun_mask import FULL_RIGHTS, NO_MASK, LunMask
from chiscsi_target.core.response_fence import ResponseFence
from chiscsi_target.core.session_state import SessionEvent, SessionState, next_state
from chiscsi_target.core.task import DONE, Task
from iscsi_wire.constants import RESERVED_TAG, AsyncEvent, ScsiStatus
from iscsi_wire.records import StateRecord
from iscsi_wire.text import NONE

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from chiscsi_target.api.lun_class import chiscsi_target_lun_class
    from chiscsi_target.api.scsi_command import CommandStack
    from chiscsi_target.core.agenda import Agenda
    from chiscsi_target.core.command_window import CommandWindow
    from chiscsi_target.core.connection import Connection
    from chiscsi_target.core.login_identity import LoginIdentity
    from chiscsi_target.core.negotiation import Negotiation
    from chiscsi_target.core.session_keys import SessionKeys
    from chiscsi_target.core.task import Task
    from chiscsi_target.core.task_management import TaskManagement
    from chiscsi_target.core.text import TextExchange

# The ATTR field of a SCSI Command PDU (section 11.3.1).
ATTRIBUTES = 0x07
# How many ended tasks may still have Data-Out on the way before the oldest are forgotten.
_LATE_TASKS = 4096
_NOTHING_LATE: tuple[set[int], None] = set(), None


def _note_nothing(task: Task) -> None:
    """Take no note of a failed command: nobody keeps task sets."""


class Session:
    """One session.

    Attributes:
        handle: a small integer, never reused in a run: the driver's `sess_hdl`.
        identity: who logged in to what; `node`, the target, or None for a discovery session without one.
        tsih: its number, from the last login response on.
        discovery: whether it is a discovery session.
        negotiation: the settings that its Text exchanges and further connections start from.
        keys: the session-wide results of the negotiation.
        connections: by CID; `leading`, the one that it began with, until the session's worker has it.
        window: CmdSN numbering.
        tasks: unfinished SCSI commands by Initiator Task Tag.
        requests: unanswered task management requests; `fences`, responses that wait for acknowledgments.
        hooks: the LUN class whose hooks get the commands; `multi_phase`, `pass_through` and `keeps_released` (commands
            wait for `chiscsi_scsi_cmd_ready_to_release`), its properties; `has_cleanup`, whether it has that hook.
        task_class: what its commands are made of; `attribute_mask`, which bits of ATTR they show.
        mask: what it sees of the target's logical units, and may write; `decode_lun`, how a LUN field names one;
            `lun_flags`, SC_FLAG_* bits of every command: its rights, when they are the same everywhere.
        further_functions: task management functions that `hooks` executes, though the core answers them by default.
        tells_of_aborts: whether commands to a logical unit that others end get the status TASK ABORTED (TAS, SPC-4).
        note_failure: learns of a command that ends with another status than GOOD, before that is sent.
        stack: where completions go.
        counters: what its connections have moved, past ones included.
        ending: why it is being closed, or None; a connection that joins too late is closed as well.
        authenticated_by: method and name that its leading connection was authenticated by.
        announced: `fp_session_added` was called; `tclass_priv`, what it returned.
    """

    pass_through = False
    keeps_released = False
    has_cleanup = True
    further_functions: Collection[int] = ()
    task_class: type[Task] = Task
    attribute_mask = ATTRIBUTES
    note_failure: Callable[[Task], object] = staticmethod(_note_nothing)

    def __init__(self, handle: int, identity: LoginIdentity, agenda: Agenda) -> None:
        self.handle = handle
        self.identity = identity
        self.node = identity.node
        self.discovery = identity.discovery
        self.agenda = agenda
        self.tsih = 0
        self.negotiation: Negotiation
        self.keys: SessionKeys
        self.window: CommandWindow
        self.stack: CommandStack
        self.hooks: chiscsi_target_lun_class
        self.tells_of_aborts: Callable[[int], bool] = _tells_of_none
        self.multi_phase = False
        self.set_mask(NO_MASK)
        self.handlers = dispatch.handlers_for(identity.discovery)
        self.connections: dict[int, Connection] = {}
        self.leading: Connection | None = None
        self.tasks: dict[int, Task] = {}
        self.requests: list[TaskManagement] = []
        self.fences: list[ResponseFence] = []
        self.texts: dict[int, TextExchange] = {}
        self.transfer_tags: set[int] = set()
        self.ending: ConnectionEvent | None = None
        self.authenticated_by = (NONE, "")
        self.announced = False
        self.tclass_priv: Any = None
        self.counters = Totals()
        self.state = SessionState.FREE
        self._next_transfer_tag = 0
        # Tasks that ended while Data-Out was due: tag of the task -> tags of the bursts that may come, and where.
        self._late: dict[int, tuple[set[int], Connection]] = {}

    def set_mask(self, mask: LunMask) -> None:
        """Let the session see no more of its target's logical units than `mask` says."""
        self.mask = mask
        self.decode_lun: Callable[[int], int] = decode_lun if mask.visible is None else mask.decode
        self.lun_flags = FULL_RIGHTS if mask == NO_MASK else 0

    # Tags

    def new_transfer_tag(self) -> int:
        """A Target Transfer Tag that is not in use and not reserved (section 11.8.5)."""
        tag = self._next_transfer_tag
        while tag in self.transfer_tags or tag == RESERVED_TAG:
            tag = (tag + 1) & 0xFFFFFFFF
        self._next_transfer_tag = (tag + 1) & 0xFFFFFFFF
        self.transfer_tags.add(tag)
        return tag

    def tag_in_use(self, itt: int) -> bool:
        """Whether an Initiator Task Tag names an unfinished command or task management request (section 4.2.2.1)."""
        return itt in self.tasks or any(request.tag == itt for request in self.requests)

    def expect_late_data(self, task: Task) -> None:
        """Remember which Data-Out of an ended task may still come; they are thrown away silently (section 10.7)."""
        bursts = set(task.r2ts)
        if task.unsolicited_open:
            bursts.add(RESERVED_TAG)
        # The tag may have been used again while data of its last task were due.
        earlier, _ = self._late.pop(task.itt, _NOTHING_LATE)
        self._late[task.itt] = bursts | earlier, task.connection
        if len(self._late) > _LATE_TASKS:
            self._forget_late(next(iter(self._late)))

    def _forget_late(self, itt: int) -> None:
        bursts, _ = self._late.pop(itt)
        self.transfer_tags -= bursts

    def late_data(self, itt: int, ttt: int, final: bool) -> bool:
        """Whether a Data-Out belongs to a task that ended while it was due."""
        bursts, _ = self._late.get(itt, _NOTHING_LATE)
        if ttt not in bursts:
            return False
        if final:
            bursts.discard(ttt)
            self.transfer_tags.discard(ttt)
            if not bursts:
                del self._late[itt]
        return True

    # Response fences

    def raise_fence(self, connection: Connection, pass_on: Callable[[], None]) -> None:
        """Have `pass_on` send a response on `connection` behind all that went before it on the others (4.2.2.3)."""
        fence = ResponseFence(self, connection, pass_on)
        if fence.up:
            self.fences.append(fence)

    def look_at_fences(self) -> None:
        """Let responses go that have nothing to wait for any more."""
        for fence in list(self.fences):
            fence.look()
        self.fences = [fence for fence in self.fences if fence.up]

    # Tasks

    def end_silently(self, tasks: Iterable[Task], flag: int, not_received: Collection[int] = ()) -> list[Task]:
        """End tasks without a response.

        Args:
            tasks: some of the session's.
            flag: SC_FLAG_SESS_ABORT, which the driver is told by `fp_scsi_cmd_abort`, or SC_FLAG_TMF_ABORT.
            not_received: CmdSNs that do not count as received, since they were dropped while they waited.

        Returns:
            The tasks that can be released: the driver holds none of them.
        """
        ended = list(tasks)
        for task in ended:
            task.sc_flag |= flag
            task.state = DONE
            del self.tasks[task.itt]
            if task.data_due:
                self.expect_late_data(task)
            if task.is_immediate:
                self.window.immediate -= 1
            elif task.sc_CmdSN not in not_received:
                self.window.answered()
                self.window.forget(task.sc_CmdSN)
            if task.seen and flag == SC_FLAG_SESS_ABORT:
                self.agenda.call_abort(task)
            if task.held:
                # Appendix D; behaviour file, 3.9: it is released at the driver's next call for it.
                text = f"sc 0x{id(task):x}, {task.name}, held by storage driver"
                self.agenda.log(INFORMATION, text, task.connection.name)
                self.agenda.orphans[task] = None
        return [task for task in ended if not task.held]

    def end_by_reset(self, lun: int | None, sense: tuple[int, int, int]) -> None:
        """End the tasks of a logical unit, or all, because another session had them cleared (behaviour file, 4.3).

        Args:
            lun: the logical unit, or None for all.
            sense: the unit attention that tells why: key, additional sense code, qualifier; where TAS is set, the
                status TASK ABORTED does.
        """
        for task in list(self.tasks.values()):
            if lun in (None, task.sc_lun):
                task.sc_flag |= SC_FLAG_TMF_ABORT
                if self.tells_of_aborts(task.sc_lun):
                    task.doom_to(ScsiStatus.TASK_ABORTED)
                else:
                    task.doom(sense)
                scsi_response.conclude_when_data_is_in(task)

    # Life

    def refuse_hole(self, connection: Connection) -> bool:
        """Close the only connection for a hole in its CmdSNs, as release 3.14 does (behaviour file, 3.2); or do not."""
        if len(self.connections) > 1:
            return False
        connection.drop("a hole in the CmdSNs")
        return True

    def event(self, event: SessionEvent) -> None:
        """Move the state machine."""
        old = self.state
        label, self.state = next_state(old, event)
        if self.agenda.listener is not None:
            name = f"session {self.handle}"
            self.agenda.listener(
                StateRecord(
                    self.agenda.now, "target", name, "session", old.value, f"{label} {event.value}", self.state.value
                )
            )

    def connection_closed(self, connection: Connection, event: ConnectionEvent) -> None:
        """Learn that one of the connections is closing: its tasks end, and with the last connection the session."""
        if self.connections.get(connection.cid) is connection:
            del self.connections[connection.cid]
        self.transfer_tags -= connection.ping_tags
        dropped = self.window.discard(connection)
        orphans = [task for task in self.tasks.values() if task.connection is connection]
        ended = self.end_silently(orphans, SC_FLAG_SESS_ABORT, dropped)
        for itt in [itt for itt, (_, allegiance) in self._late.items() if allegiance is connection]:
            self._forget_late(itt)
        for request in [request for request in self.requests if request.connection is connection]:
            request.abandon(dropped)
        if self.connections and orphans:
            self.agenda.call_tasks_cleared(self, {task.sc_lun for task in orphans})
        if not self.connections and self.state is SessionState.LOGGED_IN:
            if event is ConnectionEvent.TRANSPORT_LOST:
                # ErrorRecoveryLevel 0: there is nothing that a later login could continue (section 7.1.4.1).
                self.event(SessionEvent.FAILED)
                self.event(SessionEvent.TIMED_OUT)
            else:
                self.event(SessionEvent.CLOSED)
            self.agenda.call_session_removed(self)
        for task in ended:
            connection.release(task)
        for request in list(self.requests):
            # One on another connection need not wait for the data of tasks that are gone.
            request.proceed()
        self.look_at_fences()

    def replace(self, old: Connection, new: Connection) -> None:
        """Put a connection in the place of the one with its CID (connection reinstatement, section 6.3.4)."""
        self.connections[new.cid] = new
        old.close(ConnectionEvent.CLOSED_CLEANLY)

    def close(self, event: ConnectionEvent, *, announce: bool = False) -> None:
        """Close all connections.

        Args:
            event: why, for the connections' state machines.
            announce: tell the initiator first by Async Messages (section 11.9.1: events 2 and 3).
        """
        self.ending = event
        connections = list(self.connections.values())
        if announce:
            for connection in connections:
                last = connection is connections[-1]
                code = AsyncEvent.SESSION_DROP if last else AsyncEvent.CONNECTION_DROP
                async_message.send_drop(connection, code)
        for connection in connections:
            connection.close(event)


def _tells_of_none(lun: int) -> bool:
    """Have no command end with TASK ABORTED: nobody keeps a TAS."""
    return False
