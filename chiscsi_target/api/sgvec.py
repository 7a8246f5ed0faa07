"""`chiscsi_sgvec`: where a piece of a transfer lies in the driver's memory (guide 7.3.5.1, "Data Buffer Setup")."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from chiscsi_target.api.address_space import Region

Memory: TypeAlias = bytes | bytearray | memoryview

# What the fields hold that the stack fills, until it does: a driver that never looks at them does not pay for them.
_UNFILLED = {"sg_boff": 0, "sg_next": None, "sg_mapping": None}


class chiscsi_sgvec:
    """One vector of a scatter-gather list.

    Attributes:
        sg_flag: ISCSI_SG_SBUF_DMABLE for memory that the driver manages itself; the other bits are the stack's.
        sg_page: the host page the bytes lie in, as its memory or as a `Region` of an `AddressSpace`, or None.
        sg_addr: the memory from the first byte of the buffer on, or None. Writable for a write command.
        sg_dma_addr: physical address of the buffer, 0 when there is none; takes precedence over `sg_page`.
        sg_offset: octets into the page, relevant with `sg_page` only.
        sg_length: length of the buffer in octets; must be set.

    Attributes written by the stack while it has the vector (behaviour file, 3.1); drivers do not touch them:
        sg_boff: offset of the vector in the whole transfer, in octets.
        sg_next: the vector after it, also in the next phase; None for the last one given so far.
        sg_mapping: the memory behind `sg_page` or `sg_dma_addr`, when the stack had to find it.
    """

    __slots__ = (
        "sg_addr",
        "sg_boff",
        "sg_dma_addr",
        "sg_flag",
        "sg_length",
        "sg_mapping",
        "sg_next",
        "sg_offset",
        "sg_page",
    )

    sg_boff: int
    sg_next: chiscsi_sgvec | None
    sg_mapping: memoryview | None

    def __init__(
        self,
        sg_addr: Memory | None = None,
        sg_length: int = 0,
        sg_page: Memory | Region | None = None,
        sg_offset: int = 0,
        sg_dma_addr: int = 0,
        sg_flag: int = 0,
    ) -> None:
        self.sg_flag = sg_flag
        self.sg_page = sg_page
        self.sg_addr = sg_addr
        self.sg_dma_addr = sg_dma_addr
        self.sg_offset = sg_offset
        self.sg_length = sg_length

    if not TYPE_CHECKING:  # or every misspelt field would pass the type checker

        def __getattr__(self, name: str) -> object:
            try:
                return _UNFILLED[name]
            except KeyError:
                raise AttributeError(f"chiscsi_sgvec has no field {name}") from None

    def __repr__(self) -> str:
        return (
            f"chiscsi_sgvec(sg_length={self.sg_length}, sg_offset={self.sg_offset}, sg_flag={self.sg_flag:#x}, "
            f"sg_page={'set' if self.sg_page is not None else None}, "
            f"sg_addr={'set' if self.sg_addr is not None else None}, sg_dma_addr={self.sg_dma_addr:#x})"
        )


SgList: TypeAlias = Sequence[chiscsi_sgvec] | Memory
"""What the guide calls `sc_xfer_sreq_buf`: an array of vectors or, with `sc_xfer_sgcnt` 0, the bytes themselves."""
