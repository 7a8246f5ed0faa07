"""The Internet checksum against RFC 1071's own example, scapy's, and a plain sum of words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.utils import checksum as checksum_of_scapy

from chiscsi_target.offload.tcp.checksum import checksum, is_right, pseudo_header, word_sum


def test_the_example_of_the_rfc() -> None:
    """Section 3: the words 0001 f203 f4f5 f6f7 sum up to ddf2."""
    assert checksum(word_sum(bytes.fromhex("0001f203f4f5f6f7"))) == 0xFFFF - 0xDDF2


@given(st.binary(min_size=1, max_size=99).filter(any))
def test_it_is_scapys(octets: bytes) -> None:
    assert checksum(word_sum(octets)) == checksum_of_scapy(octets)


@given(st.lists(st.binary(max_size=20).map(lambda octets: octets + bytes(len(octets) & 1)), max_size=5))
def test_sums_of_parts_are_the_sum_of_the_whole(parts: list[bytes]) -> None:
    whole = b"".join(parts) + b"\1\2"
    assert checksum(*map(word_sum, parts), word_sum(b"\1\2")) == checksum(word_sum(whole))


@given(st.binary(min_size=2, max_size=60).filter(any), st.integers(0, 8 * 60))
def test_one_wrong_bit_is_found(octets: bytes, bit: int) -> None:
    octets += bytes(len(octets) & 1)
    right = octets + checksum(word_sum(octets)).to_bytes(2)
    assert is_right(word_sum(right))
    place = bit % (8 * len(right))
    wrong = bytearray(right)
    wrong[place >> 3] ^= 1 << (place & 7)
    assert not is_right(word_sum(wrong))


@pytest.mark.parametrize("length", [20, 65535, 70000])
def test_the_pseudo_header(length: int) -> None:
    addresses = bytes(range(16)), bytes(range(16, 32))
    octets = addresses[0] + addresses[1] + length.to_bytes(4) + (6).to_bytes(4)
    assert pseudo_header(*addresses, 6, length) % 0xFFFF == word_sum(octets) % 0xFFFF
