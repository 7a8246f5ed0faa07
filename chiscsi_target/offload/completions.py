"""What the card tells the host of PDUs that it has recovered: one by one, or of a placed burst at once (T6)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from chiscsi_target.core.adapter import Burst
from chiscsi_target.offload.pdu_recovery import TAG_AND_OFFSET

if TYPE_CHECKING:
    from collections.abc import Iterator

    from iscsi_wire.framing import Frame

__all__ = ["pdus_in", "runs_of_placed"]

_FINAL: Final = 0x80


def pdus_in(frame: Frame) -> int:
    """How many PDUs a frame stands for."""
    return frame.count if isinstance(frame, Burst) else 1


def runs_of_placed(frames: list[Frame]) -> Iterator[list[Frame]]:
    """PDUs one by one, and those together that the card's T6 completes by one message.

    They are placed Data-Out of one burst, in order, without an error.
    """
    run: list[Frame] = []
    burst = None
    for frame in frames:
        tag = None
        if frame.placed and not frame.data_digest_error and not (frame.padding and any(frame.padding)):
            tag = TAG_AND_OFFSET(frame.header)[0]
        if run and (tag is None or tag != burst):
            yield run
            run = []
        run.append(frame)
        burst = tag
        if tag is None or frame.header[1] & _FINAL:
            yield run
            run = []
    if run:
        yield run
