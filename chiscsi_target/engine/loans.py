"""What a storage driver has lent to the stack: its buffers as they were when it handed them over.

An `Inspector` remembers them, and says what changed in the meantime. It only looks; the stack does not know of it.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from chiscsi_target.api.address_space import AddressError, AddressSpace, Region
from chiscsi_target.api.constants import ISCSI_SG_SBUF_DMABLE
from chiscsi_target.api.sgvec import Memory, SgList, chiscsi_sgvec
from chiscsi_target.core.buffers import memory_of, vectors

if TYPE_CHECKING:
    from chiscsi_target.core.task import Phase

__all__ = ["Loan", "Span", "address_of", "overlaps", "shape_of", "span_of"]

Span = tuple[str, int, int]
"""Memory: which kind of address, where it begins, where it ends."""


class _Buffer(ctypes.Structure):
    """The start of CPython's `Py_buffer`, with room for the rest."""

    _fields_ = (
        ("buf", ctypes.c_void_p),
        ("obj", ctypes.py_object),
        ("len", ctypes.c_ssize_t),
        ("rest", ctypes.c_void_p * 8),
    )


_SIMPLE: Final = 0
_get_buffer, _release_buffer = ctypes.pythonapi.PyObject_GetBuffer, ctypes.pythonapi.PyBuffer_Release
_get_buffer.argtypes = (ctypes.py_object, ctypes.c_void_p, ctypes.c_int)
_release_buffer.argtypes = (ctypes.c_void_p,)


def address_of(memory: Memory) -> int:
    """Where plain memory begins.

    Raises:
        BufferError: it is not contiguous.
    """
    buffer = _Buffer()
    _get_buffer(memory, ctypes.byref(buffer), _SIMPLE)
    start: int | None = buffer.buf
    _release_buffer(ctypes.byref(buffer))
    return start or 0


def span_of(vector: chiscsi_sgvec) -> Span | None:
    """The memory that a vector names, by whichever address the stack would use; None when it names none."""
    memory, start = vector.sg_addr, 0
    if memory is None and vector.sg_flag & ISCSI_SG_SBUF_DMABLE and vector.sg_dma_addr:
        return "dma", vector.sg_dma_addr, vector.sg_dma_addr + vector.sg_length
    if memory is None and vector.sg_page is not None:
        page = vector.sg_page
        memory, start = page.memory if isinstance(page, Region) else page, vector.sg_offset
    if memory is None or vector.sg_length <= 0:
        return None
    try:
        start += address_of(memory)
    except (BufferError, TypeError):
        return None
    return "memory", start, start + vector.sg_length


def overlaps(spans: list[Span]) -> bool:
    """Whether two of these show the same memory."""
    return any(
        one[0] == other[0] and other[1] < one[2] and other[1] < other[2] for one, other in pairwise(sorted(spans))
    )


def shape_of(buf: SgList | None, sgcnt: int) -> list[tuple[Any, ...]]:
    """What a driver's vectors say, field by field: equal as long as nobody changes them."""
    if buf is None or isinstance(buf, bytes | bytearray | memoryview):
        return [(id(buf), sgcnt)]
    return [
        (
            id(vector),
            vector.sg_flag & ISCSI_SG_SBUF_DMABLE,
            id(vector.sg_page),
            id(vector.sg_addr),
            vector.sg_dma_addr,
            vector.sg_offset,
            vector.sg_length,
        )
        for vector in buf[:sgcnt]
    ]


def _memory(vector: chiscsi_sgvec, space: AddressSpace | None) -> memoryview:
    """The octets of a vector; by its DMA address, which takes precedence over the page, also if only an adapter can."""
    if vector.sg_addr is None and space is not None and vector.sg_flag & ISCSI_SG_SBUF_DMABLE and vector.sg_dma_addr:
        return space.octets(vector.sg_dma_addr, vector.sg_length)
    return memory_of(vector)


class Loan:
    """One phase's buffers, from their handing over to their return.

    Args:
        phase: see below.
        space: what DMA addresses mean, or None.
        keep_contents: whether the octets are to be compared with later ones.

    Attributes:
        phase: list, number of vectors, offset and length in octets.
        shape: what the vectors said.
        contents: a read's octets, when contents are looked at.
    """

    __slots__ = ("_space", "contents", "phase", "shape")

    def __init__(self, phase: Phase, space: AddressSpace | None, keep_contents: bool) -> None:
        self.phase = phase
        self._space = space
        self.shape = shape_of(phase[0], phase[1])
        self.contents = self.octets() if keep_contents else None

    @property
    def end(self) -> int:
        """Where it ends in the transfer, in octets."""
        return self.phase[2] + self.phase[3]

    def vectors(self) -> Iterator[chiscsi_sgvec]:
        """Its vectors, those of a linear buffer made up."""
        yield from vectors(self.phase[0], self.phase[1])

    def octets(self) -> bytes | None:
        """What its memory holds now; None when there is no such memory."""
        try:
            return b"".join(_memory(vector, self._space) for vector in self.vectors())
        except (ValueError, TypeError, AddressError):
            return None

    def changed(self) -> bool:
        """Whether a vector says something else than it did."""
        return shape_of(self.phase[0], self.phase[1]) != self.shape
