"""TCP options (RFC 9293 sections 3.1 and 3.2): those of a SYN that the card knows; the others are passed over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from chiscsi_target.offload.tcp.drops import Drop, Dropped

END, NO_OPERATION, MSS, WINDOW_SCALE, SACK_PERMITTED, TIMESTAMPS = 0, 1, 2, 3, 4, 8
GREATEST_SHIFT: Final = 14
"""RFC 7323 section 2.3: of a larger shift count "TCP MUST log the error but use 14 instead"."""

# Kind to length; one of another length means nothing to us, and is passed over like an unknown kind.
_LENGTHS: Final = {MSS: 4, WINDOW_SCALE: 3, SACK_PERMITTED: 2, TIMESTAMPS: 10}


@dataclass(slots=True, frozen=True)
class Options:
    """What the options of a SYN say.

    Attributes:
        mss: the largest segment that its sender can take, in octets; None if it does not say.
        window_scale: shift count of its windows, or None: then there is no scaling in either direction.
        sack_permitted: it would understand selective acknowledgements; the card sends none.
        timestamps: it would use time stamps; the card does not, so that neither does it (RFC 7323 section 3.2).
    """

    mss: int | None = None
    window_scale: int | None = None
    sack_permitted: bool = False
    timestamps: bool = False


def parse_options(octets: bytes) -> Options:
    """Read the options of a SYN.

    Raises:
        Dropped: an option's length is illegal, so that nobody knows where the next one begins (MUST-7).
    """
    found: dict[int, bytes] = {}
    position = 0
    while position < len(octets) and octets[position] != END:
        kind = octets[position]
        if kind == NO_OPERATION:
            position += 1
            continue
        length = octets[position + 1] if position + 1 < len(octets) else 0
        if length < 2 or position + length > len(octets):
            raise Dropped(Drop.TCP_OPTION)
        if _LENGTHS.get(kind) == length:
            found[kind] = octets[position + 2 : position + length]
        position += length
    scale = found.get(WINDOW_SCALE)
    return Options(
        # A size of 0 would let nothing through, and says nothing.
        mss=int.from_bytes(found.get(MSS, b"")) or None,
        window_scale=None if scale is None else min(scale[0], GREATEST_SHIFT),
        sack_permitted=SACK_PERMITTED in found,
        timestamps=TIMESTAMPS in found,
    )


def build_options(mss: int, window_scale: int | None) -> bytes:
    """The options of a SYN: the largest segment to take, in octets, and a shift count if windows are to be scaled."""
    options = bytes((MSS, 4)) + mss.to_bytes(2)
    if window_scale is not None:
        options += bytes((NO_OPERATION, WINDOW_SCALE, 3, window_scale))
    return options
