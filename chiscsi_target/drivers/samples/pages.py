"""Buffers made of pages of 4 KiB, one scatter-gather vector a page (guide 7.3.5.1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from chiscsi_target.api import chiscsi_sgvec

if TYPE_CHECKING:
    from chiscsi_target.api.sgvec import Memory

__all__ = ["PAGE", "allocate", "collect", "fill"]

PAGE: Final = 4096


def allocate(length: int) -> list[chiscsi_sgvec]:
    """Make vectors for `length` octets, a page each; the last one is used as far as it is needed."""
    vectors = []
    for offset in range(0, length, PAGE):
        page = bytearray(PAGE)
        vectors.append(chiscsi_sgvec(sg_page=page, sg_addr=page, sg_length=min(PAGE, length - offset)))
    return vectors


def fill(vectors: Sequence[chiscsi_sgvec], data: Memory) -> None:
    """Copy data into the pages."""
    view, position = memoryview(data), 0
    for vector in vectors:
        piece = view[position : position + vector.sg_length]
        memoryview(vector.sg_addr or b"")[: len(piece)] = piece
        position += vector.sg_length


def collect(vectors: Sequence[chiscsi_sgvec]) -> bytes:
    """Copy the data out of the pages."""
    return b"".join(memoryview(vector.sg_addr or b"")[: vector.sg_length] for vector in vectors)
