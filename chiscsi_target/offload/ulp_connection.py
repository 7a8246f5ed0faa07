"""`UlpConnection`: one connection in ULP mode, the host's half and the card's (behaviour file, 5.4).

The host asks for the tags of R2Ts, for which it reserves page pods and writes them down, and hands PDUs to the card.
The card takes the stream apart (`PduRecovery`), looks tags up, and places data.
"""

from __future__ import annotations

import struct
from collections import deque
from typing import TYPE_CHECKING, Final

from chiscsi_target.core.adapter import Ulp
from chiscsi_target.core.agenda import INFORMATION, WARNING
from chiscsi_target.core.buffers import find_unreachable
from chiscsi_target.core.task import CLOSED
from chiscsi_target.offload.page_pods import PAGE_SIZES
from chiscsi_target.offload.pdu_recovery import PduRecovery
from chiscsi_target.offload.reasons import Reason
from chiscsi_target.offload.segmentation import Segmentation
from chiscsi_target.offload.status import DdpStatus
from chiscsi_target.offload.tags import MOST_OBJECTS, software_tag_of
from chiscsi_target.offload.transfer import Transfer
from iscsi_wire.framing import Frame
from iscsi_wire.pdus import DataOut, ScsiCommand

if TYPE_CHECKING:
    from chiscsi_target.core.connection import Connection
    from chiscsi_target.core.task import Task
    from chiscsi_target.offload.terminator import Terminator

__all__ = ["PLACE_FROM", "UlpConnection"]

PLACE_FROM: Final = 512
"""Octets that a transfer must have for page pods to be reserved (behaviour file, 5.3)."""

_TAG_AND_OFFSET: Final = struct.Struct(">20xI16xI").unpack_from
_LENGTH: Final = struct.Struct(">4xI").unpack_from
_UNSOLICITED: Final = 0xFFFFFFFF


class UlpConnection(Ulp):
    """One connection.

    Attributes:
        tid: its number on the card.
        ddp_pass: PDUs whose data were placed; `ddp_fail`, those whose data went through host memory.
        placed, copied: octets of writes' data that were.
        segmentation: what was sent several PDUs at a time.
    """

    def __init__(self, card: Terminator, connection: Connection, tid: int, reason: Reason | None) -> None:
        self.tid = tid
        self.ddp_pass = self.ddp_fail = 0
        self.placed = self.copied = 0
        self.segmentation = Segmentation()
        self._card = card
        self._connection = connection
        self._reason = reason
        self._transfers: dict[Task, Transfer] = {}
        self._by_pod: dict[int, Transfer] = {}
        self._numbers: deque[int] = deque()
        self.framer = PduRecovery(connection.framer, self, padding_matters=connection.agenda.quirks.padding_resets)

    # The host's half

    def ready(self) -> None:
        """See `Ulp`."""

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
        return layout.non_ddp_tag(software_tag_of(transfer.number, task.r2t_sn))

    def _begin(self, task: Task) -> Transfer:
        reason = self._reason
        if reason is None and task.sc_xfer_len < PLACE_FROM:
            reason = Reason.SHORT
        if reason is None and task.session.multi_phase and self._connection.agenda.quirks.multiphase_no_ddp:
            reason = Reason.MULTI_PHASE
        number = self._numbers.popleft() if self._numbers else len(self._transfers)
        transfer = self._transfers[task] = Transfer(task, number % MOST_OBJECTS, reason)
        return transfer

    def _prepare(self, transfer: Transfer) -> None:
        """See that the pages that are known by now are in the card's page pods; or that it is clear why not."""
        culprit = transfer.list_pages()
        if culprit is not None and culprit[2] in PAGE_SIZES and transfer.reason is Reason.NOT_FULL_PAGES:
            # Behaviour file, 5.3. One that is no page at all has been logged when the driver gave it.
            number, count, length, start = culprit
            self._log(f"{number}/{count}, len {length} xferoff {start} NOT full pages")
        if transfer.reason is None and transfer.reservation is None:
            held = transfer.reservation = self._card.reserve(transfer.pages.pages, self.tid)
            if held is None:
                transfer.reason = Reason.NO_PODS
                return
            self._by_pod[held.index] = transfer
        if transfer.reservation is not None:
            transfer.write_pods(self._card.pods, self.tid)

    def returned(self, task: Task) -> None:
        """See `Ulp`."""
        transfer = self._transfers.get(task)
        if transfer is not None:
            transfer.floor = task.returned

    def forget(self, task: Task) -> None:
        """See `Ulp`."""
        transfer = self._transfers.get(task)
        if transfer is None:
            return
        held, transfer.reservation = transfer.reservation, None
        if held is not None:
            del self._by_pod[held.index]
            if not self._card.pods.release(held):
                self._connection.agenda.log(
                    WARNING, f"page pods {held.index}+{held.count} released twice", self._connection.name
                )
        if task.state >= CLOSED:
            del self._transfers[task]
            self._numbers.append(transfer.number)

    def sent(self, header: bytes, length: int) -> None:
        """See `Ulp`."""
        self.segmentation.sent(header, length)

    def closed(self) -> None:
        """See `Ulp`."""
        for task in list(self._transfers):
            self.forget(task)
        self._card.disconnected(self)

    def _log(self, line: str) -> None:
        self._connection.agenda.log(INFORMATION, line, self._connection.name)

    # The card's half

    def place(self, frame: Frame) -> list[memoryview] | None:
        """The memory that a PDU's data belong into, by its tag and the page pods; None for the host's."""
        return self._locate(frame)[1] if frame.opcode == DataOut.OPCODE else None

    def _locate(self, frame: Frame) -> tuple[DdpStatus, list[memoryview] | None]:
        tag, offset = _TAG_AND_OFFSET(frame.header)
        pods = self._card.pods
        if not pods.layout.is_ddp(tag):
            return DdpStatus(0) if tag & pods.layout.marker else DdpStatus.TAG_ERROR, None
        index = pods.layout.index(tag)
        length = _LENGTH(frame.header)[0] & 0xFFFFFF
        header = pods.look_up(tag)
        if header is None:
            return DdpStatus.BELOW_LIMIT, None
        wrong = DdpStatus(0)
        if not header.valid:
            wrong = DdpStatus.POD_INVALID
        elif header.tid != self.tid:
            wrong = DdpStatus.TID_MISMATCH
        elif header.colour != pods.layout.colour(tag):
            wrong = DdpStatus.COLOUR_MISMATCH
        elif header.pgsz_tag_clr != tag & pods.layout.pod_mask:
            wrong = DdpStatus.POD_MISMATCH
        transfer = self._by_pod.get(index)
        if wrong or transfer is None:
            return wrong or DdpStatus.POD_INVALID, None
        views = None
        if transfer.floor <= offset and offset + length <= header.max_offset:
            views = transfer.views(pods, offset, length)
        return (DdpStatus.OFFSET_ERROR, None) if views is None else (DdpStatus.PLACED, views)

    def recovered(self, frame: Frame) -> None:
        """Take note of a PDU that is complete."""
        length = len(frame.data)
        if frame.opcode == DataOut.OPCODE and length:
            if frame.placed:
                self.ddp_pass += 1
                self.placed += length
                transfer = self._by_pod.get(self._card.pods.layout.index(_TAG_AND_OFFSET(frame.header)[0]))
                if transfer is not None:
                    transfer.placed += length
            else:
                self.ddp_fail += 1
                self.copied += length
        elif frame.opcode == ScsiCommand.OPCODE:
            self.copied += length
