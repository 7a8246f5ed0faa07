"""`Segmentation`: what one work request sends, several Data-In PDUs of a burst if possible (ISO; behaviour file, 5.6).

The host gives the card the header of the first PDU and the payload of all; the card makes the others' headers.
"""

from __future__ import annotations

import struct
from typing import Final

from chiscsi_target.offload.limits import ISO_PAYLOAD
from chiscsi_target.offload.messages import CPL_TX_DATA_ISO, FW_OFLD_TX_DATA_WR, Message, UlpSubmode
from iscsi_wire.framing import BHS_LENGTH
from iscsi_wire.pdus import DataIn

__all__ = ["Segmentation", "SendRequest"]

_FIELDS: Final = struct.Struct(">BB14xI20xI").unpack_from
_FINAL: Final = 0x80
_DATA_IN: Final = DataIn.OPCODE


class SendRequest:
    """One work request.

    Attributes:
        pdus: how many PDUs it sends.
        payload: octets of data in all of them; `longest`, in each but the last.
        first: the first PDU begins a burst; `last`, the last one ends it.
    """

    __slots__ = ("first", "last", "longest", "payload", "pdus")

    def __init__(self, payload: int, *, first: bool, last: bool) -> None:
        self.pdus = 1
        self.payload = self.longest = payload
        self.first = first
        self.last = last

    def takes(self, length: int) -> bool:
        """Whether a PDU with so many octets of data can follow: the card makes all of one length but the last."""
        full = self.payload == self.longest * self.pdus
        return full and 0 < length <= self.longest and self.payload + length <= ISO_PAYLOAD

    def messages(self, tid: int, submode: UlpSubmode) -> list[Message]:
        """How the card is told: with more than one PDU, the request holds a segmentation header."""
        wanted: list[Message] = [FW_OFLD_TX_DATA_WR(tid, BHS_LENGTH + self.payload, submode)]
        if self.pdus > 1:
            crc = UlpSubmode.ULP_CRC_HEADER in submode, UlpSubmode.ULP_CRC_DATA in submode
            length = BHS_LENGTH + self.payload
            wanted.append(
                CPL_TX_DATA_ISO(tid, self.first, self.last, length, self.longest, self.payload, crc[0], crc[1])
            )
        return wanted


class Segmentation:
    """The work requests of one connection.

    Attributes:
        requests: those that sent more than one PDU.
    """

    __slots__ = ("_begun", "_itt", "_next", "_open", "requests")

    def __init__(self) -> None:
        self.requests = 0
        self._itt = self._next = 0
        self._open: SendRequest | None = None  # a burst that may go on
        self._begun: set[int] = set()  # tags of the tasks that are inside a burst

    @property
    def idle(self) -> bool:
        """Whether no burst is under way."""
        return self._open is None and not self._begun

    def sent(self, header: bytes, length: int) -> list[SendRequest]:
        """Take a PDU with `length` octets of data; returns the requests that are complete now."""
        opcode, flags, itt, offset = _FIELDS(header)
        under_way, final = self._open, bool(flags & _FINAL)
        if opcode != _DATA_IN:
            self._open = None
            self._begun.discard(itt)  # what ends a task ends its bursts as well
            alone = SendRequest(length, first=False, last=final)
            return [alone] if under_way is None else [under_way, alone]
        if under_way is not None and (itt, offset) == (self._itt, self._next) and under_way.takes(length):
            self._continue(under_way, length, final)
            complete = []
        else:
            complete = [] if under_way is None else [under_way]
            under_way = SendRequest(length, first=offset == 0 or itt not in self._begun, last=final)
        self._itt, self._next = itt, offset + length
        (self._begun.discard if final else self._begun.add)(itt)
        self._open = None if final else under_way
        return [*complete, under_way] if final else complete

    def _continue(self, request: SendRequest, length: int, final: bool) -> None:
        request.pdus += 1
        request.payload += length
        request.last = final
        self.requests += request.pdus == 2
