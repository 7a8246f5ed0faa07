"""What CHAP data may be (behaviour file, 6.3 and 6.7), and that no error shows a secret."""

from __future__ import annotations

from typing import Any

import pytest

from chiscsi_target.core.chap_secrets import ChapConfig
from chiscsi_target.errors import ConfigurationError

ONE, OTHER = b"twelve-bytes", b"sixteen-octets-!"


def test_the_defaults_demand_nothing() -> None:
    chap = ChapConfig()
    assert (chap.policy, chap.challenge_length, chap.configured, chap.mutual) == ("Oneway", 16, False, False)


@pytest.mark.parametrize("length", [12, 13, 16])
def test_secrets_of_12_to_16_octets(length: int) -> None:
    chap = ChapConfig(initiators={"user": bytes(length)}, target=("disk", b"x" * length), policy="Mutual")
    assert chap.configured and chap.mutual


@pytest.mark.parametrize(
    ("wrong", "key"),
    [
        ({"policy": "mutual"}, "Auth_CHAP_Policy"),
        ({"challenge_length": 0}, "Auth_CHAP_ChallengeLength"),
        ({"challenge_length": 24}, "Auth_CHAP_ChallengeLength"),
        ({"challenge_length": 1040}, "Auth_CHAP_ChallengeLength"),
        ({"algorithms": (5, 9)}, "CHAP algorithms"),
        ({"initiators": {"user": ONE[:-1]}}, "Auth_CHAP_Initiator"),
        ({"initiators": {"user": OTHER + b"?"}}, "Auth_CHAP_Initiator"),
        ({"initiators": {"": ONE}}, "Auth_CHAP_Initiator"),
        ({"initiators": {"u" * 257: ONE}}, "Auth_CHAP_Initiator"),
        ({"initiators": {"a": ONE, "b": ONE}}, "Auth_CHAP_Initiator"),
        ({"target": ("disk", b"")}, "Auth_CHAP_Target"),
        ({"target": ("disk", ONE), "initiators": {"user": ONE}}, "Auth_CHAP_Target"),
    ],
)
def test_every_error_names_its_key_and_no_secret(wrong: dict[str, Any], key: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        ChapConfig(**wrong)
    assert caught.value.where == key
    assert "twelve" not in str(caught.value) and "sixteen" not in str(caught.value)


@pytest.mark.parametrize(
    ("chap", "other", "key"),
    [
        (ChapConfig(target=("disk", ONE)), ChapConfig(initiators={"user": ONE}), "Auth_CHAP_Target"),
        (ChapConfig(initiators={"a": OTHER, "user": ONE}), ChapConfig(target=("disk", ONE)), "Auth_CHAP_Initiator"),
    ],
)
def test_a_secret_has_one_direction_wherever_it_is_configured(chap: ChapConfig, other: ChapConfig, key: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        chap.check_apart([ChapConfig(), other])
    assert caught.value.where == key and "twelve" not in str(caught.value)


def test_one_direction_may_be_the_same_in_several_places() -> None:
    """One secret "MAY be used for authentication of an initiator to multiple targets" (section 9.2.1)."""
    chap = ChapConfig(initiators={"user": ONE}, target=("disk", OTHER))
    chap.check_apart([chap, ChapConfig(initiators={"user": ONE}), ChapConfig(target=("disk", OTHER))])


def test_secrets_are_not_shown() -> None:
    shown = repr(ChapConfig(initiators={"user": ONE}, target=("disk", OTHER)))
    assert "user" in shown and "disk" in shown
    assert "twelve" not in shown and "sixteen" not in shown
