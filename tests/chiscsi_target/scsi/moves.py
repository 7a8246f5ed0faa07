"""Random medium commands, and how a `Model` says that each has to end."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from tests.chiscsi_target.scsi.model import HARMLESS, READ, WRITE, Expected, Model

__all__ = ["Move", "draw"]

MOST_BLOCKS = 12
TYPES = (1, 3, 5, 6, 7, 8)
_READS = {6: 0x08, 10: 0x28, 12: 0xA8, 16: 0x88}
_WRITES = {6: 0x0A, 10: 0x2A, 12: 0xAA, 16: 0x8A}
_VERIFIES = {10: 0x2F, 12: 0xAF, 16: 0x8F}
_WRITE_VERIFIES = {10: 0x2E, 12: 0xAE, 16: 0x8E}


@dataclass(frozen=True, slots=True)
class Move:
    """A command of a session: its CDB, the data that it sends (None: it sends none), octets that it expects."""

    session: int
    cdb: bytes
    data: bytes | None
    length: int
    access: str
    end: Callable[[Model], Expected]

    def expected(self, model: Model) -> Expected:
        """How it has to end; the model is changed as the disk is."""
        return model.stopped(self.session, self.access) or self.end(model)


class Draw:
    """Draws what commands are made of."""

    def __init__(self, random: Random, model: Model) -> None:
        self.random, self.model = random, model
        self.session = random.choice(model.sessions)

    def range(self) -> tuple[int, int]:
        """Blocks, mostly on the disk, often near to one another, at times over its end."""
        count = self.random.randint(0, MOST_BLOCKS)
        last = self.model.count - count
        where = self.random.random()
        lba = self.random.randint(0, min(40, last)) if where < 0.6 else self.random.randint(0, last)
        if where > 0.97:
            lba = self.model.count - max(count, 1) + self.random.randint(0, 5)
        return lba, count

    def octets(self, blocks: int) -> bytes:
        """Data: random ones, zeros, or of one value."""
        length = blocks * self.model.block
        kind = self.random.randrange(4)
        return (
            self.random.randbytes(length)
            if kind < 2
            else bytes((0, self.random.randrange(256))[kind - 2 :][:1]) * length
        )

    def guess(self, lba: int, count: int) -> bytes:
        """What blocks hold, at times with one wrong octet."""
        data = self.model.at(lba, count).ljust(count * self.model.block, b"\0")
        if data and self.random.random() < 0.3:
            at = self.random.randrange(len(data))
            data = data[:at] + bytes((data[at] ^ 1,)) + data[at + 1 :]
        return data

    def key(self) -> int:
        """A reservation key, mostly the right one."""
        return self.model.keys.get(self.session, 0) if self.random.random() < 0.9 else self.random.randint(0, 3)


def _cdb(codes: dict[int, int], size: int, flags: int, lba: int, count: int) -> bytes:
    if size == 6:
        return bytes((codes[6],)) + lba.to_bytes(3) + bytes((count, 0))
    form = {10: ">BBLxHx", 12: ">BBLLxx", 16: ">BBQLxx"}[size]
    return struct.pack(form, codes[size], flags, lba, count)


def _read(draw: Draw) -> Move:
    size, (lba, count) = draw.random.choice((6, 10, 12, 16)), draw.range()
    blocks = count or (256 if size == 6 else 0)
    flags = draw.random.choice((0, 0x08, 0x10, 0x18))
    cdb = _cdb(_READS, size, flags, lba, count)
    return Move(draw.session, cdb, None, blocks * draw.model.block, READ, lambda model: model.read(lba, blocks))


def _write(draw: Draw) -> Move:
    size, (lba, count) = draw.random.choice((6, 10, 12, 16)), draw.range()
    if size == 6:
        count = max(count, 1)
    data = draw.octets(count)
    cdb = _cdb(_WRITES, size, draw.random.choice((0, 0x08, 0x10, 0x18)), lba, count)
    return Move(draw.session, cdb, data, len(data), WRITE, lambda model: model.write(lba, data))


def _write_and_verify(draw: Draw) -> Move:
    size, (lba, count) = draw.random.choice((10, 12, 16)), draw.range()
    data = draw.octets(count)
    cdb = _cdb(_WRITE_VERIFIES, size, draw.random.choice((0, 0x02)), lba, count)
    return Move(draw.session, cdb, data, len(data), WRITE, lambda model: model.write(lba, data))


def _write_atomic(draw: Draw) -> Move:
    lba, count = draw.range()
    data = draw.octets(count)
    cdb = struct.pack(">BBQHHBx", 0x9C, 0, lba, 0, count, 0)
    return Move(draw.session, cdb, data, len(data), WRITE, lambda model: model.write(lba, data))


def _verify(draw: Draw) -> Move:
    size, (lba, count), check = draw.random.choice((10, 12, 16)), draw.range(), draw.random.choice((0, 1, 3))
    held = draw.guess(lba, count)
    data = {0: b"", 1: held, 3: held[: draw.model.block]}[check]
    cdb = _cdb(_VERIFIES, size, check << 1, lba, count)
    return Move(draw.session, cdb, data or None, len(data), READ, lambda model: model.verify(lba, count, data))


def _write_same(draw: Draw) -> Move:
    lba, count = draw.range()
    unmap = draw.model.thin and draw.random.random() < 0.5
    data, flags = draw.octets(1), 0x08 * unmap
    if draw.random.random() < 0.5:
        cdb = struct.pack(">BBLxHx", 0x41, flags, lba, count)
    else:
        if draw.random.random() < 0.3:
            data, flags = b"", flags | 0x01
        cdb = struct.pack(">BBQLxx", 0x93, flags, lba, count)
    return Move(draw.session, cdb, data or None, len(data), WRITE, lambda model: model.write_same(lba, count, data))


def _unmap(draw: Draw) -> Move:
    ranges = [draw.range() for _ in range(draw.random.randint(0, 3))]
    body = b"".join(struct.pack(">QL4x", lba, count) for lba, count in ranges)
    data = struct.pack(">HH4x", len(body) + 6, len(body)) + body
    cdb = struct.pack(">BB4xBHx", 0x42, 0, 0, len(data))
    return Move(draw.session, cdb, data, len(data), WRITE, lambda model: model.unmap(ranges))


def _compare_and_write(draw: Draw) -> Move:
    lba, count = draw.range()
    wanted, data = draw.guess(lba, count), draw.octets(count)
    cdb = struct.pack(">BBQ3xBxx", 0x89, 0, lba, count)
    both = wanted + data
    return Move(draw.session, cdb, both, len(both), WRITE, lambda model: model.compare_and_write(lba, wanted, data))


def _or_write(draw: Draw) -> Move:
    lba, count = draw.range()
    data = draw.octets(count)
    cdb = struct.pack(">BBQLxx", 0x8B, 0, lba, count)
    return Move(draw.session, cdb, data, len(data), WRITE, lambda model: model.or_write(lba, data))


def _fetch(draw: Draw) -> Move:
    """PRE-FETCH."""
    lba, count = draw.range()
    cdb = _cdb({10: 0x34, 16: 0x90}, draw.random.choice((10, 16)), 0, lba, count)
    return Move(draw.session, cdb, None, 0, READ, lambda model: model.fetch(lba, count))


def _synchronize(draw: Draw) -> Move:
    """SYNCHRONIZE CACHE."""
    lba, count = draw.range()
    cdb = _cdb({10: 0x35, 16: 0x91}, draw.random.choice((10, 16)), 0, lba, count)
    return Move(draw.session, cdb, None, 0, WRITE, lambda model: model.look(lba, count))


def _status(draw: Draw) -> Move:
    lba, _ = draw.range()
    cdb = struct.pack(">BBQLxx", 0x9E, 0x12, lba, 4096)
    return Move(draw.session, cdb, None, 4096, READ, lambda model: model.look(lba, 0))


def _ready(draw: Draw) -> Move:
    # Another's RESERVE stops it, a persistent reservation does not (SPC-2; SPC-4).
    return Move(draw.session, bytes(6), None, 0, HARMLESS, lambda model: Expected())


def _reserve(draw: Draw) -> Move:
    session = draw.session
    return Move(session, bytes((0x16, 0, 0, 0, 0, 0)), None, 0, HARMLESS, lambda model: model.reserve(session))


def _release(draw: Draw) -> Move:
    session = draw.model.legacy or draw.session
    return Move(session, bytes((0x17, 0, 0, 0, 0, 0)), None, 0, HARMLESS, lambda model: model.release(session))


def _persistent(draw: Draw) -> Move:
    """PERSISTENT RESERVE OUT."""
    session, key, new = draw.session, draw.key(), draw.random.choice((0, 1, 2, 3))
    kind = draw.model.kind if draw.model.kind and draw.random.random() < 0.7 else draw.random.choice(TYPES)
    action, end = draw.random.choice(
        (
            (0, lambda model: model.register(session, key, new, ignore=False)),
            (6, lambda model: model.register(session, key, new, ignore=True)),
            (1, lambda model: model.persist(session, key, kind)),
            (2, lambda model: model.unpersist(session, key, kind)),
            (3, lambda model: model.clear(session, key)),
        )
    )
    data = struct.pack(">QQ8x", key, new)
    cdb = struct.pack(">BBB2xLx", 0x5F, action, 0 if action in (0, 3, 6) else kind, len(data))
    return Move(session, cdb, data, len(data), HARMLESS, end)


def _keys(draw: Draw) -> Move:
    if draw.model.legacy is not None:
        return _release(draw)
    return Move(
        draw.session, struct.pack(">BB5xHx", 0x5E, 0, 512), None, 512, HARMLESS, lambda model: model.read_keys()
    )


_MAKERS: tuple[tuple[Callable[[Draw], Move], int], ...] = (
    (_read, 18),
    (_write, 18),
    (_write_and_verify, 6),
    (_write_atomic, 4),
    (_verify, 10),
    (_write_same, 8),
    (_unmap, 8),
    (_compare_and_write, 8),
    (_or_write, 6),
    (_fetch, 3),
    (_synchronize, 2),
    (_status, 4),
    (_ready, 2),
    (_reserve, 1),
    (_release, 3),
    (_persistent, 3),
    (_keys, 2),
)
_KINDS, _WEIGHTS = [maker for maker, _ in _MAKERS], [weight for _, weight in _MAKERS]


def draw(random: Random, model: Model) -> Move:
    """Draw the next command."""
    return random.choices(_KINDS, _WEIGHTS)[0](Draw(random, model))
