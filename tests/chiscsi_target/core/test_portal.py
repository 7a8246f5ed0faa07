"""Portals: the address by which an initiator can be told of one."""

from __future__ import annotations

import pytest

from chiscsi_target.api.endpoints import chiscsi_tcp_endpoints, tcp_endpoint
from chiscsi_target.core.portal import reachable


@pytest.mark.parametrize(
    "portal, connected, told",
    [
        ("192.0.2.1", "127.0.0.1", "192.0.2.1"),
        ("2001:db8::1", "127.0.0.1", "2001:db8::1"),
        ("0.0.0.0", "127.0.0.1", "127.0.0.1"),
        ("::", "::1", "::1"),
        ("0.0.0.0", "::1", None),
        ("::", "127.0.0.1", None),
    ],
)
def test_the_wildcard_is_the_address_that_was_connected_to(portal: str, connected: str, told: str | None) -> None:
    ends = chiscsi_tcp_endpoints(tcp_endpoint("peer", 1), tcp_endpoint(connected, 3260))
    assert reachable(tcp_endpoint(portal, 3261), ends) == (None if told is None else tcp_endpoint(told, 3261))
