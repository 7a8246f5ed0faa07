"""Task Management Function Requests (RFC 7143 sections 4.2.3, 11.5 and 11.6; guide 7.3.6).

A function that acts on several tasks follows the standard procedure of section 4.2.3.3: nothing new is sent for the
affected tasks, the data that was asked for is awaited and thrown away, the driver executes the function, and only then
the response goes out.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from chiscsi_target.api.constants import SC_FLAG_TMF_ABORT, ReturnCode
from chiscsi_target.api.findings import FindingKind
from chiscsi_target.core.data_path import INTERNAL_FAILURE
from chiscsi_target.core.numbered_request import execute_in_turn, immediate, look_at_tag, session_for
from chiscsi_target.core.task import DONE, EXECUTING, STATUS, Task
from iscsi_wire.constants import TaskAttribute
from iscsi_wire.constants import TaskManagementFunction as Function
from iscsi_wire.constants import TaskManagementResponseCode as Response
from iscsi_wire.pdus import TaskManagementRequest, TaskManagementResponse
from iscsi_wire.sequence import sn_lt

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from chiscsi_target.core.connection import Connection
    from chiscsi_target.core.session import Session
    from iscsi_wire.framing import Frame

ALL_LUNS = 0xFFFFFFFF
"""The LUN that `fp_tmf_execute` is given for a target reset (behaviour file, 4.2)."""

# Answered without the driver (guide 7.3.6), unless it says that it has the function. Those of RFC 7144 need a protocol
# level that is never agreed on.
_ANSWERED_HERE: dict[int, Response] = {
    Function.CLEAR_ACA: Response.FUNCTION_NOT_SUPPORTED,
    Function.TASK_REASSIGN: Response.TASK_REASSIGNMENT_NOT_SUPPORTED,
    Function.QUERY_TASK: Response.FUNCTION_NOT_SUPPORTED,
    Function.QUERY_TASK_SET: Response.FUNCTION_NOT_SUPPORTED,
    Function.I_T_NEXUS_RESET: Response.FUNCTION_NOT_SUPPORTED,
    Function.QUERY_ASYNCHRONOUS_EVENT: Response.FUNCTION_NOT_SUPPORTED,
}
_TARGET_RESETS = (Function.TARGET_WARM_RESET, Function.TARGET_COLD_RESET)
# The responses after which the task of an ABORT TASK is over.
_TASK_IS_GONE = (Response.FUNCTION_COMPLETE, Response.TASK_DOES_NOT_EXIST)
# Whose tasks a function ends besides those of the session that asked (section 4.2.3.2).
CROSSES_SESSIONS = (Function.CLEAR_TASK_SET, Function.LOGICAL_UNIT_RESET, *_TARGET_RESETS)


def task_management_request(connection: Connection, frame: Frame) -> None:
    """Take a Task Management Function Request.

    Raises:
        RejectedPdu: its Initiator Task Tag cannot be used.
    """
    pdu = TaskManagementRequest.decode(frame.header)
    session = session_for(connection, pdu)
    if session is None:
        return
    look_at_tag(session, pdu.initiator_task_tag)
    request = TaskManagement(connection, session, pdu)
    session.requests.append(request)
    execute_in_turn(connection, pdu, request.start)


def _find_request(session: Session, tag: int) -> TaskManagement | None:
    """The unanswered task management request with this Initiator Task Tag, whether its turn has come or not."""
    return next((request for request in session.requests if request.tag == tag), None)


class TaskManagement:
    """A request from its arrival to its response; also the handle that the driver's answer names.

    Attributes:
        tag: its Initiator Task Tag.
        function, lun, immediate: as `fp_tmf_execute` gets them.
        task: the task of an ABORT TASK that the driver has to know of.
        affected: the session's tasks that it ends.
    """

    def __init__(self, connection: Connection, session: Session, pdu: TaskManagementRequest) -> None:
        self.connection = connection
        self.session = session
        self.tag = pdu.initiator_task_tag
        self.immediate = immediate(pdu)
        self.function = pdu.function
        self.lun = ALL_LUNS if pdu.function in _TARGET_RESETS else session.decode_lun(pdu.lun)
        self.task: Task | None = None
        self.affected: list[Task] = []
        self._pdu = pdu
        self._taken_over = False
        self._forwarded = False
        self._finished = False
        self._abandoned = False
        self._answered = False
        self._named: object = None
        self._followers: list[TaskManagement] = []

    def start(self) -> None:
        """Act on the request: its turn has come."""
        if self.connection.closing:
            return
        if self.function in _ANSWERED_HERE and self.function not in self.session.further_functions:
            self.respond(_ANSWERED_HERE[self.function])
        elif self.function == Function.ABORT_TASK:
            self._abort_task()
        elif self.function in list(Function):
            self._abort_several()
        else:
            self.respond(Response.FUNCTION_REJECTED)

    @property
    def awaits_driver(self) -> bool:
        """Whether the driver was asked and has not answered."""
        return self._forwarded and not self._finished

    # One task

    def _abort_task(self) -> None:
        task = self.session.tasks.get(self._pdu.referenced_task_tag)
        if task is not None and task.aborting is not None:
            # Another function may end the task or not: whether there is one to be aborted is known when that is over.
            task.aborting._followers.append(self)
        elif task is None:
            # Section 11.5.1: task management requests are not to be aborted.
            managing = _find_request(self.session, self._pdu.referenced_task_tag)
            self.respond(Response.FUNCTION_REJECTED if managing else self._answer_for_missing_task())
        elif _settled(task) and not self.connection.agenda.quirks.tmf_forward_all:
            # Guide 7.3.6 b and c: it was executed already, or has not been given to the driver.
            self._end([task])
            self.respond(Response.FUNCTION_COMPLETE)
        else:
            self.task = task
            self._take_over([task])
            self._forward()

    def _answer_for_missing_task(self) -> Response:
        """Section 11.6.1: a command that can still come counts as received, and is aborted; others do not exist."""
        window, missing = self.session.window, self._pdu.ref_cmd_sn
        if window.admits(missing) and sn_lt(missing, self._pdu.cmd_sn):
            window.skip(missing)
            return Response.FUNCTION_COMPLETE
        return Response.TASK_DOES_NOT_EXIST

    # Several tasks

    def _abort_several(self) -> None:
        """Take over all affected tasks once all commands before the request are there (section 4.2.3.3, b)."""
        window = self.session.window
        if self.immediate and self.function not in _TARGET_RESETS and sn_lt(window.exp_cmd_sn, self._pdu.cmd_sn):
            window.call_at(self._pdu.cmd_sn, self._abort_several)
            return
        if self.connection.closing:
            return
        self._take_over([task for task in self.session.tasks.values() if self.affects(task)])
        self.proceed()

    def affects(self, task: Task) -> bool:
        """Whether the function ends a task of its own session: those that came before it (section 4.6.1.3)."""
        if self.lun not in (ALL_LUNS, task.sc_lun):
            return False
        if self.function == Function.CLEAR_ACA and task.sc_attribute != TaskAttribute.ACA:
            return False
        return task.is_immediate or sn_lt(task.sc_CmdSN, self._pdu.cmd_sn)

    def _take_over(self, tasks: list[Task]) -> None:
        """Be the one to end the tasks; also those that an earlier function, not answered yet, was to end."""
        self._taken_over = True
        self.affected = tasks
        earlier = dict.fromkeys(task.aborting for task in tasks)
        for task in tasks:
            task.sc_flag |= SC_FLAG_TMF_ABORT
            task.aborting = self
        _proceed_all(earlier)

    def proceed(self) -> None:
        """Forward the function to the driver once no data are due for the affected tasks (section 4.2.3.3, a)."""
        if self._forwarded or self._finished or not self._taken_over:
            return
        if self.task is not None or not any(task.data_due for task in self._unfinished() if task.aborting is self):
            self._forward()

    def _forward(self) -> None:
        self._forwarded = True
        agenda = self.connection.agenda
        for task in self.affected:
            # Guide 7.3.6: a command in data transfer is aborted by a hook of its own as well.
            if _in_transfer(task) and not agenda.quirks.tmf_no_abort_hook:
                agenda.call_abort(task)
        agenda.call_tmf_execute(self)

    # The driver's answer, and ours

    def execution_done(self, tmf_response: int, scmd: object) -> int:
        """Take the driver's answer: see `chiscsi_tmf_execution_done`."""
        agenda = self.connection.agenda
        if self._answered:
            text = f"chiscsi_tmf_execution_done: itt 0x{self.tag:x}, answered before"
            agenda.find(FindingKind.DOUBLE_TMF_ANSWER, text, self.connection.name, self.tag)
            return -ReturnCode.EINVAL
        self._answered = True
        self._named = scmd
        return agenda.tmf_execution_done(self, tmf_response)

    def finish(self, response: int) -> None:
        """End what the function ended, then answer; on the wire the response is behind all of theirs (4.2.3.3, d)."""
        if self._finished:
            return
        self._finished = True
        gone = response == Response.FUNCTION_COMPLETE
        if self.task is not None and self._named is self.task and response in _TASK_IS_GONE:
            # Behaviour file, 4.2: a command that the answer names is no longer held, and is over.
            gone = True
            self._let_go(self.task)
        if gone:
            ended = self._unfinished()
            self._end(ended)
            # A later function need not wait for the data of tasks that are gone.
            _proceed_all(dict.fromkeys(task.aborting for task in ended if task.aborting is not self))
            if self.function in CROSSES_SESSIONS:
                self.connection.agenda.reset_tasks_of_others(self)
        else:
            self._give_back()
        if self.function == Function.ABORT_TASK or self._abandoned:
            self._conclude(response)
        else:
            self.session.raise_fence(self.connection, partial(self._conclude, response))
        self._let_followers_go()

    def _conclude(self, response: int) -> None:
        if not self._abandoned:
            self.respond(response)
        if self.function == Function.TARGET_COLD_RESET and response == Response.FUNCTION_COMPLETE:
            self.connection.agenda.close_all_sessions(self.session)

    def _let_go(self, task: Task) -> None:
        """Hold a command no longer; if something else has ended it meanwhile, it waited for that."""
        if task.held and task.state >= DONE:
            self.connection.agenda.orphans.pop(task, None)
            task.connection.release(task)
        task.held = False

    def _unfinished(self) -> list[Task]:
        """The affected tasks that are still there."""
        return [task for task in self.affected if self.session.tasks.get(task.itt) is task]

    def _give_back(self) -> None:
        """Let the affected tasks go on, unless a later function is to end them: this one did not."""
        for task in [task for task in self._unfinished() if task.aborting is self]:
            task.aborting = None
            task.sc_flag &= ~SC_FLAG_TMF_ABORT
            if task.abort_asked is False:
                # Its driver has given it up meanwhile, and has its buffers back: it cannot go on.
                if not task.sc_status:
                    task.doom(INTERNAL_FAILURE)
                task.take_no_more_data()
            else:
                task.abort_asked = None
            self.connection.agenda.resume(task)

    def _let_followers_go(self) -> None:
        followers, self._followers = self._followers, []
        for follower in followers:
            follower.start()

    def _end(self, tasks: list[Task]) -> None:
        for task in self.session.end_silently(tasks, SC_FLAG_TMF_ABORT):
            task.connection.release(task)

    def respond(self, response: int) -> None:
        """Send the response."""
        window = self.session.window
        if self in self.session.requests:
            self.session.requests.remove(self)
        if not self.immediate:
            window.answered()
        short = self._forwarded and self.connection.agenda.quirks.tmf_itt_8bit
        self.connection.send_pdu(
            TaskManagementResponse(
                response=response,
                initiator_task_tag=self.tag & 0xFF if short else self.tag,
                stat_sn=self.connection.next_stat_sn(),
                exp_cmd_sn=window.exp_cmd_sn,
                max_cmd_sn=window.max_cmd_sn,
            )
        )

    def abandon(self, not_received: Collection[int]) -> None:
        """Give up, since the connection is gone: nobody waits for the response.

        Args:
            not_received: CmdSNs that do not count as received, since they were dropped while they waited.
        """
        self._abandoned = True
        self.session.requests.remove(self)
        if not self._forwarded:
            # Tasks on other connections of the session do not end without it.
            self._finished = True
            self._give_back()
            self._let_followers_go()
        if not self.immediate and self._pdu.cmd_sn not in not_received:
            self.session.window.answered()


def _settled(task: Task) -> bool:
    """Whether the driver has nothing to say of a task: it completed it, or never saw it."""
    if not task.seen:
        return True
    if task.held:
        return False
    if task.failing or task.sc_status or task.sc_response:
        return True
    if task.session.multi_phase:
        done = task.executed if task.is_write else task.given
        return 0 < task.sc_xfer_len <= done
    return task.state == EXECUTING


def _in_transfer(task: Task) -> bool:
    """Whether `chiscsi_scsi_cmd_buffer_ready` was called for a task, and buffers are still with the stack."""
    return task.is_write and task.state < STATUS and bool(task.phases)


def _proceed_all(requests: Iterable[TaskManagement | None]) -> None:
    for request in requests:
        if request is not None:
            request.proceed()
