"""`Segmentation`: several Data-In PDUs that the card makes from one work request (ISO; behaviour file, 5.6)."""

from __future__ import annotations

import struct
from typing import Final

from chiscsi_target.offload.limits import ISO_PAYLOAD
from iscsi_wire.pdus import DataIn

__all__ = ["Segmentation"]

_FIELDS: Final = struct.Struct(">BB14xI20xI").unpack_from
_FINAL: Final = 0x80


class Segmentation:
    """What one connection has sent that way.

    The host gives the header of the first PDU and the payload of all; they are of one burst, and follow each other.

    Attributes:
        requests: work requests that sent more than one PDU.
    """

    __slots__ = ("_itt", "_next", "_pdus", "_sum", "requests")

    def __init__(self) -> None:
        self.requests = 0
        self._itt = self._next = self._sum = self._pdus = 0

    def sent(self, header: bytes, length: int) -> None:
        """Take note of a PDU: it is one of the request under way, or begins another."""
        opcode, flags, itt, offset = _FIELDS(header)
        if opcode != DataIn.OPCODE:
            self._pdus = 0
            return
        if self._pdus and (itt, offset) == (self._itt, self._next) and self._sum + length <= ISO_PAYLOAD:
            self._pdus += 1
            self._sum += length
            self.requests += self._pdus == 2
        else:
            self._itt, self._sum, self._pdus = itt, length, 1
        self._next = offset + length
        if flags & _FINAL:
            self._pdus = 0
