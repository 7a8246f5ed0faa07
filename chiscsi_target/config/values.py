"""Readers of single values, for the tables of keys and of variables. Each says with a ValueError what it wants instead.

`Form` joins a reader, the words for it in the reference, and the way back to text.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from iscsi_wire.errors import TextError
from iscsi_wire.key_rules import Form as WireForm
from iscsi_wire.key_rules import Key
from iscsi_wire.text import parse_boolean, parse_iscsi_name, parse_number

MAX_TEXT: Final = 255
"""Longest value of most keys, in octets (behaviour file, 6.3)."""

_SHOWN: Final = 40
_HEX: Final = re.compile(r"(?:0[xX])?[0-9a-fA-F]{1,8}")


@dataclass(frozen=True, slots=True)
class Form:
    """What the value of a key looks like.

    Attributes:
        parse: reads it; raises ValueError with the reason that it cannot.
        words: the form in words.
        format: writes it, so that `parse` gives the same.
    """

    parse: Callable[[str], Any]
    words: str
    format: Callable[[Any], str] = str


def shown(text: str) -> str:
    """The text for a message, cut if it is long."""
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}...")


def yes_or_no(value: bool) -> str:
    """A boolean as it is written."""
    return "Yes" if value else "No"


def boolean() -> Form:
    """Exactly `Yes` or `No`."""
    return Form(_worded(parse_boolean), "`Yes` or `No`", yes_or_no)


def number(low: int, high: int, step: int = 1) -> Form:
    """A number from `low` to `high`, decimal or 0x; a multiple of `step`."""
    wanted = f"a number from {low} to {high}" + (f" that is a multiple of {step}" if step > 1 else "")

    def parse(text: str) -> int:
        try:
            value = parse_number(text)
        except TextError:
            raise ValueError(f"{shown(text)} is not {wanted}") from None
        if not low <= value <= high or value % step:
            raise ValueError(f"{value} is not {wanted}")
        return value

    return Form(parse, f"number, {low} to {high}" + (f", multiple of {step}" if step > 1 else ""))


def choice(*values: str) -> Form:
    """One of these words."""

    def parse(text: str) -> str:
        if text not in values:
            raise ValueError(f"{shown(text)} is none of {', '.join(values)}")
        return text

    return Form(parse, " or ".join(f"`{value}`" for value in values))


def list_of(*values: str) -> Form:
    """Some of these words, separated by commas."""

    def parse(text: str) -> tuple[str, ...]:
        items = tuple(text.split(","))
        for item in items:
            if item not in values:
                raise ValueError(f"{shown(item)} is none of {', '.join(values)}")
        return items

    return Form(parse, f"list of {', '.join(f'`{value}`' for value in values)}", ",".join)


def text(longest: int, words: str = "") -> Form:
    """Printable text of 1 to `longest` octets."""

    def parse(value: str) -> str:
        if not 1 <= len(value.encode()) <= longest or not value.isprintable():
            raise ValueError(f"{shown(value)} is not printable text of 1 to {longest} octets")
        return value

    return Form(parse, words or f"text, at most {longest} octets")


def text_without_comma(longest: int) -> Form:
    """Printable text of 1 to `longest` octets, without a comma."""
    form = text(longest, f"text without comma, at most {longest} octets")

    def parse(value: str) -> Any:
        if "," in value:
            raise ValueError(f"{shown(value)} has a comma")
        return form.parse(value)

    return Form(parse, form.words)


def ascii_text(longest: int) -> Form:
    """Printable ASCII, as INQUIRY data are (SPC-4, 4.3.1)."""

    def parse(value: str) -> str:
        if not 1 <= len(value) <= longest or not (value.isascii() and value.isprintable()):
            raise ValueError(f"{shown(value)} is not 1 to {longest} printable ASCII characters")
        return value

    return Form(parse, f"ASCII, at most {longest} characters")


def iscsi_name() -> Form:
    """An iSCSI name, which is lower-cased (behaviour file, 1.3)."""
    return Form(lambda value: _worded(parse_iscsi_name)(value.lower()), "iSCSI name, at most 223 octets")


def hex_pair() -> Form:
    """One or two hexadecimal numbers of 32 bits."""

    def parse(value: str) -> tuple[int, int]:
        parts = value.split(",")
        if len(parts) > 2 or not all(_HEX.fullmatch(part) for part in parts):
            raise ValueError(f"{shown(value)} is not one or two hexadecimal numbers of 32 bits, such as 0xf,0xc82000")
        first, second = int(parts[0], 16), int(parts[1], 16) if len(parts) > 1 else 0
        return first, second

    return Form(parse, "`a[,b]`, hexadecimal", lambda pair: f"{pair[0]:#x},{pair[1]:#x}")


def negotiated(key: Key) -> Form:
    """The form that a text key has on the wire, without the values that only extensions have."""
    if key.form is WireForm.NUMBER:
        return number(key.low, key.high)
    if key.form is WireForm.BOOLEAN:
        return boolean()
    return list_of(*key.values)


def unsupported(form: Form, refused: Callable[[Any], bool], reason: str) -> Form:
    """A form of which some values are right, but not supported here: `reason` says so, in the module's words."""

    def parse(value: str) -> Any:
        parsed = form.parse(value)
        if refused(parsed):
            raise Unsupported(reason)
        return parsed

    return Form(parse, f"{form.words}; else `{reason}`", form.format)


class Unsupported(ValueError):
    """A value that the module knows and refuses, with its own words for it."""


def _worded(parse: Callable[[str], Any]) -> Callable[[str], Any]:
    """A reader of iscsi_wire, whose errors say the same as a ValueError."""

    def parsed(value: str) -> Any:
        try:
            return parse(value)
        except TextError as error:
            raise ValueError(error.message) from error

    return parsed
