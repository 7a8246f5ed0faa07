"""CHAP as the target sees it, key by key: RFC 7143 sections 9.2, 9.2.1 and 12.1.3."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chiscsi_target.core.challenges import Challenges
from chiscsi_target.core.chap import STEPS, Chap, ChapTerms, Credentials, State
from chiscsi_target.core.chap_secrets import Secret
from chiscsi_target.core.negotiation import Pairs
from chiscsi_target.errors import LoginFailure
from iscsi_wire.chap import ALGORITHMS, MD5, SHA1
from iscsi_wire.constants import LoginStatus
from iscsi_wire.text import format_binary, parse_binary

USER, DISK = Secret(b"secret-of-user1"), Secret(b"secret-of-disk1")
KNOWN = Credentials(USER, "disk", DISK)
FORM = (LoginStatus.INITIATOR_ERROR, LoginStatus.MISSING_PARAMETER)


class Bench:
    """An exchange, and the initiator's half of it."""

    def __init__(self, known: Credentials = KNOWN, **terms: Any) -> None:
        numbers = count(0x41)
        self.asked: list[str] = []
        self.challenges = Challenges(lambda length: bytes((next(numbers) % 256,)) * length)

        def look_up(name: str) -> Credentials:
            self.asked.append(name)
            return known if name == "user" else Credentials()

        settings: dict[str, Any] = {"algorithms": ALGORITHMS, "challenge_length": 16}
        settings |= {"challenges": self.challenges, "look_up": look_up}
        self.chap = Chap(ChapTerms(**(settings | terms)))
        self.answers: dict[str, str] = {}

    def offer(self, algorithms: str = "5") -> dict[str, str]:
        self.answers = dict(self.chap.answer([("CHAP_A", algorithms)]))
        return self.answers

    @property
    def challenge(self) -> bytes:
        return parse_binary(self.answers["CHAP_C"], max_length=1024)

    def response(self, secret: bytes = USER) -> bytes:
        algorithm = ALGORITHMS[int(self.answers["CHAP_A"])]
        return algorithm.response(int(self.answers["CHAP_I"]), secret, self.challenge)

    def right(self, **keys: str) -> Pairs:
        return list(({"CHAP_N": "user", "CHAP_R": format_binary(self.response())} | keys).items())

    def refused(self, pairs: Pairs) -> int:
        """The status with which keys are refused; the exchange has not moved."""
        before = self.chap.state
        with pytest.raises(LoginFailure) as caught:
            self.chap.answer(pairs)
        assert self.chap.state is before and self.chap.name == ""
        assert "secret-of" not in str(caught.value)
        return caught.value.status


@pytest.fixture
def bench() -> Bench:
    bench = Bench()
    bench.offer()
    return bench


def finished(bench: Bench) -> bool:
    return bench.chap.done


# Right


@pytest.mark.parametrize("number", list(ALGORITHMS))
def test_each_algorithm_of_the_registry(number: int) -> None:
    bench = Bench()
    assert list(bench.offer(str(number))) == ["CHAP_A", "CHAP_I", "CHAP_C"]
    assert not finished(bench)
    assert bench.chap.answer(bench.right()) == []
    assert (bench.chap.name, bench.asked) == ("user", ["user"])
    assert finished(bench)


@pytest.mark.parametrize(
    ("offer", "own", "own_order", "chosen"),
    [
        ("7,6,5", (5, 6, 7, 8), False, "7"),
        ("7,6,5", (5, 6, 7, 8), True, "5"),
        ("200,8,5", (5, 8), False, "8"),
        ("7,6,5", (6,), False, "6"),
        ("0x7", (7,), False, "7"),
    ],
)
def test_which_algorithm_is_chosen(offer: str, own: tuple[int, ...], own_order: bool, chosen: str) -> None:
    bench = Bench(algorithms={number: ALGORITHMS[number] for number in own}, own_order=own_order)
    assert bench.offer(offer)["CHAP_A"] == chosen


def test_release_3_14_has_a_number_of_its_own_for_sha1() -> None:
    bench = Bench(algorithms={5: MD5, 7: SHA1})
    bench.offer("7,5")
    response = SHA1.response(int(bench.answers["CHAP_I"]), USER, bench.challenge)
    bench.chap.answer([("CHAP_N", "user"), ("CHAP_R", format_binary(response))])
    assert bench.chap.done


@pytest.mark.parametrize("length", [16, 256, 1024])
@pytest.mark.parametrize("base64", [False, True])
def test_the_challenge_has_the_configured_length(length: int, base64: bool) -> None:
    bench = Bench(challenge_length=length, base64=base64)
    assert bench.offer()["CHAP_C"].startswith("0b" if base64 else "0x")
    assert len(bench.challenge) == length and bench.challenges.made(bench.challenge)
    bench.chap.answer(bench.right())
    assert bench.chap.done


@pytest.mark.parametrize(
    ("encoded", "begins"), [("0x00ff", "0x"), ("0X00ff", "0x"), ("0bAP8=", "0b"), ("0BAP8=", "0b")]
)
def test_the_target_writes_as_the_initiator_does(bench: Bench, encoded: str, begins: str) -> None:
    answers = dict(bench.chap.answer(bench.right(CHAP_I="200", CHAP_C=encoded)))
    assert list(answers) == ["CHAP_N", "CHAP_R"] and answers["CHAP_N"] == "disk"
    assert answers["CHAP_R"].startswith(begins)
    assert parse_binary(answers["CHAP_R"]) == MD5.response(200, DISK, b"\x00\xff")


def test_nothing_is_owed_after_the_end(bench: Bench) -> None:
    bench.chap.answer(bench.right())
    assert bench.chap.answer([]) == []


# Wrong proof


@pytest.mark.parametrize("length", [0, 1, 15, 17, 20, 1024])
def test_a_response_of_another_length_fails(bench: Bench, length: int) -> None:
    response = (bench.response() + bytes(length))[:length]
    encoded = format_binary(response) if response else "0x"
    expected = FORM if not response else (LoginStatus.AUTHENTICATION_FAILURE,)
    assert bench.refused(bench.right(CHAP_R=encoded)) in expected


def test_every_bit_of_a_response_counts(bench: Bench) -> None:
    response = bench.response()
    for bit in range(8 * len(response)):
        wrong = (int.from_bytes(response, "big") ^ 1 << bit).to_bytes(len(response), "big")
        assert bench.refused(bench.right(CHAP_R=format_binary(wrong))) == LoginStatus.AUTHENTICATION_FAILURE


@pytest.mark.parametrize(
    "known",
    [
        Credentials(),
        Credentials(Secret(b"eleven-byte")),
        Credentials(Secret(b"seventeen-octets!")),
        Credentials(Secret(b"another-secret")),
    ],
    ids=["unknown", "short", "long", "other"],
)
def test_nobody_without_a_secret_of_the_right_length(known: Credentials) -> None:
    bench = Bench(known)
    bench.offer()
    secret = known.remote_secret if known.remote_secret and len(known.remote_secret) != 14 else USER
    right = bench.right(CHAP_R=format_binary(bench.response(secret)))
    assert bench.refused(right) == LoginStatus.AUTHENTICATION_FAILURE


def test_a_response_that_ours_would_be_fails() -> None:
    """Section 9.2.1, even where both secrets are the same by mistake."""
    bench = Bench(Credentials(USER, "disk", USER))
    bench.offer()
    assert bench.refused(bench.right()) == LoginStatus.AUTHENTICATION_FAILURE


def test_a_reflected_challenge_fails(bench: Bench) -> None:
    pairs = bench.right(CHAP_I="1", CHAP_C=bench.answers["CHAP_C"])
    assert bench.refused(pairs) == LoginStatus.AUTHENTICATION_FAILURE
    assert bench.asked == []


def test_a_challenge_of_another_connection_fails(bench: Bench) -> None:
    elsewhere = bench.challenges.new_challenge(16)
    pairs = bench.right(CHAP_I="1", CHAP_C=format_binary(elsewhere, base64_constant=True))
    assert bench.refused(pairs) == LoginStatus.AUTHENTICATION_FAILURE


def test_no_algorithm_in_common() -> None:
    assert Bench().refused([("CHAP_A", "1,200")]) == LoginStatus.AUTHENTICATION_FAILURE


# Mutual authentication


def test_who_has_to_authenticate_the_target_does_so() -> None:
    bench = Bench(Credentials(USER, "disk", DISK, mutual_required=True))
    bench.offer()
    assert bench.refused(bench.right()) == LoginStatus.AUTHENTICATION_FAILURE
    assert bench.chap.answer(bench.right(CHAP_I="0", CHAP_C="0x01"))
    assert bench.chap.done


@pytest.mark.parametrize(
    "known",
    [
        Credentials(USER),
        Credentials(USER, "disk", None),
        Credentials(USER, None, DISK),
        Credentials(USER, "", DISK),
        Credentials(USER, "disk", Secret(b"short")),
    ],
    ids=["nothing", "no-secret", "no-name", "empty-name", "short-secret"],
)
def test_a_target_without_name_or_secret_proves_nothing(known: Credentials) -> None:
    bench = Bench(known)
    bench.offer()
    assert bench.refused(bench.right(CHAP_I="0", CHAP_C="0x01")) == LoginStatus.AUTHENTICATION_FAILURE


# Wrong steps and forms


@pytest.mark.parametrize(
    "pairs",
    [
        [],
        [("CHAP_N", "user")],
        [("CHAP_A", "5"), ("CHAP_A", "5")],
        [("CHAP_A", "5"), ("CHAP_N", "user")],
        [("CHAP_A", "")],
        [("CHAP_A", "MD5")],
        [("CHAP_A", "5,")],
        [("CHAP_C", "0x00")],
        [("SRP_U", "user")],
    ],
)
def test_what_does_not_begin_an_exchange(pairs: Pairs) -> None:
    assert Bench().refused(pairs) in FORM


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"CHAP_N": None}, LoginStatus.MISSING_PARAMETER),
        ({"CHAP_R": None}, LoginStatus.MISSING_PARAMETER),
        ({"CHAP_R": None, "CHAP_I": "0", "CHAP_C": "0x00"}, LoginStatus.MISSING_PARAMETER),
        ({"CHAP_I": "0"}, LoginStatus.MISSING_PARAMETER),
        ({"CHAP_C": "0x00"}, LoginStatus.MISSING_PARAMETER),
        ({"CHAP_N": ""}, LoginStatus.MISSING_PARAMETER),
        ({"CHAP_N": "u" * 256}, LoginStatus.INITIATOR_ERROR),
        ({"CHAP_A": "5"}, LoginStatus.INITIATOR_ERROR),
        ({"CHAP_I": "256", "CHAP_C": "0x00"}, LoginStatus.INITIATOR_ERROR),
        ({"CHAP_I": "-1", "CHAP_C": "0x00"}, LoginStatus.INITIATOR_ERROR),
        ({"CHAP_I": "0", "CHAP_C": "0x"}, LoginStatus.INITIATOR_ERROR),
        ({"CHAP_I": "0", "CHAP_C": "00"}, LoginStatus.INITIATOR_ERROR),
        ({"CHAP_I": "0", "CHAP_C": "0x" + "00" * 1025}, LoginStatus.INITIATOR_ERROR),
        ({"CHAP_R": "0b="}, LoginStatus.INITIATOR_ERROR),
        ({"CHAP_R": "0x" + "00" * 1025}, LoginStatus.INITIATOR_ERROR),
    ],
)
def test_what_does_not_answer_a_challenge(bench: Bench, change: dict[str, str | None], status: int) -> None:
    keys = dict(bench.right()) | change
    assert bench.refused([(name, value) for name, value in keys.items() if value is not None]) == status


def test_a_key_after_the_end(bench: Bench) -> None:
    bench.chap.answer(bench.right())
    for pairs in (bench.right(), [("CHAP_A", "5")], [("CHAP_C", "0x00")]):
        with pytest.raises(LoginFailure) as caught:
            bench.chap.answer(pairs)
        assert caught.value.status == LoginStatus.INITIATOR_ERROR
    assert bench.chap.done


def test_the_table_has_a_step_for_every_state() -> None:
    assert set(STEPS) == set(State)
    assert [step.following for step in STEPS.values()] == [
        State.RESPONSE_AWAITED,
        State.AUTHENTICATED,
        State.AUTHENTICATED,
    ]


_KEYS = ("CHAP_A", "CHAP_I", "CHAP_C", "CHAP_N", "CHAP_R", "SRP_U", "TargetAuth", "KRB_AP_REQ")
_VALUES = st.one_of(
    st.text(max_size=40),
    st.sampled_from(["5", "5,6,7,8", "0x", "0b", "0x00", "user", "256", "-1", "0b====", "0x" + "f" * 2049, "5," * 99]),
)


@given(st.lists(st.lists(st.tuples(st.sampled_from(_KEYS), _VALUES), max_size=6), max_size=4))
def test_whatever_comes_is_answered_or_refused_and_proves_nothing(requests: list[Pairs]) -> None:
    bench = Bench()
    classes = set()
    for pairs in requests:
        try:
            bench.chap.answer(pairs)
        except LoginFailure as failure:
            classes.add(failure.status >> 8)
    assert classes <= {2} and not finished(bench)
