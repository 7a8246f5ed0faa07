"""`UlpConnection`: one connection in ULP mode, the host's half and the card's (behaviour file, 5.4).

The host asks for the tags of R2Ts, for which it reserves page pods and writes them down, and hands PDUs to the card.
The card takes the stream apart (`PduRecovery`), looks tags up, and places data.
"""

from __future__ import annotations

import struct
from collections import deque
from typing import TYPE_CHECKING, Final

from chiscsi_target.core.adapter import Burst, Ulp
from chiscsi_target.core.agenda import INFORMATION, WARNING
from chiscsi_target.core.buffers import find_unreachable
from chiscsi_target.core.data_out import expected_of
from chiscsi_target.core.full_pages import is_full_page, not_full_page
from chiscsi_target.core.task import CLOSED
from chiscsi_target.offload.completions import pdus_in, runs_of_placed
from chiscsi_target.offload.journal import Journal, Trace
from chiscsi_target.offload.messages import DdpStatus
from chiscsi_target.offload.page_pods import PAGES_PER_POD
from chiscsi_target.offload.pdu_recovery import TAG_AND_OFFSET, Arrival, PduRecovery
from chiscsi_target.offload.reasons import Reason
from chiscsi_target.offload.segmentation import Segmentation
from chiscsi_target.offload.tags import MOST_OBJECTS, software_tag_of
from chiscsi_target.offload.transfer import Transfer
from iscsi_wire.pdus import DataIn, DataOut, ScsiCommand
from iscsi_wire.records import PlacementRecord

if TYPE_CHECKING:
    from chiscsi_target.core.connection import Connection
    from chiscsi_target.core.task import Task
    from chiscsi_target.offload.page_pods import Reservation
    from chiscsi_target.offload.terminator import Terminator
    from iscsi_wire.framing import Frame

__all__ = ["PLACE_FROM", "UlpConnection"]

PLACE_FROM: Final = 512
"""Octets that a transfer must have for page pods to be reserved (behaviour file, 5.3)."""

_LENGTHS_TAG_AND_OFFSET: Final = struct.Struct(">4xI12xI16xI").unpack_from
_TAGS: Final = struct.Struct(">16xII").unpack_from
_OTHER: Final = DdpStatus(0)
_DATA_IN: Final = DataIn.OPCODE
_DATA_OUT: Final = DataOut.OPCODE
_R2T_NUMBERS: Final = 4
"""R2TSN modulo so many stands in a tag."""


class UlpConnection(Ulp):
    """One connection.

    Attributes:
        tid: its number on the card.
        ddp_pass: Data-Out PDUs whose data were placed; `ddp_fail`, those whose data went through host memory.
        placed, copied: octets of writes' data that were.
        coalesced: completions that stood for several PDUs.
        pods_in_use: page pods that it holds; `pods_peak`, the most it ever held.
        segmentation: what was sent several PDUs at a time.
        journal: who wants to see the messages between the two halves.
        coalesces: nobody does, so that the PDUs of a burst which arrived together may be handed over as one.
    """

    framer: PduRecovery

    def __init__(
        self, card: Terminator, connection: Connection, tid: int, reason: Reason | None, trace: Trace | None
    ) -> None:
        self.tid = tid
        self.ddp_pass = self.ddp_fail = 0
        self.placed = self.copied = 0
        self.coalesced = 0
        self.pods_in_use = self.pods_peak = 0
        self.segmentation = Segmentation()
        self.journal = Journal(connection, tid, trace)
        self.coalesces = not self.journal.wanted
        self._card = card
        self._connection = connection
        self._reason = reason
        self._transfers: dict[Task, Transfer] = {}
        self._by_pod: dict[int, Transfer] = {}
        self._numbers: deque[int] = deque()  # command objects that are free again
        self._objects = 0
        before = connection.framer
        self.framer = PduRecovery(before, self, padding_matters=connection.agenda.quirks.padding_resets)
        self.journal.entered(header_digest=before.header_digest, data_digest=before.data_digest)

    # The host's half

    def ready(self) -> None:
        """See `Ulp`."""
        self.journal.ready()

    def transfer_tag(self, task: Task) -> int | None:
        """See `Ulp`."""
        transfer = self._transfers.get(task) or self._begin(task)
        if transfer.reason is None:
            self._prepare(transfer)
        layout = self._card.pods.layout
        held = transfer.reservation
        if transfer.reason is None and held is not None:
            return layout.ddp_tag(held.index, held.colour, task.r2t_sn)
        unreachable = find_unreachable(task.phases, task.solicited)
        if unreachable:
            self._log(unreachable)
            return None
        if transfer.number < 0:
            transfer.number = self._new_number(task.session.transfer_tags)
        return layout.non_ddp_tag(software_tag_of(transfer.number, task.r2t_sn))

    def _new_number(self, in_use: set[int]) -> int:
        """A command object whose tags nobody uses: an ended command's data may be on their way still."""
        for _ in range(len(self._numbers)):
            number = self._numbers.popleft()
            if in_use.isdisjoint(self._tags_of(number)):
                return number
            self._numbers.append(number)
        while True:
            number, self._objects = self._objects % MOST_OBJECTS, self._objects + 1
            if self._objects > MOST_OBJECTS or in_use.isdisjoint(self._tags_of(number)):
                return number
            self._numbers.append(number)

    def _tags_of(self, number: int) -> list[int]:
        layout = self._card.pods.layout
        return [layout.non_ddp_tag(software_tag_of(number, r2t_sn)) for r2t_sn in range(_R2T_NUMBERS)]

    def _begin(self, task: Task) -> Transfer:
        reason = self._reason
        if reason is None and task.sc_xfer_len < PLACE_FROM:
            reason = Reason.SHORT
        if reason is None and task.session.multi_phase and self._connection.agenda.quirks.multiphase_no_ddp:
            reason = Reason.MULTI_PHASE
        transfer = self._transfers[task] = Transfer(task, reason)
        return transfer

    def _prepare(self, transfer: Transfer) -> None:
        """See that the pages that are known by now are in the card's page pods; or that it is clear why not."""
        try:
            self._list_pages(transfer)
            if transfer.reason is None:
                self._write_pods(transfer)
        except Exception as error:
            # A driver may have made anything of its vectors since it handed them over.
            self._log(f"{transfer.task.name}, its vectors cannot be read any more: {error!r}")
            transfer.reason = Reason.MEMORY

    def _list_pages(self, transfer: Transfer) -> None:
        culprit = transfer.list_pages()
        if culprit is None or transfer.reason is not Reason.NOT_FULL_PAGES:
            return
        number, count, vector, start = culprit
        length, pages = vector.sg_length, transfer.pages
        in_the_middle = 0 < pages.known < pages.total - length
        if not in_the_middle or is_full_page(vector):
            # Behaviour file, 5.3. One in the middle that is no page at all has been logged when the driver gave it.
            self._log(not_full_page(number, count, length, start))

    def _write_pods(self, transfer: Transfer) -> None:
        held = transfer.reservation
        if held is None:
            held = transfer.reservation = self._reserve(transfer)
            if held is None:
                transfer.reason = Reason.NO_PODS
                return
            self._by_pod[held.index] = transfer
            self.pods_in_use += held.count
            self.pods_peak = max(self.pods_peak, self.pods_in_use)
        first = held.written // PAGES_PER_POD
        written = transfer.write_pods(self._card.pods, self.tid)
        self.journal.pods_written(self._card.pods, held, first, written)

    def _reserve(self, transfer: Transfer) -> Reservation | None:
        """Hold page pods whose tags nobody uses: colours repeat, and an ended command's data may be on their way."""
        card, in_use = self._card, transfer.task.session.transfer_tags
        held = card.reserve(transfer.pages.pages, self.tid)
        passed_over: list[Reservation] = []
        while held is not None and in_use:
            if in_use.isdisjoint(card.pods.layout.ddp_tags(held.index, held.colour)):
                break
            passed_over.append(held)
            held = card.reserve(transfer.pages.pages, self.tid)
        for other in passed_over:
            card.pods.release(other)
        return held

    def take(self, frame: Frame, task: Task) -> None:
        """See `Ulp`."""
        data: object = frame.data
        if isinstance(data, Arrival):
            data.settle()
        transfer = self._transfers.get(task)
        if transfer is not None:
            transfer.placed += len(frame.data)

    def one_by_one(self, burst: Burst) -> list[Frame]:
        """See `Ulp`."""
        return self.framer.one_by_one(burst)

    def returned(self, task: Task) -> None:
        """See `Ulp`."""
        transfer = self._transfers.get(task)
        if transfer is not None:
            transfer.returned(task.returned)

    def forget(self, task: Task) -> None:
        """See `Ulp`."""
        transfer = self._transfers.get(task)
        if transfer is not None and transfer.reservation is not None:
            self._divert_from(transfer.reservation)
            self._release(transfer.reservation)
            transfer.reservation = None
        if task.state >= CLOSED:
            if transfer is not None:
                del self._transfers[task]
                if transfer.number >= 0:
                    self._numbers.append(transfer.number)
            if self._connection.agenda.listener is not None:
                self._tell_of(task, transfer)

    def _divert_from(self, held: Reservation) -> None:
        """Have the PDU that is being placed by these pods go elsewhere: its tag counts, whatever command it names."""
        frame, layout = self.framer.placing, self._card.pods.layout
        if frame is not None:
            tag, _ = TAG_AND_OFFSET(frame.header)
            if layout.is_ddp(tag) and layout.index(tag) == held.index:
                self.framer.divert()

    def _release(self, held: Reservation) -> None:
        del self._by_pod[held.index]
        self.pods_in_use -= held.count
        if not self._card.pods.release(held):
            text = f"page pods {held.index}+{held.count} released twice"
            self._connection.agenda.log(WARNING, text, self._connection.name)
        self.journal.pods_written(self._card.pods, held, 0, held.count)

    def _tell_of(self, task: Task, transfer: Transfer | None) -> None:
        """Say what became of a write's data, now that it is over."""
        agenda, placed = self._connection.agenda, 0 if transfer is None else transfer.placed
        copied = max(task.landed - placed, 0)
        reason: Reason | None = Reason.UNSOLICITED
        if transfer is not None:
            reason = transfer.reason or (Reason.REFUSED if transfer.refused else Reason.UNSOLICITED)
        if agenda.listener is not None and (placed or copied):
            why = str(reason) if copied else ""
            agenda.listener(PlacementRecord(agenda.now, "target", self._connection.name, task.itt, placed, copied, why))

    def sent(self, header: bytes, length: int) -> None:
        """See `Ulp`."""
        if self.coalesces and header[0] != _DATA_IN and self.segmentation.idle:
            return  # a request of its own, of which nobody wants to know
        requests = self.segmentation.sent(header, length)
        if requests and self.journal.wanted:
            self.journal.sent(requests)

    def closed(self) -> None:
        """See `Ulp`."""
        for task in list(self._transfers):
            self.forget(task)
        self._card.disconnected(self)

    def _log(self, line: str) -> None:
        self._connection.agenda.log(INFORMATION, line, self._connection.name)

    # The card's half

    def place(self, frame: Frame) -> list[memoryview] | None:
        """The memory that the data of a PDU which is still coming in are received into; None for the host's."""
        return self.locate(frame) if expected_of(self._connection, frame) is not None else None

    def locate(self, frame: Frame) -> list[memoryview] | None:
        """The memory that a PDU's data belong into, by its tag and the page pods; None for the host's."""
        if frame.opcode != _DATA_OUT:
            return None
        lengths, tag, offset = _LENGTHS_TAG_AND_OFFSET(frame.header)
        return self.memory(tag, offset, lengths & 0xFFFFFF)

    def memory(self, tag: int, offset: int, length: int) -> list[memoryview] | None:
        """The memory for data with this tag, by the page pods; None for the host's.

        Args:
            tag: the Target Transfer Tag.
            offset: where the data begin in the transfer, in octets.
            length: how long they are, in octets.
        """
        transfer = self._admitted(tag, offset, length)
        return None if transfer is None else transfer.views(self._card.pods, offset, length)

    def room(self, tag: int, offset: int, length: int) -> memoryview | None:
        """The memory in a row that a PDU's data belong into, and maybe those of the next ones of its burst.

        Args:
            tag: the PDU's Target Transfer Tag.
            offset: where its data begin in the transfer, in octets.
            length: how long they are, in octets.
        """
        transfer = self._admitted(tag, offset, length)
        return None if transfer is None else transfer.room(self._card.pods, offset)

    def _admitted(self, tag: int, offset: int, length: int) -> Transfer | None:
        """Whose data these are, by their tag and its first page pod; None if the card does not admit them."""
        pods = self._card.pods
        if not pods.layout.is_ddp(tag):
            return None
        transfer = self._by_pod.get(pods.layout.index(tag))
        if transfer is None or offset < transfer.floor or not pods.admits(tag, self.tid, offset + length):
            return None
        return transfer

    def _why_not(self, frame: Frame) -> DdpStatus:
        """What the card says of a tag whose data it did not place."""
        tag, _ = TAG_AND_OFFSET(frame.header)
        pods = self._card.pods
        if not pods.layout.is_ddp(tag):
            return _OTHER if tag & pods.layout.marker else DdpStatus.INVALID_TAG
        header = pods.look_up(tag)
        if header is None:
            return DdpStatus.LLIMIT_ERR
        if not header.valid:
            return DdpStatus.INVALID_PPOD
        if header.tid != self.tid or pods.layout.index(tag) not in self._by_pod:
            return DdpStatus.TID_MISMATCH
        if header.colour != pods.layout.colour(tag):
            return DdpStatus.COLOR_ERR
        if header.pgsz_tag_clr != tag & pods.layout.pod_mask:
            return DdpStatus.PPOD_MISMATCH
        return DdpStatus.OFFSET_ERR

    def recovered(self, frames: list[Frame]) -> None:
        """Take note of PDUs that are complete."""
        before = self.ddp_pass
        for frame in frames:
            length = len(frame.data)
            if frame.placed:
                self.ddp_pass += pdus_in(frame)
                self.placed += length
            elif length and frame.opcode == _DATA_OUT:
                self.ddp_fail += 1
                self.copied += length
                self._note_refusal(frame)
            elif frame.opcode == ScsiCommand.OPCODE:
                self.copied += length
        if self.journal.wanted:
            for run in runs_of_placed(frames):
                self._complete(run)
        elif self.ddp_pass > before + 1:
            self.coalesced += sum(sum(map(pdus_in, run)) > 1 for run in runs_of_placed(frames))

    def _note_refusal(self, frame: Frame) -> None:
        """Take note of data that were not placed though they had a tag, for what `_tell_of` says in the end."""
        session = self._connection.session
        itt, tag = _TAGS(frame.header)
        task = None if session is None else session.tasks.get(itt)
        transfer = None if task is None else self._transfers.get(task)
        if transfer is not None and self._card.pods.layout.is_ddp(tag):
            transfer.refused = True

    def _complete(self, run: list[Frame]) -> None:
        """Tell the host of PDUs: of several placed ones that belong together, once (T6)."""
        if len(run) > 1:
            self.coalesced += 1
            self.journal.coalesced(run)
        else:
            self.journal.recovered(run[0], self._status(run[0]))

    def _status(self, frame: Frame) -> DdpStatus:
        status = DdpStatus.PLACED if frame.placed else _OTHER
        if frame.opcode == DataOut.OPCODE and frame.data and not frame.placed:
            status |= _OTHER if frame.data_digest_error else self._why_not(frame)
        for found, bit in (
            (frame.data_digest_error, DdpStatus.DATACRC_ERR),
            (frame.header_digest_error, DdpStatus.HDRCRC_ERR),
            (any(frame.padding), DdpStatus.PADDING_ERR),
        ):
            status |= bit if found else _OTHER
        return status
