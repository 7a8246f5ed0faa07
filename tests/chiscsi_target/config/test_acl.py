"""The key ACL: criteria in any order, rights by logical unit, and what is wrong with the rest."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chiscsi_target.config.acl import format_acl, parse_acl
from chiscsi_target.core.access import READ_WRITE_ALL, AclEntry, LunRights

A, B = "iqn.2026-11.org.example:a", "iqn.2026-11.org.example:b"


@pytest.mark.parametrize(
    "value, entry",
    [
        (f"iname={A}", AclEntry((A,))),
        (f"iname={A.upper()},{B}", AclEntry((A, B))),
        ("sip=10.0.0.1,::1", AclEntry((), ("10.0.0.1", "::1"))),
        ("sip=[2001:0db8::01]", AclEntry((), ("2001:db8::1",))),
        ("dip=10.0.0.1;sip=10.0.0.2", AclEntry((), ("10.0.0.2",), ("10.0.0.1",))),
        (f"lun=ALL:R;iname={A}", AclEntry((A,), luns=(LunRights((), write=False),))),
        (f"iname={A};lun=0:R", AclEntry((A,), luns=(LunRights((0,), write=False),))),
        (f"iname={A};lun=0:W", AclEntry((A,), luns=(LunRights((0,)),))),
        (f"iname={A};lun=0:WR", AclEntry((A,), luns=(LunRights((0,)),))),
        (
            f"iname={A};lun=0,2~4:RW,7,9:R",
            AclEntry((A,), luns=(LunRights((0, 2, 3, 4)), LunRights((7, 9), write=False))),
        ),
        (f"iname={A} ; lun=1:RW", AclEntry((A,), luns=(LunRights((1,)),))),
        (f"iname={A};lun=ALL:RW", AclEntry((A,))),
    ],
)
def test_forms(value: str, entry: AclEntry) -> None:
    assert parse_acl(value) == entry


@pytest.mark.parametrize(
    "value, reason",
    [
        ("", "none of iname="),
        ("lun=ALL:RW", "at least one of"),
        (f"iname={A};", "none of iname="),
        (f"iname={A};iname={B}", "iname= is given twice"),
        ("iname=", "no iqn"),
        (f"iname={A},", "no iqn"),
        ("iname=disk", "no iqn"),
        ("sip=10.0.0", "no IP address"),
        ("sip=10.0.0.1:3260", "no IP address"),
        ("dip=host", "no IP address"),
        ("name=x", "none of iname="),
        (f"iname={A};lun=", "no permission"),
        (f"iname={A};lun=0", "no permission"),
        (f"iname={A};lun=0:RW,1", "no permission"),
        (f"iname={A};lun=0:X", "permission 'X'"),
        (f"iname={A};lun=0:", "permission ''"),
        (f"iname={A};lun=x:R", "'x' is neither"),
        (f"iname={A};lun=all:R", "'all' is neither"),
        (f"iname={A};lun=ALL,1:R", "'ALL' is neither"),
        (f"iname={A};lun=16384:R", "'16384' is neither"),
        (f"iname={A};lun=4~2:R", "ends below"),
        (f"iname={A};lun=1~:R", "'' is neither"),
    ],
)
def test_what_is_no_entry(value: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_acl(value)


NAMES = st.integers(0, 999).map(lambda number: f"iqn.2026-11.org.example:{number}")
ADDRESSES = st.ip_addresses().map(str)
RIGHTS = st.builds(LunRights, st.lists(st.integers(0, 0x3FFF), min_size=1, max_size=6).map(tuple), st.booleans())
ENTRIES = st.builds(
    AclEntry,
    st.lists(NAMES, max_size=3).map(tuple),
    st.lists(ADDRESSES, max_size=3).map(tuple),
    st.lists(ADDRESSES, max_size=3).map(tuple),
    st.one_of(st.just((READ_WRITE_ALL,)), st.lists(RIGHTS, min_size=1, max_size=3).map(tuple)),
).filter(lambda entry: bool(entry.initiators or entry.source_addresses or entry.target_addresses))


@given(ENTRIES)
def test_what_is_formatted_is_parsed(entry: AclEntry) -> None:
    assert parse_acl(format_acl(entry)) == entry


def test_consecutive_units_are_written_as_a_range() -> None:
    value = f"iname={A};lun=0,2~4,9:RW,ALL:R"
    assert format_acl(parse_acl(value)) == value


@given(st.one_of(st.text(), st.text("iname=;sdplu0123~:RWAL,.", min_size=1).map("sip=::1;lun=".__add__)))
def test_nothing_but_a_value_error_comes_out(value: str) -> None:
    with suppress(ValueError):
        parse_acl(value)
