"""What the commands of a scenario read and write: octets that tell which command and which place they belong to."""

from __future__ import annotations

from functools import cache
from zlib import crc32


@cache
def pattern(name: str, length: int) -> bytes:
    """The data of the command with this name, `length` octets."""
    seed = crc32(name.encode())
    return b"".join((seed + 0x9E3779B1 * place & 0xFFFFFFFF).to_bytes(4) for place in range(length // 4))
