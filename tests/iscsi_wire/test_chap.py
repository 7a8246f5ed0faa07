"""Responses as other programs compute them, and secrets that stay secret."""

from __future__ import annotations

import subprocess

import pytest

from iscsi_wire.chap import ALGORITHMS, Secret

IDENTIFIER, SECRET, CHALLENGE = 0x5A, b"secret-of-user1", bytes(range(1, 25))


def test_numbers_are_those_of_the_registry() -> None:
    names = {number: algorithm.name for number, algorithm in ALGORITHMS.items()}
    assert names == {5: "MD5", 6: "SHA1", 7: "SHA-256", 8: "SHA3-256"}


@pytest.mark.parametrize(("number", "program"), [(5, "md5"), (6, "sha1"), (7, "sha256"), (8, "sha3-256")])
def test_a_response_is_what_openssl_makes_of_it(number: int, program: str) -> None:
    """RFC 1994, 4.1: the hash over "the Identifier, followed by (concatenated with) the secret, followed by ... the
    Challenge Value".
    """
    data = bytes((IDENTIFIER,)) + SECRET + CHALLENGE
    digest = subprocess.run(["openssl", "dgst", f"-{program}", "-binary"], input=data, capture_output=True, check=True)
    algorithm = ALGORITHMS[number]
    response = algorithm.response(IDENTIFIER, SECRET, CHALLENGE)
    assert response == digest.stdout
    assert len(response) == algorithm.length


@pytest.mark.parametrize("show", [repr, str, "{}".format, "{!r:>20}".format, "{:s}".format, lambda secret: f"{secret}"])
def test_a_secret_is_not_shown(show: object) -> None:
    assert callable(show)
    shown = show(Secret(b"secret-of-user1"))
    assert "secret" not in shown and "*" in shown
    assert "secret" not in repr({"user": (Secret(b"secret-of-user1"),)})
