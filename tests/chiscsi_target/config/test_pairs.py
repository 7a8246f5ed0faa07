"""Configuration buffers: pairs ended by null octets; a fault is named by its position."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chiscsi_target.api import ReturnCode
from chiscsi_target.config.pairs import MAX_KEY, MAX_VALUE, format_buffer, parse_buffer
from chiscsi_target.config.target_config import parse_target
from chiscsi_target.errors import ConfigurationError

KEYS = st.text(st.characters(exclude_characters="=\0", exclude_categories=["Cs"]), min_size=1, max_size=15)
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=60)


@given(st.lists(st.tuples(KEYS, TEXTS)))
def test_what_is_formatted_is_parsed(pairs: list[tuple[str, str]]) -> None:
    assert parse_buffer(format_buffer(pairs)) == pairs


def test_the_samples_buffer() -> None:
    assert parse_buffer(b"TargetName=iqn.a\0PortalGroup=1@10.0.0.1:3260\0ShadowMode=No\0") == [
        ("TargetName", "iqn.a"),
        ("PortalGroup", "1@10.0.0.1:3260"),
        ("ShadowMode", "No"),
    ]
    assert parse_buffer(b"") == []
    assert parse_buffer(b"Key=\0") == [("Key", "")]
    assert parse_buffer(b"Key=a=b\0") == [("Key", "a=b")]


@pytest.mark.parametrize(
    "buffer, where",
    [
        (b"Key=value", "octet 9"),
        (b"Key\0", "octet 0"),
        (b"Good=1\0=value\0", "octet 7"),
        (b"Good=1\0\0", "octet 7"),
        (b"Good=1\0" + b"K" * (MAX_KEY + 1) + b"=1\0", "octet 7"),
        (b"Good=1\0Key=" + b"v" * (MAX_VALUE + 1) + b"\0", "octet 7"),
        (b"Good=1\0Key=\xff\0", "octet 7"),
    ],
)
def test_a_malformed_buffer(buffer: bytes, where: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_buffer(buffer)
    assert caught.value.where == where and caught.value.code == ReturnCode.EFORMAT


@pytest.mark.parametrize(
    "buffer", [b'Auth_CHAP_Initiator "id":"secret-of-mine"\0', b'Auth_CHAP_Initiator:"id":"secret-of-=mine"\0']
)
def test_no_error_shows_a_secret(buffer: bytes) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_target(parse_buffer(buffer))
    assert "secret-of" not in str(caught.value) + caught.value.where
    assert "Auth_CHAP_Initiator" in str(caught.value)


def test_the_longest_pair() -> None:
    (pair,) = parse_buffer(b"K" * MAX_KEY + b"=" + b"v" * MAX_VALUE + b"\0")
    assert (len(pair[0]), len(pair[1])) == (MAX_KEY, MAX_VALUE)


@given(st.one_of(st.binary(max_size=80), st.text("Key=v\0", max_size=20).map(str.encode)))
def test_nothing_but_a_configuration_error_comes_out(buffer: bytes) -> None:
    with suppress(ConfigurationError):
        assert format_buffer(parse_buffer(buffer)) == buffer
