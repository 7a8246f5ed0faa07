"""State machines as sets of transitions, from the RFC's drawings and from our tables, so that they can be compared."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import TypeAlias, TypeVar

Transition: TypeAlias = tuple[str, str, str]
"""State left, label, state reached."""
State = TypeVar("State", bound=Enum)
Event = TypeVar("Event", bound=Enum)


def read_matrix(drawing: str) -> set[Transition]:
    """The transitions of a drawing: each row is the state that one leaves, each column the one where it arrives."""
    head, *rows = [[cell.strip() for cell in line.split("|")] for line in drawing.split("\n") if "|" in line]
    return {
        (row[0], label, state)
        for row in rows
        for state, label in zip(head[1:], row[1:], strict=True)
        if label not in ("", "-")
    }


def read_table(table: Mapping[State, Mapping[Event, tuple[str, State]]]) -> set[Transition]:
    """The transitions of one of our tables."""
    return {
        (str(state.value), label, str(following.value))
        for state, events in table.items()
        for label, following in events.values()
    }
