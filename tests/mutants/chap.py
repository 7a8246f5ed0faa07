"""Faults of CHAP's responses and steps, in both directions (RFC 7143 sections 9.2, 9.2.1 and 12.1.3; RFC 1994, 4.1)."""

from __future__ import annotations

from typing import Any

from chiscsi_target.core import chap, demands
from chiscsi_target.core.authentication import Authentication
from chiscsi_target.core.challenges import Challenges
from chiscsi_target.core.chap import Chap
from chiscsi_target.core.connection import Connection
from chiscsi_target.core.connection_state import ConnectionEvent
from chiscsi_target.core.negotiation import Negotiation, Pairs
from chiscsi_target.errors import LoginFailure
from iscsi_wire.constants import LoginStatus
from iscsi_wire.text import NONE
from tests.mutants.authentication import alter_keys, failure
from tests.mutants.planting import Original, Plant, mutant

_FAILURE_01 = " ".join(
    f"chap-failure-01.{wrong}"
    for wrong in (
        "other-secret no-secret longer-secret other-identifier other-challenge one-bit last-bit zeros".split()
    )
)


# Responses


@mutant("12.1.3", f"{_FAILURE_01} chap-failure-02 chap-failure-03 chap-failure-04 chap-mutual-05 chap-mutual-06.wrong")
def responses_are_not_compared(plant: Plant) -> None:
    """Whatever CHAP_R says, the initiator is let in."""
    plant.replace(Chap, "_verify", lambda self, name, response, credentials: None)


def _compare(plant: Plant, compare: Any) -> None:
    """Have responses compared by `compare(right, response)`."""

    def verify(original: Original, self: Chap, name: str, response: bytes, credentials: Any) -> None:
        if credentials.remote_secret is None:
            raise failure("unknown name")
        right = self._respond(credentials.remote_secret)
        original(self, name, right if compare(right, response) else response, credentials)

    plant.wrap(Chap, "_verify", verify)


@mutant("RFC 1994, 4.1", "chap-failure-03.one chap-failure-03.half chap-failure-03.short")
def short_responses_are_compared_as_far_as_they_go(plant: Plant) -> None:
    """A response that begins well is right, however short it is."""
    _compare(plant, lambda right, response: right.startswith(response))


@mutant("RFC 1994, 4.1", "chap-failure-03.long chap-failure-03.longest")
def what_is_behind_a_response_does_not_count(plant: Plant) -> None:
    """A response with further octets behind it is right."""
    _compare(plant, lambda right, response: response.startswith(right))


@mutant("RFC 1994, 4.1", "chap-failure-01.last-bit")
def last_octet_of_a_response_does_not_count(plant: Plant) -> None:
    """A response is compared without its last octet."""
    _compare(plant, lambda right, response: response[:-1] == right[:-1])


@mutant("9.2", _FAILURE_01)
def wrong_responses_are_protocol_errors(plant: Plant) -> None:
    """A wrong response gets "Initiator Error" in the place of "Authentication Failure"."""

    def verify(original: Original, self: Chap, *arguments: Any) -> None:
        try:
            original(self, *arguments)
        except LoginFailure as refusal:
            raise failure(str(refusal), LoginStatus.INITIATOR_ERROR) from refusal

    plant.wrap(Chap, "_verify", verify)


@mutant("12.1.3", "chap-failure-02.other chap-failure-02.longer chap-failure-02.blank-before")
def names_are_not_looked_at(plant: Plant) -> None:
    """Any name does, if somebody's secret fits."""

    def look_up(original: Original, configuration: Any, name: str) -> Any:
        return original(configuration, next(iter(configuration.initiators), name))

    plant.wrap(demands, "_configured", look_up)


@mutant("RFC 1994, 4.2", "chap-failure-04")
def one_failure_locks_everybody_out(plant: Plant) -> None:
    """After a wrong response nobody is let in any more."""
    failed: list[LoginFailure] = []

    def verify(original: Original, self: Chap, *arguments: Any) -> None:
        if failed:
            raise failure("locked")
        try:
            original(self, *arguments)
        except LoginFailure as refusal:
            failed.append(refusal)
            raise

    plant.wrap(Chap, "_verify", verify)


@mutant("RFC 1994, 4.2", "chap-failure-05 chap-method-02 chap-mutual-04 chap-mutual-05")
def failed_login_leaves_the_connection_open(plant: Plant) -> None:
    """After "Authentication Failure" the connection is left to the initiator."""

    def close(original: Original, self: Connection, event: ConnectionEvent, **how: Any) -> None:
        if event is not ConnectionEvent.LOGIN_FAILED:
            original(self, event, **how)

    plant.wrap(Connection, "close", close)


# Steps


@mutant(
    "9.2",
    "chap-step-01.algorithms-again chap-step-01.response-twice chap-step-01.name-twice chap-step-01.key-of-srp"
    " chap-step-03 chap-step-05.response-no-constant chap-step-05.response-no-digits chap-step-05.response-no-base64"
    " chap-step-05.response-too-long chap-step-06.word chap-step-06.empty-item chap-mutual-08",
)
def wrong_steps_are_authentication_failures(plant: Plant) -> None:
    """Keys that do not fit get "Authentication Failure" in the place of "Initiator Error"."""
    plant.replace(chap, "_not_so", failure)


@mutant(
    "9.2",
    "chap-step-01.no-name chap-step-01.nothing chap-step-01.nothing-and-on chap-step-02 chap-step-05.empty-name"
    " chap-step-06.empty chap-mutual-07",
)
def missing_keys_are_authentication_failures(plant: Plant) -> None:
    """A key that is missing gets "Authentication Failure" in the place of "Missing Parameter"."""

    def values(original: Original, self: Chap, *arguments: Any) -> Any:
        try:
            return original(self, *arguments)
        except LoginFailure as refusal:
            raise failure(str(refusal)) from refusal

    plant.wrap(Chap, "_values", values)


@mutant("9.2", "chap-step-02")
def missing_response_is_an_initiator_error(plant: Plant) -> None:
    """A missing CHAP_R gets "Initiator Error", which says nothing about what is missing."""

    def check(self: Chap, pairs: Pairs) -> Pairs:
        if "CHAP_N" in dict(pairs) and "CHAP_R" not in dict(pairs):
            raise failure("CHAP_R", LoginStatus.INITIATOR_ERROR)
        return pairs

    alter_keys(plant, check)


@mutant("9.2", "chap-step-02 chap-mutual-06.missing")
def missing_response_is_not_noticed(plant: Plant) -> None:
    """An initiator that leaves out its response is let in, and gets the target's."""

    def add(self: Chap, pairs: Pairs) -> Pairs:
        if "CHAP_N" not in dict(pairs) or "CHAP_R" in dict(pairs):
            return pairs
        secret = self._terms.look_up(dict(pairs)["CHAP_N"]).remote_secret
        assert secret is not None
        return [*pairs, ("CHAP_R", f"0x{self._respond(secret).hex()}")]

    alter_keys(plant, add)


@mutant("6.3", "chap-step-01.method-again")
def second_method_is_not_noticed(plant: Plant) -> None:
    """AuthMethod may come again; the second one counts for nothing."""

    def choose(original: Original, self: Authentication, offers: Pairs, answers: Pairs) -> None:
        if self.method == NONE:
            original(self, offers, answers)

    plant.wrap(Authentication, "choose", choose)
    plant.replace(Negotiation, "_note", lambda self, name: None)


@mutant("9.2", "chap-step-04.response chap-step-04.algorithms")
def keys_after_the_end_are_not_noticed(plant: Plant) -> None:
    """Once the initiator has proved itself, further keys of CHAP are taken and forgotten."""
    plant.wrap(Chap, "answer", lambda original, self, pairs: [] if self.done else original(self, pairs))


# Both directions


def _proof(plant: Plant, change: Any) -> None:
    """Have `change(exchange, values)` alter what the target computes its response from."""
    plant.wrap(
        Chap, "_prove", lambda original, self, values, known: original(self, {**values, **change(self, values)}, known)
    )


@mutant("12.1.3", "chap-mutual-01 chap-mutual-02 chap-mutual-03")
def target_responds_to_its_own_challenge(plant: Plant) -> None:
    """The target's response is computed from the challenge that it sent itself."""
    _proof(plant, lambda self, values: {"CHAP_C": f"0x{self._challenge.hex()}"})


@mutant("12.1.3", "chap-mutual-01 chap-mutual-03")
def target_proves_nothing(plant: Plant) -> None:
    """A challenge of the initiator is not answered."""
    plant.replace(Chap, "_prove", lambda self, values, known: [])


@mutant("12.1.3", "chap-mutual-02.long chap-mutual-02.longest")
def long_challenges_are_cut(plant: Plant) -> None:
    """Of a challenge only the first 16 octets count."""
    _proof(plant, lambda self, values: {"CHAP_C": values["CHAP_C"][: 2 + 32]})


@mutant("12.1.3", "chap-mutual-02.one chap-mutual-02.odd")
def short_challenges_are_filled_up(plant: Plant) -> None:
    """A challenge of fewer than 16 octets is filled up with zeros."""
    _proof(plant, lambda self, values: {"CHAP_C": values["CHAP_C"].ljust(2 + 32, "0")})


@mutant("RFC 1994, 4.1", "chap-mutual-03.zero chap-mutual-03.one")
def target_responds_with_an_identifier_of_its_own(plant: Plant) -> None:
    """The target computes its response with identifier 255, whatever the initiator sent."""
    _proof(plant, lambda self, values: {"CHAP_I": "255"})


@mutant("RFC 1994, 4.1", "chap-mutual-03.largest")
def identifiers_have_seven_bits(plant: Plant) -> None:
    """Of the initiator's identifier only seven bits count."""
    _proof(plant, lambda self, values: {"CHAP_I": str(int(values["CHAP_I"]) & 0x7F)})


@mutant("9.2.1", "chap-mutual-04.same-connection chap-mutual-04.other-connection")
def reflected_challenges_are_answered(plant: Plant) -> None:
    """A challenge of the target that comes back is answered, on whatever connection."""
    plant.replace(Challenges, "made", lambda self, challenge: False)


@mutant("9.2.1", "chap-mutual-04.other-connection")
def challenges_of_other_connections_are_forgotten(plant: Plant) -> None:
    """A challenge that comes back on another connection is answered."""

    def made(original: Original, self: Challenges, challenge: bytes) -> bool:
        return list(self._made)[-2:-1] == [challenge]

    plant.wrap(Challenges, "made", made)


@mutant("9.2.1", "chap-mutual-05")
def secret_of_the_target_opens_too(plant: Plant) -> None:
    """An initiator that knows the target's secret is let in."""

    def verify(original: Original, self: Chap, name: str, response: bytes, credentials: Any) -> None:
        if credentials.local_secret is None or response != self._respond(credentials.local_secret):
            original(self, name, response, credentials)

    plant.wrap(Chap, "_verify", verify)


@mutant("9.2", "chap-mutual-07.identifier chap-mutual-07.challenge")
def half_a_challenge_is_none(plant: Plant) -> None:
    """CHAP_I without CHAP_C, or the other way round, is passed over."""

    def drop(self: Chap, pairs: Pairs) -> Pairs:
        whole = {"CHAP_I", "CHAP_C"} <= {name for name, _ in pairs}
        return pairs if whole else [pair for pair in pairs if pair[0] not in ("CHAP_I", "CHAP_C")]

    alter_keys(plant, drop)
