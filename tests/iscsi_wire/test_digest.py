"""CRC32C against the examples of RFC 7143, A.4."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iscsi_wire.digest import crc32c, digest
from tests.iscsi_wire.golden import RFC_CRC_EXAMPLE

EXAMPLES = [
    (bytes(32), "aa36918a"),
    (b"\xff" * 32, "43aba862"),
    (bytes(range(32)), "4e79dd46"),
    (bytes(range(31, -1, -1)), "5cdb3f11"),
    (bytes.fromhex(RFC_CRC_EXAMPLE), "563a96d9"),
]


@pytest.mark.parametrize("octets, digits", EXAMPLES, ids=[digits for _, digits in EXAMPLES])
def test_examples_of_the_rfc(octets: bytes, digits: str) -> None:
    assert digest(octets).hex() == digits


@given(st.lists(st.binary(max_size=20)))
def test_buffers_count_as_one(parts: list[bytes]) -> None:
    whole = b"".join(parts)
    views = [memoryview(bytearray(part)) for part in parts]
    assert digest(*views) == digest(whole) == crc32c(whole).to_bytes(4, "little")


def test_nothing_has_a_digest_too() -> None:
    assert digest() == digest(b"") == bytes(4)
