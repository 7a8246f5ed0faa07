"""Whatever the fields of a declared structure can hold, as hypothesis strategies."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from iscsi_wire.formats.declare import Format
from iscsi_wire.structure import FieldInfo, Kind, Structure

__all__ = ["field_values", "known_lengths"]

_MOST_ITEMS = 5


def field_values(
    kind: type[Structure], declared: Format, elements: dict[str, type[Structure]]
) -> st.SearchStrategy[Any]:
    """Values for every field of `kind` by name, its length fields left out."""
    lengths = {info.length for info in kind.FIELDS if info.length}
    return st.fixed_dictionaries(
        {info.name: _values(info, declared, elements) for info in kind.FIELDS if info.name not in lengths}
    )


def _values(info: FieldInfo, declared: Format, elements: dict[str, type[Structure]]) -> st.SearchStrategy[Any]:
    if info.width and info.kind in (Kind.BYTES, Kind.TEXT):
        return st.binary(min_size=info.width // 8, max_size=info.width // 8)
    if info.width:
        largest = (1 << info.width) - 1
        return st.integers(0, largest) | st.sampled_from((0, 1, largest))
    tail = declared.tail
    assert tail is not None and tail.tail is not None
    if tail.tail.element is not None:
        inner = elements[tail.tail.element.name]
        made = field_values(inner, tail.tail.element, elements).map(lambda values: known_lengths(inner, values))
        return st.lists(made, max_size=_MOST_ITEMS)
    if tail.tail.item:
        bits = {"B": 8, "H": 16, "I": 32, "Q": 64}[tail.tail.item]
        return st.lists(st.integers(0, (1 << bits) - 1), max_size=_MOST_ITEMS)
    return st.binary(max_size=40)


def known_lengths(kind: type[Structure], values: dict[str, Any]) -> Structure:
    """A structure of `values` whose length fields hold what is true instead of AUTO."""
    return kind.decode(kind.make(**values).encode())
