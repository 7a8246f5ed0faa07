"""Faults of the security stage: AuthMethod and CHAP, in both directions (RFC 7143 sections 6.3.2, 9.2 and 12.1.3)."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from chiscsi_target.core import chap, demands, login, login_rules
from chiscsi_target.core.authentication import METHODS, Authentication, Demands, NoAuthentication
from chiscsi_target.core.challenges import Challenges
from chiscsi_target.core.chap import Chap
from chiscsi_target.core.connection import Connection
from chiscsi_target.core.login_rules import RequestText
from chiscsi_target.core.negotiation import Negotiation, Pairs
from chiscsi_target.errors import LoginFailure
from iscsi_wire.chap import ALGORITHMS, MD5, SHA1
from iscsi_wire.constants import LoginStage, LoginStatus
from iscsi_wire.framing import Frame
from tests.mutants.planting import Original, Plant, mutant

_CONTINUE = 0x40


def failure(reason: str, status: int = LoginStatus.AUTHENTICATION_FAILURE) -> LoginFailure:
    """What ends a login."""
    return LoginFailure(status, reason, "none")


def alter_keys(plant: Plant, change: Any) -> None:
    """Have `change(exchange, pairs)` alter the keys of each step before they are judged; it may raise."""
    plant.wrap(Chap, "_values", lambda original, self, step, pairs: original(self, step, change(self, pairs)))


def _demands(plant: Plant, change: Any) -> None:
    """Have `change` alter what logins have to show."""

    def demand(original: Original, *arguments: Any) -> Demands:
        result: Demands = change(original(*arguments))
        return result

    plant.wrap(login, "demands_of", demand)


# The method


@mutant("6.3.2", "chap-method-01 chap-exchange-01")
def chap_is_not_agreed_on(plant: Plant) -> None:
    """A target that demands CHAP does not find it in the list that is offered."""
    _demands(plant, lambda wanted: replace(wanted, methods=()))


@mutant("6.3.2", "chap-method-01.krb5-srp-chap chap-method-01.extension-chap chap-method-01.none-chap")
def only_the_first_method_is_read(plant: Plant) -> None:
    """Of the methods that are offered only the first is looked at."""

    def answer(original: Original, self: Negotiation, pairs: Pairs, phase: Any) -> Pairs:
        first = [(name, value.split(",")[0] if name == "AuthMethod" else value) for name, value in pairs]
        result: Pairs = original(self, first, phase)
        return result

    plant.wrap(Negotiation, "answer", answer)


@mutant("6.3.2", "chap-method-03.none")
def none_is_good_enough(plant: Plant) -> None:
    """AuthMethod=None is agreed on where CHAP is demanded."""
    _demands(plant, lambda wanted: replace(wanted, methods=(*wanted.methods, "None")))


@mutant("6.3.2", "chap-method-03.srp chap-method-03.krb5-srp")
def srp_is_agreed_on(plant: Plant) -> None:
    """A method that the target does not know is agreed on."""
    plant.row(METHODS, "SRP", lambda wanted: NoAuthentication())
    _demands(plant, lambda wanted: replace(wanted, methods=(*wanted.methods, "SRP")))


@mutant("6.3.1", "chap-method-02 chap-method-04 chap-connections-02")
def chap_is_not_demanded(plant: Plant) -> None:
    """A login that says nothing about authentication need not show anything."""
    _demands(plant, lambda wanted: replace(wanted, demanded=False))
    plant.replace(Authentication, "require_same", lambda self, session: None)


@mutant("9.2", "chap-method-05")
def chap_goes_without_its_method(plant: Plant) -> None:
    """CHAP_A is answered although no method was agreed on."""

    def begin(original: Original, self: Authentication, wanted: Demands) -> None:
        original(self, wanted)
        self._progress = METHODS["CHAP"](wanted)

    plant.wrap(Authentication, "__init__", begin)


# The exchange


@mutant("12.1.3", "chap-exchange-01.base64 chap-mutual-01.base64")
def base64_is_not_understood(plant: Plant) -> None:
    """A response in base64 is no value at all."""

    def check(self: Chap, pairs: Pairs) -> Pairs:
        if any(name == "CHAP_R" and value.startswith("0b") for name, value in pairs):
            raise failure("base64", LoginStatus.INITIATOR_ERROR)
        return pairs

    alter_keys(plant, check)


@mutant("12.1.3", "chap-exchange-01.hex chap-mutual-01.hex")
def hexadecimal_is_not_understood(plant: Plant) -> None:
    """A response in hexadecimal is no value at all."""

    def check(self: Chap, pairs: Pairs) -> Pairs:
        if any(name == "CHAP_R" and value.startswith("0x") for name, value in pairs):
            raise failure("hexadecimal", LoginStatus.INITIATOR_ERROR)
        return pairs

    alter_keys(plant, check)


@mutant("6.1", "chap-exchange-08.upper-digits chap-exchange-08.upper-prefix")
def capitals_are_no_digits(plant: Plant) -> None:
    """A hex-constant with capital letters is refused."""

    def check(self: Chap, pairs: Pairs) -> Pairs:
        if any(name == "CHAP_R" and value != value.lower() for name, value in pairs):
            raise failure("capitals", LoginStatus.INITIATOR_ERROR)
        return pairs

    alter_keys(plant, check)


@mutant("12.1.3", "chap-exchange-02.sha1 chap-exchange-02.sha-256 chap-exchange-02.sha3-256")
def every_algorithm_is_md5(plant: Plant) -> None:
    """Whatever algorithm is agreed on, the response is computed with MD5."""
    plant.replace(demands, "ALGORITHMS", dict.fromkeys(ALGORITHMS, MD5))


@mutant("12.1.3", "chap-exchange-02.md5 chap-exchange-01")
def md5_is_sha1(plant: Plant) -> None:
    """Algorithm 5 is computed with SHA-1."""
    plant.replace(demands, "ALGORITHMS", {**ALGORITHMS, 5: SHA1})


def _offered(plant: Plant, choose: Any) -> None:
    def challenge(original: Original, self: Chap, values: Mapping[str, str]) -> Pairs:
        result: Pairs = original(self, {"CHAP_A": choose(values["CHAP_A"].split(","))})
        return result

    plant.row(
        chap.STEPS,
        chap.State.ALGORITHMS_AWAITED,
        replace(
            chap.STEPS[chap.State.ALGORITHMS_AWAITED],
            take=lambda self, values: challenge(Chap._challenge_initiator, self, values),
        ),
    )


@mutant("12.1.3", "chap-exchange-03.behind chap-exchange-03.behind-several")
def only_the_first_algorithm_is_read(plant: Plant) -> None:
    """Of the algorithms that are offered only the first is looked at."""
    _offered(plant, lambda numbers: numbers[0])


@mutant("12.1.3", "chap-exchange-03.before")
def only_the_last_algorithm_is_read(plant: Plant) -> None:
    """Of the algorithms that are offered only the last is looked at."""
    _offered(plant, lambda numbers: numbers[-1])


@mutant("12.1.3", "chap-exchange-04.one chap-exchange-04.several")
def unknown_algorithms_are_agreed_on(plant: Plant) -> None:
    """A challenge is sent although no algorithm is in common."""
    _offered(plant, lambda numbers: numbers[0] if set(numbers) & {"5", "6", "7", "8"} else "5")


@mutant("6.3.2", "chap-exchange-05")
def response_has_to_come_with_transit(plant: Plant) -> None:
    """An initiator that stays in the stage with its response is refused."""

    def answer(original: Original, self: Authentication, pairs: Pairs, *, leaving: bool) -> Pairs:
        if any(name == "CHAP_R" for name, _ in pairs) and not leaving:
            raise failure("T=0", LoginStatus.INITIATOR_ERROR)
        result: Pairs = original(self, pairs, leaving=leaving)
        return result

    plant.wrap(Authentication, "answer", answer)


@mutant("6.3", "chap-exchange-06")
def operational_stage_cannot_be_skipped(plant: Plant) -> None:
    """A login that goes from the security stage to the full feature phase is refused."""
    only = frozenset((LoginStage.LOGIN_OPERATIONAL_NEGOTIATION,))
    plant.row(login_rules.TRANSITIONS, LoginStage.SECURITY_NEGOTIATION, only)


@mutant("6.2", "chap-exchange-07.seven chap-exchange-07.twenty")
def text_in_pieces_is_refused(plant: Plant) -> None:
    """A Login Request with C=1 ends the login."""

    def add(original: Original, self: RequestText, frame: Frame) -> None:
        if frame.header[1] & _CONTINUE:
            raise failure("C=1", LoginStatus.INITIATOR_ERROR)
        original(self, frame)

    plant.wrap(RequestText, "add", add)


@mutant("13.1", "chap-exchange-09")
def digests_are_agreed_on_and_left_out(plant: Plant) -> None:
    """HeaderDigest=CRC32C is answered, and no digest is sent."""

    def start(original: Original, self: Connection, **parameters: Any) -> None:
        original(self, **(parameters | {"header_digest": False}))

    plant.wrap(Connection, "start_full_feature_phase", start)


# Challenges


@mutant("RFC 1994, 2.3", "chap-challenge-01 chap-challenge-02 chap-challenge-03 chap-challenge-04")
def every_challenge_is_the_same(plant: Plant) -> None:
    """Challenge and identifier are constants."""
    plant.replace(Challenges, "new_challenge", lambda self, length: b"challenge".ljust(length, b"!"))
    plant.replace(Challenges, "new_identifier", lambda self: 42)


@mutant("RFC 1994, 2.3", "chap-challenge-02")
def challenges_are_counted(plant: Plant) -> None:
    """Each challenge is the last one plus 1."""
    numbers = itertools.count(1)
    plant.replace(Challenges, "new_challenge", lambda self, length: next(numbers).to_bytes(length, "big"))


@mutant("RFC 1994, 4.1", "chap-challenge-03")
def identifier_is_always_zero(plant: Plant) -> None:
    """CHAP_I is 0 in every login."""
    plant.replace(Challenges, "new_identifier", lambda self: 0)


@mutant("RFC 1994, 4.1", "chap-challenge-01")
def challenges_are_short(plant: Plant) -> None:
    """A challenge has one octet."""
    plant.wrap(Challenges, "new_challenge", lambda original, self, length: original(self, length)[:1])


# Several connections


@mutant("9.2", "chap-connections-01")
def further_connections_are_never_the_same(plant: Plant) -> None:
    """A further connection that authenticates itself like the first one is refused."""

    def refuse(self: Authentication, session: Any) -> None:
        raise failure("another connection")

    plant.replace(Authentication, "require_same", refuse)
