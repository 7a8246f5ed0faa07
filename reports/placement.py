"""What became of the data of writes: octets that an adapter placed, octets that were copied and why; words and sums.

A write's :class:`~reports.model.Placement` stands at the event that began it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from reports.model import Placement, Run

__all__ = ["BAR", "Sums", "add_up", "bar", "in_words", "placements", "sums_in_words"]

BAR = 20
"""Columns of a bar of text."""


class Sums(NamedTuple):
    """Placements added up.

    writes: how many there were.
    placed, copied: octets.
    reasons: octets and writes by the reason for copying, most octets first.
    """

    writes: int
    placed: int
    copied: int
    reasons: list[tuple[str, int, int]]


def placements(run: Run) -> list[Placement]:
    """What became of the data of each write of a run, in its order."""
    return [event.placement for case in run.cases for event in case.events if event.placement is not None]


def add_up(found: Iterable[Placement]) -> Sums:
    """The octets of all placements together, and by reason."""
    listed = list(found)
    octets: Counter[str] = Counter()
    writes: Counter[str] = Counter()
    for each in listed:
        if each.copied:
            octets[each.reason] += each.copied
            writes[each.reason] += 1
    reasons = [(reason, count, writes[reason]) for reason, count in octets.most_common()]
    return Sums(len(listed), sum(each.placed for each in listed), octets.total(), reasons)


def in_words(placement: Placement) -> str:
    """One write: "4,096 octets placed, 512 copied: came unasked"."""
    return _octets(placement.placed, placement.copied) + (f": {placement.reason}" if placement.reason else "")


def sums_in_words(sums: Sums) -> str:
    """Many of them: "12 writes: 4,096 octets placed, 512 copied"."""
    return f"{sums.writes:,} write{'' if sums.writes == 1 else 's'}: {_octets(sums.placed, sums.copied)}"


def bar(placed: int, copied: int, width: int = BAR) -> str:
    """Both parts as a bar of text, `width` columns long; a part that is not empty has a column at least."""
    total = placed + copied
    if not total:
        return " " * width
    full = min(max(round(width * placed / total), int(placed > 0)), width - int(copied > 0))
    return "█" * full + "░" * (width - full)


def _octets(placed: int, copied: int) -> str:
    first, second = (placed, "placed"), (copied, "copied")
    parts = [part for part in (first, second) if part[0]] or [first]
    (count, what), *rest = parts
    unit = "octet" if count == 1 else "octets"
    return ", ".join([f"{count:,} {unit} {what}", *(f"{more:,} {name}" for more, name in rest)])
