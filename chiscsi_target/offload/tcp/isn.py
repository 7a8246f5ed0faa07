"""Initial sequence numbers (RFC 9293 section 3.4.1): a clock, and a secret function of the connection's ends."""

from __future__ import annotations

from hashlib import blake2s
from typing import Final, NamedTuple

_TICKS: Final = 250_000
"""Of the clock in a second: "a fictitious 32-bit clock whose low-order bit is incremented roughly every 4
microseconds"."""


class FourTuple(NamedTuple):
    """What names a connection on the wire; addresses have 4 or 16 octets."""

    local_address: bytes
    local_port: int
    peer_address: bytes
    peer_port: int


class IsnGenerator:
    """ISN = M + F(localip, localport, remoteip, remoteport, secretkey) (RFC 9293 section 3.4.1).

    Args:
        seed: what the secret key is made of; of the same seed come the same numbers.
    """

    def __init__(self, seed: int) -> None:
        self._key = blake2s(seed.to_bytes(16, "big", signed=True)).digest()

    def __call__(self, ends: FourTuple, now: float) -> int:
        """The number for a connection that begins at `now`, in seconds."""
        octets = b"".join(
            (ends.local_address, ends.local_port.to_bytes(2), ends.peer_address, ends.peer_port.to_bytes(2))
        )
        digest = blake2s(octets, digest_size=4, key=self._key).digest()
        return int.from_bytes(digest) + int(now * _TICKS) & 0xFFFFFFFF
