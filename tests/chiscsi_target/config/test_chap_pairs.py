"""Names with secrets: their form, their lengths, and that no message shows a secret."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chiscsi_target.config.chap_pairs import (
    clash,
    format_algorithms,
    format_chap_pair,
    hide_chap_pair,
    parse_algorithms,
    parse_chap_pair,
)


@pytest.mark.parametrize(
    "value, pair",
    [
        ('"id":"twelve-bytes"', ("id", b"twelve-bytes")),
        ('"id":"sixteen-bytes-xx"', ("id", b"sixteen-bytes-xx")),
        ('"a:b":"with a blank in"', ("a:b", b"with a blank in")),
        ('"id":"quo"te:"s"ecret"', ("id", b'quo"te:"s"ecret')),
        (f'"{"i" * 256}":"twelve-bytes"', ("i" * 256, b"twelve-bytes")),
        ('"id":"sech\u00e4tzehn-okt"', ("id", "sech\u00e4tzehn-okt".encode())),
    ],
)
def test_forms(value: str, pair: tuple[str, bytes]) -> None:
    assert parse_chap_pair(value) == pair
    assert format_chap_pair(pair) == value
    assert pair[1].decode() not in hide_chap_pair(pair) and hide_chap_pair(pair).endswith(':"********"')


@pytest.mark.parametrize(
    "value, reason",
    [
        ("", "form"),
        ('"', "form"),
        ("id:hushhushhushhush", "form"),
        ('"id":hushhushhushhush', "form"),
        ('id:"hushhushhushhush"', "form"),
        ('"id""hushhushhushhush"', "form"),
        ('"":"hushhushhushhush"', "0 octets"),
        (f'"{"i" * 257}":"hushhushhushhush"', "257 octets"),
        ('"i d":"hushhushhushhush"', "comma or a blank"),
        ('"i,d":"hushhushhushhush"', "comma or a blank"),
        ('"id":"hushhushhus"', "11 octets"),
        ('"id":"hushhushhushhush1"', "17 octets"),
        ('"id":""', "0 octets"),
        ('"id":" hushhushhush"', "begins with a blank"),
        ('"id":"hushhush,hush"', "comma"),
    ],
)
def test_what_is_no_pair(value: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason) as caught:
        parse_chap_pair(value)
    assert "hush" not in str(caught.value)


def test_a_secret_that_is_no_text_cannot_be_written() -> None:
    with pytest.raises(ValueError, match="cannot be written") as caught:
        format_chap_pair(("id", b"\xff" * 12))
    assert "xff" not in str(caught.value)


def test_clashes() -> None:
    pairs = [("one", b"secret-of-one"), ("two", b"secret-of-two")]
    assert clash(pairs, ("three", b"secret-of-333")) == ""
    assert clash(pairs, ("two", b"secret-of-333")) == "the id 'two' is given twice"
    assert clash(pairs, ("three", b"secret-of-one")) == "'one' and 'three' have the same secret"


@given(st.text())
def test_nothing_but_a_value_error_comes_out(value: str) -> None:
    for text in (value, f'"{value}":"{value}"'):
        with suppress(ValueError):
            pair = parse_chap_pair(text)
            assert parse_chap_pair(format_chap_pair(pair)) == pair


def test_algorithms_by_name_in_order() -> None:
    assert parse_algorithms("SHA3-256,MD5") == (8, 5)
    assert parse_algorithms("MD5,SHA1,SHA-256,SHA3-256") == (5, 6, 7, 8)
    assert format_algorithms((8, 5)) == "SHA3-256,MD5"


@pytest.mark.parametrize("value", ["", "5", "md5", "MD5,", "MD5,MD5", "MD5 ,SHA1"])
def test_what_is_no_list_of_algorithms(value: str) -> None:
    with pytest.raises(ValueError, match=r"none of MD5, SHA1, SHA-256, SHA3-256|named twice"):
        parse_algorithms(value)
