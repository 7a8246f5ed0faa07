"""Initial sequence numbers: a clock, a secret, and nothing else."""

from __future__ import annotations

from chiscsi_target.offload.tcp.isn import FourTuple, IsnGenerator

ENDS = FourTuple(bytes(4), 3260, bytes([192, 0, 2, 2]), 40000)


def test_the_same_seed_gives_the_same_numbers() -> None:
    assert IsnGenerator(1)(ENDS, 5.0) == IsnGenerator(1)(ENDS, 5.0)
    assert IsnGenerator(1)(ENDS, 5.0) != IsnGenerator(2)(ENDS, 5.0)


def test_the_clock_ticks_every_four_microseconds() -> None:
    isn = IsnGenerator(1)
    assert (isn(ENDS, 1.0) - isn(ENDS, 0.0)) & 0xFFFFFFFF == 250_000
    assert (isn(ENDS, 20_000.0) - isn(ENDS, 0.0)) & 0xFFFFFFFF == 5_000_000_000 & 0xFFFFFFFF


def test_every_end_counts() -> None:
    isn = IsnGenerator(1)
    changed = [
        ENDS._replace(local_address=bytes(3) + b"\1"),
        ENDS._replace(local_port=1),
        ENDS._replace(peer_address=bytes(16)),
        ENDS._replace(peer_port=40001),
    ]
    assert len({isn(ends, 0.0) for ends in [ENDS, *changed]}) == 5
