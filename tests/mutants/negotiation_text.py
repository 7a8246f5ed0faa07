"""Faults of negotiation: text that spans PDUs, and keys that are unknown, misplaced or repeated (section 6)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from chiscsi_target.core import login, login_rules, negotiation
from chiscsi_target.core.login import Login
from chiscsi_target.core.login_rules import RequestText
from chiscsi_target.core.negotiation import Negotiation, NegotiationFailure, Pairs
from chiscsi_target.errors import LoginFailure
from iscsi_wire.constants import LoginStage
from iscsi_wire.framing import Frame
from iscsi_wire.keys import KEYS, Form, Key, Phase
from iscsi_wire.text import NOT_UNDERSTOOD, RESERVED_VALUES
from tests.mutants.negotiation import Answer, _answers
from tests.mutants.planting import Original, Plant, mutant

# Text that spans PDUs


@mutant("6.2", "key-continue-01")
def unfinished_text_is_answered(plant: Plant) -> None:
    """The response to a request with C=1 has keys."""

    def send(original: Original, attempt: Login, text: bytes, *rest: Any, **more: Any) -> None:
        original(attempt, text or (b"X-more=1\0" if attempt._request.continue_ else b""), *rest, **more)

    plant.wrap(Login, "_send", send)


@mutant("6.1", "key-continue-02 key-continue-03")
def last_piece_of_a_text_counts(plant: Plant) -> None:
    """Of a text that spans PDUs, the last one is looked at alone."""

    def add(original: Original, text: RequestText, frame: Frame) -> None:
        text._data.clear()
        original(text, frame)

    plant.wrap(RequestText, "add", add)


@mutant("6.1", "key-length-01")
def text_of_4096_octets_is_too_long(plant: Plant) -> None:
    """A login request with more than 4096 octets of text is refused."""
    plant.replace(login_rules, "MAX_TEXT", 4096)


@mutant("7.12", "key-length-02")
def long_text_gets_no_answer(plant: Plant) -> None:
    """A login request with more than 32 KiB of text makes the target fall silent."""

    def received(original: Original, attempt: Login, frame: Frame) -> None:
        if len(attempt._text._data) < 32768:
            original(attempt, frame)

    plant.wrap(Login, "received", received)


@mutant("13.12", "key-long-answer-01")
def login_responses_are_as_long_as_need_be(plant: Plant) -> None:
    """A Login Response holds more than 8192 octets."""
    plant.replace(login, "_MAX_RESPONSE_DATA", 1 << 20)


# Keys that are unknown, misplaced, repeated


def _each_key(plant: Plant, answer: Callable[[Original, Negotiation, str, str, Phase], Answer | None]) -> None:
    plant.wrap(Negotiation, "_answer_one", answer)


@mutant("6.2", "key-unknown-01 key-unknown-02 key-unknown-03 key-unknown-04 key-unknown-05 text-unknown-01")
def unknown_keys_are_not_answered(plant: Plant) -> None:
    """A key that the target does not know is passed over in silence."""

    def answer(original: Original, work: Negotiation, name: str, value: str, phase: Phase) -> Answer | None:
        result: Answer | None = original(work, name, value, phase)
        return None if result == (name, NOT_UNDERSTOOD) else result

    _each_key(plant, answer)


@mutant("6.1", "key-unknown-02.other-case")
def case_of_a_key_does_not_matter(plant: Plant) -> None:
    """A key in other capitals is the key."""
    known: Mapping[str, str] = {name.lower(): name for name in KEYS}

    def answer(original: Original, work: Negotiation, name: str, value: str, phase: Phase) -> Answer | None:
        result: Answer | None = original(work, known.get(name.lower(), name), value, phase)
        return result if result is None else (name, result[1])

    _each_key(plant, answer)


@mutant("6.1", "key-malformed-01.no-equals key-malformed-01.no-key")
def malformed_text_gets_no_answer(plant: Plant) -> None:
    """A login request whose text cannot be read makes the target fall silent."""

    def refuse(original: Original, attempt: Login, failure: LoginFailure) -> None:
        if "malformed text" not in str(failure):
            original(attempt, failure)

    plant.wrap(Login, "_refuse", refuse)


@mutant("6.3", "key-security-stage-01 key-operational-stage-01 text-login-only-01.MaxBurstLength")
def keys_belong_to_every_stage(plant: Plant) -> None:
    """Operational keys are negotiated in the security stage, and the authentication method in the operational."""

    def answer(original: Original, work: Negotiation, name: str, value: str, phase: Phase) -> Answer | None:
        at_home = KEYS[name].initiator if name in KEYS else frozenset()
        if phase not in at_home and at_home & {Phase.SECURITY, Phase.OPERATIONAL}:
            phase = next(iter(at_home & {Phase.SECURITY, Phase.OPERATIONAL}))
        result: Answer | None = original(work, name, value, phase)
        return result

    _each_key(plant, answer)


@mutant("13", "key-full-feature-only-01")
def targets_are_listed_during_login(plant: Plant) -> None:
    """SendTargets is answered in a login."""

    def answer(original: Original, attempt: Login, pairs: Pairs) -> Pairs:
        rest = [pair for pair in pairs if pair[0] != "SendTargets"]
        listed = [("TargetName", name) for name in attempt.registry.nodes]
        result: Pairs = original(attempt, rest)
        return result + listed if rest != pairs else result

    plant.wrap(Login, "_answer", answer)


@mutant("6.2", "key-reserved-value-01.HeaderDigest-Irrelevant key-reserved-value-01.MaxBurstLength-NotUnderstood")
def reserved_words_are_repeated(plant: Plant) -> None:
    """A key that is offered as Irrelevant or NotUnderstood is answered so."""

    def answer(original: Original, work: Negotiation, name: str, value: str, phase: Phase) -> Answer | None:
        result: Answer | None = (name, value) if value in RESERVED_VALUES else original(work, name, value, phase)
        return result

    _each_key(plant, answer)


@mutant("13", "key-leading-only-01.MaxBurstLength key-leading-only-01.DefaultTime2Wait")
def further_connections_renegotiate_the_session(plant: Plant) -> None:
    """A leading only key is negotiated on a further connection."""

    def further(original: Original, work: Negotiation) -> Negotiation:
        other: Negotiation = original(work)
        other._leading = True
        return other

    plant.wrap(Negotiation, "for_further_connection", further)


@mutant("6.3", "key-repeated-01 key-repeated-02 key-repeated-03 text-repeated-01")
def keys_may_be_repeated(plant: Plant) -> None:
    """A key that was negotiated is negotiated anew."""
    plant.replace(Negotiation, "_note", lambda work, name: work._seen.add(name))


@mutant("10.3", "key-one-by-one-01")
def stage_may_take_eight_exchanges(plant: Plant) -> None:
    """The ninth exchange of the operational stage ends a login."""
    exchanges: dict[Login, int] = {}

    def answer(original: Original, attempt: Login, pairs: Pairs) -> Pairs:
        exchanges[attempt] = exchanges.get(attempt, 0) + (attempt._stage is LoginStage.LOGIN_OPERATIONAL_NEGOTIATION)
        if exchanges[attempt] > 8:
            raise NegotiationFailure("too many exchanges", "7.12")
        result: Pairs = original(attempt, pairs)
        return result

    plant.wrap(Login, "_answer", answer)


@mutant("6.1", "key-boolean-01 key-number-01 key-digest-01 key-auth-method-01")
def answers_have_the_wrong_form(plant: Plant) -> None:
    """Answers are in lower case, and numbers have a unit."""

    def change(key: Key, value: str, answer: str) -> str:
        return f"{answer}k" if key.form is Form.NUMBER else answer.lower()

    _answers(plant, change)


@mutant("6.3", "key-malformed-01")
def requests_that_stay_get_no_answer(plant: Plant) -> None:
    """A Login Request of the operational stage with T=0 is dropped."""

    def received(original: Original, attempt: Login, frame: Frame) -> None:
        if frame.header[1] & 0x80 or attempt._stage is not LoginStage.LOGIN_OPERATIONAL_NEGOTIATION:
            original(attempt, frame)

    plant.wrap(Login, "received", received)


@mutant("6.2", "key-reserved-value-01")
def reserved_words_stand_for_the_default(plant: Plant) -> None:
    """A key that is offered as Reject, Irrelevant or NotUnderstood is answered with its default."""

    def answer(original: Original, work: Negotiation, name: str, value: str, phase: Phase) -> Answer | None:
        key = KEYS.get(name)
        if value in RESERVED_VALUES and key is not None and key.default is not None:
            return name, key.format(key.default)
        result: Answer | None = original(work, name, value, phase)
        return result

    _each_key(plant, answer)


@mutant("13", "key-leading-only-01 text-login-only-01")
def misplaced_keys_are_not_understood(plant: Plant) -> None:
    """A key of the leading login is answered NotUnderstood elsewhere."""

    def answer(original: Original, work: Negotiation, name: str, value: str, phase: Phase) -> Answer | None:
        key = KEYS.get(name)
        if key is not None and (phase not in key.initiator or (key.leading_only and not work._leading)):
            return name, NOT_UNDERSTOOD
        result: Answer | None = original(work, name, value, phase)
        return result

    _each_key(plant, answer)


@mutant("7.12", "key-data-segment-03 text-data-segment-02")
def declarations_out_of_range_are_not_understood(plant: Plant) -> None:
    """A declaration that cannot be used is answered NotUnderstood."""

    def answer(original: Original, work: Negotiation, name: str, value: str, phase: Phase) -> Answer | None:
        try:
            result: Answer | None = original(work, name, value, phase)
        except NegotiationFailure:
            return name, NOT_UNDERSTOOD
        return result

    _each_key(plant, answer)


@mutant(
    "13.12",
    "key-data-segment-01.lowest key-data-segment-01.odd key-data-segment-01.hex key-data-segment-01.default",
)
def data_segments_are_four_octets_too_long(plant: Plant) -> None:
    """Data-In exceed the initiator's MaxRecvDataSegmentLength by four octets."""

    def start(original: Original, attempt: Login) -> None:
        original(attempt)
        attempt.connection.max_send_data += 4

    plant.wrap(Login, "_start_full_feature_phase", start)


@mutant("13.12", "key-data-segment-01.highest")
def data_segment_length_ends_at_1_mebibyte(plant: Plant) -> None:
    """A MaxRecvDataSegmentLength beyond 1 MiB is refused."""
    plant.key("MaxRecvDataSegmentLength", high=1 << 20)


@mutant("6.2", "key-irrelevant-01 key-irrelevant-02")
def irrelevant_keys_get_an_empty_answer(plant: Plant) -> None:
    """A key that means nothing here is answered with an empty value."""
    plant.replace(negotiation, "IRRELEVANT", "")
