"""The storage driver of a schedule: it notes every hook, and completes commands when the schedule says so.

It holds the invariants of the driver's side: the order of hooks, the buffers, and what a command may be released for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chiscsi_target.api import (
    LUN_CLASS_MULTI_PHASE_DATA_BIT,
    LUN_CLASS_SCSI_PASS_THRU_BIT,
    chiscsi_scsi_command,
    chiscsi_target_class,
    chiscsi_target_lun_class,
    chiscsi_tmf_execution_done,
)
from chiscsi_target.api.constants import ISCSI_SG_SBUF_DMABLE, SC_FLAG_SESS_ABORT
from chiscsi_target.api.lun_class import TmfHandle
from chiscsi_target.api.sgvec import SgList
from conformance.schedules import hook_order
from conformance.schedules.hook_order import FULL, HELD
from conformance.schedules.invariants import Judge
from conformance.schedules.plan import INSIDE, Command, Scenario
from conformance.schedules.work import Work

Find = Callable[[int], Command]
"""The plan of the command that is out under an Initiator Task Tag."""
Tell = Callable[[str], None]
"""Takes a line of the story."""


class Asked:
    """A task management function that was forwarded to the driver; `answer` once it has answered."""

    __slots__ = ("answer", "function", "hndl", "sc")

    def __init__(self, hndl: TmfHandle, function: int, sc: chiscsi_scsi_command | None) -> None:
        self.hndl = hndl
        self.function = function
        self.sc = sc
        self.answer: int | None = None


class ScriptedDriver(chiscsi_target_lun_class):
    """See above.

    Attributes:
        works: what it knows of each command, in the order of their arrival.
        asked: task management functions, likewise.
        removed: handles of the sessions that were announced as gone.
    """

    class_name = "SCRIPTED"

    def __init__(self, scenario: Scenario, answer_inside: int | None, judge: Judge, find: Find) -> None:
        multi_phase = scenario.multi_phase
        self.property = 1 << LUN_CLASS_SCSI_PASS_THRU_BIT | multi_phase << LUN_CLASS_MULTI_PHASE_DATA_BIT
        self.works: list[Work] = []
        self.asked: list[Asked] = []
        self.removed: set[int] = set()
        self.tell: Tell | None = None
        self._unit = scenario.unit if multi_phase else 0
        self._sg_flag = ISCSI_SG_SBUF_DMABLE if scenario.adapter else 0
        self._answer_inside = answer_inside
        self._judge = judge
        self._find = find

    # Hooks

    def fp_scsi_cmd_cdb_rcved(self, sc: chiscsi_scsi_command) -> int:
        """Note it, and complete it if the plan says so."""
        work = sc.sc_sdev_hdl
        if work is None:
            work = sc.sc_sdev_hdl = Work(sc, self._find(sc.sc_itt), self._unit, self._sg_flag, self._judge)
            self.works.append(work)
            if sc.sc_sess in self.removed:
                self._judge.accuse("session hooks", f"{work.name} came after its session's fp_session_removed")
        self._note(work, hook_order.CDB)
        work.asked()
        self._complete_inside(work)
        return 0

    def fp_scsi_cmd_data_xfer_status(
        self, sc: chiscsi_scsi_command, buf: SgList | None, sgcnt: int, offset: int, buflen: int
    ) -> int:
        """Take buffers back."""
        work: Work = sc.sc_sdev_hdl
        self._note(work, hook_order.DATA, f"{offset}+{buflen}")
        work.take_back(buf, offset, buflen)
        self._complete_inside(work)
        return 0

    def fp_scsi_cmd_abort(self, sc: chiscsi_scsi_command) -> int:
        """Owe an answer."""
        work: Work = sc.sc_sdev_hdl
        self._note(work, hook_order.ABORT, f"flag 0x{sc.sc_flag:x}")
        if sc.sc_flag & SC_FLAG_SESS_ABORT and sc.sc_sess in self.removed:
            self._judge.accuse("session hooks", f"{work.name} was aborted behind its session's fp_session_removed")
        work.abort_asked()
        return 0

    def fp_scsi_cmd_abort_status(
        self, sc_lun: int, sc_cmdsn: int, sc_itt: int, sc_xfer_sgcnt: int, buf: SgList | None, sc_sdev_hdl: Any
    ) -> None:
        """Take buffers back: the abort that the driver asked for is done."""
        work: Work = sc_sdev_hdl
        self._note(work, hook_order.ABORT_STATUS)
        work.abort_done(buf)

    def fp_scsi_cmd_cleanup(self, sc: chiscsi_scsi_command) -> None:
        """Forget the command."""
        work: Work = sc.sc_sdev_hdl
        self._note(work, hook_order.CLEANUP)
        work.cleaned_up()

    def fp_tmf_execute(
        self,
        sess_tclass: Any,
        hndl: TmfHandle,
        immediate_cmd: int,
        tmf_func: int,
        lun: int,
        sc: chiscsi_scsi_command | None,
    ) -> int:
        """Owe an answer, or give it."""
        asked = Asked(hndl, tmf_func, sc)
        self.asked.append(asked)
        if self.tell is not None:
            self.tell(f"hook fp_tmf_execute(function {tmf_func})")
        if self._answer_inside is not None:
            self.answer(asked, self._answer_inside)
        return 0

    # What the schedule has it do

    def complete(self, work: Work, action: str) -> None:
        """Make a call for a command: "execute", "give", "fail", "short", "abort" or "abort_status"."""
        result = work.call(action)
        if self.tell is not None:
            self.tell(f"driver: {action} {work.name} -> {result}")

    def answer(self, asked: Asked, response: int) -> None:
        """Answer a task management function."""
        asked.answer = response
        if asked.sc is not None and response == 0:
            asked.sc.sc_sdev_hdl.let_go = True
        result = chiscsi_tmf_execution_done(asked.hndl, response, asked.sc)
        if self.tell is not None:
            self.tell(f"driver: chiscsi_tmf_execution_done(response {response}) -> {result}")

    def _complete_inside(self, work: Work) -> None:
        if work.plan.completion == INSIDE and work.state in (HELD, FULL):
            self.complete(work, work.next_action)

    def _note(self, work: Work, hook: str, detail: str = "") -> None:
        if self.tell is not None:
            self.tell(f"hook {hook}({work.name}{', ' if detail else ''}{detail})")
        work.hook(hook)


class WatchingClass(chiscsi_target_class):
    """The target class: notes sessions that come and go."""

    class_name = "WATCHING"

    def __init__(self, driver: ScriptedDriver, judge: Judge) -> None:
        self.added: set[int] = set()
        self._driver = driver
        self._judge = judge

    def fp_session_added(self, sess_hdl: int, isid: bytes, initiator_name: str, target_name: str) -> object:
        """Note."""
        if sess_hdl in self.added:
            self._judge.accuse("session hooks", f"fp_session_added twice for session {sess_hdl}")
        self.added.add(sess_hdl)
        return sess_hdl

    def fp_session_removed(self, sess_hdl: int, initiator_name: str, target_name: str) -> None:
        """Note."""
        driver = self._driver
        if driver.tell is not None:
            driver.tell(f"hook fp_session_removed(session {sess_hdl})")
        if sess_hdl not in self.added or sess_hdl in driver.removed:
            self._judge.accuse("session hooks", f"fp_session_removed for session {sess_hdl}, which was not there")
        driver.removed.add(sess_hdl)
