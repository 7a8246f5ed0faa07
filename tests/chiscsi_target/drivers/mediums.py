"""A medium against a plain model of it: octets, which sectors are in use, and which are anchored."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import strategies as st

from chiscsi_target.api.medium import AnchoringMedium
from chiscsi_target.drivers.gaps import PAGE, SECTOR

SECTORS = 64
PER_PAGE = PAGE // SECTOR
STEPS = st.lists(
    st.tuples(
        st.sampled_from(("write", "discard", "anchor")),
        st.integers(0, SECTORS - 1),
        st.integers(1, SECTORS),
        st.integers(1, 255),
    ),
    max_size=20,
)


def check(medium: AnchoringMedium, steps: list[tuple[str, int, int, int]]) -> None:
    """Do the steps to the medium and to the model, and compare both after each.

    What was written is in use. So may be the rest of its page, unless it was discarded while the page was in use. What
    is anchored is so to the sector, until it is written or discarded.
    """
    content = bytearray(SECTORS * SECTOR)
    written: set[int] = set()
    in_pages: set[int] = set()
    anchored: set[int] = set()
    for verb, first, count, value in steps:
        sectors = set(range(first, min(first + count, SECTORS)))
        offset, length = first * SECTOR, len(sectors) * SECTOR
        if verb == "write":
            medium.write(offset, bytes([value]) * length)
            content[offset : offset + length] = bytes([value]) * length
            written |= sectors
            anchored -= sectors
        else:
            (medium.anchor if verb == "anchor" else medium.discard)(offset, length)
            content[offset : offset + length] = bytes(length)
            written -= sectors
            anchored = anchored | sectors if verb == "anchor" else anchored - sectors
        in_pages = in_pages - sectors if verb == "discard" else grown(in_pages, sectors)
        assert medium.read(0, len(content)) == content
        assert stretches(medium.anchored) == anchored
        assert written <= stretches(medium.extent) - anchored <= in_pages


def grown(in_pages: set[int], sectors: set[int]) -> set[int]:
    """What may be in use when sectors get storage: all of a page that had none."""
    for page in {sector // PER_PAGE for sector in sectors}:
        whole = set(range(page * PER_PAGE, (page + 1) * PER_PAGE))
        in_pages = in_pages | (sectors & whole if in_pages & whole else whole)
    return in_pages


def stretches(tell: Callable[[int], tuple[bool, int]]) -> set[int]:
    """The sectors for which a medium's `extent` or `anchored` says yes."""
    found: set[int] = set()
    offset = 0
    while offset < SECTORS * SECTOR:
        yes, length = tell(offset)
        assert length > 0
        end = min(offset + length, SECTORS * SECTOR)
        if yes:
            found |= set(range(offset // SECTOR, end // SECTOR))
        offset = end
    return found
