"""`PduRecovery`: the card takes PDUs out of the TCP stream, verifies their digests, and places their data if it can.

However the stream was cut into segments, the same PDUs come out, and the same memory is written. A payload whose tag is
valid is received where the page pods say, if it is the one that the host waits for. One that has arrived already is
moved there when the host has looked at what came before it: a card would not wait, and would write what the host then
refuses. Everything else goes to the host, which finds out by itself where it belongs.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from chiscsi_target.core.adapter import Burst
from iscsi_wire.errors import FramingError, PaddingError
from iscsi_wire.framing import BHS_LENGTH, Buffer, Frame, Framer, fill
from iscsi_wire.pdus import DataOut

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chiscsi_target.offload.ulp_connection import UlpConnection

__all__ = ["TAG_AND_OFFSET", "Arrival", "PduRecovery"]

TAG_AND_OFFSET: Final = struct.Struct(">20xI16xI").unpack_from
"""Target Transfer Tag and Buffer Offset of a Data-Out (RFC 7143 section 11.7)."""

_LENGTHS: Final = struct.Struct(">I").unpack_from
_DATA_OUT: Final = DataOut.OPCODE
_FINAL: Final = 0x80
_BURST_FIELDS: Final = struct.Struct(">BB2xIQII12xII4x").unpack_from
"""Opcode, flags, lengths, LUN, both tags, DataSN and Buffer Offset of a Data-Out."""
_NO_ROOM: Final = memoryview(bytearray())


class Arrival:
    """Data that have arrived, and the memory that they belong to: they can be measured, copied, and put there.

    Args:
        segments: the data segments, one behind the other.
        views: the memory, of the same length together.
    """

    __slots__ = ("_segments", "_views")

    def __init__(self, segments: Sequence[Buffer], views: Sequence[memoryview]) -> None:
        self._segments = segments
        self._views = views

    def __len__(self) -> int:
        return sum(map(len, self._segments))

    def __bytes__(self) -> bytes:
        return b"".join(self._segments)

    def settle(self) -> None:
        """Move the octets to where they belong."""
        views = self._views
        if len(views) > 1:
            for segment in self._segments:
                views = fill(views, segment)
            return
        memory, start = views[0], 0
        for segment in self._segments:
            end = start + len(segment)
            memory[start:end] = segment
            start = end


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

    @property
    def _longest_plain(self) -> int:
        return 0  # data may begin a burst

    def _cut_one(self, position: int, lengths: int, frames: list[Frame]) -> int:
        begins = self._view[position] == _DATA_OUT and self._card.coalesces
        if begins and not (self.header_digest or self.data_digest):
            size = self._cut_burst(position, frames)
            if size:
                return size
        return super()._cut_one(position, lengths, frames)

    def _cut_burst(self, position: int, frames: list[Frame]) -> int:
        """Cut the complete Data-Out PDUs at `position` that go on from each other, as one `Burst`.

        Returns:
            Their size on the wire in octets; 0 when there are none, or their data are not to be placed.
        """
        view, end, longest = self._view, self._end, self.max_data_segment_length
        opcode, flags, length, *first = _BURST_FIELDS(view, position)
        lun, itt, ttt, data_sn, offset = first
        following, total, segments = position, 0, []
        while opcode == _DATA_OUT and 0 < length <= longest and not length & 3:
            data_start = following + BHS_LENGTH
            if data_start + length > end:
                break
            following = data_start + length
            segments.append(view[data_start:following])
            total += length
            if flags & _FINAL or following + BHS_LENGTH > end:
                break
            opcode, flags, length, *its = _BURST_FIELDS(view, following)
            if its != [lun, itt, ttt, data_sn + len(segments), offset + total]:
                break
        views = self._card.memory(ttt, offset, total) if segments else None
        if views is None:
            return 0
        data_start = following - len(segments[-1])
        header = view[data_start - BHS_LENGTH : data_start]
        burst = Burst(self._offset + position, header, len(segments), (lun, itt, ttt, data_sn, offset), total)
        burst.data = Arrival(segments, views)  # type: ignore[assignment]  # as in `_locate`
        frames.append(burst)
        return following - position

    def one_by_one(self, burst: Burst) -> list[Frame]:
        """The PDUs of a burst that was cut since octets were received last."""
        frames: list[Frame] = []
        position = burst.offset - self._offset
        while len(frames) < burst.count:
            position += super()._cut_one(position, _LENGTHS(self._view, position + 4)[0], frames)
        self._locate(frames)
        return frames

    def _deliver(self, frames: list[Frame]) -> list[Frame]:
        self._locate(frames)
        self._card.recovered(frames)
        if self._padding_matters:
            for number, frame in enumerate(frames):
                if any(frame.padding):
                    error = PaddingError(frame.offset, "padding", f"{frame.padding.hex(' ')} is not zero")
                    error.frames = frames[:number]
                    raise error
        return frames

    def _locate(self, frames: list[Frame]) -> None:
        """Find the memory for data that are to be placed and have arrived in the staging buffer."""
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
            frame.data = Arrival((frame.data,), views)  # type: ignore[assignment]
            frame.placed = True
