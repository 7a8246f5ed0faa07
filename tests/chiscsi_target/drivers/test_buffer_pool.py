from __future__ import annotations

from chiscsi_target.drivers.buffer_pool import POOLED, BufferPool

LONG = POOLED * 4


def test_a_long_buffer_is_used_again() -> None:
    pool = BufferPool()
    first = pool.take(LONG)
    assert first == bytes(LONG)
    pool.give(first)
    assert pool.take(LONG) is first
    assert pool.take(LONG) is not first


def test_a_buffer_of_another_length_is_not() -> None:
    pool = BufferPool()
    first = pool.take(LONG)
    pool.give(first)
    assert pool.take(LONG + 512) is not first


def test_short_buffers_are_not_kept() -> None:
    pool = BufferPool()
    first = pool.take(POOLED)
    pool.give(first)
    assert pool.take(POOLED) is not first


def test_no_more_is_kept_than_there_is_room_for() -> None:
    pool = BufferPool(kept=2 * LONG)
    taken = [pool.take(LONG) for _ in range(3)]
    for buffer in taken:
        pool.give(buffer)
    again = [pool.take(LONG) for _ in range(3)]
    assert [any(each is buffer for buffer in taken) for each in again] == [True, True, False]
    pool.give(again[0])
    assert pool.take(LONG) is again[0]
