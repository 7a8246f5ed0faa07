"""The security stage (RFC 7143 section 12): which methods there are, and what a login has to show before it goes on.

A method is a row of METHODS: it takes the initiator's keys of one exchange and returns the target's, until it says that
the initiator is who it claims to be. `None` has nothing to show.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from chiscsi_target.core.negotiation import Pairs
from chiscsi_target.errors import LoginFailure
from iscsi_wire.constants import LoginStatus
from iscsi_wire.keys import KEYS


class Method(Protocol):
    """An authentication in progress."""

    done: bool

    def answer(self, pairs: Pairs) -> Pairs:
        """Take one exchange's keys of this method; returns ours. Raises `LoginFailure`."""


class NoAuthentication:
    """AuthMethod=None."""

    done = True

    def answer(self, pairs: Pairs) -> Pairs:
        """Refuse any key of a method that was not agreed on."""
        if pairs:
            name = pairs[0][0]
            raise LoginFailure(LoginStatus.INITIATOR_ERROR, f"{name} without its AuthMethod", KEYS[name].section)
        return []


METHODS: Mapping[str, Callable[[], Method]] = {"None": NoAuthentication}
"""Authentication methods by the value of AuthMethod."""


def split(pairs: Pairs) -> tuple[Pairs, Pairs]:
    """The keys that belong to a method, and the others."""
    of_method = [pair for pair in pairs if pair[0] in KEYS and KEYS[pair[0]].security_method]
    return of_method, [pair for pair in pairs if pair not in of_method]
