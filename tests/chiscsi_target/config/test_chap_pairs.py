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


@pytest.mark.parametrize(
    "secret", [b"\xff" * 12, bytes(16), b" begins blank", b"has,comma-in-it", b"two\nlines-of-it", b"\x80" * 15]
)
def test_a_secret_of_any_octets_is_hexadecimal(secret: bytes) -> None:
    """RFC 7143, 9.2.1: up to 128 random bits, from whatever source; text has no room for that many in 16 octets."""
    value = f'"id":"0x{secret.hex()}"'
    assert parse_chap_pair(value) == parse_chap_pair(value.upper().replace("ID", "id")) == ("id", secret)
    assert format_chap_pair(("id", secret)) == value
    assert secret.hex() not in hide_chap_pair(("id", secret))


@pytest.mark.parametrize("text", ["0x" + "ab" * 6, "0x" + "ab" * 5, "0xnot-hex-here"])
def test_a_short_secret_that_looks_hexadecimal_is_text(text: str) -> None:
    assert parse_chap_pair(f'"id":"{text}"') == ("id", text.encode())


@pytest.mark.parametrize("text", ["0x" + "ab" * 11, "0x" + "ab" * 17, "0x" + "ab" * 12 + "a", "0x" + "zz" * 12])
def test_hexadecimal_of_another_length_is_no_secret(text: str) -> None:
    with pytest.raises(ValueError, match="octets, and 12 to 16 are allowed"):
        parse_chap_pair(f'"id":"{text}"')


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
