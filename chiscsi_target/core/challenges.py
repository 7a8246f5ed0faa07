"""`Challenges`: CHAP challenges and identifiers, none of which comes twice (RFC 1994 sections 2.3 and 4.1).

All connections of a Target Module share one, so that a challenge reflected on another connection is known, too.
"""

from __future__ import annotations

from collections.abc import Callable

from chiscsi_target.errors import LoginFailure
from iscsi_wire.constants import LoginStatus

# A login takes its time limit at most; within it no more challenges than this are plausible.
_REMEMBERED = 4096
_ATTEMPTS = 4


class Challenges:
    """Makes challenges, and remembers the last few thousand.

    Args:
        random: returns that many random octets.
    """

    def __init__(self, random: Callable[[int], bytes]) -> None:
        self._random = random
        self._made: dict[bytes, None] = {}
        self._identifier: int | None = None

    def new_challenge(self, length: int) -> bytes:
        """A challenge of `length` octets that was not made before.

        Raises:
            LoginFailure: the source of randomness repeats itself; with such challenges nothing would be proved.
        """
        for _ in range(_ATTEMPTS):
            challenge = self._random(length)
            if challenge not in self._made:
                self._remember(challenge)
                return challenge
        raise LoginFailure(LoginStatus.TARGET_ERROR, "random octets repeat themselves", "9.2.1")

    def _remember(self, challenge: bytes) -> None:
        if len(self._made) >= _REMEMBERED:
            del self._made[next(iter(self._made))]
        self._made[challenge] = None

    def made(self, challenge: bytes) -> bool:
        """Whether a challenge is one of ours."""
        return challenge in self._made

    def new_identifier(self) -> int:
        """An identifier, other than the last one (RFC 1994, 4.1)."""
        identifier = self._random(1)[0]
        if identifier == self._identifier:
            identifier = (identifier + 1) % 256
        self._identifier = identifier
        return identifier
