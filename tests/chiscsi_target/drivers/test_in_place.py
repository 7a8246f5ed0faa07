from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chiscsi_target.drivers.in_place import InPlaceMedium

PIECE = 32 << 10
"""Longer than what is copied anyway, and whole chunks."""
SMALL = 6 << 10
"""Pieces of which some share a chunk, and up to two are copied."""
PIECES = 8


def medium(content: str = "." * PIECES) -> InPlaceMedium:
    made = InPlaceMedium(len(content) * PIECE)
    write(made, 0, content)
    return made


def write(of: InPlaceMedium, first: int, content: str) -> None:
    buffer = of.buffer("write", first * PIECE, (first + len(content)) * PIECE)
    fill(buffer, content)
    of.written(first * PIECE, buffer)
    of.release("write")


def fill(buffer: bytearray | memoryview, content: str, piece: int = PIECE) -> None:
    buffer[:] = b"".join(letter.encode() * piece for letter in content)


def shown(data: bytes | bytearray | memoryview, piece: int = PIECE) -> str:
    """A letter for each piece, which must be of that letter throughout."""
    octets = bytes(data)
    letters = [octets[at : at + 1] for at in range(0, len(octets), piece)]
    assert octets == b"".join(letter * piece for letter in letters)
    return b"".join(letters).decode()


def read(of: InPlaceMedium, first: int = 0, last: int = PIECES, owner: str = "read") -> bytes | bytearray | memoryview:
    return of.read(owner, first * PIECE, last * PIECE)


def test_reads_and_writes_are_in_place() -> None:
    made = medium()
    buffer = made.buffer("w", 0, PIECE)
    assert isinstance(buffer, memoryview)
    buffer[:5] = b"hello"
    made.written(0, buffer)
    made.release("w")
    assert isinstance(read(made), memoryview)
    assert bytes(read(made)[:5]) == b"hello"


def test_a_short_read_is_a_copy() -> None:
    made = medium()
    assert isinstance(made.read("r", 0, 16 << 10), bytes)
    assert isinstance(made.read("r", 0, (16 << 10) + 512), memoryview)


def test_a_write_over_a_read_waits_beside_the_medium() -> None:
    made = medium("abcdefgh")
    old = read(made, 2, 5, "old")
    write(made, 4, "XY")
    assert shown(old) == "cde"
    assert shown(read(made)) == "abcdXYgh"
    made.release("old")
    assert shown(read(made)) == "abcdXYgh"


def test_after_the_read_everything_is_in_place_again() -> None:
    made = medium("abcdefgh")
    read(made, 2, 5, "old")
    write(made, 4, "X")
    assert isinstance(read(made, owner="copy"), bytearray)
    made.release("copy")
    made.release("old")
    assert isinstance(read(made, owner="view"), memoryview)
    made.release("view")
    assert isinstance(made.buffer("w", 0, PIECE), memoryview)


def test_a_write_beside_a_read_is_in_place() -> None:
    made = medium("abcdefgh")
    read(made, 2, 5, "old")
    assert isinstance(made.buffer("left", 0, 2 * PIECE), memoryview)
    assert isinstance(made.buffer("right", 5 * PIECE, 8 * PIECE), memoryview)
    assert isinstance(made.buffer("over", 4 * PIECE, 5 * PIECE), bytearray)


def test_a_read_over_a_write_in_progress_is_a_copy() -> None:
    made = medium("abcdefgh")
    buffer = made.buffer("w", 3 * PIECE, 4 * PIECE)
    over, beside = read(made, 0, 4, "over"), read(made, 4, 8, "beside")
    fill(buffer, "X")
    assert (shown(over), shown(beside)) == ("abcd", "efgh")
    assert isinstance(over, bytearray) and isinstance(beside, memoryview)


def test_later_writes_come_after_the_one_that_waits() -> None:
    made = medium("abcdefgh")
    read(made, 2, 3, "old")
    write(made, 2, "1111")
    write(made, 3, "2")
    write(made, 6, "3")
    assert shown(read(made, owner="now")) == "ab12113h"
    made.release("now")
    made.release("old")
    assert shown(read(made)) == "ab12113h"


def test_a_write_that_is_given_up_leaves_no_patch() -> None:
    made = medium("abcdefgh")
    read(made, 0, 8, "old")
    fill(made.buffer("w", 0, PIECE), "X")
    made.release("w")
    made.release("old")
    assert shown(read(made)) == "abcdefgh"
    assert isinstance(read(made), memoryview)


def test_a_waiting_write_waits_for_every_read() -> None:
    made = medium("abcdefgh")
    one, two = read(made, 0, 2, "one"), read(made, 1, 3, "two")
    write(made, 1, "X")
    made.release("one")
    assert (shown(two), shown(one)[0]) == ("bc", "a")
    made.release("two")
    assert shown(read(made)) == "aXcdefgh"


def test_a_short_read_sees_a_waiting_write() -> None:
    made = medium("abcdefgh")
    read(made, 0, 2, "old")
    write(made, 1, "X")
    assert bytes(made.read("short", PIECE - 2, PIECE + 2)) == b"aaXX"


@pytest.mark.parametrize("first, last, letters", [(0, 3, "abX"), (3, 4, "X"), (4, 8, "XXgh"), (0, 8, "abXXXXgh")])
def test_a_read_sees_the_part_of_a_waiting_write_that_is_its_own(first: int, last: int, letters: str) -> None:
    made = medium("abcdefgh")
    read(made, 2, 3, "old")
    write(made, 2, "XXXX")
    assert shown(read(made, first, last)) == letters


def test_releasing_twice_does_no_harm() -> None:
    made = medium()
    read(made)
    for _ in range(2):
        made.release("read")


@pytest.mark.parametrize("size", [0, 1 << 62])
def test_a_medium_that_cannot_be_raises(size: int) -> None:
    with pytest.raises((OSError, ValueError, OverflowError)):
        InPlaceMedium(size)


def test_a_write_into_a_chunk_that_is_read_elsewhere_is_not_lost() -> None:
    made = medium("abcdefgh")
    made.read("old", 0, 20 << 10)
    buffer = made.buffer("w", 31 << 10, 33 << 10)
    assert isinstance(buffer, bytearray)
    buffer[:] = b"X" * (2 << 10)
    made.written(31 << 10, buffer)
    for _ in range(2):
        assert bytes(made.read("now", 30 << 10, 34 << 10)) == b"a" * 1024 + b"X" * 2048 + b"b" * 1024
        made.release("old")


def test_a_read_that_never_ends_holds_up_nobody_elsewhere() -> None:
    made = medium("abcdefgh")
    old = read(made, 2, 4, "old")
    for letter in "123":
        write(made, 1, letter * 4)
    assert shown(old) == "cd"
    assert isinstance(read(made, 4, 8, "r"), memoryview)
    made.release("r")
    assert isinstance(made.buffer("w", 0, 2 * PIECE), memoryview)
    assert shown(read(made)) == "a3333fgh"


class Turnstile:
    """In place of the medium's lock: lets another worker act just before it is taken."""

    def __init__(self, meanwhile: Callable[[], None]) -> None:
        self.meanwhile = meanwhile

    def __enter__(self) -> None:
        self.meanwhile()

    def __exit__(self, *_: object) -> None:
        pass


def test_a_write_that_comes_between_the_end_of_a_read_and_its_shadows_is_not_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = medium("abcdefgh")
    read(made, 0, 1, "old")
    write(made, 0, "X")
    taken: list[bytearray | memoryview] = []

    def another_worker() -> None:
        taken.append(made.buffer("w", 0, PIECE))
        fill(taken[0], "Y")

    monkeypatch.setattr(made, "_lock", Turnstile(another_worker))
    made.release("old")
    monkeypatch.undo()
    made.written(0, taken[0])
    assert shown(read(made, 0, 1)) == "Y"


def test_the_last_chunk_of_a_medium_may_be_short() -> None:
    made = InPlaceMedium((40 << 10) + 512)
    made.read("old", 20 << 10, (40 << 10) + 512)
    buffer = made.buffer("w", 40 << 10, (40 << 10) + 512)
    buffer[:] = b"X" * 512
    made.written(40 << 10, buffer)
    for _ in range(2):
        assert bytes(made.read("now", 40 << 10, (40 << 10) + 512)) == b"X" * 512
        made.release("old")


@dataclass
class Model:
    """A disk as simple as can be, beside the real one; commands of both overlap as they like."""

    real: InPlaceMedium = field(default_factory=lambda: InPlaceMedium(MODEL_PIECES * SMALL))
    pieces: list[str] = field(default_factory=lambda: ["\0"] * MODEL_PIECES)
    reads: dict[int, tuple[bytes | bytearray | memoryview, bytes]] = field(default_factory=dict)
    writes: dict[int, tuple[int, str, bytearray | memoryview]] = field(default_factory=dict)
    owners: int = 0

    def begin_read(self, first: int, count: int) -> None:
        self.owners += 1
        data = self.real.read(str(self.owners), first * SMALL, (first + count) * SMALL)
        if not any(self._overlaps(first, count, at, text) for at, text, _ in self.writes.values()):
            assert shown(data, SMALL) == "".join(self.pieces[first : first + count])
        self.reads[self.owners] = data, bytes(data)

    def begin_write(self, first: int, count: int) -> None:
        """Overlapping writes in progress have no order, so there is only one at a time for any piece."""
        text = chr(ord("A") + self.owners % 26) * count
        if any(self._overlaps(first, count, at, other) for at, other, _ in self.writes.values()):
            return
        self.owners += 1
        buffer = self.real.buffer(str(self.owners), first * SMALL, (first + count) * SMALL)
        self.writes[self.owners] = first, text, buffer

    def end_write(self, which: int) -> None:
        if self.writes:
            owner = sorted(self.writes)[which % len(self.writes)]
            first, text, buffer = self.writes.pop(owner)
            fill(buffer, text, SMALL)
            self.real.written(first * SMALL, buffer)
            self.real.release(str(owner))
            self.pieces[first : first + len(text)] = text

    def end_read(self, which: int) -> None:
        if self.reads:
            owner = sorted(self.reads)[which % len(self.reads)]
            del self.reads[owner]
            self.real.release(str(owner))

    def check(self) -> None:
        for data, before in self.reads.values():
            assert data == before, "what a read handed over has changed"

    @staticmethod
    def _overlaps(first: int, count: int, at: int, text: str) -> bool:
        return first < at + len(text) and at < first + count


MODEL_PIECES = 16
STEP = st.tuples(
    st.sampled_from(["begin_read", "begin_write", "end_read", "end_write"]),
    st.integers(0, MODEL_PIECES - 1),
    st.integers(1, 8),
)


@given(steps=st.lists(STEP, min_size=6, max_size=30))
def test_reads_never_change_and_show_every_write_that_is_over(steps: list[tuple[str, int, int]]) -> None:
    model = Model()
    for step, first, count in steps:
        if step.startswith("begin"):
            getattr(model, step)(first, min(count, MODEL_PIECES - first))
        else:
            getattr(model, step)(first)
        model.check()
    while model.writes:
        model.end_write(0)
    while model.reads:
        model.end_read(0)
    whole = model.real.read("last", 0, MODEL_PIECES * SMALL)
    assert isinstance(whole, memoryview)
    assert shown(whole, SMALL) == "".join(model.pieces)
