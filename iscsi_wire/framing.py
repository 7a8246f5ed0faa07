"""Cutting a byte stream into PDUs (RFC 7143 section 11.1), whatever way the stream was split.

A `Framer` tells its user where the next bytes should go (`receive_buffers`) and is told how many came (`received`).
Bytes normally go to a staging buffer, where all complete PDUs are cut at once. A data segment whose place in memory is
already known is received straight into it (`place`). Every length is checked against its bound before anything is
allocated for it. Nothing here knows what a PDU means.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from mmap import mmap
from typing import TypeAlias

from iscsi_wire.digest import crc32c
from iscsi_wire.errors import FramingError

BHS_LENGTH = 48
DIGEST_LENGTH = 4
DEFAULT_STAGING = 64 * 1024
# Below this many missing bytes a second receive buffer costs more than the copy that it saves.
PLACE_AT_LEAST = 8 * 1024

_LENGTHS = struct.Struct(">I").unpack_from
_DIGEST = struct.Struct("<I").unpack_from

Buffer: TypeAlias = bytes | bytearray | memoryview


class Pieces:
    """A data segment that was received into several pieces of memory: it can be measured and copied."""

    __slots__ = ("_length", "_views")

    def __init__(self, views: Sequence[memoryview]) -> None:
        self._views = views
        self._length = sum(map(len, views))

    def __len__(self) -> int:
        return self._length

    def __bytes__(self) -> bytes:
        return b"".join(self._views)


class Frame:
    """One PDU as it came: its parts without digests, and what is wrong with them.

    `header` (48 octets) and `data` may be views of the framer's staging buffer: they hold until the framer's next
    `receive_buffers`, `received` or `feed`. `take()` makes them independent.

    Attributes: `offset`, position of the BHS in the stream; `opcode`, its low six bits; `ahs`, the additional header
    segments, padding included; `data`, the data segment; `padding`, the octets that filled it up to a word;
    `placed`, whether the data went straight to where `place` said, which may be in `Pieces`; `header_digest_error`,
    `data_digest_error`.
    """

    __slots__ = (
        "ahs",
        "data",
        "data_digest_error",
        "header",
        "header_digest_error",
        "offset",
        "opcode",
        "padding",
        "placed",
    )

    def __init__(self, offset: int, opcode: int, header: Buffer, ahs: bytes = b"") -> None:
        self.offset = offset
        self.opcode = opcode
        self.header = header
        self.ahs = ahs
        self.data: Buffer = b""
        self.padding = b""
        self.placed = False
        self.header_digest_error = False
        self.data_digest_error = False

    def take(self) -> Frame:
        """Copy header and data out of the staging buffer; returns the frame itself."""
        self.header = bytes(self.header)
        if not self.placed:
            self.data = bytes(self.data)
        return self

    def on_wire(self, *, header_digest: bool, data_digest: bool) -> int:
        """How many octets the PDU took in the stream, digests and padding included."""
        length = len(self.data)
        digests = header_digest + (data_digest and length > 0)
        return BHS_LENGTH + len(self.ahs) + (length + 3 & ~3) + DIGEST_LENGTH * digests

    def __repr__(self) -> str:
        return f"Frame(offset={self.offset}, opcode={self.opcode:#04x}, data={len(self.data)} octets)"


Place: TypeAlias = Callable[[Frame], "list[memoryview] | None"]


class Framer:
    """Cuts one direction of a connection into frames.

    Args:
        max_data_segment_length: the largest DataSegmentLength to accept, in octets; may be changed between PDUs.
        header_digest, data_digest: whether CRC32C digests follow; may be changed between PDUs.
        place: asked, for a long data segment that is not complete yet, where it belongs; the answer is writable views
            of exactly its length together, or None for the staging buffer.
        staging: size of the staging buffer in octets; it grows when a PDU is larger.
    """

    def __init__(
        self,
        max_data_segment_length: int,
        header_digest: bool = False,
        data_digest: bool = False,
        *,
        place: Place | None = None,
        staging: int = DEFAULT_STAGING,
    ) -> None:
        self.max_data_segment_length = max_data_segment_length
        self.header_digest = header_digest
        self.data_digest = data_digest
        self._place = place
        self._staging: bytearray | mmap = bytearray(staging)
        self._view = memoryview(self._staging)
        self._start = 0  # first octet not yet cut
        self._end = 0  # end of what was received
        self._offset = 0  # stream position of the staging buffer's first octet
        self._placing: Frame | None = None
        self._pieces: list[memoryview] = []  # where its data segment belongs
        self._missing: list[memoryview] = []  # what the placed frame's data segment still lacks
        self._needed = BHS_LENGTH  # how long the incomplete PDU is, as far as known
        self._error: FramingError | None = None

    @property
    def offset(self) -> int:
        """Position in the stream of the first octet that no frame has consumed."""
        return self._offset + self._start

    @property
    def buffered(self) -> int:
        """Octets of an incomplete PDU held in the staging buffer."""
        return self._end - self._start

    def grow(self, staging: int) -> None:
        """Use a staging buffer of at least `staging` octets; before anything is received into the old one.

        The memory is only taken up as far as it gets used.
        """
        if staging > len(self._staging):
            rest = bytes(self._view[self._start : self._end])
            self._staging = mmap(-1, staging)
            self._view = memoryview(self._staging)
            self._view[: len(rest)] = rest
            self._offset += self._start
            self._start, self._end = 0, len(rest)

    def take_over(self, other: Framer) -> None:
        """Go on with the stream that another framer has cut so far, in the staging buffer that it has."""
        self._staging, self._view = other._staging, other._view
        self._start, self._end, self._offset = other._start, other._end, other._offset
        self._needed = other._needed

    def receive_buffers(self) -> list[memoryview]:
        """Where the next octets of the stream belong, in order. Report their number to `received`."""
        if self._missing:
            return [*self._missing, self._view]
        if self._start == self._end:
            self._offset += self._start
            self._start = self._end = 0
        elif self._end == len(self._staging) or self._start + self._needed > len(self._staging):
            self._compact()
        return [self._view[self._end :]]

    def received(self, count: int) -> list[Frame]:
        """Account for `count` octets written to `receive_buffers()`; returns the frames that they completed.

        Raises:
            FramingError: the stream cannot be followed any further; its `frames` were complete before the fault.
        """
        if self._error is not None:
            raise self._error
        frames: list[Frame] = []
        if self._placing is not None:
            count = self._received_in_place(count, self._placing)
        self._end += count
        if self._placing is not None and not self._end_placing(self._placing, frames):
            return frames
        try:
            self._cut(frames)
        except FramingError as error:
            error.frames = frames
            self._error = error
            raise
        return frames

    def feed(self, data: Buffer) -> list[Frame]:
        """Take octets from anywhere; returns the frames that they completed, independent of the staging buffer.

        Raises:
            FramingError: as `received`.
        """
        frames: list[Frame] = []
        rest = memoryview(data)
        while rest:
            buffer = self.receive_buffers()[0]
            count = min(len(buffer), len(rest))
            buffer[:count] = rest[:count]
            rest = rest[count:]
            try:
                frames += [frame.take() for frame in self.received(count)]
            except FramingError as error:
                error.frames = frames + [frame.take() for frame in error.frames]
                raise
        return frames

    @property
    def placing(self) -> Frame | None:
        """The frame whose data segment is being received into its place, while that lasts."""
        return self._placing

    def divert(self) -> None:
        """Receive the frame that is being placed elsewhere, and what came of it already: its place is taken away."""
        if self._placing is None:
            return
        self._placing.placed = False
        elsewhere = memoryview(bytearray(bytes(self._placing.data)))
        rest = elsewhere[len(elsewhere) - sum(map(len, self._missing)) :]
        self._placing.data, self._pieces, self._missing = elsewhere, [elsewhere], [rest] if rest else []

    def _received_in_place(self, count: int, frame: Frame) -> int:
        """Account for octets that went straight to their place; returns how many went to the staging buffer."""
        missing = self._missing
        if not missing:
            return count
        while missing and count >= len(missing[0]):
            count -= len(missing.pop(0))
        if missing:
            missing[0] = missing[0][count:]
            return 0
        # The staging buffer was emptied when placing began, so what follows lies at its beginning.
        self._offset = frame.offset + BHS_LENGTH + len(frame.ahs) + len(frame.data)
        self._offset += DIGEST_LENGTH if self.header_digest else 0
        self._start = self._end = 0
        return count

    def _end_placing(self, frame: Frame, frames: list[Frame]) -> bool:
        """Conclude the placed frame, if its data, padding and digest are complete."""
        padded_end = self._start + (-len(frame.data) & 3)
        following = padded_end + (DIGEST_LENGTH if self.data_digest else 0)
        if self._missing or following > self._end:
            self._needed = following - self._start
            return False
        frame.padding = bytes(self._view[self._start : padded_end])
        if self.data_digest:
            frame.data_digest_error = crc32c(*self._pieces, frame.padding) != _DIGEST(self._view, padded_end)[0]
        self._start = following
        # Nothing is kept of the memory: its owner may want to close it, or make it longer.
        self._placing, self._pieces = None, []
        frames.append(frame)
        return True

    @property
    def _longest_plain(self) -> int:
        """Up to this length, in octets, a data segment without a digest is cut without looking at what it is for."""
        return self.max_data_segment_length

    def _cut(self, frames: list[Frame]) -> None:
        """Cut every complete PDU out of the staging buffer."""
        view, position, end = self._view, self._start, self._end
        # The common shape: no AHS, no digests, and a length in bounds. Everything else goes the careful way.
        longest = -1 if self.header_digest or self.data_digest else self._longest_plain
        self._needed = BHS_LENGTH
        try:
            while (data_start := position + BHS_LENGTH) <= end:
                length: int = _LENGTHS(view, position + 4)[0]
                following = data_start + (length + 3 & ~3)
                if length <= longest and following <= end:
                    frame = Frame(self._offset + position, view[position] & 0x3F, view[position:data_start])
                    if length:
                        frame.data = view[data_start : data_start + length]
                        frame.padding = bytes(view[data_start + length : following]) if length & 3 else b""
                    frames.append(frame)
                    position = following
                    continue
                size = self._cut_one(position, length, frames)
                if size == 0:
                    break
                position += size
        finally:
            self._start = position

    def _cut_one(self, position: int, lengths: int, frames: list[Frame]) -> int:
        """Cut the PDU at `position`; returns its size on the wire in octets, or 0 while it is incomplete."""
        data_length = lengths & 0xFFFFFF
        if data_length > self.max_data_segment_length:
            raise FramingError(
                self._offset + position + 5,
                "DataSegmentLength",
                f"{data_length} octets exceed the limit of {self.max_data_segment_length}",
            )
        header_end = position + BHS_LENGTH + (lengths >> 24) * 4
        data_start = header_end + (DIGEST_LENGTH if self.header_digest else 0)
        if data_start > self._end:
            self._needed = data_start - position
            return 0
        frame = self._frame(position, header_end)
        if frame.header_digest_error:
            frames.append(frame)
            raise FramingError(
                frame.offset, "HeaderDigest", "the header's CRC32C is wrong: its lengths cannot be trusted"
            )
        data_end = data_start + data_length
        padded_end = data_start + ((data_length + 3) & ~3)
        next_pdu = padded_end + (DIGEST_LENGTH if self.data_digest and data_length else 0)
        if next_pdu > self._end:
            if self._place is None or not self._begin_placing(frame, data_start, data_length):
                self._needed = next_pdu - position
                return 0
            return self._end - position
        frame.data = self._view[data_start:data_end]
        if padded_end != data_end:
            frame.padding = bytes(self._view[data_end:padded_end])
        if self.data_digest and data_length:
            frame.data_digest_error = crc32c(self._view[data_start:padded_end]) != _DIGEST(self._view, padded_end)[0]
        frames.append(frame)
        return next_pdu - position

    def _frame(self, position: int, header_end: int) -> Frame:
        view = self._view
        header = view[position : position + BHS_LENGTH]
        frame = Frame(
            self._offset + position, header[0] & 0x3F, header, bytes(view[position + BHS_LENGTH : header_end])
        )
        if self.header_digest:
            frame.header_digest_error = crc32c(view[position:header_end]) != _DIGEST(view, header_end)[0]
        return frame

    def _begin_placing(self, frame: Frame, data_start: int, data_length: int) -> bool:
        """Receive the rest of a data segment where it belongs, when that is known and worth it."""
        here = self._end - data_start
        if self._place is None or data_length - here < PLACE_AT_LEAST:
            return False
        destination = self._place(frame)
        if destination is None:
            return False
        frame.header = bytes(frame.header)
        # Whoever places in several pieces knows that such data can be measured and copied, and no more.
        frame.data = destination[0] if len(destination) == 1 else Pieces(destination)  # type: ignore[assignment]
        self._pieces = destination
        frame.placed = True
        self._placing = frame
        self._missing = fill(destination, self._view[data_start : self._end])
        return True

    def _compact(self) -> None:
        """Move the incomplete PDU to the beginning of a staging buffer that can hold all of it."""
        if self._needed > len(self._staging):
            self.grow(self._needed)
            return
        rest = bytes(self._view[self._start : self._end])
        self._view[: len(rest)] = rest
        self._offset += self._start
        self._start, self._end = 0, len(rest)


def fill(pieces: Sequence[memoryview], data: Buffer) -> list[memoryview]:
    """Copy octets to the beginning of pieces of memory; returns what is left of the pieces."""
    position, end = 0, len(data)
    left = []
    for piece in pieces:
        count = min(len(piece), end - position)
        if count:
            piece[:count] = data[position : position + count]
            position += count
        if count < len(piece):
            left.append(piece[count:])
    return left
