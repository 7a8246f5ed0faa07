"""The window of CmdSNs against a model that counts without end, where the real one wraps."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chiscsi_target.core.command_window import CommandWindow

MODULUS = 1 << 32


@dataclass
class Model:
    """What RFC 7143 section 4.2.2.1 says, with numbers that never wrap."""

    exp: int
    max: int
    waiting: dict[int, tuple[object, str]] = field(default_factory=dict)
    callbacks: list[tuple[int, str]] = field(default_factory=list)
    events: list[str] = field(default_factory=list)

    def admits(self, number: int) -> bool:
        return self.exp <= number <= self.max and number not in self.waiting

    def arrived(self, number: int, owner: object, name: str) -> None:
        self.waiting[number] = owner, name
        moved = False
        while self.exp in self.waiting:
            name = self.waiting.pop(self.exp)[1]
            self.events += [name] if name else []
            self.exp += 1
            moved = True
        if moved:
            self.events += [name for limit, name in self.callbacks if limit <= self.exp]
            self.callbacks = [entry for entry in self.callbacks if entry[0] > self.exp]


class Both:
    """The model and the real window, which have to agree after every step."""

    def __init__(self, first: int, size: int) -> None:
        self.model = Model(first, first + size - 1)
        self.window = CommandWindow(first % MODULUS, size)
        self.events: list[str] = []
        self.unanswered = 0
        self.owners: list[Any] = [object(), object()]

    def arrive(self, ahead: int, owner: int, name: str) -> None:
        number = self.model.exp + ahead
        assert self.window.admits(number % MODULUS) == self.model.admits(number)
        if self.model.admits(number):
            self.model.arrived(number, self.owners[owner], name)
            self.window.arrived(number % MODULUS, self.owners[owner], self.events.append, name)
            self.unanswered += 1

    def skip(self, ahead: int, owner: int, name: str) -> None:
        number = self.model.exp + ahead
        if self.model.admits(number):
            self.model.max += 1
            self.model.arrived(number, None, "")
            self.window.skip(number % MODULUS)

    def answer(self, *_: Any) -> None:
        if self.unanswered:
            self.unanswered -= 1
            self.model.max += 1
            self.window.answered()

    def forget(self, ahead: int, *_: Any) -> None:
        number = self.model.exp + ahead
        if number in self.model.waiting:
            self.model.waiting[number] = None, ""
        self.window.forget(number % MODULUS)

    def discard(self, ahead: int, owner: int, name: str) -> None:
        gone = {number for number, (whose, _) in self.model.waiting.items() if whose is self.owners[owner]}
        for number in gone:
            del self.model.waiting[number]
        self.unanswered -= len(gone)
        assert self.window.discard(self.owners[owner]) == {number % MODULUS for number in gone}

    def call_at(self, ahead: int, owner: int, name: str) -> None:
        # As its one user does: only for numbers that have not been reached.
        limit = self.model.exp + abs(ahead) + 1
        self.model.callbacks.append((limit, name))
        self.window.call_at(limit % MODULUS, lambda: self.events.append(name))

    def check(self) -> None:
        assert self.window.exp_cmd_sn == self.model.exp % MODULUS
        assert self.window.max_cmd_sn == self.model.max % MODULUS
        assert self.events == self.model.events


steps = st.lists(
    st.tuples(
        st.sampled_from(("arrive", "arrive", "arrive", "answer", "answer", "skip", "forget", "discard", "call_at")),
        st.integers(-3, 12),
        st.integers(0, 1),
    ),
    max_size=60,
)
starts = st.integers(MODULUS - 40, MODULUS + 2) | st.integers(0, 3) | st.integers((1 << 31) - 20, (1 << 31) + 2)


@given(starts, st.integers(1, 10), steps)
def test_it_counts_as_the_model_does(first: int, size: int, taken: list[tuple[str, int, int]]) -> None:
    both = Both(first, size)
    for number, (step, ahead, owner) in enumerate(taken):
        getattr(both, step)(ahead, owner, f"{step} {number}")
        both.check()


@given(starts, st.integers(1, 64))
def test_nothing_outside_the_window_comes_in(first: int, size: int) -> None:
    window = CommandWindow(first % MODULUS, size)
    inside = range(first, first + size)
    for number in (*range(first - 5, first + size + 5), first + (1 << 31), first - (1 << 31)):
        assert window.admits(number % MODULUS) == (number in inside)


def test_a_closed_window_admits_nothing() -> None:
    window = CommandWindow(7, 1)
    window.arrived(7, None, lambda: None)
    assert (window.exp_cmd_sn, window.max_cmd_sn) == (8, 7)
    assert not any(window.admits(number) for number in (6, 7, 8, 9))
    window.answered()
    assert window.admits(8) and not window.admits(9)


def test_a_window_is_resized_before_it_is_used() -> None:
    window = CommandWindow(5, 128)
    window.resize(2)
    assert (window.exp_cmd_sn, window.max_cmd_sn, window.size) == (5, 6, 2)


def test_the_window_keeps_its_width_when_a_missing_command_is_aborted() -> None:
    """RFC 7143, 11.6.1: the command counts as received, and as ended: nobody will ever answer it."""
    window = CommandWindow(1, 4)
    window.skip(2)
    assert (window.exp_cmd_sn, window.max_cmd_sn) == (1, 5)
    window.arrived(1, None, lambda: None)
    assert window.exp_cmd_sn == 3
    window.answered()
    assert (window.max_cmd_sn - window.exp_cmd_sn + 1) == 4


@pytest.mark.parametrize("step", ["skip", "forget"])
def test_what_was_aborted_stays_received_when_its_connection_goes(step: str) -> None:
    window, connection = CommandWindow(1, 8), object()
    if step == "forget":
        window.arrived(2, connection, lambda: None)  # type: ignore[arg-type]  # any object names a connection
        window.forget(2)
    else:
        window.skip(2)
    assert window.discard(connection) == set()  # type: ignore[arg-type]
    window.arrived(1, None, lambda: None)
    assert window.exp_cmd_sn == 3
