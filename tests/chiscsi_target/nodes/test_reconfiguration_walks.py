"""Random walks over logins, commands and changes: after each step, what has to hold holds (1.3 to 1.7, 2.6)."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial

import pytest

from chiscsi_target.core.access import AccessControl
from chiscsi_target.errors import ConfigurationError
from iscsi_wire.pdus import AsyncMessage, DataIn, ScsiResponse
from tests.chiscsi_target.peer import Peer, lun_field, read10, write10
from tests.chiscsi_target.stand import NAME, Stand

STEPS, WALKS = 120, 40
NAMES = [f"iqn.2026-11.org.example:{name}" for name in ("anna", "otto", "eva")]
PATHS = ("a", "b", "c")


class Walk:
    """A stand, its peers, and what every block was last written with."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.stand = Stand(workers=2)
        self.peers: dict[str, Peer] = {}
        self.blocks: dict[str, bytes] = {}
        self.change()

    # Steps

    def change(self) -> None:
        """Any description: some units, some portals, some list; now and then a faulty one."""
        paths = self.random.sample(PATHS, self.random.randint(1, 3))
        keys = [("TargetDevice", f"{path},MEM,size={self.random.randint(1, 3)}M") for path in paths]
        keys += [("PortalGroup", f"{tag}@127.0.0.1:{3259 + tag}") for tag in self.random.sample((1, 2, 3), 2)]
        if self.random.random() < 0.5:
            keys.append(("ACL_Enable", "Yes"))
            for name in self.random.sample(NAMES, 2):
                luns = self.random.choice(("ALL:RW", "ALL:R", "0:RW", "1~2:R", "0:R,1:RW"))
                keys.append(("ACL", f"iname={name};lun={luns}"))
        faulty = self.random.random() < 0.2
        before = self.look()
        try:
            self.stand.reconfigure(*keys, *([("TargetDevice", "/nowhere,FILE")] if faulty else []))
        except ConfigurationError:
            assert faulty and self.look() == before
        else:
            assert not faulty
            if before[0] != paths:
                assert self.stand.sessions == []
            for path in set(self.blocks) - set(paths):
                del self.blocks[path]

    def look(self) -> tuple[list[str], list[str], AccessControl]:
        node = self.stand.node
        return [lun.path for lun in node.luns], [str(portal.address) for portal in node.portals], node.access

    def log_in(self) -> None:
        name = self.random.choice(NAMES)
        old = self.peers.pop(name, None)
        if old is not None and self.random.random() < 0.5:
            self.stand.pipe(old).close()
        peer = self.stand.connect(self.random.randrange(len(self.stand.node.portals)), initiator=name)
        response, _ = peer.ask(peer.names(NAME))
        allowed = self.stand.node.access.entry_for(name, self.stand.connection(peer).endpoints) is not None
        assert (response.status_class == 0) == allowed
        if allowed:
            peer.tsih = response.tsih
            self.peers[name] = peer

    def use(self, write: bool) -> None:
        """A command to any LUN of a session that is alive; it ends as the mask says."""
        name = self.random.choice(NAMES)
        peer = self.peers.get(name)
        if peer is None or self.ended(peer):
            self.peers.pop(name, None)
            return
        lun = self.random.randrange(4)
        mask = self.stand.session(peer).mask
        number = mask.decode(lun_field(lun))
        units = {unit.lun: unit.path for unit in self.stand.node.luns}
        data = self.random.randbytes(512)
        if write:
            peer.command(write10(0, 1), 512, data, write=True, lun=lun_field(lun))
        else:
            peer.command(read10(0, 1), 512, lun=lun_field(lun))
        answers = [(pdu, piece) for pdu, piece in peer.receive() if not isinstance(pdu, AsyncMessage)]
        (pdu, piece) = answers[-1]
        sense = (piece[4] & 0xF, piece[14]) if isinstance(pdu, ScsiResponse) and pdu.status else None
        if sense is not None and sense[0] == 6:
            return
        if number not in units:
            assert sense == (5, 0x25)
        elif write:
            assert sense == (None if mask.may_write(number) else (3, 3))
            if sense is None:
                self.blocks[units[number]] = data
        else:
            assert isinstance(pdu, DataIn) and piece == self.blocks.get(units[number], bytes(512))

    def ended(self, peer: Peer) -> bool:
        peer.receive()
        return peer.closed

    # What always holds

    def check(self) -> None:
        self.stand.pump()
        node, registry = self.stand.node, self.stand.module.directory.registry
        alive = [peer for peer in self.stand.peers if not self.ended(peer)]
        live = [session for session in self.stand.sessions if session.connections]
        assert len(live) == len(self.stand.sessions) == len(registry._tsihs)
        assert {session.tsih for session in live} == registry._tsihs
        for session in live:
            (connection,) = session.connections.values()
            assert connection.portal in node.portals
            assert session.mask == node.mask_for(session.identity.initiator_name, connection.endpoints)
        assert len(alive) == len(live) and not node.updating
        assert [lun.lun for lun in node.luns] == list(range(len(node.luns)))


@pytest.mark.parametrize("seed", range(WALKS))
def test_walk(seed: int) -> None:
    walk = Walk(seed)
    steps: list[Callable[[], None]] = [walk.change, walk.log_in, partial(walk.use, True), partial(walk.use, False)]
    for _ in range(STEPS):
        walk.random.choices(steps, (2, 3, 5, 5))[0]()
        walk.check()
    assert walk.stand.module.chiscsi_target_remove(None, NAME) == 0
    walk.stand.pump()
    assert all(walk.ended(peer) for peer in walk.stand.peers) and walk.stand.sessions == []
