from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from chiscsi_target.drivers.anchors import Anchors

SIZE = 40
STEPS = st.lists(st.tuples(st.booleans(), st.integers(0, SIZE), st.integers(0, SIZE)), max_size=20)


def octets(anchors: Anchors) -> set[int]:
    """What is anchored, by stretches, of which two that follow each other are never alike."""
    found: set[int] = set()
    offset, before = 0, None
    while offset < SIZE:
        yes, length = anchors.extent(offset)
        assert length > 0 and yes != before
        found |= set(range(offset, min(offset + length, SIZE))) if yes else set()
        offset, before = offset + length, yes
    return found


@given(STEPS)
def test_they_are_a_set_of_octets(steps: list[tuple[bool, int, int]]) -> None:
    anchors, model = Anchors(), set[int]()
    for add, start, end in steps:
        (anchors.add if add else anchors.remove)(start, end)
        model = model | set(range(start, end)) if add else model - set(range(start, end))
        assert octets(anchors) == model and bool(anchors) == bool(model)


def test_all_behind_an_octet_can_be_removed() -> None:
    anchors = Anchors()
    anchors.add(0, 1 << 50)
    anchors.remove(4096)
    assert anchors.extent(0) == (True, 4096) and not anchors.extent(4096)[0]
