"""A Target Module in memory with one node, and initiators that connect to it: most tests of the target stand on it."""

from __future__ import annotations

from typing import Any, TypeVar

from chiscsi_target.api import chiscsi_target_class, chiscsi_target_lun_class
from chiscsi_target.config.target_config import parse_target
from chiscsi_target.core.connection import Connection
from chiscsi_target.core.session import Session
from chiscsi_target.core.target_node import TargetNode
from chiscsi_target.quirks import Quirks
from chiscsi_target.shells.memory import MemoryConnection, MemoryTarget
from chiscsi_target.target_module import TargetModule
from iscsi_wire.records import LogRecord, Record, StateRecord
from tests.chiscsi_target.peer import ISID, Peer
from tests.chiscsi_target.scripted import NotingClass

__all__ = ["NAME", "Stand"]

NAME = "iqn.2026-11.org.example:disk"
CLASS = "DRIVER"
R = TypeVar("R", bound=Record)


class Stand:
    """One node: of the given driver, or with a memory disk of 1 MiB as LUN 0.

    Args:
        keys: further configuration pairs of the node.
        driver: a pass-through LUN class.
        target_class: the class it is registered under.
        workers: how many there are.
        quiet: nobody listens, as in earnest; the target then takes its fast paths.
        quirks: where release 3.14 is followed.
        watch: `findings`, `contents` and `merge_returns` of the Target Module.
    """

    def __init__(
        self,
        *keys: tuple[str, str],
        driver: chiscsi_target_lun_class | None = None,
        target_class: chiscsi_target_class | None = None,
        workers: int = 1,
        quiet: bool = False,
        quirks: Quirks | None = None,
        **watch: Any,
    ) -> None:
        self.records: list[Record] = []
        self.module = TargetModule(workers, None if quiet else self.records.append, quirks=quirks, **watch)
        self.shell = MemoryTarget(self.module)
        self.driver = driver
        if driver is not None:
            self._register(driver, target_class or NotingClass())
        self.node = self.add(NAME, *keys)
        self.peers: list[Peer] = []

    def _register(self, driver: chiscsi_target_lun_class, target_class: chiscsi_target_class) -> None:
        target_class.class_name = CLASS
        assert self.module.chiscsi_target_class_register(target_class) == 0
        assert self.module.chiscsi_target_lun_class_register(driver, CLASS) == 0

    def add(self, name: str, *keys: tuple[str, str]) -> TargetNode:
        """Add a node of the stand's class."""
        return self.module.add_target(parse_target(self.pairs(name, *keys)))

    def pairs(self, name: str, *keys: tuple[str, str]) -> list[tuple[str, str]]:
        """The whole description of a node of the stand's class; what `keys` leave out is as for the first one."""
        pairs = [("TargetName", name), *keys]
        if not any(key == "PortalGroup" for key, _ in keys):
            pairs.append(("PortalGroup", "1@127.0.0.1:3260"))
        if self.driver is not None:
            pairs.append(("TargetClass", CLASS))
        elif not any(key == "TargetDevice" for key, _ in keys):
            pairs.append(("TargetDevice", "disk,MEM,size=1M"))
        return pairs

    def reconfigure(self, *keys: tuple[str, str]) -> None:
        """Give the first node another description."""
        self.module.reconfigure_target(parse_target(self.pairs(NAME, *keys)))

    def connect(self, portal: int = 0, **how: Any) -> Peer:
        """A connection to one of the node's portals."""
        peer = Peer(self.shell.connect(self.node.portals[portal]), **how)
        self.peers.append(peer)
        return peer

    def login(self, *keys: tuple[str, str], isid: bytes = ISID, portal: int = 0, **fields: Any) -> Peer:
        """A session of its own in full feature phase, with unit attentions out of the way."""
        peer = self.connect(portal, isid=isid)
        peer.login(NAME, *keys, **fields)
        if self.driver is None:
            peer.execute("00")
        return peer

    def join(self, first: Peer, cid: int = 1, *keys: tuple[str, str]) -> Peer:
        """A further connection of a session."""
        peer = self.connect(isid=first.isid, cid=cid)
        peer.tsih, peer.cmd_sn = first.tsih, first.cmd_sn
        peer.login(NAME, *keys)
        return peer

    # Inside

    def pipe(self, peer: Peer) -> MemoryConnection:
        """A peer's transport."""
        assert isinstance(peer.pipe, MemoryConnection)
        return peer.pipe

    def connection(self, peer: Peer) -> Connection:
        """The target's end."""
        return self.pipe(peer)._connection

    def session(self, peer: Peer) -> Session:
        """The target's session."""
        session = self.connection(peer).session
        assert session is not None
        return session

    @property
    def sessions(self) -> list[Session]:
        """All sessions in full feature phase."""
        return list(self.module.directory.registry.sessions.values())

    def of_type(self, kind: type[R]) -> list[R]:
        """The records of one type."""
        return [record for record in self.records if isinstance(record, kind)]

    @property
    def log(self) -> str:
        """All log lines."""
        return "\n".join(record.text for record in self.of_type(LogRecord))

    def transitions(self, machine: str) -> list[str]:
        """The labels of a state machine's transitions, in order."""
        return [record.event.split()[0] for record in self.of_type(StateRecord) if record.machine == machine]

    def pump(self) -> None:
        """Let the target work."""
        self.shell.pump()
