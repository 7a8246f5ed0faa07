"""Challenges that never come twice, and identifiers that change (RFC 1994, 2.3 and 4.1)."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count, cycle

import pytest

from chiscsi_target.core.challenges import Challenges
from chiscsi_target.errors import LoginFailure
from iscsi_wire.constants import LoginStatus


def counting() -> Callable[[int], bytes]:
    numbers = count()
    return lambda length: next(numbers).to_bytes(length, "big")


def test_a_challenge_is_remembered() -> None:
    challenges = Challenges(counting())
    made = [challenges.new_challenge(16) for _ in range(3)]
    assert len(set(made)) == 3 and all(map(len, made))
    assert all(challenges.made(challenge) for challenge in made)
    assert not challenges.made(b"another one")


def test_a_challenge_that_comes_again_is_passed_over() -> None:
    drawn = iter([b"a", b"a", b"a", b"b"])
    challenges = Challenges(lambda length: next(drawn))
    assert [challenges.new_challenge(1), challenges.new_challenge(1)] == [b"a", b"b"]


def test_a_source_that_repeats_itself_ends_the_login() -> None:
    challenges = Challenges(bytes)
    challenges.new_challenge(16)
    with pytest.raises(LoginFailure) as caught:
        challenges.new_challenge(16)
    assert caught.value.status == LoginStatus.TARGET_ERROR


def test_the_oldest_are_forgotten() -> None:
    challenges = Challenges(counting())
    made = [challenges.new_challenge(16) for _ in range(5000)]
    assert challenges.made(made[-1]) and challenges.made(made[-4096]) and not challenges.made(made[-4097])


def test_identifiers_change() -> None:
    octets = cycle([b"\x07", b"\x07", b"\xff", b"\xff"])
    challenges = Challenges(lambda length: next(octets))
    assert [challenges.new_identifier() for _ in range(4)] == [7, 8, 255, 0]
