"""The two ends of a connection, as drivers read and fill them."""

from __future__ import annotations

import pytest

from chiscsi_target.api.endpoints import chiscsi_tcp_endpoints, tcp_endpoint


@pytest.mark.parametrize(("ip", "is_ipv6", "text"), [("10.0.0.9", False, "10.0.0.9:860"), ("::1", True, "[::1]:860")])
@pytest.mark.parametrize("said", [0, 1])
def test_a_driver_may_say_which_addresses_it_fills_in(ip: str, is_ipv6: bool, text: str, said: int) -> None:
    """Guide 5.1.2 and 5.1.7: f_ipv6 is a field; the address decides."""
    ends = chiscsi_tcp_endpoints(tcp_endpoint("10.0.0.1", 5000), tcp_endpoint("10.0.0.2", 3260))
    ends.taddr = tcp_endpoint(ip, 860)
    ends.f_ipv6 = bool(said)
    assert ends.f_ipv6 == is_ipv6 and str(ends.taddr) == text
