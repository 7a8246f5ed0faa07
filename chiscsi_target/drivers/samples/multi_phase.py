"""A disk in memory whose buffers change hands in phases of 4 KiB: `apidriver-mphase` (behaviour file, 9.2).

`chiscsi serve --driver chiscsi_target.drivers.samples.multi_phase:PhasedDisk` serves it.
"""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Final, Literal

from chiscsi_target.api import (
    LUN_CLASS_HAS_CMD_QUEUE_BIT,
    LUN_CLASS_MULTI_PHASE_DATA_BIT,
    LUN_CLASS_SCSI_PASS_THRU_BIT,
    SC_FLAG_WRITE,
    SC_FLAG_XFER_OVERFLOW,
    chiscsi_scsi_cmd_abort,
    chiscsi_scsi_cmd_buffer_ready,
    chiscsi_scsi_cmd_execution_status,
)
from chiscsi_target.drivers.samples.pages import PAGE, DmaPages, allocate, collect, fill
from chiscsi_target.drivers.samples.scsi_answers import Plan, settle
from chiscsi_target.drivers.samples.single_phase import ApiDisk

if TYPE_CHECKING:
    from chiscsi_target.api import chiscsi_scsi_command, chiscsi_sgvec
    from chiscsi_target.api.sgvec import SgList

__all__ = ["Phase", "PhasedDisk", "PhasedRequest", "Switch"]

Switch = Literal["", "underflow", "overflow", "abort"]
"""What commands of more than one page do on purpose: leave out the last page, give one too many, or abort."""
SWITCHES: Final = ("", "underflow", "overflow", "abort")
DMA_ABOVE: Final = 2048
"""Transfers of more octets have pages that are named by their DMA addresses, too."""


class Phase:
    """A page of a transfer: its vectors, where it begins in the transfer, how long it is, whether it has come back."""

    def __init__(self, offset: int, pages: list[chiscsi_sgvec]) -> None:
        self.pages = pages
        self.offset = offset
        self.length = sum(page.sg_length for page in pages)
        self.returned = False

    @property
    def end(self) -> int:
        """Where the next phase begins."""
        return self.offset + self.length


class PhasedRequest:
    """What the driver keeps for a command. The stack's thread and the queue's both change it, hence the lock.

    Attributes:
        plan: what is to be done.
        length: how many octets are moved.
        given: how many octets of buffers the stack was given so far.
        phases: those that were given and not freed, in order.
    """

    def __init__(self, plan: Plan, length: int) -> None:
        self.plan = plan
        self.length = length
        self.given = 0
        self.phases: list[Phase] = []
        self._lock = Lock()

    def add(self, phase: Phase) -> None:
        """Note a phase that is about to be given."""
        with self._lock:
            self.phases.append(phase)
            self.given = phase.end

    def mark_returned(self, head: chiscsi_sgvec, offset: int, length: int) -> None:
        """Mark the phases that came back; the stack may return several at once, but never a part of one.

        Raises:
            ValueError: these are not buffers that were given.
        """
        end = offset + length
        with self._lock:
            back = [phase for phase in self.phases if offset <= phase.offset < end]
        if not back or back[0].offset != offset or back[0].pages[0] is not head or back[-1].end != end:
            raise ValueError(f"buffers {offset}+{length} were not given like that")
        for phase in back:
            phase.returned = True

    def take_returned(self) -> list[Phase]:
        """Take the phases that have come back from the head of the list."""
        with self._lock:
            count = next((number for number, phase in enumerate(self.phases) if not phase.returned), len(self.phases))
            taken = self.phases[:count]
            del self.phases[:count]
        return taken

    def take_all(self) -> list[Phase]:
        """Take all phases, when the command is over."""
        with self._lock:
            taken, self.phases = self.phases, []
        return taken


class PhasedDisk(ApiDisk):
    """Disks in memory that give a page at a time, all pages ahead of any that comes back.

    Args:
        size_mb, luns, threads: as for `ApiDisk`.
        switch: what commands of more than one page do on purpose.

    Attributes:
        pages: where the buffers of longer transfers come from.
    """

    class_name = "API_TEST_DISK"
    property = (
        1 << LUN_CLASS_SCSI_PASS_THRU_BIT | 1 << LUN_CLASS_MULTI_PHASE_DATA_BIT | 1 << LUN_CLASS_HAS_CMD_QUEUE_BIT
    )

    def __init__(self, size_mb: int = 64, luns: int = 1, threads: bool = False, switch: Switch = "") -> None:
        super().__init__(size_mb, luns, threads)
        if switch not in SWITCHES:
            raise ValueError(f"switch {switch}: there are {', '.join(SWITCHES[1:])}")
        self._switch = switch
        self.pages = DmaPages()
        self.address_space = self.pages.space

    def fp_scsi_cmd_cdb_rcved(self, sc: chiscsi_scsi_command) -> int:
        """Begin a command; called again for a command, go on with its phases (the long path)."""
        if sc.sc_sdev_hdl is None:
            return super().fp_scsi_cmd_cdb_rcved(sc)
        self._queues[self._number(sc)].put(sc, self._go_on)
        return 0

    def _begin(self, sc: chiscsi_scsi_command) -> int:
        """Give the first phase, and have the queue give the others."""
        plan = self._plan(sc)
        length = min(plan.length, sc.sc_xfer_len)
        if not length:
            settle(sc, plan.length)
            return chiscsi_scsi_cmd_execution_status(sc, None, 0, 0, 0)
        sc.sc_sdev_hdl = request = PhasedRequest(plan, self._shorten(plan, length))
        if self._give_phase(sc, request) == 0 and request.given < request.length:
            self._queues[self._number(sc)].put(sc, self._go_on)
        return 0

    def _shorten(self, plan: Plan, length: int) -> int:
        """The length to move: without the last page where an underflow is asked for."""
        if self._switch == "underflow" and plan.start is not None and length > PAGE:
            return (length - 1) // PAGE * PAGE
        return length

    def _go_on(self, sc: chiscsi_scsi_command) -> None:
        """Execute or free what has come back, give one more phase, and queue itself while there are more to give."""
        request: PhasedRequest | None = sc.sc_sdev_hdl
        if request is None:
            return
        back = request.take_returned()
        if back and sc.sc_flag & SC_FLAG_WRITE:
            self._execute_write_of(sc, request, back)
        else:
            self._free(back)
        if request.given >= request.length:
            return
        if self._switch == "abort" and request.plan.start is not None:
            sc.fail(0x0B, 0x44)
            sc.sc_response = 1
            chiscsi_scsi_cmd_abort(sc)
        elif self._give_phase(sc, request) == 0 and request.given < request.length:
            self._queues[self._number(sc)].put(sc, self._go_on)

    def _give_phase(self, sc: chiscsi_scsi_command, request: PhasedRequest) -> int:
        """Give the next page: empty for a write, filled for a read."""
        start = request.given
        phase = Phase(start, self._pages(sc, min(PAGE, request.length - start)))
        if phase.end == request.length:
            phase = self._last(sc, request, phase)
        request.add(phase)
        if sc.sc_flag & SC_FLAG_WRITE:
            return chiscsi_scsi_cmd_buffer_ready(sc, phase.pages, len(phase.pages), start, phase.length)
        self._fill(sc, request, phase)
        return chiscsi_scsi_cmd_execution_status(sc, phase.pages, len(phase.pages), start, phase.length)

    def _last(self, sc: chiscsi_scsi_command, request: PhasedRequest, phase: Phase) -> Phase:
        """Tell of an over- or underflow with the last phase, and not before: the flag makes it the last one."""
        cut = request.length < min(request.plan.length, sc.sc_xfer_len)
        settle(sc, request.length if cut else request.plan.length)
        if self._switch == "overflow" and request.plan.start is not None and phase.offset:
            sc.sc_flag |= SC_FLAG_XFER_OVERFLOW
            sc.sc_xfer_residualcount += PAGE
            return Phase(phase.offset, phase.pages + self._pages(sc, PAGE))
        return phase

    def _pages(self, sc: chiscsi_scsi_command, length: int) -> list[chiscsi_sgvec]:
        return (self.pages.allocate if sc.sc_xfer_len > DMA_ABOVE else allocate)(length)

    def _free(self, phases: list[Phase]) -> None:
        for phase in phases:
            self.pages.free(phase.pages)

    def _fill(self, sc: chiscsi_scsi_command, request: PhasedRequest, phase: Phase) -> None:
        plan = request.plan
        if plan.start is None:
            fill(phase.pages, plan.data[phase.offset : phase.end])
        else:
            start, end = plan.start + phase.offset, plan.start + min(phase.end, plan.length)
            fill(phase.pages, memoryview(self._media[sc.sc_lun])[start:end])

    def _execute_write_of(self, sc: chiscsi_scsi_command, request: PhasedRequest, phases: list[Phase]) -> None:
        """Copy phases to the medium, together, and tell that they are there."""
        first, start = phases[0], request.plan.start or 0
        end = min(phases[-1].end, request.length)
        data = collect([page for phase in phases for page in phase.pages])[: end - first.offset]
        self._media[sc.sc_lun][start + first.offset : start + end] = data
        self._free(phases)
        chiscsi_scsi_cmd_execution_status(sc, None, 0, first.offset, len(data))

    def fp_scsi_cmd_data_xfer_status(
        self, sc: chiscsi_scsi_command, buf: SgList | None, sgcnt: int, offset: int, buflen: int
    ) -> int:
        """Mark what came back; the queue executes or frees it."""
        request: PhasedRequest | None = sc.sc_sdev_hdl
        if request is None or buf is None or isinstance(buf, bytes | bytearray | memoryview):
            return 0
        request.mark_returned(buf[0], offset, buflen)
        self._queues[self._number(sc)].put(sc, self._go_on)
        return 0

    def fp_scsi_cmd_cleanup(self, sc: chiscsi_scsi_command) -> None:
        """Free the phases that a command still has, and the rest as every disk does."""
        if sc.sc_sdev_hdl is not None:
            self._free(sc.sc_sdev_hdl.take_all())
        super().fp_scsi_cmd_cleanup(sc)
