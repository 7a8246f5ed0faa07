"""A target's keys: defaults, ranges, and an error that names the key for everything else."""

from __future__ import annotations

import pytest

from chiscsi_target.config.target_config import TargetConfig, parse_target
from chiscsi_target.errors import ConfigurationError

NAME = ("TargetName", "iqn.2026-11.org.example:disk")
PORTAL = ("PortalGroup", "1@127.0.0.1:3260")


def parse(*pairs: tuple[str, str]) -> TargetConfig:
    return parse_target([NAME, PORTAL, *pairs])


def test_defaults() -> None:
    """Behaviour file, 6.3."""
    config = parse()
    assert (config.name, config.alias, config.class_name, config.max_commands) == (NAME[1], "", "CHELSIO", 128)
    assert config.keys["MaxBurstLength"] == 262144 and config.keys["FirstBurstLength"] == 65536
    assert config.keys["InitialR2T"] is True and config.keys["ImmediateData"] is True
    assert config.keys["HeaderDigest"] == ("None",) and config.keys["MaxRecvDataSegmentLength"] == 8192
    assert (config.keys["DefaultTime2Wait"], config.keys["DefaultTime2Retain"]) == (2, 20)


def test_two_configurations_share_nothing() -> None:
    one, two = parse(("MaxConnections", "4")), parse()
    assert (one.keys["MaxConnections"], two.keys["MaxConnections"]) == (4, 1)


def test_names_are_lower_case() -> None:
    assert parse_target([("TargetName", "IQN.2026-11.org.example:Disk"), PORTAL]).name == NAME[1]


@pytest.mark.parametrize(
    "key, value, parsed",
    [
        ("MaxConnections", "65535", 65535),
        ("InitialR2T", "No", False),
        ("MaxOutstandingR2T", "0x10", 16),
        ("FirstBurstLength", "512", 512),
        ("MaxRecvDataSegmentLength", "16777215", 16777215),
        ("HeaderDigest", "CRC32C,None", ("CRC32C", "None")),
        ("DataDigest", "CRC32C", ("CRC32C",)),
        ("ErrorRecoveryLevel", "0", 0),
        ("AuthMethod", "None", ("None",)),
    ],
)
def test_values(key: str, value: str, parsed: object) -> None:
    assert parse((key, value)).keys[key] == parsed


def test_several_groups_and_devices_in_order() -> None:
    config = parse(("TargetDevice", "a,MEM"), ("PortalGroup", "2@[::1]:3261,10.0.0.1"), ("TargetDevice", "b,MEM,RO"))
    assert [(portal.tag, str(portal.address)) for portal in config.portals] == [
        (1, "127.0.0.1:3260"),
        (2, "[::1]:3261"),
        (2, "10.0.0.1:3260"),
    ]
    assert [device.path for device in config.devices] == ["a", "b"]


def test_ports_that_are_still_free_may_look_alike() -> None:
    assert len(parse_target([NAME, ("PortalGroup", "1@127.0.0.1:0,127.0.0.1:0")]).portals) == 2


@pytest.mark.parametrize(
    "key, value",
    [
        ("TargetNames", "x"),
        ("targetname", "x"),
        ("SendTargets", "All"),
        ("TargetName", NAME[1]),
        ("TargetName", "disk"),
        ("MaxConnections", "0"),
        ("MaxConnections", "65536"),
        ("MaxConnections", "many"),
        ("MaxConnections", ""),
        ("InitialR2T", "yes"),
        ("MaxBurstLength", "511"),
        ("MaxBurstLength", "16777216"),
        ("FirstBurstLength", "262145"),
        ("MaxRecvDataSegmentLength", "0"),
        ("DefaultTime2Wait", "3601"),
        ("DataPDUInOrder", "No"),
        ("DataSequenceInOrder", "No"),
        ("ErrorRecoveryLevel", "1"),
        ("ErrorRecoveryLevel", "3"),
        ("HeaderDigest", "CRC32"),
        ("DataDigest", ""),
        ("AuthMethod", "SRP"),
        ("TargetAlias", ""),
        ("TargetAlias", "a,b"),
        ("TargetSessionMaxCmd", "0"),
        ("TargetSessionMaxCmd", "2049"),
        ("TargetSessionMaxCmd", "-1"),
        ("TargetSessionMaxCmd", "x"),
        ("PortalGroup", "1@127.0.0.1:3261"),
        ("PortalGroup", "2@127.0.0.1:3260"),
        ("PortalGroup", "nowhere"),
        ("TargetDevice", ""),
    ],
)
def test_every_error_names_its_key(key: str, value: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse((key, value))
    assert caught.value.where == key and str(caught.value).startswith(f"{key}: ")


@pytest.mark.parametrize("key, value", [("MaxConnections", "2"), ("TargetAlias", "a"), ("TargetSessionMaxCmd", "5")])
def test_a_key_may_be_given_once(key: str, value: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse((key, value), (key, value))
    assert caught.value.where == key


def test_a_device_may_be_given_once() -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse(("TargetDevice", "a,MEM"), ("TargetDevice", "a,MEM"))
    assert caught.value.where == "TargetDevice"


@pytest.mark.parametrize("pairs, where", [([PORTAL], "TargetName"), ([NAME], "PortalGroup"), ([], "TargetName")])
def test_what_has_to_be_there(pairs: list[tuple[str, str]], where: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_target(pairs)
    assert caught.value.where == where


def test_first_burst_length_follows_what_max_burst_length_came_to() -> None:
    first = parse(("FirstBurstLength", "65536")).own["FirstBurstLength"]
    assert callable(first)
    assert first({"MaxBurstLength": 4096}) == 4096 and first({"MaxBurstLength": 1 << 20}) == 65536
