"""What the target challenges with: no value twice, none that could be foreseen."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

from conformance.api import Chap, case
from conformance.suites.authentication.outcomes import turned_away

_LOGINS = 6
_LEAST_LENGTH = 8
"""Octets below which challenges are bound to come again soon."""
_LEAST_DISTANCE = 0.2
"""The part of a challenge's bits that has to differ from the last challenge's; of random ones half do."""


@case("chap-challenge-01", "1994-2.3-03", "1994-4.1-05", "1994-4.1-04", needs="chap")
def test_every_login_gets_a_challenge_of_its_own(challenged: Callable[..., Chap]) -> None:
    """> Each challenge value SHOULD be unique, since repetition of a challenge value in conjunction with the same
    > secret would permit an attacker to reply with a previously intercepted response.
    """
    challenges = [challenged().challenge for _ in range(_LOGINS)]
    assert len(set(challenges)) == _LOGINS, f"{len(set(challenges))} challenges in {_LOGINS} logins"
    assert min(map(len, challenges)) >= _LEAST_LENGTH, f"a challenge of {min(map(len, challenges))} octets"


@case("chap-challenge-02", "1994-2.3-04", needs="chap")
def test_challenges_are_not_counted_up(challenged: Callable[..., Chap]) -> None:
    """> Each challenge value SHOULD also be unpredictable."""
    values = [challenged().challenge for _ in range(_LOGINS)]
    for before, after in pairwise(values):
        changed = (int.from_bytes(before, "big") ^ int.from_bytes(after, "big")).bit_count()
        assert changed > _LEAST_DISTANCE * 8 * len(after), f"{after.hex()} follows {before.hex()}"


@case("chap-challenge-03", "1994-4.1-02", needs="chap")
def test_identifiers_change(challenged: Callable[..., Chap]) -> None:
    """> The Identifier field MUST be changed each time a Challenge is sent."""
    identifiers = [challenged().identifier for _ in range(_LOGINS)]
    # One that comes again is no proof: a target may choose among 256 by chance.
    assert len(set(identifiers)) > 1, f"CHAP_I is {identifiers[0]} in {_LOGINS} logins"


@case("chap-challenge-04", "1994-4.1-03", needs="chap")
def test_response_to_another_connections_challenge_proves_nothing(challenged: Callable[..., Chap]) -> None:
    """A response is worth something on the connection where its challenge was sent, and nowhere else."""
    overheard, chap = challenged(), challenged()
    response = overheard.response()
    turned_away(chap.answer(CHAP_R=chap.text(response)))
