"""Octets in order, whatever way their segments came."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from initiator_sim.segments.assembly import Assembly


@given(st.integers(0, 0xFFFFFFFF), st.binary(max_size=60), st.data())
def test_any_order_and_any_cut_gives_the_stream(start: int, stream: bytes, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.sets(st.integers(0, len(stream)))) | {0, len(stream)})
    pieces = [(begin, stream[begin:end]) for begin, end in zip(cuts, [*cuts[1:], len(stream)], strict=True)]
    more = data.draw(st.lists(st.tuples(st.integers(0, len(stream)), st.integers(0, 20))))
    pieces += [(begin, stream[begin : begin + length]) for begin, length in more]
    assembly, got = Assembly(start), b""
    for begin, piece in data.draw(st.permutations(pieces)):
        last = begin + len(piece) == len(stream)
        got += assembly.take(start + begin & 0xFFFFFFFF, piece, fin=last)
    assert got == stream
    assert assembly.ended
    assert assembly.next == start + len(stream) + 1 & 0xFFFFFFFF


def test_what_came_already_brings_nothing() -> None:
    assembly = Assembly(10)
    assert assembly.take(10, b"abc", fin=False) == b"abc"
    assert assembly.take(10, b"abc", fin=False) == b""
    assert assembly.take(8, b"xxabcd", fin=False) == b"d"
    assert not assembly.ended
