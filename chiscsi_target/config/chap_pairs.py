"""The keys Auth_CHAP_Initiator and Auth_CHAP_Target: `"id":"secret"` (behaviour file, 6.7); and Auth_CHAP_Algorithms.

No message of this file contains a secret.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, TypeAlias

from chiscsi_target.config.values import Form
from chiscsi_target.core.chap_secrets import MAX_NAME, SECRET_LENGTHS, Secret
from iscsi_wire.chap import ALGORITHMS

ChapPair: TypeAlias = tuple[str, bytes]
"""Name and secret."""

_MIDDLE = '":"'
# A secret of any octets, as a source of random ones makes it (RFC 7143, 9.2.1). As text it would be too long: with the
# prefix even the shortest has 26 characters.
_HEXADECIMAL = re.compile(rf"0[xX]((?:[0-9a-fA-F]{{2}}){{{SECRET_LENGTHS.start},{SECRET_LENGTHS.stop - 1}}})")


def parse_chap_pair(value: str) -> ChapPair:
    """Name and secret of a value.

    Raises:
        ValueError: with a text that says what is wrong with it.
    """
    name, separator, secret_text = value[1:-1].partition(_MIDDLE)
    if len(value) < 2 or value[0] != '"' or value[-1] != '"' or not separator:
        raise ValueError('has not the form "id":"secret", with the quotes')
    if not 1 <= len(name.encode()) <= MAX_NAME:
        raise ValueError(f"the id has {len(name.encode())} octets, and 1 to {MAX_NAME} are allowed")
    if "," in name or any(character.isspace() for character in name):
        raise ValueError("the id has a comma or a blank")
    hexadecimal = _HEXADECIMAL.fullmatch(secret_text)
    if hexadecimal:
        return name, Secret(bytes.fromhex(hexadecimal[1]))
    secret = secret_text.encode()
    if len(secret) not in SECRET_LENGTHS:
        limits = f"{SECRET_LENGTHS.start} to {SECRET_LENGTHS.stop - 1}"
        raise ValueError(f"the secret has {len(secret)} octets, and {limits} are allowed")
    if "," in secret_text or secret_text[0].isspace():
        raise ValueError("the secret has a comma, or begins with a blank")
    return name, Secret(secret)


def format_chap_pair(pair: ChapPair) -> str:
    """The value of a pair, with its secret in clear; in hexadecimal, if it is no text that can stand there."""
    name, secret = pair
    text = bytes(secret).decode(errors="replace")
    plain = text.encode() == secret and text.isprintable() and "," not in text and not text[:1].isspace()
    return f'"{name}{_MIDDLE}{text if plain else "0x" + secret.hex()}"'


def hide_chap_pair(pair: ChapPair) -> str:
    """The value of a pair for everybody's eyes."""
    return f'"{pair[0]}{_MIDDLE}********"'


FORM: Final = Form(parse_chap_pair, '`"id":"secret"` or `"id":"0xHEX"`', format_chap_pair)
"""What a pair looks like."""


def parse_algorithms(value: str) -> tuple[int, ...]:
    """The numbers of algorithms that are named in order.

    Raises:
        ValueError: with a text that says what is wrong with it.
    """
    numbers = {algorithm.name: algorithm.number for algorithm in ALGORITHMS.values()}
    names = value.split(",")
    unknown = [name for name in names if name not in numbers]
    if unknown:
        raise ValueError(f"{unknown[0]!r} is none of {', '.join(numbers)}")
    if len(set(names)) < len(names):
        raise ValueError("an algorithm is named twice")
    return tuple(numbers[name] for name in names)


def format_algorithms(numbers: tuple[int, ...]) -> str:
    """The names of algorithms, as they are written."""
    return ",".join(ALGORITHMS[number].name for number in numbers)


def clash(pairs: Sequence[ChapPair], pair: ChapPair) -> str:
    """Why a further initiator's pair cannot stand beside these; empty if it can."""
    for name, secret in pairs:
        if name == pair[0]:
            return f"the id {name!r} is given twice"
        if secret == pair[1]:
            return f"{name!r} and {pair[0]!r} have the same secret"
    return ""
