"""Reassembly against a plain model: a dictionary of octets in which the first copy stays."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from chiscsi_target.offload.tcp.reassembly import Reassembly

NO_LIMIT = (1 << 20, 1 << 20)


class Model:
    """Octet by octet."""

    def __init__(self, start: int) -> None:
        self.next = start
        self.octets: dict[int, int] = {}

    def add(self, start: int, data: bytes) -> bytes:
        for position, octet in enumerate(data, start):
            if position >= self.next:
                self.octets.setdefault(position, octet)
        ready = bytearray()
        while self.next in self.octets:
            ready.append(self.octets.pop(self.next))
            self.next += 1
        return bytes(ready)


segments = st.lists(st.tuples(st.integers(0, 60), st.binary(max_size=25)), max_size=30)


@given(segments)
def test_it_does_what_the_model_does(arriving: list[tuple[int, bytes]]) -> None:
    real, model = Reassembly(10, *NO_LIMIT), Model(10)
    for start, data in arriving:
        ready = real.add(start, data)
        assert b"".join(ready) == model.add(start, data)
        assert all(ready), "an empty piece"
        assert (real.next, real.waiting) == (model.next, len(model.octets))
        assert real.end == max(model.octets, default=model.next - 1) + 1


@given(segments, st.integers(0, 40), st.integers(0, 5))
def test_limits_hold_and_what_is_refused_can_come_again(
    arriving: list[tuple[int, bytes]], octets: int, pieces: int
) -> None:
    real = Reassembly(0, octets, pieces)
    whole = bytes(range(100))
    got = b""
    for start, data in arriving:
        got += b"".join(real.add(start, whole[start : start + len(data)]))
        assert real.waiting <= octets
    got += b"".join(real.add(real.next, whole[real.next :]))
    assert got == whole
    assert real.waiting == 0


def test_octets_in_order_are_not_copied() -> None:
    reassembly = Reassembly(0, *NO_LIMIT)
    data = bytes(100)
    assert reassembly.add(0, data)[0] is data


def test_pieces_come_out_in_the_sizes_in_which_they_came() -> None:
    reassembly = Reassembly(0, *NO_LIMIT)
    assert reassembly.add(5, b"fgh") == []
    assert reassembly.add(8, b"ij") == []
    assert reassembly.add(0, b"abcde") == [b"abcde", b"fgh", b"ij"]


def test_the_first_copy_stays() -> None:
    reassembly = Reassembly(0, *NO_LIMIT)
    reassembly.add(2, b"CD")
    assert b"".join(reassembly.add(0, b"abcdef")) == b"abCDef"


def test_what_is_refused_is_counted() -> None:
    reassembly = Reassembly(0, 4, 10)
    reassembly.add(10, b"abcd")
    reassembly.add(20, b"e")
    assert (reassembly.waiting, reassembly.refused) == (4, 1)
