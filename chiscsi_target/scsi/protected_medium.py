"""`ProtectedMedium`: blocks that have protection information, for commands that do not transfer any (SBC-3, 4.22)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from chiscsi_target.api.medium import AnchoringMedium, Medium
from chiscsi_target.scsi.protection_information import CHECKS, TUPLE, Tags, check, generate

if TYPE_CHECKING:
    from chiscsi_target.api.logical_unit import chiscsi_lun

__all__ = ["ProtectedMedium", "medium_behind"]

_PAGE: Final = 4096
"""Pieces in which storage is given back."""


def medium_behind(lu: chiscsi_lun, medium: Medium | None) -> Medium | None:
    """What the commands of a logical unit work on, by way of its `medium`: with protection information, another one."""
    if medium is None or lu.tuples is None:
        return medium
    return ProtectedMedium(medium, lu.tuples, lu.protection, lu.sect_shift)


class ProtectedMedium:
    """A `Medium` whose blocks are checked when they are read, and get new tuples when they are written.

    Tuples are kept inverted, so that storage which nobody has written stands for blocks which nobody has written.

    Attributes:
        kind: the type of protection information, from 1 to 3.
        block: octets of a block.
    """

    def __init__(self, data: Medium, tuples: Medium, kind: int, shift: int) -> None:
        """Make a medium of blocks, and of their tuples, eight octets each; `shift` is the blocks' `sect_shift`."""
        self._data = data
        self._tuples = tuples
        self.kind = kind
        self._shift = shift
        self.block = 1 << shift

    @property
    def thin(self) -> bool:
        """See `Medium`."""
        return self._data.thin

    def tags(self, lba: int) -> Tags:
        """What is known of the tags from a block on without a word in the CDB."""
        return Tags(self.kind, lba if self.kind == 1 else None)

    def read(self, offset: int, length: int) -> bytes:
        """See `Medium`; raises Refused for a block that does not go with its tuple."""
        lba, end = self._blocks(offset, length)
        data, tuples = self.read_blocks(lba, end - lba)
        check(data, tuples, self.block, lba, self.tags(lba), CHECKS[0])
        start = offset - (lba << self._shift)
        return data[start : start + length] if len(data) != length else data

    def write(self, offset: int, data: bytes | bytearray | memoryview) -> None:
        """See `Medium`; a block that is not written as a whole keeps the rest."""
        lba, end = self._blocks(offset, len(data))
        before, behind = offset - (lba << self._shift), (end << self._shift) - offset - len(data)
        if before or behind:
            old, _ = self.read_blocks(lba, end - lba)
            data = old[:before] + bytes(data) + old[len(old) - behind :]
        self.write_blocks(lba, data, generate(data, self.block, self.kind, lba))

    def discard(self, offset: int, length: int) -> None:
        """See `Medium`; what is given back has no protection information any more."""
        lba, end = self._blocks(offset, length)
        self._data.discard(offset, length)
        self._forget(lba * TUPLE, end * TUPLE)

    @property
    def anchors(self) -> bool:
        """See `AnchoringMedium`."""
        return isinstance(self._data, AnchoringMedium) and self._data.anchors

    def anchor(self, offset: int, length: int) -> None:
        """See `AnchoringMedium`; tuples that say "never written" take the storage of those that come later."""
        assert isinstance(self._data, AnchoringMedium), "nobody anchors on a medium that cannot"
        lba, end = self._blocks(offset, length)
        self._tuples.write(lba * TUPLE, bytes((end - lba) * TUPLE))
        self._data.anchor(offset, length)

    def anchored(self, offset: int) -> tuple[bool, int]:
        """See `AnchoringMedium`."""
        assert isinstance(self._data, AnchoringMedium), "nobody asks on a medium that cannot"
        return self._data.anchored(offset)

    def extent(self, offset: int) -> tuple[bool, int]:
        """See `Medium`."""
        return self._data.extent(offset)

    def flush(self) -> None:
        """See `Medium`."""
        self._data.flush()
        self._tuples.flush()

    def read_blocks(self, lba: int, count: int) -> tuple[bytes, bytes]:
        """Blocks and their tuples, unchecked."""
        kept = self._tuples.read(lba * TUPLE, count * TUPLE)
        return self._data.read(lba << self._shift, count << self._shift), _inverted(kept)

    def write_blocks(self, lba: int, data: bytes | bytearray | memoryview, tuples: bytes) -> None:
        """Write blocks with their tuples.

        Whoever dies in between leaves blocks without protection information, not such that nobody can read.
        """
        self._tuples.write(lba * TUPLE, bytes(len(tuples)))
        self._data.write(lba << self._shift, data)
        self._tuples.write(lba * TUPLE, _inverted(tuples))

    def _blocks(self, offset: int, length: int) -> tuple[int, int]:
        """The blocks that octets lie in: the first, and the one behind the last."""
        return offset >> self._shift, -(-(offset + length) >> self._shift)

    def _forget(self, start: int, end: int) -> None:
        """Have tuples stand for blocks that were never written; whole pages of them are given back."""
        first, last = -(-start // _PAGE) * _PAGE, end // _PAGE * _PAGE
        if first >= last:
            self._tuples.write(start, bytes(end - start))
            return
        self._tuples.discard(first, last - first)
        for at, length in ((start, first - start), (last, end - last)):
            if length:
                self._tuples.write(at, bytes(length))


def _inverted(octets: bytes) -> bytes:
    size = len(octets)
    return (int.from_bytes(octets) ^ (1 << 8 * size) - 1).to_bytes(size)
