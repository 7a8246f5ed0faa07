"""CHAP as the target sees it: the exchange of RFC 7143 section 12.1.3 as a table, with the rules of section 9.2.1.

`STEPS` says for each state which keys an exchange has to bring. Whatever does not fit is the one way to a status of
the initiator error class ("Initiator Error" or "Missing Parameter"); what fits but proves nothing is "Authentication
Failure" (section 9.2). Neither messages nor names of exceptions ever hold a secret.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from chiscsi_target.core.chap_secrets import SECRET_LENGTHS, Secret
from chiscsi_target.errors import LoginFailure
from iscsi_wire.constants import LoginStatus
from iscsi_wire.errors import TextError
from iscsi_wire.keys import KEYS
from iscsi_wire.text import format_binary, parse_number

if TYPE_CHECKING:
    from chiscsi_target.core.challenges import Challenges
    from chiscsi_target.core.negotiation import Pairs
    from iscsi_wire.chap import Algorithm


@dataclass(frozen=True, slots=True)
class Credentials:
    """What is known about an initiator that gives its name.

    Attributes:
        remote_secret: the initiator's secret; None if the name is unknown.
        local_name, local_secret: the target's, for mutual authentication; None if there are none.
        mutual_required: whether the initiator has to authenticate the target.
    """

    remote_secret: Secret | None = None
    local_name: str | None = None
    local_secret: Secret | None = None
    mutual_required: bool = False


@dataclass(frozen=True, slots=True)
class ChapTerms:
    """What the target wants of an exchange.

    Attributes:
        algorithms: by the numbers that CHAP_A gives them, in the target's order.
        challenge_length: octets of a challenge.
        challenges: makes challenges, and knows which were made.
        look_up: says what is known about an initiator, by its CHAP_N.
        own_order: whether the target's order of algorithms counts, rather than the initiator's.
        base64: whether the challenge is sent as a base64-constant rather than a hex-constant.
    """

    algorithms: Mapping[int, Algorithm]
    challenge_length: int
    challenges: Challenges
    look_up: Callable[[str], Credentials] = field(repr=False)
    own_order: bool = False
    base64: bool = False


class State(Enum):
    """How far an exchange has come."""

    ALGORITHMS_AWAITED = "waits for CHAP_A"
    RESPONSE_AWAITED = "waits for CHAP_N and CHAP_R"
    AUTHENTICATED = "is over"


@dataclass(frozen=True, slots=True)
class Step:
    """What the next request of an exchange brings.

    Attributes:
        required: keys that have to be there.
        together: keys that may be there, all or none.
        take: what is done with them; returns the target's keys.
        following: the state after it.
    """

    required: tuple[str, ...]
    together: tuple[str, ...]
    take: Callable[[Chap, Mapping[str, str]], Pairs]
    following: State


class Chap:
    """One CHAP exchange.

    Attributes:
        state: how far it has come.
        name: the CHAP_N of the initiator, once it is authenticated.
    """

    def __init__(self, terms: ChapTerms) -> None:
        self.state = State.ALGORITHMS_AWAITED
        self.name = ""
        self._terms = terms
        self._algorithm: Algorithm
        self._identifier = 0
        self._challenge = b""

    @property
    def done(self) -> bool:
        """Whether the initiator has proved who it is."""
        return self.state is State.AUTHENTICATED

    def answer(self, pairs: Pairs) -> Pairs:
        """Take the CHAP keys of one request; returns ours.

        Raises:
            LoginFailure: they are not those of this step, or prove nothing.
        """
        step = STEPS[self.state]
        answers = step.take(self, self._values(step, pairs))
        self.state = step.following
        return answers

    def _values(self, step: Step, pairs: Pairs) -> Mapping[str, str]:
        """The values of a request's keys, after a look at their forms.

        Section 9.2: a request "whose keys, or their values, are not according to the step definition" is answered
        with "Initiator Error" or "Missing Parameter".
        """
        values: dict[str, str] = {}
        for name, value in pairs:
            if name not in step.required + step.together:
                raise _not_so(f"{name} while the exchange {self.state.value}")
            if name in values:
                raise _not_so(f"{name} is sent twice")
            try:
                KEYS[name].parse(value)
            except TextError as error:
                raise _not_so(f"{name}: {error.message}") from error
            values[name] = value
        wanted = step.required + (step.together if any(name in values for name in step.together) else ())
        missing = [name for name in wanted if not values.get(name)]
        if missing:
            raise LoginFailure(LoginStatus.MISSING_PARAMETER, f"{' and '.join(missing)} missing", "9.2")
        return values

    # The steps

    def _challenge_initiator(self, values: Mapping[str, str]) -> Pairs:
        offered = [_number(item) for item in values["CHAP_A"].split(",")]
        own = self._terms.algorithms
        first, second = (own, offered) if self._terms.own_order else (offered, own)
        number = next((number for number in first if number in second), None)
        if number is None:
            raise _failure("no algorithm of CHAP_A is known here")
        self._algorithm = own[number]
        self._identifier = self._terms.challenges.new_identifier()
        self._challenge = self._terms.challenges.new_challenge(self._terms.challenge_length)
        return [
            ("CHAP_A", str(number)),
            ("CHAP_I", str(self._identifier)),
            ("CHAP_C", format_binary(self._challenge, base64_constant=self._terms.base64)),
        ]

    def _judge_initiator(self, values: Mapping[str, str]) -> Pairs:
        mutual = "CHAP_C" in values
        if mutual and self._terms.challenges.made(_octets(values, "CHAP_C")):
            # Section 9.2.1: a challenge of ours must not be used for the other direction, on whatever connection.
            raise _failure("CHAP_C is a challenge of this target")
        name = values["CHAP_N"]
        credentials = self._terms.look_up(name)
        self._verify(name, _octets(values, "CHAP_R"), credentials)
        if credentials.mutual_required and not mutual:
            raise _failure(f"{name!r} has to authenticate the target")
        proof = self._prove(values, credentials) if mutual else []
        self.name = name
        return proof

    def _verify(self, name: str, response: bytes, credentials: Credentials) -> None:
        """Compare a response with the one that is right; an unknown name takes as long as a known one."""
        known = credentials.remote_secret is not None and len(credentials.remote_secret) in SECRET_LENGTHS
        secret = credentials.remote_secret if known else None
        right = hmac.compare_digest(self._respond(secret or _NOBODY), response)
        if not known or not right:
            raise _failure(f"CHAP_R does not show that the initiator is {name!r}")
        local = credentials.local_secret
        if local is not None and hmac.compare_digest(self._respond(local), response):
            # Section 9.2.1: "the same as the CHAP response that the receiving endpoint would have generated".
            raise _failure(f"{name!r} has the secret of this target")

    def _respond(self, secret: Secret) -> bytes:
        return self._algorithm.response(self._identifier, secret, self._challenge)

    def _prove(self, values: Mapping[str, str], credentials: Credentials) -> Pairs:
        name, secret = credentials.local_name, credentials.local_secret
        if not name or secret is None or len(secret) not in SECRET_LENGTHS:
            # Section 9.2.1: no response "unless it can verify that the CHAP secret is at least 96 bits".
            raise _failure("this target has nothing to authenticate itself by")
        challenge = _octets(values, "CHAP_C")
        response = self._algorithm.response(_number(values["CHAP_I"]), secret, challenge)
        base64 = values["CHAP_C"][:2].lower() == "0b"  # as the initiator writes, so that it can read it
        return [("CHAP_N", name), ("CHAP_R", format_binary(response, base64_constant=base64))]

    def _have_all(self, values: Mapping[str, str]) -> Pairs:
        return []


STEPS: Mapping[State, Step] = {
    State.ALGORITHMS_AWAITED: Step(("CHAP_A",), (), Chap._challenge_initiator, State.RESPONSE_AWAITED),
    State.RESPONSE_AWAITED: Step(
        ("CHAP_N", "CHAP_R"), ("CHAP_I", "CHAP_C"), Chap._judge_initiator, State.AUTHENTICATED
    ),
    State.AUTHENTICATED: Step((), (), Chap._have_all, State.AUTHENTICATED),
}
"""The exchange: what each request brings, and where it leads (section 12.1.3)."""

# What the response of an unknown initiator is compared with; nobody's response, since it counts for nothing.
_NOBODY = Secret(bytes(16))


def _number(text: str) -> int:
    try:
        return parse_number(text)
    except TextError as error:
        raise _not_so(f"{text!r} is no number") from error


def _octets(values: Mapping[str, str], name: str) -> bytes:
    octets = KEYS[name].parse(values[name])
    assert isinstance(octets, bytes)
    return octets


def _not_so(text: str) -> LoginFailure:
    return LoginFailure(LoginStatus.INITIATOR_ERROR, text, "9.2")


def _failure(text: str) -> LoginFailure:
    return LoginFailure(LoginStatus.AUTHENTICATION_FAILURE, text, "9.2.1")
