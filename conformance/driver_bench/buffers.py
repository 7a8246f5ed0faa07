"""The buffers of a scripted driver: memory it owns, and the vectors that describe it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from chiscsi_target.api import chiscsi_sgvec
from chiscsi_target.api.sgvec import SgList


@dataclass(frozen=True, slots=True)
class Buffers:
    """What one call hands over.

    Attributes:
        memory: a piece of memory for each vector.
        given: the argument `sc_xfer_sreq_buf`: the list of vectors, or the memory itself of a linear buffer.
        sgcnt: the number of vectors, 0 for a linear buffer.
        offset: where it begins in the transfer, in octets.
        length: in octets.
    """

    memory: Sequence[bytearray | memoryview]
    given: SgList
    sgcnt: int
    offset: int
    length: int

    @property
    def contents(self) -> bytes:
        """The octets that are in it now."""
        return b"".join(self.memory)

    @property
    def arguments(self) -> tuple[SgList, int, int, int]:
        """What a completion is given: buffer, number of vectors, offset, length."""
        return self.given, self.sgcnt, self.offset, self.length


def make_buffers(data: bytes, offset: int = 0, pieces: int = 1, *, linear: bool = False) -> Buffers:
    """Buffers that hold a copy of `data`.

    Args:
        data: the octets.
        offset: where they belong in the transfer.
        pieces: how many vectors there are, of about the same length.
        linear: hand over the memory itself, without vectors.
    """
    step = -(-len(data) // pieces) or 1
    memory = [bytearray(data[start : start + step]) for start in range(0, len(data), step)] or [bytearray()]
    if linear:
        whole = bytearray(data)
        return Buffers([whole], whole, 0, offset, len(data))
    vectors = [chiscsi_sgvec(piece, len(piece)) for piece in memory]
    return Buffers(memory, vectors, len(vectors), offset, len(data))
