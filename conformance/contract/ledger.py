"""`Ledger`: what a watched driver was asked, what it answered, and which rules it broke on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from chiscsi_target.api import (
    SC_FLAG_WRITE,
    SC_FLAG_XFER_OVERFLOW,
    SC_FLAG_XFER_UNDERFLOW,
)
from conformance.contract.field_values import wrong_numbers, wrong_values
from conformance.contract.rules import RULE_OF_FINDING, RULES, Rule
from iscsi_wire.constants import ScsiStatus
from iscsi_wire.records import FindingRecord, LogRecord, Record

if TYPE_CHECKING:
    from chiscsi_target.api import chiscsi_scsi_command, chiscsi_sgvec
    from chiscsi_target.api.sgvec import SgList

BUFFER_READY: Final = "chiscsi_scsi_cmd_buffer_ready"
EXECUTION_STATUS: Final = "chiscsi_scsi_cmd_execution_status"
ABORT_STATUS: Final = "chiscsi_scsi_cmd_abort_status"
ABORT: Final = "chiscsi_scsi_cmd_abort"
_OVER_OR_UNDER: Final = SC_FLAG_XFER_OVERFLOW | SC_FLAG_XFER_UNDERFLOW
Breach = tuple[Rule, str]
MOST_OF_A_RULE: Final = 3
"""How many breaches of one rule are told: a mistake is often made with every command."""


class Entry:
    """One command.

    Attributes:
        owes: the hook that the driver has not answered yet, or empty.
        aborting: `fp_scsi_cmd_abort` was called, and not answered yet.
        given: octets of buffers that it gave.
        filled: octets of a write that were handed back to it.
        completed, cleaned: whether the last completion was made, and the last hook called.
    """

    def __init__(self, sc: chiscsi_scsi_command) -> None:
        self.name = f"{sc.sc_cmd[:16].hex()} to LUN {sc.sc_lun} (itt 0x{sc.sc_itt:x})"
        self.owes = ""
        self.aborting = False
        self.given = 0
        self.filled = 0
        self.completed = False
        self.cleaned = False


class Ledger:
    """The book of one scenario.

    Attributes:
        breaches: the rules that were broken, with what was done.
        vectors: every vector that was given for a command that moves data, for who wants to know if it lives on.
        keep_vectors: whether to note them.
    """

    def __init__(self, *, multi_phase: bool) -> None:
        self.breaches: list[Breach] = []
        self.vectors: list[chiscsi_sgvec] = []
        self.keep_vectors = False
        self.refusals = 0
        self._multi_phase = multi_phase
        self._entries: dict[int, Entry] = {}
        self._former: list[Entry] = []
        self._requests: dict[int, str] = {}
        self._last_log = ""
        self._heard: list[Breach] = []

    def note(self, rule: str, text: str) -> None:
        """Enter a breach, unless it is there already."""
        breach = (RULES[rule], text)
        of_rule = [one for one in self.breaches if one[0] is breach[0]]
        if breach not in of_rule and len(of_rule) < MOST_OF_A_RULE:
            self.breaches.append(breach)

    @property
    def owing(self) -> bool:
        """Whether the driver owes the stack a call."""
        return bool(self._requests) or any(entry.owes or entry.aborting for entry in list(self._entries.values()))

    def settle(self) -> None:
        """Enter what is still owed as breaches: nothing more will come."""
        for entry in [*self._former, *self._entries.values()]:
            if entry.aborting:
                self.note("abort", f"{entry.name}: fp_scsi_cmd_abort was never answered")
            elif entry.owes:
                self.note("completes", f"{entry.name}: nothing came of {entry.owes}")
        for text in self._requests.values():
            self.note("tmf", f"{text} was never answered")

    def hear(self, record: Record) -> None:
        """Take a record of the stack: a finding is a breach."""
        if isinstance(record, FindingRecord):
            tag = "" if record.itt is None else f" (itt 0x{record.itt:x})"
            rule = next((name for kind, name in RULE_OF_FINDING.items() if kind == record.kind), "order")
            text = record.text + ("" if tag.strip(" ()") in record.text else tag)
            self._heard.append((RULES[rule], text))
            self.note(rule, text)
        elif isinstance(record, LogRecord):
            self._last_log = record.text

    # Hooks

    def given_command(self, sc: chiscsi_scsi_command) -> Entry:
        """`fp_scsi_cmd_cdb_rcved` is called."""
        entry = self._entries.get(id(sc))
        if entry is None or entry.cleaned:
            # Commands are not kept, since they may keep buffers; so an identity may come again.
            self._former += [entry] if entry is not None else []
            entry = self._entries[id(sc)] = Entry(sc)
        entry.owes = "fp_scsi_cmd_cdb_rcved"
        return entry

    def given_data(self, sc: chiscsi_scsi_command, end: int) -> None:
        """`fp_scsi_cmd_data_xfer_status` is called."""
        entry = self._entry(sc)
        if sc.sc_flag & SC_FLAG_WRITE:
            entry.filled = max(entry.filled, end)
            entry.owes = "fp_scsi_cmd_data_xfer_status"

    def given_abort(self, sc: chiscsi_scsi_command) -> None:
        """`fp_scsi_cmd_abort` is called."""
        self._entry(sc).aborting = True

    def cleaned(self, sc: chiscsi_scsi_command) -> None:
        """`fp_scsi_cmd_cleanup` is called."""
        entry = self._entry(sc)
        entry.cleaned, entry.owes = True, ""

    def excused(self, sc: chiscsi_scsi_command) -> None:
        """A hook failed the command by what it returned or raised, so no call is owed for it."""
        self._entry(sc).owes = ""

    def given_request(self, handle: object, text: str) -> None:
        """`fp_tmf_execute` is called."""
        self._requests[id(handle)] = text

    def answered_request(self, handle: object, response: int, sc: chiscsi_scsi_command | None = None) -> None:
        """`chiscsi_tmf_execution_done` was called; a command that it names is done with."""
        if sc is not None:
            self._entry(sc).owes, self._entry(sc).aborting = "", False
        text = self._requests.pop(id(handle), None)
        if text is None:
            self.note("tmf", f"a task management function was answered again, with {response}")
        elif response not in (*range(7), 0xFF):
            self.note("tmf", f"{text} was answered with {response}")

    # Calls

    def calls(
        self,
        sc: chiscsi_scsi_command,
        function: str,
        buf: SgList | None = None,
        numbers: tuple[int, int, int] = (0, 0, 0),
    ) -> None:
        """A driver is about to call: look at what the call is about.

        Args:
            sc: the command.
            function: what is called.
            buf: the buffers that the stack is to use.
            numbers: how many vectors, at which offset of the transfer, and how many octets.
        """
        entry = self._entry(sc)
        self._heard.clear()
        for text in wrong_values(sc):
            self.note("fields", f"{entry.name}: {text} ({function})")
        for text in wrong_numbers(buf, numbers):
            self.note("setup", f"{entry.name}: {text} ({function})")
        if self.keep_vectors and buf is not None and not isinstance(buf, bytes | bytearray | memoryview):
            self.vectors += buf
        if sc.sc_status == ScsiStatus.CHECK_CONDITION and not (sc.sc_sense_key or sc.sc_sense_buf):
            self.note("sense", f"{entry.name}: {function} with CHECK CONDITION and no sense data")

    def called(self, sc: chiscsi_scsi_command, function: str, offset: int, length: int, result: int) -> None:
        """A driver has called: what the stack said of it."""
        entry = self._entry(sc)
        answers_abort, entry.aborting = entry.aborting, False
        if result < 0:
            if not answers_abort:
                self._refused(sc, entry, function, offset, length, result)
            return
        owes = ""
        if function in (BUFFER_READY, EXECUTION_STATUS) and not sc.sc_status:
            owes = self._accepted(sc, entry, function, offset + length)
        elif function in (EXECUTION_STATUS, ABORT, ABORT_STATUS):
            entry.completed = True
        entry.owes = owes  # in one step: another thread may be looking

    def _accepted(self, sc: chiscsi_scsi_command, entry: Entry, function: str, end: int) -> str:
        """Enter a call that was right; returns which hook still asks for one, or an empty text."""
        writes = bool(sc.sc_flag & SC_FLAG_WRITE)
        if writes != (function == EXECUTION_STATUS):
            entry.given = max(entry.given, end)
        complete = entry.given >= sc.sc_xfer_len or bool(sc.sc_flag & _OVER_OR_UNDER)
        if function == BUFFER_READY:
            asks = not sc.sc_xfer_len or (self._multi_phase and not complete)
            return "fp_scsi_cmd_cdb_rcved" if asks else ""
        if not writes:
            entry.completed = complete
            return "" if complete else "fp_scsi_cmd_cdb_rcved"
        if not self._multi_phase or (complete and end >= min(entry.given, sc.sc_xfer_len)):
            entry.completed = True
        return ""

    def _refused(
        self, sc: chiscsi_scsi_command, entry: Entry, function: str, offset: int, length: int, result: int
    ) -> None:
        """Say which rule a call broke that the stack refused."""
        # What the stack said of this call is said here with the command's name.
        self.breaches = [breach for breach in self.breaches if breach not in self._heard]
        what = f"{entry.name}: {function} {offset}+{length} returned {result}"
        writes = bool(sc.sc_flag & SC_FLAG_WRITE)
        if entry.cleaned:
            self.note("dead", f"{what} after fp_scsi_cmd_cleanup")
        elif entry.completed:
            self.note("once", f"{what} after the command was completed")
        elif function == BUFFER_READY and not writes:
            self.note("order", f"{what} for a read")
        elif function == EXECUTION_STATUS and writes and entry.filled < offset + length:
            self.note("order", f"{what} before the data had come")
        else:
            self.note("setup", f"{what}: {self._last_log}")

    def _entry(self, sc: chiscsi_scsi_command) -> Entry:
        return self._entries.get(id(sc)) or self.given_command(sc)
