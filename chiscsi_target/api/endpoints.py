"""`chiscsi_tcp_endpoints`: the two ends of a connection (guide 5.1.2)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class tcp_endpoint:
    """One end of a TCP connection: address in text form and port."""

    ip: str
    port: int

    def __str__(self) -> str:
        return f"[{self.ip}]:{self.port}" if ":" in self.ip else f"{self.ip}:{self.port}"


@dataclass(slots=True)
class chiscsi_tcp_endpoints:
    """The TCP 4-tuple: `iaddr` is the initiator's end, `taddr` the target's; `port_id` names the adapter's port."""

    iaddr: tcp_endpoint
    taddr: tcp_endpoint
    port_id: int = 0

    @property
    def f_ipv6(self) -> bool:
        """Whether the addresses are IPv6."""
        return ":" in self.taddr.ip

    @f_ipv6.setter
    def f_ipv6(self, value: bool) -> None:
        """Set it, as a driver in C has to beside a portal that it redirects to; here the address itself says it."""


chiscsi_tcp_endpoint = chiscsi_tcp_endpoints
"""The same structure, as the guide's prototypes of hooks name it."""
