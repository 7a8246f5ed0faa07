"""The embedded target: what `chiscsi conform` judges when it is given no address.

One target with a few memory LUNs and everything switched on. A function with the signature of :func:`start`, named
with `--embedded-factory`, puts another one in its place; that is how the suites are tried on faulty targets.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from conformance.harness.hanging import ENDING, BrokenOff, coming_back
from initiator_sim.chap import Account
from initiator_sim.transport import TcpTransport, Transport
from iscsi_wire.records import Listener

if TYPE_CHECKING:
    from chiscsi_target.core.portal import Portal
    from chiscsi_target.shells.card import CardTarget
    from chiscsi_target.shells.memory import MemoryTarget
    from chiscsi_target.shells.sockets import SocketTarget
    from chiscsi_target.target_module import TargetModule
    from initiator_sim.segments import Host

LUNS = 4
REAL_LOGIN_TIME = 3
"""Seconds that a login over TCP may take: cases about the time-out wait for its end."""
LUN_SIZE = "64M"
FURTHER_DISKS = ("tuples,MEM,SIZE=1M,PI=1", "ejectable,MEM,SIZE=1M,REMOVABLE")
"""Disks behind those that cases write to, for what not every disk has: protection information, a removable medium."""
NEIGHBOURS = 8
"""Targets beside the one under test: enough that a list of them all does not fit in the shortest data segment."""
ISCSI_PORT = 3260
CONNECT_TIME = 60.0
"""Seconds of the link that a connection to the card may take to open: some of its segments may be lost."""
KEPT_PACKETS = 1000
"""How many packets of the link to the card are kept for looking at."""
CHAP_NODE = ".chap"
"""What the name of the target that demands CHAP has behind the name of the target under test."""
# Names and secrets of a target that lives in this process only: whoever can read them, owns it.
CHAP_ACCOUNT = Account("conform", b"secret-initiator", "protected", b"secret-of-target")
KEYS: Mapping[str, str] = {
    "HeaderDigest": "CRC32C,None",
    "DataDigest": "CRC32C,None",
    "MaxConnections": "4",
    "InitialR2T": "No",
    "ImmediateData": "Yes",
    "MaxOutstandingR2T": "4",
    "MaxRecvDataSegmentLength": "65536",
    "DefaultTime2Wait": "0",
}
"""What the target wants of each key: as much as it can, so that initiators can try it; and no time to wait for."""


class Embedded(Protocol):
    """A target that runs in this process."""

    @property
    def iqn(self) -> str:
        """Its iSCSI name."""
        ...

    @property
    def luns(self) -> Sequence[int]:
        """Its LUNs; none where only the driver knows them."""
        ...

    @property
    def clock(self) -> Callable[[], float]:
        """The time that it lives by, in seconds: the monotonic clock, or a fake one."""
        ...

    @property
    def login_time(self) -> float:
        """How long a login may take, in seconds of that time."""
        ...

    def connect(self) -> Transport:
        """A new connection to it.

        Raises:
            OSError: it does not take any.
        """
        ...

    def close(self) -> None:
        """End it, with all sessions."""
        ...


Way: TypeAlias = str
"""How it is reached: "tcp", "memory" or "card", this with what the link to it does if need be: "card:loss=0.05"."""
Factory = Callable[[Way, str, Listener], Embedded]
"""Transport, iSCSI name, and who hears of the target's records."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What is to be otherwise in the target of this project.

    Attributes:
        drivers: LUN classes and target classes to use instead of disks in memory (`conformance.drivers`).
        quirks: where to do as release 3.14 of the module (`chiscsi_target.quirks`).
        offload: which connections run over the emulated adapter, and how (`chiscsi_target.offload.terminator.Offload`).
        segments: how many octets reach it at once, in memory; 0 for as many as were sent.
    """

    drivers: Sequence[str] = ()
    quirks: Sequence[str] = ()
    offload: str = "auto"
    segments: int = 0


def start(transport: Way, iqn: str, listener: Listener) -> Embedded:
    """The target of this project, all features on, over TCP on a free port, in memory, or on an emulated card."""
    from chiscsi_target.target_module import TargetModule

    return serve(TargetModule(listener=listener), transport, iqn)


def start_with(changes: Changes, transport: Way, iqn: str, listener: Listener) -> Embedded:
    """The target of this project, but for some changes; other arguments as for `start`.

    Raises:
        DriverProblem: a driver cannot be used.
        ConfigurationError: a name is none of a quirk's, or no way to offload.
    """
    from chiscsi_target.quirks import named
    from chiscsi_target.target_module import TargetModule
    from conformance.drivers import load_drivers
    from conformance.offload_options import offload_named

    module = TargetModule(listener=listener, quirks=named(changes.quirks), offload=offload_named(changes.offload))
    disks = load_drivers(changes.drivers).register(module) if changes.drivers else None
    return serve(module, transport, iqn, disks=disks, segments=changes.segments)


def serve(
    module: TargetModule,
    transport: Way,
    iqn: str,
    keys: Mapping[str, str] = KEYS,
    disks: Sequence[tuple[str, str]] | None = None,
    segments: int = 0,
) -> Embedded:
    """Give `module` the embedded target's node, and a shell.

    Args:
        module: the Target Module, with nothing running yet; a faulty one for all this function knows.
        transport: which shell.
        iqn: the node's name.
        keys: what the node wants of the negotiated keys.
        disks: configuration pairs of its disks; those in memory if None.
        segments: how many octets reach it at once, in memory; 0 for as many as were sent.
    """
    from chiscsi_target.shells.memory import MemoryTarget
    from chiscsi_target.shells.sockets import SocketTarget

    way, _, link = transport.partition(":")
    if way == "card":
        return _on_card(module, iqn, keys, disks, link)
    if way == "memory":
        return _InMemory(iqn, MemoryTarget(module, segments), _add_node(module, iqn, keys, disks), disks is None)
    module.directory.registry.globals.login_complete_time = REAL_LOGIN_TIME
    shell = SocketTarget(module)
    shell.start()
    return _OverTcp(iqn, shell, _add_node(module, iqn, keys, disks), disks is None)


def _on_card(
    module: TargetModule, iqn: str, keys: Mapping[str, str], disks: Sequence[tuple[str, str]] | None, link: str
) -> Embedded:
    from chiscsi_target.shells.card import ADDRESSES, CardTarget
    from initiator_sim.segments import Host, Impairments

    impairments = Impairments.read(link)
    card = CardTarget(module, seed=impairments.seed)
    portal = _add_node(module, iqn, keys, disks, f"{ADDRESSES[0]}:{ISCSI_PORT}")
    return _OnCard(iqn, card, portal, disks is None, Host(card, impairments, keep=KEPT_PACKETS))


def _add_node(
    module: TargetModule,
    iqn: str,
    keys: Mapping[str, str],
    disks: Sequence[tuple[str, str]] | None,
    address: str = "127.0.0.1:0",
) -> Portal:
    from chiscsi_target.config.target_config import parse_target

    pairs = [("TargetName", iqn), ("PortalGroup", f"1@{address}"), *keys.items()]
    pairs += _memory_disks() if disks is None else disks
    portal = module.add_target(parse_target(pairs)).portals[0]
    place = ("PortalGroup", f"1@{portal.address.ip}:{portal.address.port}")
    for number in range(NEIGHBOURS):
        device = ("TargetDevice", f"neighbour{number},MEM,SIZE=1M")
        module.add_target(parse_target([("TargetName", f"{iqn}.neighbour{number}"), place, device]))
    _add_protected(module, iqn + CHAP_NODE, place)
    return portal


def _memory_disks() -> list[tuple[str, str]]:
    disks = [f"disk{lun},MEM,SIZE={LUN_SIZE}" for lun in range(LUNS)]
    return [("TargetDevice", disk) for disk in (*disks, *FURTHER_DISKS)]


def _add_protected(module: TargetModule, iqn: str, place: tuple[str, str]) -> None:
    """Add a target that lets nobody in without CHAP."""
    from chiscsi_target.config.target_config import parse_target
    from chiscsi_target.core.chap_secrets import ChapConfig

    account = CHAP_ACCOUNT
    assert account.target_secret is not None
    pairs = [("TargetName", iqn), place, ("TargetDevice", "protected,MEM,SIZE=1M"), ("AuthMethod", "CHAP")]
    config = parse_target([*pairs, ("MaxConnections", "2"), ("HeaderDigest", "CRC32C,None")])
    target = (account.target_name, account.target_secret)
    config.chap = ChapConfig(initiators={account.name: account.secret}, target=target)
    module.add_target(config)


class _Node:
    def __init__(self, iqn: str, shell: Any, portal: Portal, own_disks: bool) -> None:
        self.iqn = iqn
        self.luns: Sequence[int] = range(LUNS) if own_disks else ()
        self._shell = shell
        self._portal = portal
        self.login_time = shell.module.directory.registry.globals.login_complete_time


class _InMemory(_Node):
    _shell: MemoryTarget

    def clock(self) -> float:
        """The shell's fake clock."""
        return self._shell.now

    def connect(self) -> Transport:
        """A pipe into the target."""
        return self._shell.connect(self._portal)

    def close(self) -> None:
        """Nothing runs that could be ended."""


class _OnCard(_Node):
    _shell: CardTarget

    def __init__(self, iqn: str, shell: CardTarget, portal: Portal, own_disks: bool, host: Host) -> None:
        super().__init__(iqn, shell, portal, own_disks)
        self._host = host

    def clock(self) -> float:
        """The link's clock."""
        return self._host.clock()

    def connect(self) -> Transport:
        """A connection of crafted segments to the card."""
        address = self._portal.address
        return self._host.connect(address.ip, address.port, CONNECT_TIME)

    def close(self) -> None:
        """Nothing runs that could be ended."""


class _OverTcp(_Node):
    _shell: SocketTarget
    clock = staticmethod(time.monotonic)

    def connect(self) -> Transport:
        """A TCP connection to the target's port."""
        address = self._portal.address
        return TcpTransport.connect(address.ip, address.port)

    def close(self) -> None:
        """End sessions and threads, but for one that a driver's hook keeps: it ends with the program."""
        with suppress(BrokenOff), coming_back("the end of the target", ENDING):
            self._shell.stop()
