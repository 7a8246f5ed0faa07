"""A medium against a plain model of it: octets, and which sectors are in use."""

from __future__ import annotations

from hypothesis import strategies as st

from chiscsi_target.api.medium import Medium
from chiscsi_target.drivers.gaps import PAGE, SECTOR

SECTORS = 64
PER_PAGE = PAGE // SECTOR
STEPS = st.lists(
    st.tuples(
        st.sampled_from(("write", "discard")), st.integers(0, SECTORS - 1), st.integers(1, SECTORS), st.integers(1, 255)
    ),
    max_size=20,
)


def check(medium: Medium, steps: list[tuple[str, int, int, int]]) -> None:
    """Do the steps to the medium and to the model, and compare both after each.

    What was written is in use. So may be the rest of its page, unless it was discarded while the page was in use.
    """
    content = bytearray(SECTORS * SECTOR)
    written: set[int] = set()
    in_pages: set[int] = set()
    for verb, first, count, value in steps:
        sectors = set(range(first, min(first + count, SECTORS)))
        offset, length = first * SECTOR, len(sectors) * SECTOR
        if verb == "write":
            medium.write(offset, bytes([value]) * length)
            content[offset : offset + length] = bytes([value]) * length
            written |= sectors
            for page in {sector // PER_PAGE for sector in sectors}:
                whole = set(range(page * PER_PAGE, (page + 1) * PER_PAGE))
                in_pages |= sectors & whole if in_pages & whole else whole
        else:
            medium.discard(offset, length)
            content[offset : offset + length] = bytes(length)
            written -= sectors
            in_pages -= sectors
        assert medium.read(0, len(content)) == content
        assert written <= extents(medium) <= in_pages


def extents(medium: Medium) -> set[int]:
    """The sectors in use, as the medium tells."""
    used: set[int] = set()
    offset = 0
    while offset < SECTORS * SECTOR:
        mapped, length = medium.extent(offset)
        assert length > 0
        end = min(offset + length, SECTORS * SECTOR)
        if mapped:
            used |= set(range(offset // SECTOR, end // SECTOR))
        offset = end
    return used
