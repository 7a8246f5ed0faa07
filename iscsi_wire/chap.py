"""CHAP as iSCSI uses it: the algorithms of CHAP_A, and the response (RFC 7143 section 12.1.3, RFC 1994 section 4.1)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

MAX_IDENTIFIER: Final = 255
"""The identifier is one octet (RFC 1994, 4.1)."""

MAX_BINARY_LENGTH: Final = 1024
"""Most octets of a CHAP_C or CHAP_R once decoded (RFC 7143, 12.1.3)."""


@dataclass(frozen=True, slots=True)
class Algorithm:
    """A hash that CHAP may use.

    Attributes:
        number: its value of CHAP_A.
        name: its name in the registry.
        length: octets of a response.
        new: makes a hash object.
    """

    number: int
    name: str
    length: int
    new: Callable[[bytes], Any]

    def response(self, identifier: int, secret: bytes, challenge: bytes) -> bytes:
        """The response to a challenge: the hash over identifier, secret and challenge (RFC 1994, 4.1).

        Args:
            identifier: CHAP_I, one octet.
            secret: the secret of the side that is challenged.
            challenge: CHAP_C, decoded.
        """
        digest: bytes = self.new(bytes((identifier,)) + secret + challenge).digest()
        return digest


MD5: Final = Algorithm(5, "MD5", 16, lambda data: hashlib.md5(data, usedforsecurity=False))
SHA1: Final = Algorithm(6, "SHA1", 20, lambda data: hashlib.sha1(data, usedforsecurity=False))
SHA_256: Final = Algorithm(7, "SHA-256", 32, hashlib.sha256)
SHA3_256: Final = Algorithm(8, "SHA3-256", 32, hashlib.sha3_256)

ALGORITHMS: Final[Mapping[int, Algorithm]] = MappingProxyType(
    {algorithm.number: algorithm for algorithm in (MD5, SHA1, SHA_256, SHA3_256)}
)
"""Algorithms by number: the registry "PPP Authentication Algorithms" at IANA (RFC 7143, 12.1.3 and 14)."""


class Secret(bytes):
    """A CHAP secret. Its octets are there for the hash, never for a log, a record, a report or a traceback."""

    __slots__ = ()

    def __repr__(self) -> str:
        """Return asterisks, of which there are always as many."""
        return "********"

    __str__ = __repr__

    def __format__(self, specification: str) -> str:
        """Return asterisks, whatever was asked for."""
        return repr(self)
