"""A network portal: where a target node listens (RFC 7143 section 4.4.1)."""

from __future__ import annotations

from dataclasses import dataclass

from chiscsi_target.api.endpoints import chiscsi_tcp_endpoints, tcp_endpoint

# Wildcard addresses, and whether they are IPv6: a portal there listens at all addresses of its family.
_WILDCARDS = {"0.0.0.0": False, "::": True}


@dataclass(slots=True, eq=False)
class Portal:
    """One portal.

    Attributes:
        tag: portal group tag.
        address: IP address and port; the port is replaced by the real one when 0 was asked for.
        timeout: after how many seconds of silence a connection is pinged, and after as many more reset; 0 for never.
    """

    tag: int
    address: tcp_endpoint
    timeout: int = 0


def reachable(address: tcp_endpoint, ends: chiscsi_tcp_endpoints) -> tcp_endpoint | None:
    """A portal's address as an initiator can use it that is connected by `ends`: not as the wildcard address.

    None where the portal is at all addresses of the family that the connection is not of: then it tells none of them.
    """
    ipv6 = _WILDCARDS.get(address.ip)
    if ipv6 is None:
        return address
    return tcp_endpoint(ends.taddr.ip, address.port) if ipv6 == ends.f_ipv6 else None
