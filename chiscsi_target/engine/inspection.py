"""Inspection: the findings that cost time (behaviour file, 3.5), looked for at the two seams to a storage driver.

`inspect` puts itself between a session and its driver: before the stack that takes the driver's calls, and before the
hooks. What it finds never changes a call or its result. Sessions that are not inspected do not pay for it.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from chiscsi_target.api.constants import ISCSI_SG_SBUF_DMABLE, SC_FLAG_TMF_ABORT
from chiscsi_target.api.findings import FindingKind as Kind
from chiscsi_target.core.buffers import BUFFER_READY, EXECUTION_STATUS, address_space_of, memory_of
from chiscsi_target.core.task import Task
from chiscsi_target.core.watched_task import WatchedTask
from chiscsi_target.engine.field_watch import Owned, owned_by_stack, trouble_with_length, written_over
from chiscsi_target.engine.loans import Loan, Span, overlaps, span_of
from chiscsi_target.tracing import TracedHooks
from iscsi_wire.constants import Opcode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chiscsi_target.api.lun_class import chiscsi_target_lun_class
    from chiscsi_target.api.scsi_command import CommandStack, chiscsi_scsi_command
    from chiscsi_target.api.sgvec import SgList, chiscsi_sgvec
    from chiscsi_target.core.agenda import Agenda
    from chiscsi_target.core.connection import Connection
    from chiscsi_target.core.dispatch import Handler
    from chiscsi_target.core.session import Session
    from iscsi_wire.framing import Frame

__all__ = ["Books", "InspectedHooks", "InspectedStack", "Inspector", "inspect"]


class Books:
    """What an inspector knows of one command.

    Attributes:
        loans: the buffers that are with the stack.
        handed: a write's buffers that went back: list, number of vectors, offset, length.
        executed: where a write's execution has got to, in octets.
        arrived: a write's data as they came: offset and octets.
        owned: what is in the fields that the stack alone writes; None before the driver has the command.
        length_told: the driver's way with `sc_xfer_len` has been found wrong.
    """

    __slots__ = ("arrived", "executed", "handed", "length_told", "loans", "owned")

    def __init__(self) -> None:
        self.loans: list[Loan] = []
        self.handed: list[tuple[SgList | None, int, int, int]] = []
        self.executed = 0
        self.arrived: list[tuple[int, bytes]] = []
        self.owned: Owned | None = None
        self.length_told = False


class Inspector:
    """Looks at the buffers of one worker's sessions.

    Args:
        agenda: who takes the findings.
        contents: whether the octets in the buffers are looked at too, and not only the vectors.
    """

    def __init__(self, agenda: Agenda, contents: bool = False) -> None:
        self.contents = contents
        self._agenda = agenda
        self._books: dict[Task, Books] = {}
        self._lent: dict[int, tuple[chiscsi_sgvec, Loan]] = {}  # by identity of the vector

    def shown(self, task: Task) -> None:
        """Note a command's fields before the driver sees them."""
        self._books.setdefault(task, Books()).owned = owned_by_stack(task)

    def look_at_fields(self, task: Task, when: str) -> None:
        """See whether a driver has written to fields that are not its own."""
        books = self._books.get(task)
        if books is not None and books.owned is not None:
            for name in written_over(task, books.owned):
                self._find(task, Kind.FIELDS_CHANGED, f"{task.name}: {name} is the stack's, and was changed ({when})")

    def look_at_length(self, task: Task, when: str) -> None:
        """See whether a driver that gives or executes data has let the transfer length be, or may change it."""
        books = self._books.get(task)
        trouble = "" if task.sc_status else trouble_with_length(task)
        if trouble and books is not None and not books.length_told:
            books.length_told = True
            self._find(task, Kind.FIELDS_CHANGED, f"{task.name}: {trouble} ({when})")

    def lend(self, task: Task, buf: SgList | None, sgcnt: int, offset: int, buflen: int) -> Loan | None:
        """Note buffers that are about to be handed over; None when the stack will not keep them."""
        if buf is None or task.sc_status or not task.sc_xfer_len:
            return None
        loan = Loan((buf, sgcnt, offset, buflen), address_space_of(task), self.contents and not task.is_write)
        self._books.setdefault(task, Books()).loans.append(loan)
        return loan

    def refused(self, task: Task, loan: Loan) -> None:
        """Forget buffers that the stack did not take."""
        books = self._books.get(task)
        if books is not None and loan in books.loans:
            books.loans.remove(loan)

    def accepted(self, task: Task, loan: Loan, function: str) -> None:
        """Judge buffers that the stack took."""
        where = f"{function}: {task.name}, {loan.phase[2]}+{loan.phase[3]}"
        for number, vector in enumerate(loan.vectors()):
            for kind, text in self._faults(task, vector, loan):
                self._agenda.find(kind, f"{where}, vector {number}: {text}", task.connection.name, task.itt)
            if loan.phase[1]:
                self._lent[id(vector)] = vector, loan
        books = self._books.get(task)
        others = [] if books is None else books.loans
        if overlaps(_spans([loan])) or (loan in others and overlaps(_spans(others))):
            text = f"{where}: vectors show the same memory"
            self._agenda.find(Kind.OVERLAPPING_VECTORS, text, task.connection.name, task.itt)

    def _faults(self, task: Task, vector: chiscsi_sgvec, loan: Loan) -> list[tuple[Kind, str]]:
        faults = []
        if vector.sg_length <= 0:
            faults.append((Kind.ZERO_LENGTH_VECTOR, f"sg_length {vector.sg_length}"))
        lent = self._lent.get(id(vector))
        if lent is not None and lent[1] is not loan:
            faults.append((Kind.BUFFER_WITH_STACK, "the stack has it already"))
        dmable = vector.sg_flag & ISCSI_SG_SBUF_DMABLE and vector.sg_dma_addr
        if vector.sg_addr is None and vector.sg_page is None:
            return faults if dmable else [*faults, (Kind.NULL_ADDRESS, "neither sg_addr nor sg_page nor DMA address")]
        if vector.sg_length > 0 and (trouble := _trouble(vector, task.is_write)):
            faults.append((Kind.UNUSABLE_MEMORY, trouble))
        return faults

    def executed(self, task: Task, buf: SgList | None, sgcnt: int, offset: int, buflen: int) -> None:
        """Judge what a write says it has executed."""
        books = self._books.get(task)
        if books is None or task.sc_status or task.sc_flag & SC_FLAG_TMF_ABORT:
            # Of a command that is being aborted nothing is checked (behaviour file, 4.3).
            return
        where = f"{EXECUTION_STATUS}: {task.name}, {offset}+{buflen}"
        if offset != books.executed:
            self._find(task, Kind.PHASE_SHAPE, f"{where}: {books.executed} octets were executed before")
        elif buf is not None and not any(_same(buf, sgcnt, offset, handed) for handed in books.handed):
            self._find(task, Kind.PHASE_SHAPE, f"{where}: not the buffers that were handed over")
        books.executed = max(books.executed, offset + buflen)

    def returned(self, task: Task, buf: SgList | None, sgcnt: int, offset: int, buflen: int) -> None:
        """Compare buffers that go back with what they were."""
        books = self._books.setdefault(task, Books())
        going = [loan for loan in books.loans if offset <= loan.phase[2] and loan.end <= offset + buflen]
        for loan in going:
            books.loans.remove(loan)
            self._settle(task, loan, books)
        if task.is_write:
            books.handed.append((buf, sgcnt, offset, buflen))

    def _settle(self, task: Task, loan: Loan, books: Books) -> None:
        where = f"{task.name}, {loan.phase[2]}+{loan.phase[3]}"
        self._let_go(loan)
        if loan.changed():
            self._find(task, Kind.VECTORS_CHANGED, f"{where}: a vector was changed while the stack had it")
        elif loan.contents is not None and loan.octets() != loan.contents:
            self._find(task, Kind.CONTENTS_CHANGED, f"{where}: the data of a read changed before they were sent")
        elif books.arrived and _differs(loan, books.arrived):
            self._find(task, Kind.CONTENTS_CHANGED, f"{where}: the data of a write changed before they came back")

    def _let_go(self, loan: Loan) -> None:
        for vector in loan.vectors():
            lent = self._lent.get(id(vector))
            if lent is not None and lent[1] is loan:
                del self._lent[id(vector)]

    def arrived(self, task: Task, offset: int, data: bytes) -> None:
        """Note a write's data."""
        if data:
            self._books.setdefault(task, Books()).arrived.append((offset, data))

    def released(self, task: Task) -> None:
        """Forget a command."""
        books = self._books.pop(task, None)
        for loan in books.loans if books is not None else ():
            self._let_go(loan)

    def _find(self, task: Task, kind: Kind, text: str) -> None:
        self._agenda.find(kind, text, task.connection.name, task.itt)


def _spans(loans: list[Loan]) -> list[Span]:
    return [span for loan in loans for vector in loan.vectors() if (span := span_of(vector)) is not None]


def _same(buf: SgList, sgcnt: int, offset: int, handed: tuple[SgList | None, int, int, int]) -> bool:
    return handed[0] is buf and handed[1:3] == (sgcnt, offset)


def _differs(loan: Loan, arrived: list[tuple[int, bytes]]) -> bool:
    """Whether what arrived is not what a buffer holds, in the part that they have in common."""
    held, offset = loan.octets(), loan.phase[2]
    for start, data in arrived:
        first, last = max(start, offset), min(start + len(data), loan.end)
        if first < last and (
            held is None or held[first - offset : last - offset] != data[first - start : last - start]
        ):
            return True
    return False


def _trouble(vector: chiscsi_sgvec, is_write: bool) -> str:
    """What is wrong with memory that a vector names; "" for nothing."""
    try:
        view = memory_of(vector)
    except (ValueError, TypeError) as error:
        return str(error)
    if view.nbytes != vector.sg_length:
        return "its memory is not made of octets"
    return "its memory is read-only" if is_write and view.readonly else ""


class InspectedStack:
    """The `CommandStack` of an inspected session."""

    def __init__(self, stack: CommandStack, inspector: Inspector) -> None:
        self._stack = stack
        self._inspector = inspector

    def buffer_ready(self, scmd: chiscsi_scsi_command, buf: SgList | None, sgcnt: int, offset: int, buflen: int) -> int:
        """See `chiscsi_scsi_cmd_buffer_ready`."""
        assert isinstance(scmd, Task)
        self._look_at(scmd, BUFFER_READY)
        loan = self._inspector.lend(scmd, buf, sgcnt, offset, buflen)
        result = self._stack.buffer_ready(scmd, buf, sgcnt, offset, buflen)
        return self._judged(scmd, loan, result, BUFFER_READY)

    def execution_status(
        self, scmd: chiscsi_scsi_command, buf: SgList | None, sgcnt: int, offset: int, buflen: int
    ) -> int:
        """See `chiscsi_scsi_cmd_execution_status`."""
        assert isinstance(scmd, Task)
        self._look_at(scmd, EXECUTION_STATUS)
        loan = None if scmd.is_write else self._inspector.lend(scmd, buf, sgcnt, offset, buflen)
        result = self._stack.execution_status(scmd, buf, sgcnt, offset, buflen)
        if scmd.is_write and result == 0:
            self._inspector.executed(scmd, buf, sgcnt, offset, buflen)
        return self._judged(scmd, loan, result, EXECUTION_STATUS)

    def _look_at(self, task: Task, function: str) -> None:
        self._inspector.look_at_fields(task, function)
        self._inspector.look_at_length(task, function)

    def _judged(self, task: Task, loan: Loan | None, result: int, function: str) -> int:
        if loan is not None:
            if result == 0:
                self._inspector.accepted(task, loan, function)
            else:
                self._inspector.refused(task, loan)
        if task.abort_asked is False:
            # Guide 7.3.5.4 and 7.3.6: with the answer to `fp_scsi_cmd_abort` the buffers are the driver's.
            self._inspector.released(task)
        return result

    def command_abort(self, scmd: chiscsi_scsi_command) -> int:
        """See `chiscsi_scsi_cmd_abort`."""
        assert isinstance(scmd, Task)
        self._inspector.look_at_fields(scmd, "chiscsi_scsi_cmd_abort")
        return self._stack.command_abort(scmd)

    def command_abort_status(self, scmd: chiscsi_scsi_command) -> int:
        """See `chiscsi_scsi_cmd_abort_status`."""
        assert isinstance(scmd, Task)
        self._inspector.look_at_fields(scmd, "chiscsi_scsi_cmd_abort_status")
        return self._judged(scmd, None, self._stack.command_abort_status(scmd), "")

    def command_dump(self, scmd: chiscsi_scsi_command) -> None:
        """See `chiscsi_iscsi_command_dump`."""
        self._stack.command_dump(scmd)

    def ready_to_release(self, scmd: chiscsi_scsi_command) -> int:
        """See `chiscsi_scsi_cmd_ready_to_release`."""
        return self._stack.ready_to_release(scmd)


class InspectedHooks(TracedHooks):
    """The hooks of an inspected session."""

    def __init__(self, hooks: chiscsi_target_lun_class, agenda: Agenda, inspector: Inspector) -> None:
        super().__init__(hooks, agenda)
        self._inspector = inspector

    def fp_scsi_cmd_cdb_rcved(self, sc: chiscsi_scsi_command) -> int:
        """Note the fields, record and pass on."""
        assert isinstance(sc, Task)
        self._inspector.shown(sc)
        with self._looking_after(sc, "fp_scsi_cmd_cdb_rcved"):
            return super().fp_scsi_cmd_cdb_rcved(sc)

    def fp_scsi_cmd_data_xfer_status(
        self, sc: chiscsi_scsi_command, buf: SgList | None, sgcnt: int, offset: int, buflen: int
    ) -> int:
        """Compare, record and pass on."""
        assert isinstance(sc, Task)
        if buf is not None:
            self._inspector.returned(sc, buf, sgcnt, offset, buflen)
        with self._looking_after(sc, "fp_scsi_cmd_data_xfer_status"):
            return super().fp_scsi_cmd_data_xfer_status(sc, buf, sgcnt, offset, buflen)

    def fp_scsi_cmd_abort(self, sc: chiscsi_scsi_command) -> int:
        """Record and pass on."""
        assert isinstance(sc, Task)
        with self._looking_after(sc, "fp_scsi_cmd_abort"):
            return super().fp_scsi_cmd_abort(sc)

    def fp_scsi_cmd_cleanup(self, sc: chiscsi_scsi_command) -> None:
        """Forget, record and pass on."""
        assert isinstance(sc, Task)
        self._inspector.look_at_fields(sc, "fp_scsi_cmd_cleanup")
        self._inspector.released(sc)
        super().fp_scsi_cmd_cleanup(sc)

    @contextmanager
    def _looking_after(self, task: Task, hook: str) -> Iterator[None]:
        """Look at the fields when a hook is over, however it ends."""
        try:
            yield
        finally:
            self._inspector.look_at_fields(task, hook)


def _noting(handler: Handler, inspector: Inspector) -> Handler:
    """A handler of PDUs with a write's data that notes them."""

    def handle(connection: Connection, frame: Frame) -> None:
        tag = int.from_bytes(frame.header[16:20])
        offset = int.from_bytes(frame.header[40:44]) if frame.opcode == Opcode.DATA_OUT else 0
        data = bytes(frame.data)
        handler(connection, frame)
        session = connection.session
        task = session.tasks.get(tag) if session is not None else None
        if task is not None and task.is_write and not task.failing and task.aborting is None:
            inspector.arrived(task, offset, data)

    return handle


def inspect(session: Session, agenda: Agenda, hooks: chiscsi_target_lun_class, inspector: Inspector) -> None:
    """Have a session's commands watched and its driver's buffers looked at, from its first command on."""
    session.task_class = WatchedTask
    session.stack = InspectedStack(session.stack, inspector)
    session.hooks = InspectedHooks(hooks, agenda, inspector)
    if inspector.contents:
        handlers = dict(session.handlers)
        for opcode in (Opcode.SCSI_COMMAND, Opcode.DATA_OUT):
            handlers[opcode] = _noting(handlers[opcode], inspector)
        session.handlers = handlers
