"""The checks of buffers that a driver gives, their messages and order; bytes in and out of scattered memory."""

from __future__ import annotations

import array
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chiscsi_target.api import SC_FLAG_READ, SC_FLAG_WRITE, SC_FLAG_XFER_OVERFLOW, SC_FLAG_XFER_UNDERFLOW, chiscsi_sgvec
from chiscsi_target.core import buffers
from chiscsi_target.core.buffers import BUFFER_READY, EXECUTION_STATUS
from chiscsi_target.core.task import Phase, Task
from chiscsi_target.offload.terminator import Offload
from tests.chiscsi_target.scripted import RamDriver
from tests.chiscsi_target.stand import Stand

OVER, UNDER = SC_FLAG_XFER_OVERFLOW, SC_FLAG_XFER_UNDERFLOW
TOTAL = 8192


def task(*, write: bool = False, total: int = TOTAL, given: int = 0, returned: int = 0, flag: int = 0) -> Task:
    """A task with the Initiator Task Tag 0x69, of which some buffers are with the stack."""
    stand = Stand(driver=RamDriver(), offload=Offload.OFF)
    session = stand.session(stand.login())
    direction = SC_FLAG_WRITE if write else SC_FLAG_READ
    made = Task(session.stack, session.connections[0], session, bytes(16), 0, 0, 0x69, 1, total, direction | flag, 0)
    made.given, made.returned = given, returned
    return made


def sgl(*lengths: int) -> list[chiscsi_sgvec]:
    return [chiscsi_sgvec(bytearray(length), length) for length in lengths]


# Behaviour file, 3.5: the buffers, what is given, and the message; the numbers are those of the table.
CHECKS: list[tuple[str, dict[str, int], Any, int, int, int, str]] = [
    ("1", {}, None, 1, 0, TOTAL, "data buf NULL, 0+8192/8192."),
    ("1 before 2", {}, None, 0, 4096, 4096, "data buf NULL, 4096+4096/8192."),
    ("2", {}, sgl(4096), 0, 0, TOTAL, "sg 0, exp. sgl, 0+8192/8192."),
    ("2 linear at an offset", {"given": 4096}, bytes(4096), 0, 4096, 4096, "sg 0, exp. sgl, 4096+4096/8192."),
    ("2 linear of another length", {"flag": UNDER}, bytes(4096), 0, 0, 4096, "sg 0, exp. sgl, 0+4096/8192."),
    ("2 before 3", {"flag": OVER | UNDER}, sgl(1), 0, 0, 1, "sg 0, exp. sgl, 0+1/8192."),
    ("3", {"flag": OVER | UNDER}, sgl(TOTAL), 1, 0, TOTAL, "Overflow/Underflow flag, mutually exclusive."),
    ("3 before 4", {"flag": OVER | UNDER}, sgl(9000), 1, 0, 9000, "Overflow/Underflow flag, mutually exclusive."),
    ("4", {}, sgl(TOTAL + 1), 1, 0, TOTAL + 1, "buf overflow, 8192!=0+8193."),
    ("4 before 6", {}, sgl(8192), 1, 4096, 8192, "buf overflow, 8192!=4096+8192."),
    ("5", {}, sgl(4096), 1, 0, 4096, "buf underflow, 8192!=0+4096."),
    ("5 before 6", {}, sgl(2048), 1, 4096, 2048, "buf underflow, 8192!=4096+2048."),
    ("6", {}, sgl(4096), 1, 4096, 4096, "buf off 4096+4096, exp. 0+0."),
    ("6 with some held", {"given": 4096}, sgl(0), 1, 8192, 0, "buf off 8192+0, exp. 0+4096."),
    ("6 with some returned", {"given": 6144, "returned": 2048}, sgl(0), 1, 8192, 0, "buf off 8192+0, exp. 2048+4096."),
    ("6 before 7", {}, sgl(1), 1, 4096, 4096, "buf off 4096+4096, exp. 0+0."),
    ("7", {}, sgl(4096, 4000), 2, 0, TOTAL, "buflen does not match, 8096!=0+8192."),
    ("7 too many vectors said", {}, sgl(4096), 2, 0, TOTAL, "buflen does not match, 4096!=0+8192."),
    ("7 linear", {}, bytes(8000), 0, 0, TOTAL, "buflen does not match, 8000!=0+8192."),
    ("none", {}, sgl(TOTAL), 1, 0, TOTAL, ""),
    ("none, several", {}, sgl(4096, 2048, 2048), 3, 0, TOTAL, ""),
    ("none, more vectors than said", {}, sgl(4096, 4096, 1), 2, 0, TOTAL, ""),
    ("none, linear", {}, bytes(TOTAL), 0, 0, TOTAL, ""),
    ("none, overflow announced", {"flag": OVER}, sgl(TOTAL + 512), 1, 0, TOTAL + 512, ""),
    ("none, underflow announced", {"flag": UNDER}, sgl(512), 1, 0, 512, ""),
]


@pytest.mark.parametrize("function", [BUFFER_READY, EXECUTION_STATUS])
@pytest.mark.parametrize("check", CHECKS, ids=[check[0] for check in CHECKS])
def test_the_first_check_that_fails_is_named(check: Any, function: str) -> None:
    _, state, buf, sgcnt, offset, buflen, message = check
    made = task(**state)
    found = buffers.check_given(function, made, buf, sgcnt, offset, buflen, multi_phase=False)
    assert found == (f"{function}: itt 0x69, {message}" if message else "")
    # What the short way lets through, the long way would let through.
    assert not buffers.plainly_right(made, buf, sgcnt, offset, buflen) or found == ""


def test_a_phase_may_end_early() -> None:
    """Check 5 is for single-phase mode only."""
    first = task(), sgl(4096), 1, 0, 4096
    assert buffers.check_given(BUFFER_READY, *first, multi_phase=True) == ""
    second = task(given=4096), sgl(4096), 1, 4096, 4096
    assert buffers.check_given(BUFFER_READY, *second, multi_phase=True) == ""


@pytest.mark.parametrize(
    "returned, offset, buflen, multi_phase, messages, flags",
    [
        (8192, 0, 8192, False, [], 0),
        (8192, 0, 8193, False, ["buf overflow, 8192!=0+8193.", "0+8193 > current sgl 0+8192."], None),
        (9000, 0, 9000, False, ["buf overflow, 8192!=0+9000."], OVER),
        (8192, 0, 4096, False, ["buf underflow, 8192!=0+4096."], UNDER),
        (8192, 0, 4096, True, [], 0),
        (4096, 4096, 4096, True, ["4096+4096 > current sgl 0+4096."], None),
        (0, 0, 0, False, ["buf underflow, 8192!=0+0."], UNDER),
    ],
)
def test_what_a_write_says_it_has_executed(
    returned: int, offset: int, buflen: int, multi_phase: bool, messages: list[str], flags: int | None
) -> None:
    """Checks 8 and 9: the buffers themselves are not looked at any more."""
    made = task(write=True, given=returned, returned=returned)
    expected = [f"{EXECUTION_STATUS}: itt 0x69, {message}" for message in messages]
    assert buffers.check_executed(made, offset, buflen, multi_phase) == (expected, flags)


@pytest.mark.parametrize(
    "vector, complaint",
    [
        (chiscsi_sgvec(None, 16, sg_flag=1), "sg_flag 0x1, sg_addr NULL, Cannot copy data!"),
        (
            chiscsi_sgvec(bytearray(15), 16),
            "itt 0x69, the vector's memory has 15 octets, those from 0 to 16 are needed.",
        ),
        (chiscsi_sgvec(None, 16, bytearray(4096), 4088), "itt 0x69, the vector's memory has 4096 octets, "),
        (chiscsi_sgvec(bytearray(16), -16), "itt 0x69, the vector's memory has 16 octets, those from 0 to -16 are"),
        (chiscsi_sgvec(None, 1, bytearray(16), -1), "itt 0x69, the vector's memory has 16 octets, those from -1 to 0"),
        (
            chiscsi_sgvec(memoryview(array.array("I", range(16))), 16),
            "itt 0x69, the vector's memory is not made of octets.",
        ),
        (chiscsi_sgvec("not memory", 10), "itt 0x69, memoryview: a bytes-like object is required"),  # type: ignore[arg-type]
        (chiscsi_sgvec(bytearray(16), 16), ""),
        (chiscsi_sgvec(bytearray(32), 16), ""),
        (chiscsi_sgvec(None, 16, bytearray(4096), 4080), ""),
    ],
)
def test_memory_that_cannot_be_used(vector: chiscsi_sgvec, complaint: str) -> None:
    for write in (True, False):
        made = task(write=write, total=max(vector.sg_length, 0))
        found = buffers.find_unusable(made, [vector], 1)
        assert complaint in found if complaint else found == ""
        if complaint:
            assert not buffers.plainly_right(made, [vector], 1, 0, vector.sg_length)


def test_a_write_needs_memory_that_can_be_written() -> None:
    vector = chiscsi_sgvec(bytes(16), 16)
    for buf, sgcnt in (([vector], 1), (bytes(16), 0), (memoryview(bytes(16)), 0)):
        writing, reading = task(write=True, total=16), task(total=16)
        assert buffers.find_unusable(writing, buf, sgcnt) == "itt 0x69, the buffer of a write is read-only."
        assert not buffers.plainly_right(writing, buf, sgcnt, 0, 16)
        assert buffers.find_unusable(reading, buf, sgcnt) == ""
        assert buffers.plainly_right(reading, buf, sgcnt, 0, 16)


# Scattered memory


@st.composite
def phases(draw: st.DrawFn) -> list[Phase]:
    """Some phases of vectors, by address or by page, or one linear buffer."""
    if draw(st.integers(0, 5)) == 0:
        length = draw(st.integers(1, 300))
        return [(bytearray(length), 0, 0, length)]
    made: list[Phase] = []
    offset = draw(st.integers(0, 50))
    for _ in range(draw(st.integers(1, 4))):
        vectors = draw(st.lists(st.builds(_vector, st.integers(1, 60), st.booleans()), min_size=1, max_size=5))
        length = sum(vector.sg_length for vector in vectors)
        made.append((vectors, len(vectors), offset, length))
        offset += length
    return made


def _vector(length: int, paged: bool) -> chiscsi_sgvec:
    if paged:
        return chiscsi_sgvec(None, length, bytearray(length + 17), 9)
    return chiscsi_sgvec(bytearray(length + 3), length)


def contents(given: list[Phase]) -> bytes:
    """All octets of the phases, in order."""
    start, end = given[0][2], given[-1][2] + given[-1][3]
    return b"".join(bytes(piece) for piece in buffers.gather(given, start, end))


@given(phases(), st.data())
def test_what_is_scattered_is_gathered(made: list[Phase], choice: st.DataObject) -> None:
    start, end = made[0][2], made[-1][2] + made[-1][3]
    model = bytearray(end - start)
    for _ in range(3):
        first = choice.draw(st.integers(start, end))
        data = choice.draw(st.binary(min_size=0, max_size=end - first))
        buffers.scatter(made, first, data)
        model[first - start : first - start + len(data)] = data
        assert contents(made) == model
    low = choice.draw(st.integers(start, end))
    high = choice.draw(st.integers(low, end))
    found = b"".join(bytes(piece) for piece in buffers.gather(made, low, high))
    assert found == model[low - start : high - start]


@given(phases(), st.data())
def test_a_place_is_the_memory_itself(made: list[Phase], choice: st.DataObject) -> None:
    start, end = made[0][2], made[-1][2] + made[-1][3]
    first = choice.draw(st.integers(start, end))
    length = choice.draw(st.integers(0, end - first))
    place = buffers.place(made, first, length)
    assert place is not None and sum(map(len, place)) == length
    for piece in place:
        piece[:] = b"\xa5" * len(piece)
    assert b"".join(bytes(piece) for piece in buffers.gather(made, first, first + length)) == b"\xa5" * length


def test_no_place_in_too_many_pieces() -> None:
    vectors = [chiscsi_sgvec(bytearray(8), 8) for _ in range(513)]
    assert buffers.place([(vectors, 513, 0, 8 * 513)], 0, 8 * 513) is None
    assert buffers.place([(vectors, 513, 0, 8 * 513)], 0, 8 * 512) is not None


def test_no_place_in_memory_that_cannot_be_written() -> None:
    assert buffers.place([(bytes(16), 0, 0, 16)], 0, 16) is None


def test_gathering_copies_nothing() -> None:
    memory = bytearray(b"before")
    (piece,) = buffers.gather([([chiscsi_sgvec(memory, 6)], 1, 0, 6)], 0, 6)
    memory[:] = b"behind"
    assert bytes(piece) == b"behind"
