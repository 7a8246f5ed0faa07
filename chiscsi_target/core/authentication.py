"""The security stage (RFC 7143 section 12): which methods there are, and what a login has to show before it goes on.

A method is a row of METHODS: it takes the initiator's keys of one exchange and returns the target's, until it says that
the initiator is who it claims to be. `None` has nothing to show.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from chiscsi_target.core.chap import Chap, ChapTerms
from chiscsi_target.core.negotiation import Pairs
from chiscsi_target.errors import LoginFailure
from iscsi_wire.constants import LoginStatus
from iscsi_wire.keys import KEYS
from iscsi_wire.text import NONE, REJECT

if TYPE_CHECKING:
    from chiscsi_target.core.session import Session

CHAP = "CHAP"
_KEY = "AuthMethod"


class Method(Protocol):
    """An authentication in progress."""

    @property
    def name(self) -> str:
        """The authentication identity, such as CHAP_N; empty without one."""

    @property
    def done(self) -> bool:
        """Whether the initiator has shown all that it has to."""

    def answer(self, pairs: Pairs) -> Pairs:
        """Take one exchange's keys of this method; returns ours. Raises `LoginFailure`."""


class NoAuthentication:
    """AuthMethod=None, or no AuthMethod so far; `done` says whether that is enough."""

    name = ""

    def __init__(self, done: bool = True) -> None:
        self.done = done

    def answer(self, pairs: Pairs) -> Pairs:
        """Refuse any key of a method that was not agreed on."""
        if pairs:
            name = pairs[0][0]
            raise LoginFailure(LoginStatus.INITIATOR_ERROR, f"{name} without its AuthMethod", KEYS[name].section)
        return []


@dataclass(frozen=True, slots=True)
class Demands:
    """What a login has to show.

    Attributes:
        methods: the values of AuthMethod that can be agreed on; a method without the data that it needs is left out.
        demanded: whether nobody gets in without one of the methods.
        chap: how CHAP is done.
    """

    methods: tuple[str, ...]
    demanded: bool
    chap: ChapTerms


METHODS: Mapping[str, Callable[[Demands], Method]] = {
    NONE: lambda demands: NoAuthentication(),
    CHAP: lambda demands: Chap(demands.chap),
}
"""Authentication methods by the value of AuthMethod."""


class Authentication:
    """How far one login has shown who it is.

    Attributes:
        method: the value of AuthMethod that was agreed on.
        methods: the values that can be agreed on.
    """

    def __init__(self, demands: Demands) -> None:
        self.method = NONE
        self.methods = demands.methods
        self._demands = demands
        self._progress: Method = NoAuthentication(done=not demands.demanded)
        self._fresh = False

    @property
    def done(self) -> bool:
        """Whether the login may leave the security stage."""
        return self._progress.done

    @property
    def identity(self) -> tuple[str, str]:
        """Method and name, which all connections of a session have to share (section 9.2)."""
        return self.method, self._progress.name

    def choose(self, offers: Pairs, answers: Pairs) -> None:
        """See whether the negotiation has come to a method.

        Raises:
            LoginFailure: it cannot come to one any more (behaviour file, 2.3).
        """
        chosen = dict(answers).get(_KEY)
        if chosen == REJECT:
            if self._demands.demanded and dict(offers)[_KEY] == NONE:
                raise self._required()
            raise LoginFailure(LoginStatus.INITIATOR_ERROR, "no AuthMethod in common", "12.1")
        if chosen is not None:
            # A method without a row proves nothing.
            begin = METHODS.get(chosen)
            self.method = chosen
            self._progress = NoAuthentication(done=False) if begin is None else begin(self._demands)
            self._fresh = True

    def answer(self, pairs: Pairs, *, leaving: bool) -> Pairs:
        """Take the methods' keys of one request; returns ours.

        Args:
            pairs: the keys, in order.
            leaving: whether the initiator wants to leave the stage.

        Raises:
            LoginFailure: the keys are wrong, or it leaves before it has shown who it is.
        """
        # The first step may come with the offer, or behind the answer to it.
        fresh, self._fresh = self._fresh, False
        if fresh and not pairs:
            return []
        answers = self._progress.answer(pairs)
        if leaving and not self.done and self.method == NONE:
            raise self._required()
        return answers

    def require(self) -> None:
        """Refuse a login that goes on without having shown who it is (section 6.3.1)."""
        if not self.done:
            raise self._required()

    def require_same(self, session: Session) -> None:
        """Refuse a further connection whose method or name is not the session's (section 9.2)."""
        if session.authenticated_by != self.identity:
            raise LoginFailure(LoginStatus.AUTHENTICATION_FAILURE, "the session was authenticated otherwise", "9.2")

    def _required(self) -> LoginFailure:
        return LoginFailure(LoginStatus.AUTHENTICATION_FAILURE, "authentication is required", "6.3.1")


def split(pairs: Pairs) -> tuple[Pairs, Pairs]:
    """The keys that belong to a method, and the others."""
    of_method = [pair for pair in pairs if pair[0] in KEYS and KEYS[pair[0]].security_method]
    return of_method, [pair for pair in pairs if pair not in of_method]
