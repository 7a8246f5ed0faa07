"""`Journal`: the messages between host and card, for whoever wants to see them. Nobody pays for them otherwise."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final, TypeAlias

from chiscsi_target.offload.messages import (
    CPL_ISCSI_DATA,
    CPL_ISCSI_HDR,
    CPL_RX_ISCSI_CMP,
    CPL_RX_ISCSI_DDP,
    CPL_SET_TCB_RPL,
    ISCSI_DDP,
    DdpStatus,
    Message,
    UlpSubmode,
    describe,
)
from chiscsi_target.offload.page_pods import POD_SIZE
from chiscsi_target.offload.work_requests import enter_ulp_mode, pod_writes
from iscsi_wire.framing import DIGEST_LENGTH
from iscsi_wire.records import OffloadRecord

if TYPE_CHECKING:
    from chiscsi_target.core.connection import Connection
    from chiscsi_target.offload.page_pods import PagePods, Reservation
    from chiscsi_target.offload.segmentation import SendRequest
    from iscsi_wire.framing import Frame

__all__ = ["Journal", "Trace"]

Trace: TypeAlias = Callable[[str], None]
"""Takes a line about a message."""

_SEQUENCE: Final = 0xFFFFFFFF


class Journal:
    """What one connection's host and card say to each other.

    Args:
        connection: whose it is; its listener gets records.
        tid: its number on the card.
        trace: gets lines, or None.
    """

    def __init__(self, connection: Connection, tid: int, trace: Trace | None) -> None:
        self._connection = connection
        self._tid = tid
        self._trace = trace

    @property
    def wanted(self) -> bool:
        """Whether anybody wants to see it."""
        return self._trace is not None or self._connection.agenda.listener is not None

    def _tell(self, messages: Iterable[Message]) -> None:
        agenda, name = self._connection.agenda, self._connection.name
        for message in messages:
            line = describe(message)
            if self._trace is not None:
                self._trace(line)
            if agenda.listener is not None:
                agenda.listener(OffloadRecord(agenda.now, "target", name, type(message).__name__, line))

    @property
    def _submode(self) -> UlpSubmode:
        framer = self._connection.framer
        header = UlpSubmode.ULP_CRC_HEADER if framer.header_digest else UlpSubmode(0)
        return header | (UlpSubmode.ULP_CRC_DATA if framer.data_digest else UlpSubmode(0))

    def entered(self, *, header_digest: bool, data_digest: bool) -> None:
        """The host makes the connection one of iSCSI."""
        if self.wanted:
            self._tell([enter_ulp_mode(self._tid, 0, header_digest=header_digest, data_digest=data_digest)])

    def ready(self) -> None:
        """The card has done so: transmission, which was held, begins."""
        if self.wanted:
            self._tell([CPL_SET_TCB_RPL(self._tid)])

    def pods_written(self, pods: PagePods, held: Reservation, first: int, count: int) -> None:
        """The host has written `count` page pods of a reservation, from `first` on; or made them invalid."""
        if self.wanted and count:
            start = held.index + first
            octets = b"".join(pods.entry(index) for index in range(start, start + count))
            assert len(octets) == count * POD_SIZE
            self._tell(pod_writes(self._tid, start, octets))

    def recovered(self, frame: Frame, status: DdpStatus) -> None:
        """The card has taken a PDU in."""
        ends = self._connection.framer
        length = frame.on_wire(header_digest=ends.header_digest, data_digest=ends.data_digest)
        header = bytes(frame.header) + frame.ahs
        ddp = ISCSI_DDP if frame.placed else 0
        seq = frame.offset & _SEQUENCE
        messages: list[Message] = [CPL_ISCSI_HDR(self._tid, ddp | length, len(header), seq, header=header)]
        if frame.data and not frame.placed:
            start = frame.offset + len(header) + (DIGEST_LENGTH if ends.header_digest else 0)
            messages.append(CPL_ISCSI_DATA(self._tid, len(frame.data), start & _SEQUENCE))
        messages.append(CPL_RX_ISCSI_DDP(self._tid, length, frame.offset + length & _SEQUENCE, 0, status))
        self._tell(messages)

    def coalesced(self, frames: list[Frame]) -> None:
        """The card has placed several PDUs of a burst, and says so once."""
        ends, last = self._connection.framer, frames[-1]
        lengths = [frame.on_wire(header_digest=ends.header_digest, data_digest=ends.data_digest) for frame in frames]
        header = bytes(last.header) + last.ahs
        seq = last.offset & _SEQUENCE
        total = min(sum(lengths), ISCSI_DDP - 1)
        self._tell(
            [CPL_RX_ISCSI_CMP(self._tid, ISCSI_DDP | total, len(header), seq, 0, DdpStatus.PLACED, header=header)]
        )

    def sent(self, requests: list[SendRequest]) -> None:
        """The host has given the card something to send."""
        if self.wanted:
            for request in requests:
                self._tell(request.messages(self._tid, self._submode))
