"""A scripted driver's memory made of pages, in each of the ways that a vector can name it (guide 7.3.5.1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from chiscsi_target.api import ISCSI_SG_SBUF_DMABLE, chiscsi_sgvec
from chiscsi_target.api.address_space import AddressSpace
from conformance.driver_bench.buffers import Buffers

__all__ = ["Kind", "Pages", "Shape", "make_pages"]

Kind = Literal["addr", "addr-dmable", "page", "region", "dma", "dma-mapped", "dma-page"]
"""How memory is named: by `sg_addr` alone; by `sg_addr` with ISCSI_SG_SBUF_DMABLE; by `sg_page` that is plain memory,
or a region of an address space; by a DMA address that only an adapter reaches, or the stack as well, or beside a page.
"""

Shape = Sequence[tuple[int, int]]
"""Where in its page each buffer begins, and how long it is, in octets."""

_UNTOUCHED = b"\xee"


@dataclass(frozen=True, slots=True)
class Pages:
    """Buffers that lie in pages, and the pages around them.

    Attributes:
        buffers: what is handed over.
        whole: the pages of each buffer.
        shape: where the buffers lie in them.
    """

    buffers: Buffers
    whole: list[bytearray]
    shape: Shape

    @property
    def spilled(self) -> int:
        """How many octets beside the buffers were written to."""
        outside = (
            page[:start] + page[start + length :] for page, (start, length) in zip(self.whole, self.shape, strict=True)
        )
        return sum(len(octets) - octets.count(_UNTOUCHED) for octets in outside)

    @property
    def untouched(self) -> bool:
        """Whether nothing was written, neither to the buffers nor beside them."""
        return all(page.count(_UNTOUCHED) == len(page) for page in self.whole)


def make_pages(space: AddressSpace, kind: Kind, shape: Shape, offset: int = 0, data: bytes = b"") -> Pages:
    """Buffers that lie in pages of their own, filled with a pattern that says who has not written there.

    Args:
        space: where the pages come from.
        kind: how the vectors name them.
        shape: where the buffers lie in their pages; a page is as long as it takes.
        offset: where the first buffer belongs in the transfer, in octets.
        data: what the buffers hold, for a read; nothing for a write.
    """
    whole, memory, vectors = [], [], []
    position = 0
    for start, length in shape:
        region = space.region(max(start + length, space.page_size), mapped=kind == "dma-mapped")
        region.memory[:] = _UNTOUCHED * len(region.memory)
        region.memory[start : start + len(data[position : position + length])] = data[position : position + length]
        part = memoryview(region.memory)[start : start + length]
        page = region.memory if kind == "page" else region if kind in ("region", "dma-page") else None
        by_dma = kind.startswith("dma")
        vectors.append(
            chiscsi_sgvec(
                part if kind.startswith("addr") else None,
                length,
                sg_page=page,
                sg_offset=start if page is not None else 0,
                sg_dma_addr=region.dma_address + start if by_dma else 0,
                sg_flag=ISCSI_SG_SBUF_DMABLE if by_dma or kind == "addr-dmable" else 0,
            )
        )
        whole.append(region.memory)
        memory.append(part)
        position += length
    return Pages(Buffers(memory, vectors, len(vectors), offset, position), whole, shape)
