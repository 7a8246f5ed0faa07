"""The key PortalGroup: its forms, IPv6 in brackets, and what is wrong with the rest."""

from __future__ import annotations

import pytest

from chiscsi_target.config.portal_group import KEY, parse_address, parse_portal_group
from chiscsi_target.errors import ConfigurationError

Shown = list[tuple[int, str, int]]


@pytest.mark.parametrize(
    "value, portals",
    [
        ("1@10.0.0.1", [(1, "10.0.0.1:3260", 0)]),
        ("1@10.0.0.1:860", [(1, "10.0.0.1:860", 0)]),
        ("0@127.0.0.1:0", [(0, "127.0.0.1:0", 0)]),
        ("65535@10.0.0.1,10.0.0.2:3261", [(65535, "10.0.0.1:3260", 0), (65535, "10.0.0.2:3261", 0)]),
        ("1@[::1]", [(1, "[::1]:3260", 0)]),
        ("1@[2001:db8::5]:3261", [(1, "[2001:db8::5]:3261", 0)]),
        ("1@[2001:0db8:0::0005],10.0.0.1", [(1, "[2001:db8::5]:3260", 0), (1, "10.0.0.1:3260", 0)]),
        ("1@[fe80::1%eth0]:3260", [(1, "[fe80::1%eth0]:3260", 0)]),
        ("2@10.0.0.1,timeout=30", [(2, "10.0.0.1:3260", 30)]),
        ("2@10.0.0.1,[::1]:1,timeout=0", [(2, "10.0.0.1:3260", 0), (2, "[::1]:1", 0)]),
    ],
)
def test_forms(value: str, portals: Shown) -> None:
    found = parse_portal_group(value)
    assert [(portal.tag, str(portal.address), portal.timeout) for portal in found] == portals


@pytest.mark.parametrize(
    "value",
    [
        "",
        "1",
        "@10.0.0.1",
        "10.0.0.1",
        "x@10.0.0.1",
        "-1@10.0.0.1",
        "65536@10.0.0.1",
        "1@",
        "1@,",
        "1@10.0.0.1,",
        "1@,10.0.0.1",
        "1@timeout=30",
        "1@10.0.0.1,timeout=",
        "1@10.0.0.1,timeout=x",
        "1@10.0.0.1,timeout=86401",
        "1@10.0.0.1,timeout=5,10.0.0.2",
        "1@10.0.0",
        "1@10.0.0.256",
        "1@host.example",
        "1@10.0.0.1:65536",
        "1@10.0.0.1:-1",
        "1@10.0.0.1:x",
        "1@10.0.0.1:\u0663",
        "1@::1",
        "1@2001:db8::5:3260",
        "1@[10.0.0.1]",
        "1@[::1",
        "1@[::1]3260",
        "1@[]",
        "1@[::1]:65536",
    ],
)
def test_what_is_no_portal_group(value: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_portal_group(value)
    assert caught.value.where == KEY and caught.value.message


def test_an_address_alone() -> None:
    assert str(parse_address("127.0.0.1")) == "127.0.0.1:3260"
    assert str(parse_address("[::]:0")) == "[::]:0"
