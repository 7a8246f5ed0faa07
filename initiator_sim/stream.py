"""The inbound half of a connection: octets from the transport, cut into frames (RFC 7143 section 11.1)."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

from initiator_sim.evidence import Closed, Silence
from initiator_sim.transport import Transport
from iscsi_wire.constants import BHS_LENGTH
from iscsi_wire.errors import FramingError
from iscsi_wire.framing import Frame, Framer

LOGIN_SEGMENT_LIMIT: Final = 8192
"""What a login PDU's data segment may hold, whatever was declared (RFC 7143, 6.3)."""


class Inbound:
    """Frames from a transport, one at a time.

    While `stepwise` is set (during login) no octet behind a complete PDU is cut, because the PDU may be the one after
    which digests begin.

    Attributes:
        framer: cuts the stream; holds the digests in force and the limit of DataSegmentLength.
        closed: how the connection ended, or None.
        fault: why the stream cannot be followed any further, or None.
    """

    def __init__(self, transport: Transport, clock: Callable[[], float]) -> None:
        self._transport = transport
        self._clock = clock
        self._octets = bytearray()
        self._frames: deque[Frame] = deque()
        self.framer = Framer(LOGIN_SEGMENT_LIMIT)
        self.stepwise = True
        self.closed: Closed | None = None
        self.fault: FramingError | None = None

    def take_waiting(self) -> list[Frame]:
        """Return the frames that are complete already, without waiting."""
        frames = list(self._frames)
        self._frames.clear()
        return frames

    def poll(self) -> None:
        """Take in what the transport has by now; `next` and `take_waiting` give it out."""
        while self.closed is None and self._receive(0.0):
            pass
        if self._octets and not self.stepwise:
            self._cut()

    def next(self, timeout: float) -> Frame | Closed | Silence:
        """Return the next frame, the end of the connection, or silence after `timeout` seconds.

        Raises:
            FramingError: the stream makes no sense any more; all frames before the fault were returned.
        """
        deadline = self._clock() + timeout
        while not self._frames:
            if self._octets and self._cut():
                continue
            if self.fault is not None:
                raise self.fault
            if self.closed is not None:
                return self.closed
            if not self._receive(max(deadline - self._clock(), 0.0)):
                return Silence(timeout)
        return self._frames.popleft()

    def _receive(self, timeout: float) -> bool:
        """Take in what the transport has, or its end; returns whether anything came."""
        octets = self._transport.receive(timeout)
        if octets is None:
            return False
        if not octets:
            self.closed = Closed(self._transport.was_reset)
        self._octets += octets
        return True

    def _cut(self) -> bool:
        """Give the framer what it may see now; returns whether that completed a frame."""
        piece = self._first_pdu() if self.stepwise else bytes(self._octets)
        del self._octets[: len(piece)]
        try:
            self._frames += self.framer.feed(piece)
        except FramingError as fault:
            self._frames += fault.frames
            self.fault = fault
            self._octets.clear()
        return bool(self._frames)

    def _first_pdu(self) -> bytes:
        """Return the first PDU, or b"" while it is incomplete (digests are not in force yet)."""
        octets = self._octets
        if len(octets) < BHS_LENGTH:
            return b""
        data_length = int.from_bytes(octets[5:8], "big")
        size = BHS_LENGTH + octets[4] * 4 + ((data_length + 3) & ~3)
        # What exceeds the limit is the framer's to refuse: it does not have to come whole.
        complete = len(octets) >= size or data_length > self.framer.max_data_segment_length
        return bytes(octets[:size]) if complete else b""
