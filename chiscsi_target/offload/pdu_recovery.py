"""`PduRecovery`: the card takes PDUs out of the TCP stream, verifies their digests, and places their data if it can.

However the stream was cut into segments, the same PDUs come out, and the same memory is written. A payload whose tag is
valid is received where the page pods say, if it is the one that the host waits for. One that has arrived already is
moved there when the host has looked at what came before it: a card would not wait, and would write what the host then
refuses. Everything else goes to the host, which finds out by itself where it belongs.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from iscsi_wire.errors import FramingError, PaddingError
from iscsi_wire.framing import Buffer, Frame, Framer, fill
from iscsi_wire.pdus import DataOut

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chiscsi_target.offload.ulp_connection import UlpConnection

__all__ = ["TAG_AND_OFFSET", "Arrival", "PduRecovery"]

TAG_AND_OFFSET: Final = struct.Struct(">20xI16xI").unpack_from
"""Target Transfer Tag and Buffer Offset of a Data-Out (RFC 7143 section 11.7)."""

_DATA_OUT: Final = DataOut.OPCODE
_NO_ROOM: Final = memoryview(bytearray())


class Arrival:
    """A data segment that has arrived, and the memory that it belongs to: it can be measured, copied, and put there."""

    __slots__ = ("_data", "_views")

    def __init__(self, data: Buffer, views: Sequence[memoryview]) -> None:
        self._data = data
        self._views = views

    def __len__(self) -> int:
        return len(self._data)

    def __bytes__(self) -> bytes:
        return bytes(self._data)

    def settle(self) -> None:
        """Move the octets to where they belong."""
        if len(self._views) == 1:
            self._views[0][:] = self._data
        else:
            fill(self._views, self._data)


class PduRecovery(Framer):
    """Recovers the PDUs of one connection.

    Args:
        before: what has cut the stream up to here; it goes on from where that stopped.
        card: knows the tags, and is told of every PDU.
        padding_matters: padding that is not zero ends the stream.
    """

    def __init__(self, before: Framer, card: UlpConnection, *, padding_matters: bool = False) -> None:
        super().__init__(
            before.max_data_segment_length, before.header_digest, before.data_digest, place=card.place, staging=0
        )
        self._card = card
        self._padding_matters = padding_matters
        self.take_over(before)

    def received(self, count: int) -> list[Frame]:
        """Account for octets; returns the PDUs that they completed, with their data in place where that was possible.

        Raises:
            FramingError: as `Framer.received`; PaddingError if that matters.
        """
        try:
            frames = super().received(count)
        except FramingError as error:
            error.frames = self._deliver(error.frames)
            raise
        return self._deliver(frames)

    def _deliver(self, frames: list[Frame]) -> list[Frame]:
        card = self._card
        tag, following, room = -1, 0, _NO_ROOM
        for frame in frames:
            if frame.opcode != _DATA_OUT or not frame.data or frame.placed or frame.data_digest_error:
                continue
            length = len(frame.data)
            its_tag, offset = TAG_AND_OFFSET(frame.header)
            if (its_tag, offset) != (tag, following) or len(room) < length:
                tag, room = its_tag, card.room(its_tag, offset, length) or _NO_ROOM
            if len(room) >= length:
                views = [room[:length]]
                room, following = room[length:], offset + length
            elif (found := card.locate(frame)) is not None:
                views = found
            else:
                continue
            # Measured, copied and settled: nothing else is done with data that were placed.
            frame.data = Arrival(frame.data, views)  # type: ignore[assignment]
            frame.placed = True
        card.recovered(frames)
        if self._padding_matters:
            for number, frame in enumerate(frames):
                if any(frame.padding):
                    error = PaddingError(frame.offset, "padding", f"{frame.padding.hex(' ')} is not zero")
                    error.frames = frames[:number]
                    raise error
        return frames
