"""The CRC32C digest of headers and data segments (RFC 7143, 13.1)."""

from __future__ import annotations

from crc32c import crc32c as _crc32c


def crc32c(*buffers: bytes | bytearray | memoryview) -> int:
    """Return the CRC32C of the ``buffers`` as if they were one, without joining them."""
    value = 0
    for buffer in buffers:
        value = _crc32c(buffer, value)
    return value


def digest(*buffers: bytes | bytearray | memoryview) -> bytes:
    """Return the four bytes that follow the ``buffers`` on the wire.

    The polynomial's coefficients are mapped so that the usual, reflected CRC32C appears with its low byte
    first (RFC 7143, 13.1, "mapped into the digest word").
    """
    return crc32c(*buffers).to_bytes(4, "little")
