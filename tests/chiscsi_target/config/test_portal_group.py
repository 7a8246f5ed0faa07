"""The key PortalGroup: its forms, IPv6 in brackets, and what is wrong with the rest."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chiscsi_target.config.portal_group import KEY, clash, format_portal_group, parse_address, parse_portal_group
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
    group = parse_portal_group(value)
    assert [(portal.tag, str(portal.address), portal.timeout) for portal in group.portals] == portals
    assert (group.tag, group.timeout, group.redirect_to) == (portals[0][0], portals[0][2], ())


@pytest.mark.parametrize(
    "value, redirect_to, timeout, portals",
    [
        ("1@10.0.0.1,[2]", (2,), 0, 1),
        ("1@10.0.0.1:860,[::1],[2,3]", (2, 3), 0, 2),
        ("1@[::1],timeout=9,[0,65535]", (0, 65535), 9, 1),
        ("1@10.0.0.1,[::1]", (), 0, 2),
    ],
)
def test_redirection(value: str, redirect_to: tuple[int, ...], timeout: int, portals: int) -> None:
    group = parse_portal_group(value)
    assert (group.redirect_to, group.timeout, len(group.portals)) == (redirect_to, timeout, portals)


def test_groups_are_equal_when_they_were_configured_alike() -> None:
    one = parse_portal_group("1@10.0.0.1,timeout=3,[2]")
    assert one == parse_portal_group("1@10.0.0.1:3260,timeout=3,[2]")
    assert hash(one) == hash(parse_portal_group("1@10.0.0.1:3260,timeout=3,[2]"))
    for other in ("2@10.0.0.1,timeout=3,[2]", "1@10.0.0.1,timeout=4,[2]", "1@10.0.0.1,timeout=3", "1@10.0.0.1:1"):
        assert one != parse_portal_group(other)
    assert one != "1@10.0.0.1"


ADDRESSES = st.one_of(st.ip_addresses(v=4).map(str), st.ip_addresses(v=6).map(lambda address: f"[{address}]"))
PORTALS = st.tuples(ADDRESSES, st.integers(0, 65535)).map(lambda pair: f"{pair[0]}:{pair[1]}")
GROUPS = st.builds(
    lambda tag, portals, timeout, tags: (
        f"{tag}@{','.join(portals)},timeout={timeout}" + (f",[{','.join(map(str, tags))}]" if tags else "")
    ),
    st.integers(0, 65535),
    st.lists(PORTALS, min_size=1, max_size=4),
    st.integers(0, 86400),
    st.lists(st.integers(0, 65535), max_size=3),
)


@given(GROUPS)
def test_what_is_formatted_is_parsed(value: str) -> None:
    group = parse_portal_group(value)
    assert format_portal_group(group) == value
    assert parse_portal_group(format_portal_group(group)) == group


@given(st.one_of(st.text(), st.text("1@[]:.,=timeou", min_size=1).map("1@".__add__)))
def test_nothing_but_a_configuration_error_comes_out(value: str) -> None:
    with suppress(ConfigurationError):
        parse_portal_group(value)


@pytest.mark.parametrize(
    "value, reason",
    [
        ("1@10.0.0.9", "portal group 1 is given twice"),
        ("2@10.0.0.1", "portal 10.0.0.1:3260 is given twice"),
        ("2@10.0.0.2,10.0.0.2", "portal 10.0.0.2:3260 is given twice"),
        ("2@10.0.0.2:0,10.0.0.2:0", ""),
        ("2@10.0.0.1:3261", ""),
    ],
)
def test_clashes(value: str, reason: str) -> None:
    assert clash([parse_portal_group("1@10.0.0.1")], parse_portal_group(value)) == reason


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
        "1@10.0.0.1:",
        "1@[::1]:",
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
        "1@10.0.0.1,[]",
        "1@10.0.0.1,[x]",
        "1@10.0.0.1,[2,]",
        "1@10.0.0.1,[65536]",
        "1@10.0.0.1,[2],timeout=5",
        "1@10.0.0.1,[2],[3]",
        "1@[2]",
        "1@10.0.0.1:" + "9" * 5000,
    ],
)
def test_what_is_no_portal_group(value: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_portal_group(value)
    assert caught.value.where == KEY and caught.value.message


def test_an_address_alone() -> None:
    assert str(parse_address("127.0.0.1")) == "127.0.0.1:3260"
    assert str(parse_address("[::]:0")) == "[::]:0"
