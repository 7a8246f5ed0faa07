"""Addresses of targets, good and bad."""

from __future__ import annotations

import pytest

from conformance.harness.address import Address, AddressError, parse_address

IQN = "iqn.2004-01.com.example:disk"


@pytest.mark.parametrize(
    "text, address",
    [
        (f"iscsi://10.0.0.1:3261/{IQN}", Address("10.0.0.1", 3261, IQN)),
        (f"iscsi://10.0.0.1/{IQN}", Address("10.0.0.1", 3260, IQN)),
        (f"iscsi://store.example/{IQN}/7", Address("store.example", 3260, IQN, 7)),
        (f"iscsi://[::1]:3261/{IQN}/0", Address("::1", 3261, IQN, 0)),
        ("iscsi://h/eui.02004567a425678d", Address("h", 3260, "eui.02004567a425678d")),
        ("iscsi://h/naa.52004567ba64678d/", Address("h", 3260, "naa.52004567ba64678d")),
        ("iscsi://h/iqn.2004-01.com.example%3Adisk", Address("h", 3260, IQN)),
    ],
)
def test_good_addresses(text: str, address: Address) -> None:
    assert parse_address(text) == address


@pytest.mark.parametrize(
    "text, complaint",
    [
        ("http://h/iqn.2004-01.com.example:disk", "is no target: expected iscsi://"),
        ("10.0.0.1:3260", "is no target: expected iscsi://"),
        (f"iscsi:///{IQN}", "names no host"),
        ("iscsi://h", "names no target after the host"),
        ("iscsi://h/disk0", "'disk0' is no iSCSI name"),
        (f"iscsi://h/{IQN}/x", "'x' is no LUN"),
        (f"iscsi://h/{IQN}/16384", "'16384' is no LUN"),
        (f"iscsi://h/{IQN}/-1", "'-1' is no LUN"),
        (f"iscsi://h:99999/{IQN}", "is no target: Port out of range"),
        (f"iscsi://h:0/{IQN}", "nobody listens on TCP port 0"),
        (f"iscsi://h:x/{IQN}", "is no target: Port could not be cast"),
        (f"iscsi://[::1/{IQN}", "is no target: Invalid IPv6 URL"),
        (f"iscsi://user@h/{IQN}", "has a part that an address does not have"),
        (f"iscsi://h/{IQN}?x=1", "has a part that an address does not have"),
    ],
)
def test_bad_addresses_say_which_part(text: str, complaint: str) -> None:
    with pytest.raises(AddressError) as raised:
        parse_address(text)
    assert text in str(raised.value)
    assert complaint in str(raised.value)


@pytest.mark.parametrize("text", [f"iscsi://10.0.0.1:3261/{IQN}", f"iscsi://[::1]:3260/{IQN}/3"])
def test_an_address_prints_as_it_is_written(text: str) -> None:
    assert str(parse_address(text)) == text
