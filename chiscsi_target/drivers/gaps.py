"""Sectors that were discarded although their page keeps its storage, since other sectors of it are in use."""

from __future__ import annotations

from typing import Final

__all__ = ["PAGE", "SECTOR", "Gaps", "whole_pages"]

SECTOR: Final = 512
"""Octets of the smallest logical block: what is discarded begins and ends on such a boundary."""
PAGE: Final = 4096
"""Octets of a page, the smallest piece of storage that can be given back."""


def whole_pages(offset: int, length: int) -> tuple[int, int]:
    """The pages that lie in a range of octets completely: the first one, and the one behind the last."""
    first, end = -(-offset // PAGE), (offset + length) // PAGE
    return first, max(first, end)


class Gaps:
    """The discarded sectors inside pages that have storage; false when there is none."""

    __slots__ = ("_sectors",)

    def __init__(self) -> None:
        self._sectors: set[int] = set()

    def __bool__(self) -> bool:
        return bool(self._sectors)

    def open(self, offset: int, length: int) -> None:
        """Regard a range of octets as discarded."""
        self._sectors.update(range(offset // SECTOR, (offset + length) // SECTOR))

    def close(self, offset: int, length: int) -> None:
        """Regard a range of octets as written, or its pages as gone."""
        self._sectors.difference_update(range(offset // SECTOR, -(-(offset + length) // SECTOR)))

    def covers(self, page: int) -> bool:
        """Whether nothing of a page is in use."""
        first = page * PAGE // SECTOR
        return all(sector in self._sectors for sector in range(first, first + PAGE // SECTOR))

    def extent(self, offset: int, end: int) -> tuple[bool, int]:
        """Whether the octet at `offset` is in use, and how many octets from there on, up to `end`, are alike."""
        if not self._sectors:
            return True, end - offset
        sector = offset // SECTOR
        gap = sector in self._sectors
        while sector * SECTOR < end and (sector in self._sectors) == gap:
            sector += 1
        return not gap, min(sector * SECTOR, end) - offset
