"""The form of a configuration buffer: `key=value` pairs, each ended by a null octet (guide 6.1.1)."""

from __future__ import annotations

from chiscsi_target.api.constants import ReturnCode
from chiscsi_target.core.negotiation import Pairs
from chiscsi_target.errors import ConfigurationError

MAX_KEY = 63
MAX_VALUE = 1024
"""Longest value in octets, in a buffer and in a file (behaviour file, 6.1); most keys allow less."""


def parse_buffer(buffer: bytes) -> Pairs:
    """The pairs of a configuration buffer, in order.

    Raises:
        ConfigurationError: it is no sequence of such pairs; names the position of the fault in octets.
    """
    pairs = []
    offset = 0
    if buffer and not buffer.endswith(b"\0"):
        raise _malformed(len(buffer), "the last pair is not ended by a null octet")
    for item in buffer[:-1].split(b"\0") if buffer else []:
        key, separator, value = item.partition(b"=")
        if not separator or not key or len(key) > MAX_KEY or len(value) > MAX_VALUE:
            raise _malformed(offset, f"{shown_key(key.decode(errors='replace'))!r} begins no key=value pair")
        try:
            pairs.append((key.decode(), value.decode()))
        except UnicodeDecodeError as error:
            raise _malformed(offset, f"the pair of {shown_key(key.decode(errors='replace'))!r} is no UTF-8") from error
        offset += len(item) + 1
    return pairs


def _malformed(offset: int, message: str) -> ConfigurationError:
    return ConfigurationError(f"octet {offset}", message, ReturnCode.EFORMAT)


def shown_key(key: str) -> str:
    """What may be shown of what stands for a key, cut if it is long.

    Where the equals sign behind it is forgotten, or stands somewhere else, a quote begins what may be a secret.
    """
    name, quote, _ = key.partition('"')
    return f"{name}..."[:MAX_KEY] if quote else name[:MAX_KEY]


def format_buffer(pairs: Pairs) -> bytes:
    """A configuration buffer of these pairs."""
    return b"".join(f"{key}={value}\0".encode() for key, value in pairs)
