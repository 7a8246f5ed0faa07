"""A Target Module on a card, an initiator's machine with TCP of its own, and the link between them."""

from __future__ import annotations

from collections.abc import Mapping

from chiscsi_target.config.target_config import parse_target
from chiscsi_target.offload.tcp.settings import TcpSettings
from chiscsi_target.offload.terminator import Offload
from chiscsi_target.shells.card import ADDRESSES, CardTarget
from chiscsi_target.target_module import TargetModule
from initiator_sim import Initiator, Settings, expect
from initiator_sim.segments import Client, Host, Impairments
from iscsi_wire import scsi
from iscsi_wire.constants import TaskManagementFunction
from iscsi_wire.records import Record

IQN = "iqn.2026-11.org.example:card"
V4, V6 = ADDRESSES
PORT = 3260
BLOCK = 512
PATIENCE = 600.0
"""Seconds of the link for an answer: a few time-outs in a row are no failure."""
SHORT_BURSTS = {"InitialR2T": "Yes", "ImmediateData": "No", "MaxBurstLength": "8192"}
"""Keys with which a write of 32 KiB needs four R2Ts."""


class Carded:
    """The three, with one node of a memory disk of 1 MiB that has a portal at each address.

    Args:
        impairments: of the link.
        seed: of the card.
        settings: of the card's TCP.
        quiet: nobody listens, as in earnest.
        offload: which connections the card takes further than TCP.
    """

    def __init__(
        self,
        impairments: Impairments | None = None,
        seed: int = 1,
        settings: TcpSettings | None = None,
        *,
        quiet: bool = False,
        offload: Offload = Offload.AUTO,
    ) -> None:
        self.records: list[Record] = []
        self.module = TargetModule(listener=None if quiet else self.records.append, offload=offload)
        self.card = CardTarget(self.module, seed=seed, settings=settings)
        portals = ("PortalGroup", f"1@{V4}:{PORT},[{V6}]:{PORT}")
        self.node = self.module.add_target(
            parse_target([("TargetName", IQN), portals, ("TargetDevice", "disk,MEM,SIZE=1M")])
        )
        self.host = Host(self.card, impairments)
        self.link = self.host.link
        self.clients: list[Client] = []

    def connect(self, address: str = V4) -> Client:
        """A TCP connection."""
        client = self.host.connect(address, PORT, PATIENCE)
        self.clients.append(client)
        return client

    def initiator(self, address: str = V4) -> Initiator:
        """An initiator whose connections lead to an address of the card."""
        settings = Settings(clock=self.host.clock, timeout=PATIENCE)
        return Initiator(lambda: self.connect(address), IQN, settings=settings)

    def session(self, data: bytes, address: str = V4, keys: Mapping[str, str] = SHORT_BURSTS) -> None:
        """A whole session: login, a write and a read of it, a task management function, logout."""
        place = {"logical_block_address": 8, "transfer_length": len(data) // BLOCK}
        with self.initiator(address) as initiator:
            session = initiator.login(keys=keys)
            session.command(scsi.TestUnitReady())  # takes the unit attention of a new session
            session.command(scsi.Write10.make(**place), write=data).expect(expect.good())
            session.command(scsi.Read10.make(**place), read=len(data)).expect(expect.good(data=data))
            assert session.nop(b"ping").data == b"ping"
            managed = session.task_management(TaskManagementFunction.LOGICAL_UNIT_RESET)
            assert managed.header.response == 0
            session.logout()
            session.expect(expect.connection_closed())

    def rest(self) -> None:
        """Let time pass until TIME-WAIT is over on both sides, and everything else."""
        self.link.pass_time(600.0)

    @property
    def left_over(self) -> dict[str, object]:
        """What is left of connections and sessions, by what it is; nothing after `rest`."""
        directory, engine = self.module.directory, self.card.engine
        workers = (directory.login_worker, *directory.workers)
        found: dict[str, object] = {
            "connections of the card": list(engine.connections),
            "tids of the card": engine.tids,
            "timers of the card": engine.timers,
            "connections of the shell": self.card.connections,
            "connections of the core": [connection for worker in workers for connection in worker.connections],
            "sessions": list(directory.registry.sessions),
            "commands": [task for worker in workers for task in worker.orphans],
            "timers of the core": [worker.deadline for worker in workers if worker.deadline != float("inf")],
            "clients": list(self.host.clients),
            "packets": self.link.under_way,
        }
        return {name: value for name, value in found.items() if value}
