"""`kill -9` under load, hundreds of times: what was acknowledged as safe is there afterwards."""

from __future__ import annotations

import contextlib
import os
import random
import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from iscsi_wire.pdus import ScsiResponse
from tests.chiscsi_target.peer import Peer
from tests.chiscsi_target.shells.server import TcpPeer, TcpPipe
from tests.interop.forked import Forge, Victim, forge

IQN = "iqn.2026-11.test.chiscsi:mortal"
BLOCK, BLOCKS, LONGEST = 512, 4096, 16
DEPTH = 24
KILLS = 40
"""Of each kind of disk; there are five."""
FUA = 0x08


@dataclass
class Ledger:
    """What each block may hold: the version acknowledged last, and those that were on their way since."""

    path: Path
    safe: dict[int, int] = field(default_factory=dict)
    going: dict[int, set[int]] = field(default_factory=dict)
    version: int = 0
    acknowledged: int = 0

    def check(self) -> None:
        """Look at every block that was ever written, and take what is there as the state to go on from."""
        with self.path.open("rb") as file:
            for block in self.safe.keys() | self.going.keys():
                file.seek(block * BLOCK)
                found = file.read(BLOCK)
                allowed = {self.safe.get(block, 0)} | self.going.get(block, set())
                version = next((one for one in allowed if content(block, one) == found), None)
                assert version is not None, f"block {block} has none of the versions {sorted(allowed)}"
                self.safe[block] = version
        self.going.clear()


def content(block: int, version: int) -> bytes:
    """A block's content; version 0 is a block that was never written."""
    return struct.pack(">QQ", block, version) * (BLOCK // 16) if version else bytes(BLOCK)


@dataclass
class Load:
    """Writes at random places, never two to the same block at once."""

    peer: Peer
    ledger: Ledger
    random: random.Random
    fua: int
    waiting: dict[int, tuple[int, int, int]] = field(default_factory=dict)

    def submit(self) -> None:
        """Send a write, with its data."""
        count = self.random.randint(1, LONGEST)
        busy = {block for lba, length, _ in self.waiting.values() for block in range(lba, lba + length)}
        lba = self.random.randrange(BLOCKS - count)
        if busy & set(range(lba, lba + count)):
            return
        self.ledger.version += 1
        version = self.ledger.version
        for block in range(lba, lba + count):
            self.ledger.going.setdefault(block, set()).add(version)
        data = b"".join(content(block, version) for block in range(lba, lba + count))
        cdb = struct.pack(">BBIBHB", 0x2A, self.fua, lba, 0, count, 0)
        command = self.peer.command(cdb, len(data), data, write=True)
        self.waiting[command.initiator_task_tag] = lba, count, version

    def take(self, timeout: float) -> None:
        """Note what has been acknowledged."""
        for pdu, _ in self.peer.receive(timeout):
            assert isinstance(pdu, ScsiResponse) and pdu.status == 0, pdu
            lba, count, version = self.waiting.pop(pdu.initiator_task_tag)
            self.ledger.acknowledged += 1
            for block in range(lba, lba + count):
                self.ledger.safe[block] = version
                self.ledger.going[block].discard(version)


@contextlib.contextmanager
def logged_in(victim: Victim) -> Iterator[Peer]:
    """A session with a server."""
    pipe = TcpPipe(victim.ip, victim.port)
    try:
        peer = TcpPeer(pipe)
        peer.login(IQN, ("InitialR2T", "No"), ("ImmediateData", "Yes"))
        peer.execute("00 00 00 00 00 00")
        yield peer
    finally:
        pipe.sock.close()


def overload_and_kill(forging: Forge, disk: str, ledger: Ledger, chance: random.Random, fua: int) -> None:
    """Serve, write for some milliseconds and until something is acknowledged, kill, and take the rest."""
    victim = forging.serve(disk)
    with logged_in(victim) as peer:
        load = Load(peer, ledger, chance, fua)
        end, before = time.monotonic() + chance.uniform(0.002, 0.03), ledger.acknowledged
        while time.monotonic() < end or ledger.acknowledged == before:
            while len(load.waiting) < DEPTH:
                load.submit()
            load.take(0.001)
        victim.kill()
        with contextlib.suppress(OSError):
            while not peer.closed:
                load.take(1.0)
    forging.await_end()


@pytest.mark.parametrize(
    ("options", "fua"), [("sync", 0), ("nowcache", 0), ("dsync", 0), ("direct,sync", 0), ("removable", FUA)]
)
def test_acknowledged_writes_survive_kill_9(tmp_path: Path, options: str, fua: int) -> None:
    """WCE=0 in all its forms, and FUA where there is a cache."""
    path = tmp_path / "disk.img"
    with path.open("wb") as file:
        file.truncate(BLOCKS * BLOCK)
    ledger, chance = Ledger(path), random.Random(options)
    with forge(IQN) as forging:
        for _ in range(KILLS):
            overload_and_kill(forging, f"{path},{options}", ledger, chance, fua)
            ledger.check()
    assert ledger.acknowledged >= KILLS


def registered_keys(peer: Peer) -> list[int]:
    """READ KEYS."""
    peer.command("5e 00 00 00 00 00 00 00 ff 00", 255)
    data = b"".join(part for _, part in peer.receive(10.0))
    return list(struct.unpack_from(f">{(len(data) - 8) // 8}Q", data, 8))


def test_a_registration_with_aptpl_survives_kill_9(tmp_path: Path) -> None:
    """PERSISTENT RESERVE OUT with APTPL: what had good status is there after a restart (SPC-4, 5.9.5)."""
    path = tmp_path / "disk.img"
    with path.open("wb") as file:
        file.truncate(BLOCKS * BLOCK)
    with forge(IQN) as forging:
        for key in range(1, 11):
            victim = forging.serve(str(path))
            with logged_in(victim) as peer:
                assert registered_keys(peer) == ([key - 1] if key > 1 else [])
                parameters = struct.pack(">8xQ4xB3x", key, 1)
                response, _ = peer.execute("5f 06 00 00 00 00 00 00 18 00", 24, data=parameters, write=True)
                assert response.status == 0
                victim.kill()
            forging.await_end()


def test_a_disk_that_lies_is_found_out(tmp_path: Path) -> None:
    path = tmp_path / "disk.img"
    with path.open("wb") as file:
        file.truncate(BLOCKS * BLOCK)
    ledger = Ledger(path)
    with forge(IQN) as forging:
        while not ledger.acknowledged:
            overload_and_kill(forging, f"{path},sync,nullrw", ledger, random.Random(0), 0)
    with pytest.raises(AssertionError, match="has none of the versions"):
        ledger.check()


def test_the_checker_sees_a_lost_block(tmp_path: Path) -> None:
    path = tmp_path / "disk.img"
    path.write_bytes(content(0, 1) + content(1, 1))
    ledger = Ledger(path, {0: 1, 1: 2}, {0: {3}})
    with pytest.raises(AssertionError, match="block 1 has none of the versions"):
        ledger.check()
    assert os.path.getsize(path) == 2 * BLOCK
