"""Ten thousand PDUs that are nearly right: nothing escapes, nothing hangs, and a neighbour does not notice.

Each seed is a run of its own, and replays: `pytest tests/chiscsi_target/test_target_module_robustness.py -k seed7`.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import pytest

from iscsi_wire.errors import WireError
from iscsi_wire.pdus import DataIn, ScsiResponse
from tests.chiscsi_target.garbling import Garbler
from tests.chiscsi_target.peer import Peer, read10, write10
from tests.chiscsi_target.scripted import RamDriver
from tests.chiscsi_target.stand import NAME, Stand

SEEDS = 20
PDUS_A_SEED = 500
"""Half of them in login, half in full feature phase; 10,000 in all."""
AT_A_TIME = 25
NEIGHBOUR = "iqn.2026-11.org.example:neighbour"
KEYS = (
    ("MaxConnections", "2"),
    ("InitialR2T", "No"),
    ("MaxOutstandingR2T", "4"),
    ("HeaderDigest", "CRC32C,None"),
    ("DataDigest", "CRC32C,None"),
)


class Neighbour:
    """A well-behaved initiator with a disk of its own on the same Target Module and worker."""

    def __init__(self, stand: Stand, random: Random) -> None:
        node = stand.add(NEIGHBOUR, ("PortalGroup", "7@127.0.0.1:3267"))
        self.peer = Peer(stand.shell.connect(node.portals[0]), isid=b"\x40\0\0\0\0\x77")
        self.peer.login(NEIGHBOUR)
        self.peer.execute("00")
        self.random = random
        self.blocks: dict[int, bytes] = {}

    def works(self) -> None:
        """Write a block, and read one that was written at any time before."""
        place, data = self.random.randrange(64), self.random.randbytes(512)
        self.peer.command(write10(place, 1), 512, data, write=True)
        assert self.peer.take(ScsiResponse)[0].status == 0
        self.blocks[place] = data
        place = self.random.choice(sorted(self.blocks))
        self.peer.command(read10(place, 1), 512)
        assert self.peer.take(DataIn)[1] == self.blocks[place]


class Attack:
    """A target with two nodes, one of which gets nothing but flawed PDUs."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        # Every kind of target in turn: with and without a listener, with the device server and with a driver.
        self.driver = RamDriver() if seed % 4 == 3 else None
        self.stand = Stand(*KEYS, driver=self.driver, quiet=bool(seed % 2))
        self.neighbour = Neighbour(self.stand, self.random) if self.driver is None else None

    def connect(self, *, logged_in: bool) -> Garbler:
        """A connection, in full feature phase or not yet."""
        peer = self.stand.connect(isid=b"\x40\0\0\0\0" + bytes((self.random.randrange(2),)))
        garbler = Garbler(self.random, peer, peer.names(NAME))
        if logged_in:
            digests = [(name, "CRC32C") for name in ("HeaderDigest", "DataDigest") if self.random.random() < 0.3]
            peer.login(NAME, ("InitialR2T", "No"), ("MaxConnections", "2"), *digests)
        return garbler

    def run(self, count: int, *, logged_in: bool) -> None:
        """Send so many PDUs, over as many connections as it takes."""
        sent = 0
        while sent < count:
            garbler = self.connect(logged_in=logged_in)
            for _ in range(AT_A_TIME):
                self.send_one(garbler, logged_in)
                sent += 1
                if garbler.peer.closed:
                    break
            self.end(garbler)
            if self.neighbour is not None:
                self.neighbour.works()

    def send_one(self, garbler: Garbler, logged_in: bool) -> None:
        """Send one flawed PDU, behind as many good ones as it takes to get somewhere."""
        draw = garbler.in_full_feature_phase if logged_in else garbler.in_login
        try:
            while logged_in and self.random.random() < 0.6:
                garbler.peer.send(*draw())
                garbler.learn()
            octets = garbler.spoil(*draw())
            for piece in self.pieces(octets):
                garbler.peer.pipe.send(piece)
            garbler.learn()
        except (ConnectionResetError, WireError):
            # The target closed it; or a flaw agreed on digests that this initiator knows nothing of.
            garbler.peer.closed = True

    def pieces(self, octets: bytes) -> Iterator[bytes]:
        """One segment, or several."""
        while octets:
            size = len(octets) if self.random.random() < 0.7 else self.random.randrange(1, len(octets) + 1)
            yield octets[:size]
            octets = octets[size:]

    def end(self, garbler: Garbler) -> None:
        """Let the connection go, in one way or the other."""
        pipe = self.stand.pipe(garbler.peer)
        if self.random.random() < 0.5:
            pipe.reset()
        else:
            pipe.close()

    def nothing_is_left(self) -> None:
        """Sessions, connections, logins, numbers: all are gone but the neighbour's."""
        directory = self.stand.module.directory
        own = 0 if self.neighbour is None else 1
        assert len(self.stand.sessions) == own
        assert sum(len(worker.connections) for worker in (directory.login_worker, *directory.workers)) == own
        assert len(directory.registry._tsihs) == own and directory._logins == {}
        assert not directory.login_worker.queue and not directory.workers[0].queue
        if self.driver is not None:
            calls = self.driver.calls
            assert calls.count("cdb_rcved") == calls.count("cleanup")


@pytest.mark.parametrize("logged_in", [False, True], ids=["login", "full-feature"])
@pytest.mark.parametrize("seed", range(SEEDS), ids=lambda seed: f"seed{seed}")
def test_flawed_pdus_harm_nobody_else(seed: int, logged_in: bool) -> None:
    attack = Attack(seed)
    attack.run(PDUS_A_SEED // 2, logged_in=logged_in)
    attack.nothing_is_left()
    # And the node that was attacked takes the next initiator as if nothing had been.
    peer = attack.stand.login()
    assert peer.ping(b"well")[1] == b"well"
    peer.command(write10(9, 1), 512, b"d" * 512, write=True)
    assert peer.take(ScsiResponse)[0].status == 0
    peer.command(read10(9, 1), 512)
    assert peer.take(DataIn)[1] == b"d" * 512
