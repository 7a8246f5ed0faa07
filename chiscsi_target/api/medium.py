"""`Medium`: the storage behind a built-in logical unit, octet by octet.

READ, WRITE and SYNCHRONIZE CACHE go to a LUN class through its hooks. All other commands that touch the medium (UNMAP,
WRITE SAME, COMPARE AND WRITE, copies, ...) are executed by the device server on what `chiscsi_lun.medium` is; a logical
unit without one does not have these commands. An `AnchoringMedium` can do a little more.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable


class Medium(Protocol):
    """Storage of `chiscsi_lun.size` octets. Every call is complete when it returns, and may raise `DriverError`."""

    @property
    def thin(self) -> bool:
        """Whether storage that is not needed is given back: `discard` frees, and `extent` tells what is mapped."""

    def read(self, offset: int, length: int) -> bytes:
        """The octets from `offset` on."""

    def write(self, offset: int, data: bytes | bytearray | memoryview) -> None:
        """Write octets; they survive a crash once `flush` has been called."""

    def discard(self, offset: int, length: int) -> None:
        """Forget octets: they read as zeros, and their storage is given back as far as it can be."""

    def extent(self, offset: int) -> tuple[bool, int]:
        """Whether there is storage behind the octet at `offset`, and how many octets from there on are alike."""

    def flush(self) -> None:
        """Bring all that was written to stable storage."""


@runtime_checkable
class AnchoringMedium(Medium, Protocol):
    """A `Medium` that can keep storage for octets that were discarded: anchored blocks (SBC-3, 4.7)."""

    @property
    def anchors(self) -> bool:
        """Whether it can, as things are; it is thin then."""

    def anchor(self, offset: int, length: int) -> None:
        """Forget octets: they read as zeros, and have storage until they are discarded.

        What is written into it is anchored no longer. Raises `DriverError` if there is not enough storage.
        """

    def anchored(self, offset: int) -> tuple[bool, int]:
        """Whether the octet at `offset` is anchored, and how many octets from there on are alike."""
