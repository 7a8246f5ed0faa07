"""Buffers that are not made of full pages, so that data cannot be placed into them (guide, Requirement for DDP).

Over all phases of a write, every buffer but the first and the last has to be one page, and to begin with it. Such data
are copied; the module says so, and so does this (guide, Appendix D).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from chiscsi_target.api.constants import ISCSI_SG_SBUF_DMABLE
from chiscsi_target.core.buffers import vectors

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chiscsi_target.api.sgvec import SgList, chiscsi_sgvec

__all__ = ["PAGE_SIZES", "is_full_page", "not_full_page", "not_full_pages"]

PAGE_SIZES: Final = (4096, 8192, 16384, 65536)
"""In octets, by the index that an offloaded connection's state holds: orders 0, 1, 2 and 4 of 4 KiB."""


def not_full_pages(buf: SgList, sgcnt: int, offset: int, total: int) -> Iterator[str]:
    """The module's lines about the buffers of one phase that are no full pages.

    Args:
        buf: the phase's vectors.
        sgcnt: their number.
        offset: where it begins in the transfer, in octets.
        total: the length of the transfer, in octets; whoever reaches it has the last buffer.
    """
    position = offset
    for number, vector in enumerate(vectors(buf, sgcnt), 1):
        middle = position > 0 and position + vector.sg_length < total
        position += vector.sg_length
        if middle and _could_be_placed_into(vector) and not is_full_page(vector):
            yield not_full_page(number, sgcnt, vector.sg_length, offset)


def is_full_page(vector: chiscsi_sgvec) -> bool:
    """Whether a buffer is as long as a page, and begins with it."""
    return not vector.sg_offset and vector.sg_length in PAGE_SIZES


def not_full_page(number: int, sgcnt: int, length: int, offset: int) -> str:
    """The module's line about a buffer that keeps data from being placed (guide, Appendix D).

    Args:
        number: which of its phase's vectors it is, from 1.
        sgcnt: how many vectors its phase has.
        length: of the buffer, in octets.
        offset: where its phase begins in the transfer, in octets.
    """
    return f"{number}/{sgcnt}, len {length} xferoff {offset} NOT full pages"


def _could_be_placed_into(vector: chiscsi_sgvec) -> bool:
    """Whether it is memory of the kind that direct placement needs at all: of pages, or able to do DMA."""
    return vector.sg_page is not None or bool(vector.sg_dma_addr) or bool(vector.sg_flag & ISCSI_SG_SBUF_DMABLE)
