"""`Terminator`: the emulated adapter. Which connections it takes over, its page pods, and what it has done."""

from __future__ import annotations

from collections import deque
from enum import Enum
from itertools import count
from typing import TYPE_CHECKING, Final

from chiscsi_target.api.target_class import BUILT_IN_CLASS
from chiscsi_target.core.adapter import Adapter
from chiscsi_target.offload.journal import Trace
from chiscsi_target.offload.limits import NIC_PAYLOADS, NO_LIMITS, ULP_PAYLOADS
from chiscsi_target.offload.page_pods import PagePods, Reservation
from chiscsi_target.offload.reasons import Reason
from chiscsi_target.offload.ulp_connection import UlpConnection

if TYPE_CHECKING:
    from collections.abc import Callable

    from chiscsi_target.core.connection import Connection
    from chiscsi_target.core.target_node import TargetNode

__all__ = ["POD_REGION", "Offload", "Terminator"]

POD_REGION: Final = 16384
"""Entries of the pod region, unless somebody says otherwise: enough for 4 GiB in pages of 64 KiB."""


class Offload(Enum):
    """Which connections run over the adapter, and how (behaviour file, 5.4).

    Discovery sessions never do.
    """

    OFF = "off"
    """There is no adapter."""
    AUTO = "auto"
    """Those of third-party targets, in ULP mode."""
    NIC = "nic"
    """Those of third-party targets in ULP mode, all others as over a plain network card."""
    ULP = "ulp"
    """All, in ULP mode: it recovers PDUs, sees to digests, and places data."""
    CRC = "crc"
    """Those of third-party targets in ULP mode; of all others, it recovers PDUs and sees to digests."""


_LIMITS: Final = {
    Offload.OFF: NO_LIMITS,
    Offload.AUTO: NO_LIMITS,
    Offload.NIC: NIC_PAYLOADS,
    Offload.ULP: ULP_PAYLOADS,
    Offload.CRC: ULP_PAYLOADS,
}


class Terminator(Adapter):
    """One adapter.

    Args:
        chosen: says at any time which connections are to run over it.
        ppmax: entries of its pod region.
        pools: how many workers have entries of their own.

    Attributes:
        pods: the region.
        connections: those in ULP mode, by tid.
        trace: gets a line for each message between host and card, or None.
    """

    def __init__(self, chosen: Callable[[], Offload], ppmax: int = POD_REGION, pools: int = 1) -> None:
        self.pods = PagePods(ppmax, pools=pools)
        self.connections: dict[int, UlpConnection] = {}
        self.trace: Trace | None = None
        self._chosen = chosen
        self._pools = pools
        self._tids = count(1)
        self._free: deque[int] = deque()

    def _way_of(self, node: TargetNode) -> Offload:
        third_party = node.target_class.class_name != BUILT_IN_CLASS
        return Offload.ULP if third_party else self._chosen()

    def payload_limits(self, node: TargetNode) -> tuple[int, int]:
        """See `Adapter`."""
        return _LIMITS[self._way_of(node)]

    def take_over(self, connection: Connection) -> UlpConnection | None:
        """See `Adapter`."""
        session = connection.session
        assert session is not None and session.node is not None
        way = self._way_of(session.node)
        if way not in (Offload.ULP, Offload.CRC):
            return None
        reason = Reason.CRC_ONLY if way is Offload.CRC else None if self.pods.enabled else Reason.NO_DDP
        tid = self._free.popleft() if self._free else next(self._tids)
        taken = self.connections[tid] = UlpConnection(self, connection, tid, reason, self.trace)
        return taken

    def disconnected(self, connection: UlpConnection) -> None:
        """Forget a connection that is gone."""
        if self.connections.pop(connection.tid, None) is connection:
            self._free.append(connection.tid)

    def reserve(self, pages: int, tid: int) -> Reservation | None:
        """Hold page pods for a transfer of a connection, or None when there are not enough."""
        return self.pods.reserve(pages, tid % self._pools)
