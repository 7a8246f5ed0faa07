"""The books that logins are checked against: target nodes, and sessions by their identity (RFC 7143 section 4.4.3).

Used by the thread that handles logins only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, TypeAlias

from chiscsi_target.api.stack import Handle
from chiscsi_target.core.challenges import Challenges
from chiscsi_target.core.chap_secrets import ChapConfig
from chiscsi_target.core.verbosity import Verbosity
from chiscsi_target.errors import LoginFailure
from iscsi_wire.chap import ALGORITHMS
from iscsi_wire.constants import LoginStatus

if TYPE_CHECKING:
    from chiscsi_target.api.stack import TargetStack
    from chiscsi_target.core.negotiation import Own
    from chiscsi_target.core.session import Session
    from chiscsi_target.core.target_node import TargetNode

Identity: TypeAlias = tuple[str, bytes, str, str]
"""Initiator name, ISID, target name and portal group; what the ISID rule says must be unique."""


HIDDEN_NAME, HIDDEN_ALIAS = "iqn.chiscsi.iscsi.default-target", "chiscsi_default_target"
"""Name and alias of the node that owns the discovery sessions, and is in no list (behaviour file, 1.3)."""

# What that node wants of its sessions.
DISCOVERY_OWN: Mapping[str, Own] = {
    "AuthMethod": ("None",),
    "HeaderDigest": ("CRC32C", "None"),
    "DataDigest": ("CRC32C", "None"),
    "ErrorRecoveryLevel": 0,
}


@dataclass(slots=True)
class Globals:
    """Settings that hold for the whole Target Module, each with the name of its variable (behaviour file, 6.2).

    Attributes:
        login_complete_time: seconds that a login may take (`iscsi_login_complete_time`); 0 for no limit.
        auth_order: whether the access list is looked at before CHAP ("ACL") or after it ("CHAP") (`iscsi_auth_order`).
        acl_order: which access list is looked at first, "CONFIG" or "ISNS" (`iscsi_acl_order`).
        vendor_id: T10 vendor identification of built-in logical units (`iscsi_target_vendor_id`).
        initiator_id: by what a Chelsio initiator's name is known (`iscsi_chelsio_ini_idstr`).
        discovery_auth_methods: what discovery sessions may authenticate by (`DISC_AuthMethod`).
        discovery_chap: their CHAP data (`DISC_Auth_CHAP_*`).
        offload_mode: which connections the adapter serves, and how: "AUTO", "NIC", "ULP" or "CRC"
            (`iscsi_offload_mode`); without an adapter it has no effect.
        ha_mode: whether a login to an unknown target is answered by a reset (`iscsi_HA_mode`).
        worker_policy: how sessions are given to workers, "RR" or "QSET" (`iscsi_worker_policy`).
        perf_params: performance flags (`iscsi_perf_params`).
        verbosity: what is printed (`iscsi_verbose_level`); the object stays the same.
        test_mode: bits of what is done wrong on purpose (`iscsi_test_mode`).
        chap_algorithms: numbers of CHAP_A that may be used where a target does not say.
    """

    login_complete_time: int = 300
    auth_order: str = "CHAP"
    acl_order: str = "CONFIG"
    vendor_id: str = "CHISCSI"
    initiator_id: str = "cxgb4i"
    discovery_auth_methods: tuple[str, ...] = ("None",)
    discovery_chap: ChapConfig = field(default_factory=ChapConfig)
    offload_mode: str = "AUTO"
    ha_mode: bool = False
    worker_policy: str = "RR"
    perf_params: int = 0
    verbosity: Verbosity = field(default_factory=Verbosity)
    chap_algorithms: tuple[int, ...] = tuple(ALGORITHMS)
    test_mode: int = 0


@dataclass(slots=True)
class Registry:
    """Nodes and sessions.

    Attributes:
        discovery_own: what discovery sessions without a target want of each text key.
        discovery_max_receive_data: the MaxRecvDataSegmentLength declared to them, in octets.
        stack: the Target Module, which handles lead back to.
        challenges: makes the challenges of CHAP.
        random: returns that many random octets.
    """

    globals: Globals = field(default_factory=Globals)
    discovery_own: Mapping[str, Own] = field(default_factory=lambda: DISCOVERY_OWN)
    discovery_max_receive_data: int = 8192
    nodes: dict[str, TargetNode] = field(default_factory=dict)
    sessions: dict[Identity, Session] = field(default_factory=dict)
    stack: TargetStack | None = None
    challenges: Challenges = field(default_factory=lambda: Challenges(_no_randomness))
    random: Callable[[int], bytes] = field(default_factory=lambda: _no_randomness)
    _tsihs: set[int] = field(default_factory=set)
    _next_tsih: int = 1
    _handles: count[int] = field(default_factory=lambda: count(1))

    def node(self, name: str) -> TargetNode | None:
        """The node of that name, unless it is going away."""
        node = self.nodes.get(name)
        return None if node is None or node.offline else node

    def active(self) -> list[Session]:
        """The sessions in full feature phase."""
        return list(self.sessions.values())

    def next_handle(self) -> int:
        """A handle that this run has not used."""
        return Handle(next(self._handles), self.stack)

    def pass_on_tsih(self, old: Session, new: Session) -> None:
        """Give a session the TSIH of one that has ended, in place of its own."""
        self._tsihs.discard(new.tsih)
        new.tsih = old.tsih
        self._tsihs.add(new.tsih)

    def new_tsih(self) -> int:
        """A TSIH that is neither 0 nor in use (the TSIH rule)."""
        while True:
            self._next_tsih = self._next_tsih % 0xFFFF + 1
            if self._next_tsih not in self._tsihs:
                self._tsihs.add(self._next_tsih)
                return self._next_tsih

    @property
    def full(self) -> bool:
        """Whether all TSIHs are in use."""
        return len(self._tsihs) >= 0xFFFF

    def remove(self, session: Session) -> None:
        """Strike a session out; its TSIH is unknown from now on (section 6.3.5)."""
        self._tsihs.discard(session.tsih)
        for identity, other in list(self.sessions.items()):
            if other is session:
                del self.sessions[identity]


def _no_randomness(length: int) -> bytes:
    """Fail: whoever makes a registry for logins with CHAP says where random octets come from."""
    raise LoginFailure(LoginStatus.TARGET_ERROR, f"there is no source for {length} random octets", "9.2.1")
