"""Serial number arithmetic on 32-bit sequence numbers (RFC 7143, 4.2.2.1; RFC 1982).

CmdSN, StatSN and their kin wrap from 2**32 - 1 to 0, so that "less than" means "at most 2**31 - 1 behind".
"""

from __future__ import annotations

from typing import Final

_MODULUS_MASK: Final = 0xFFFFFFFF
_HALF: Final = 0x80000000


def sn_add(number: int, increment: int) -> int:
    """Return ``number`` moved on by ``increment``, which may be negative, modulo 2**32."""
    return (number + increment) & _MODULUS_MASK


def sn_diff(left: int, right: int) -> int:
    """Return how far ``left`` is ahead of ``right``: from -2**31 to 2**31 - 1.

    RFC 1982 leaves a distance of exactly 2**31 undefined; it comes out as -2**31 either way round.
    """
    return ((left - right + _HALF) & _MODULUS_MASK) - _HALF


def sn_lt(left: int, right: int) -> bool:
    """Say whether ``left`` comes before ``right``; false for equal numbers and for a distance of 2**31."""
    return 0 < (right - left) & _MODULUS_MASK < _HALF


def sn_le(left: int, right: int) -> bool:
    """Say whether ``left`` comes before ``right`` or equals it; false for a distance of 2**31."""
    return (right - left) & _MODULUS_MASK < _HALF
