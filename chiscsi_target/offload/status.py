"""The status bits of the message that ends a received PDU (behaviour file, 5.5)."""

from __future__ import annotations

from enum import IntFlag

__all__ = ["DdpStatus"]


class DdpStatus(IntFlag):
    """What the card found while it took a PDU in."""

    POD_MISMATCH = 1 << 15
    PLACED = 1 << 16
    BELOW_LIMIT = 1 << 17
    PARITY_ERROR = 1 << 18
    PADDING_ERROR = 1 << 19
    HEADER_DIGEST_ERROR = 1 << 20
    DATA_DIGEST_ERROR = 1 << 21
    TAG_ERROR = 1 << 22
    ABOVE_LIMIT = 1 << 23
    OFFSET_ERROR = 1 << 24
    COLOUR_MISMATCH = 1 << 25
    TID_MISMATCH = 1 << 26
    POD_INVALID = 1 << 27
