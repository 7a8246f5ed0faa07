"""Key=value text and the forms that values take (RFC 7143, 6.1).

Reading is strict: whatever the RFC does not allow leaves as a :class:`TextError` that says where it stands.
What a key means, and which form its value has, is in :mod:`iscsi_wire.keys`.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
import stringprep
import unicodedata
from collections.abc import Iterable
from typing import Final, NamedTuple

from iscsi_wire.constants import ISCSI_PORT
from iscsi_wire.errors import FieldValueError, TextError

MAX_KEY_LENGTH: Final = 63
"""Longest key-name in characters (RFC 7143, 6.1, standard-label)."""

MAX_VALUE_LENGTH: Final = 255
"""Longest simple-value in bytes, unless its key says otherwise (RFC 7143, 6.1)."""

MAX_NAME_LENGTH: Final = 223
"""Longest iSCSI name in bytes (RFC 7143, 4.2.7.2)."""

NONE: Final = "None"
REJECT: Final = "Reject"
IRRELEVANT: Final = "Irrelevant"
NOT_UNDERSTOOD: Final = "NotUnderstood"
RESERVED_VALUES: Final = frozenset({REJECT, IRRELEVANT, NOT_UNDERSTOOD})
"""Answers that nobody may propose (RFC 7143, 6.2)."""

# A standard-label begins with a capital letter and has no "#". Registered keys that break these rules are
# X#NodeArchitecture in RFC 7143, section 13.26, and iSCSIProtocolLevel in RFC 7144, section 7.1.1.
_KEY: Final = re.compile(r"(?:[A-Z]|[XYZ]#|iSCSI)[A-Za-z0-9.+@_-]*")
_TEXT: Final = re.compile(r"[A-Za-z0-9.+@_/\[\]:-]*")
_DECIMAL: Final = re.compile(r"0|[1-9][0-9]*")
_HEX: Final = re.compile(r"0[xX]([0-9a-fA-F]+)")
_BASE64: Final = re.compile(r"0[bB]([0-9A-Za-z+/]+=*)")
_DECIMAL_DIGITS: Final = len(str(2**64))
_DOMAIN: Final = r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
_IQN: Final = re.compile(rf"iqn\.[0-9]{{4}}-(?:0[1-9]|1[0-2])\.{_DOMAIN}(?:\.{_DOMAIN})*(?::.*)?", re.DOTALL)
_EUI: Final = re.compile(r"eui\.[0-9A-Fa-f]{16}")
_NAA: Final = re.compile(r"naa\.(?:[0-9A-Fa-f]{16}|[0-9A-Fa-f]{32})")
_HOST: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?\.?")
_ADDRESS: Final = re.compile(r"(\[[^]]*\]|[^:,\[\]]*)(?::([^,]*))?(?:,(.*))?", re.DOTALL)


def parse_pairs(data: bytes | bytearray | memoryview) -> list[tuple[str, str]]:
    """Return the key=value pairs of a complete logical text data segment, in order, duplicates included.

    Args:
        data: the data segments of one or more PDUs, joined, without padding.

    Raises:
        TextError: a pair has no "=", no null behind it, a key that is no key-name, or bytes that are no UTF-8.
    """
    text = bytes(data)
    pairs: list[tuple[str, str]] = []
    offset = 0
    while offset < len(text):
        end = text.find(b"\0", offset)
        if end < 0:
            raise TextError(offset, "", "the last key=value pair has no null behind it")
        pairs.append(_parse_pair(text[offset:end], offset))
        offset = end + 1
    return pairs


def _parse_pair(pair: bytes, offset: int) -> tuple[str, str]:
    name, equals, value = pair.partition(b"=")
    if not equals:
        raise TextError(offset, "", "a key=value pair has no '='")
    key = name.decode("ascii", "replace")
    if len(name) > MAX_KEY_LENGTH:
        raise TextError(offset, key[:MAX_KEY_LENGTH], f"a key of {len(name)} bytes, and {MAX_KEY_LENGTH} are allowed")
    if not _KEY.fullmatch(key):
        raise TextError(offset, key, "is no key-name")
    try:
        return key, value.decode("utf-8")
    except UnicodeDecodeError as fault:
        raise TextError(offset + len(name) + 1 + fault.start, key, "the value is no UTF-8") from fault


def format_pairs(pairs: Iterable[tuple[str, str]]) -> bytes:
    """Return ``pairs`` as a text data segment, each with the null behind it that RFC 7143 (6.1) demands.

    Raises:
        FieldValueError: a key contains "=", or either part a null, so that it could not be told apart.
    """
    parts: list[str] = []
    for key, value in pairs:
        if "=" in key or "\0" in key or "\0" in value:
            raise FieldValueError(key, "neither a key with '=' nor a null can be sent as key=value text")
        parts.append(f"{key}={value}\0")
    return "".join(parts).encode("utf-8")


def is_key_name(key: str) -> bool:
    """Say whether ``key`` has the form of a key-name and its length."""
    return len(key) <= MAX_KEY_LENGTH and _KEY.fullmatch(key) is not None


def parse_boolean(value: str, field: str = "") -> bool:
    """Read a boolean-value: ``Yes`` or ``No``."""
    if value not in ("Yes", "No"):
        raise TextError(0, field, f"{_shown(value)} is neither Yes nor No")
    return value == "Yes"


def parse_number(value: str, field: str = "") -> int:
    """Read a numerical-value: decimal-constant or hex-constant below 2**64."""
    number = None
    if _DECIMAL.fullmatch(value) and len(value) <= _DECIMAL_DIGITS:
        number = int(value)
    elif len(value) <= MAX_VALUE_LENGTH and _HEX.fullmatch(value):
        number = int(value, 16)
    if number is None:
        raise TextError(0, field, f"{_shown(value)} is no decimal-constant and no hex-constant")
    if number >= 1 << 64:
        raise TextError(0, field, f"{_shown(value)} is not below 2**64")
    return number


def parse_large_number(value: str, field: str = "") -> int:
    """Read a large-numerical-value: hex-constant or base64-constant, of at most 255 bytes."""
    return int.from_bytes(parse_binary(value, field), "big")


def parse_range(value: str, field: str = "") -> tuple[int, int]:
    """Read a numerical-range such as ``512~8192``; returns both ends."""
    low, tilde, high = value.partition("~")
    if not tilde:
        raise TextError(0, field, f"{_shown(value)} is no numerical-range")
    ends = parse_number(low, field), parse_number(high, field)
    if ends[1] < ends[0]:
        raise TextError(len(low) + 1, field, f"{_shown(value)} ends below its beginning")
    return ends


def parse_binary(
    value: str, field: str = "", *, max_length: int = MAX_VALUE_LENGTH, length: int | None = None
) -> bytes:
    """Read a binary-value: hex-constant or base64-constant, or decimal-constant if ``length`` is given.

    Args:
        value: the encoded value.
        field: the key, for error messages.
        max_length: most bytes that the value may decode to.
        length: the number of bytes if the key defines it.

    Raises:
        TextError: wrong encoding, or a length that is not allowed.
    """
    limit = max_length if length is None else length
    if len(value) > 2 * limit + 3:  # before any of it is decoded: hex takes two characters a byte
        raise TextError(0, field, f"an encoded value of {len(value)} characters is longer than {limit} bytes can be")
    decoded = _binary(value, field, length)
    if len(decoded) > limit or (length is not None and len(decoded) != length):
        raise TextError(0, field, f"{len(decoded)} bytes, and {'at most ' * (length is None)}{limit} are allowed")
    return decoded


def _binary(value: str, field: str, length: int | None) -> bytes:
    """Decode whichever constant ``value`` is."""
    if match := _HEX.fullmatch(value):
        digits = match[1]
        return bytes.fromhex("0" * (len(digits) % 2) + digits)
    if match := _BASE64.fullmatch(value):
        try:
            return base64.b64decode(match[1], validate=True)
        except binascii.Error as fault:
            raise TextError(2, field, f"bad base64: {fault}") from fault
    if length is not None and length <= 8 and _DECIMAL.fullmatch(value):
        number = parse_number(value, field)
        if number < 1 << 8 * length:
            return number.to_bytes(length, "big")
    raise TextError(0, field, f"{_shown(value)} is no binary-value of the right length")


def format_binary(value: bytes, *, base64_constant: bool = False) -> str:
    """Return ``value`` as a hex-constant, or as a base64-constant; both keep its length."""
    return f"0b{base64.b64encode(value).decode()}" if base64_constant else f"0x{value.hex()}"


def parse_text(value: str, field: str = "", *, max_length: int = MAX_VALUE_LENGTH) -> str:
    """Check that ``value`` is a text-value: letters, digits and ``. - + @ _ / [ ] :``."""
    match = _TEXT.match(value)
    good = match.end() if match else 0
    if good < len(value):
        raise TextError(good, field, f"{value[good]!r} is not allowed in a text-value")
    if len(value) > max_length:
        raise TextError(max_length, field, f"{len(value)} bytes, and {max_length} are allowed")
    return value


def parse_local_name(value: str, field: str = "", *, max_length: int = MAX_VALUE_LENGTH) -> str:
    """Check that ``value`` is an iSCSI-local-name-value: any UTF-8 without nulls."""
    if "\0" in value:
        raise TextError(value.encode().index(0), field, "a null is not allowed in a name")
    if len(value.encode()) > max_length:
        raise TextError(max_length, field, f"{len(value.encode())} bytes, and {max_length} are allowed")
    return value


def parse_list(value: str, field: str = "", *, max_length: int = MAX_VALUE_LENGTH) -> tuple[str, ...]:
    """Read a list-of-values: text-values separated by commas, each of at most ``max_length`` bytes."""
    items: list[str] = []
    offset = 0
    for item in value.split(","):
        if not item:
            raise TextError(offset, field, "a list has an empty item")
        try:
            items.append(parse_text(item, field, max_length=max_length))
        except TextError as fault:
            raise TextError(offset + fault.offset, field, fault.message) from fault
        offset += len(item) + 1
    return tuple(items)


def parse_iscsi_name(value: str, field: str = "") -> str:
    """Check that ``value`` is an iSCSI name (RFC 7143, 4.2.7): type, form, characters and length.

    Names are compared byte for byte, so one that :func:`prepare_iscsi_name` would alter is refused.
    """
    if len(value.encode()) > MAX_NAME_LENGTH:
        raise TextError(MAX_NAME_LENGTH, field, f"{len(value.encode())} bytes, and {MAX_NAME_LENGTH} are allowed")
    if _EUI.fullmatch(value) or _NAA.fullmatch(value):
        return value
    for place, character in enumerate(value):
        if not _allowed_in_name(character):
            offset = len(value[:place].encode())
            raise TextError(offset, field, f"{character!r} is not allowed in an iSCSI name")
    if not _IQN.fullmatch(value):
        raise TextError(0, field, f"{_shown(value)} is no iqn., eui. or naa. name")
    if not unicodedata.is_normalized("NFC", value):
        raise TextError(0, field, "the name is not in Normalization Form C")
    return value


def prepare_iscsi_name(name: str) -> str:
    """Return what RFC 3722's stringprep makes of a ``name`` typed by a human: lower case, NFKC."""
    mapped = "".join(stringprep.map_table_b2(letter) for letter in name if not stringprep.in_table_b1(letter))
    return unicodedata.normalize("NFKC", mapped)


def _allowed_in_name(character: str) -> bool:
    """Say whether RFC 3722 can put out ``character``."""
    if character.isascii():
        return character in "abcdefghijklmnopqrstuvwxyz0123456789-.:"
    prohibited = (
        stringprep.in_table_a1(character)
        or stringprep.in_table_b1(character)
        or stringprep.in_table_c11_c12(character)
        or stringprep.in_table_c21_c22(character)
        or any(
            table(character)
            for table in (
                stringprep.in_table_c3,
                stringprep.in_table_c4,
                stringprep.in_table_c5,
                stringprep.in_table_c6,
                stringprep.in_table_c7,
                stringprep.in_table_c8,
                stringprep.in_table_c9,
            )
        )
        or character == "\u3002"  # RFC 3722, 6: the ideographic full stop looks like a dot
    )
    return not prohibited and stringprep.map_table_b2(character) == character


class TargetAddress(NamedTuple):
    """Value of TargetAddress (RFC 7143, 13.8): ``domainname[:port][,portal-group-tag]``.

    Attributes:
        host: DNS name, IPv4 address, or IPv6 address without its brackets.
        port: TCP port.
        tag: portal group tag, or ``None`` where it is left out, as after a redirection.
    """

    host: str
    port: int = ISCSI_PORT
    tag: int | None = None

    def __str__(self) -> str:
        """Return the value as sent, always with the port."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}" + ("" if self.tag is None else f",{self.tag}")


def parse_target_address(value: str, field: str = "TargetAddress") -> TargetAddress:
    """Read a TargetAddress (RFC 7143, 13.8)."""
    match = _ADDRESS.fullmatch(value)
    if match is None or len(value) > MAX_VALUE_LENGTH:
        raise TextError(0, field, f"{_shown(value)} is no domainname[:port][,portal-group-tag]")
    host = _parse_host(match[1], field)
    port = ISCSI_PORT if match[2] is None else _parse_16_bits(match[2], field, match.start(2))
    tag = None if match[3] is None else _parse_16_bits(match[3], field, match.start(3))
    return TargetAddress(host, port, tag)


def _parse_host(text: str, field: str) -> str:
    if text.startswith("["):
        try:
            ipaddress.IPv6Address(text[1:-1])
        except ValueError as fault:
            raise TextError(0, field, f"{text} is no bracketed IPv6 address") from fault
        return text[1:-1]
    if not _HOST.fullmatch(text):
        raise TextError(0, field, f"{_shown(text)} is no host name and no address")
    return text


def _parse_16_bits(text: str, field: str, offset: int) -> int:
    try:
        number = parse_number(text, field)
    except TextError as fault:
        raise TextError(offset, field, fault.message) from fault
    if number > 0xFFFF:
        raise TextError(offset, field, f"{text} does not fit in 16 bits")
    return number


def _shown(value: str) -> str:
    """Return a ``value`` of any length for an error message."""
    return repr(value if len(value) <= 40 else value[:37] + "...")
