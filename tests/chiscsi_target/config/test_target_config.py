"""A target's keys: defaults, ranges, and an error that names the key for everything else."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chiscsi_target.api import ReturnCode
from chiscsi_target.config.keys import TARGET_KEYS
from chiscsi_target.config.target_config import TargetConfig, examine_target, parse_target
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
        ("AuthMethod", "None,CHAP", ("None", "CHAP")),
        ("OFMarker", "No", False),
        ("IFMarkInt", "65535", 65535),
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
        ("TargetAlias", "a" * 256),
        ("TargetClass", ""),
        ("OFMarkInt", "0"),
        ("IFMarker", "Yes"),
        ("ACL_Enable", "yes"),
        ("ShadowMode", "1"),
        ("RegisteriSNS", "Maybe"),
        ("ACL", "lun=ALL:RW"),
        ("ACL", "dip=127.0.0.2"),
        ("Auth_CHAP_Policy", "Both"),
        ("Auth_CHAP_ChallengeLength", "0"),
        ("Auth_CHAP_ChallengeLength", "24"),
        ("Auth_CHAP_ChallengeLength", "1040"),
        ("Auth_CHAP_Initiator", "id:secret"),
        ("Auth_CHAP_Target", '"id":"short"'),
        ("PortalGroup", "2@127.0.0.1:3261,[2]"),
        ("MaxConnections", "1" * 300),
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
    assert caught.value.where == key and key in str(caught.value)


@pytest.mark.parametrize(
    "key, value, line",
    [
        ("Colour", "red", "unrecognized key Colour."),
        ("DataPDUInOrder", "No", "DataPDUInOrder=No NOT supported."),
        ("DataSequenceInOrder", "No", "DataSequenceInOrder=No NOT supported."),
        ("ErrorRecoveryLevel", "1", "ErrorRecoveryLevel > 0 NOT supported."),
        ("OFMarker", "Yes", "OFMarker=Yes NOT supported."),
        ("PortalGroup", "2@127.0.0.1:3261,[3]", "redirect portalgroup 3 not found."),
        ("ACL", "dip=10.0.0.9", "ACL dip invalid: 10.0.0.9"),
        ("TargetSessionMaxCmd", "0", "TargetSessionMaxCmd: 0 is not a number from 1 to 2048"),
        (
            "Auth_CHAP_ChallengeLength",
            "17",
            "Auth_CHAP_ChallengeLength: 17 is not a number from 16 to 1024 that is a multiple of 16",
        ),
    ],
)
def test_messages(key: str, value: str, line: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse((key, value))
    assert str(caught.value) == line


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


def test_redirection_has_to_know_every_group() -> None:
    """Behaviour file, 2.5."""
    with pytest.raises(ConfigurationError, match=r"^127\.0\.0\.1:3260 unknown to redirection\.$"):
        parse(("PortalGroup", "2@127.0.0.1:3261,[3]"), ("PortalGroup", "3@127.0.0.1:3262"))
    config = parse_target([NAME, ("PortalGroup", "1@127.0.0.1:1,[2]"), ("PortalGroup", "2@127.0.0.1:2")])
    assert [group.redirect_to for group in config.portal_groups] == [(2,), ()]


def test_an_access_list_may_name_any_address_of_an_open_portal() -> None:
    entry = ("ACL", "dip=10.0.0.9")
    assert parse_target([NAME, ("PortalGroup", "1@0.0.0.0"), entry]).acl[0].target_addresses == ("10.0.0.9",)
    with pytest.raises(ConfigurationError, match="ACL dip invalid"):
        parse_target([NAME, ("PortalGroup", "1@[::]"), entry])


ONE, OTHER = '"one":"secret-of-one1"', '"other":"secret-of-other"'


def test_chap_data() -> None:
    config = parse(
        ("Auth_CHAP_Initiator", ONE),
        ("Auth_CHAP_Initiator", OTHER),
        ("Auth_CHAP_Target", '"me":"secret-of-mine"'),
        ("Auth_CHAP_Policy", "Mutual"),
        ("Auth_CHAP_ChallengeLength", "0x20"),
        ("AuthMethod", "CHAP"),
    )
    assert dict(config.chap.initiators) == {"one": b"secret-of-one1", "other": b"secret-of-other"}
    assert config.chap.target == ("me", b"secret-of-mine")
    assert (config.chap.mutual, config.chap.challenge_length, config.auth_methods) == (True, 32, ("CHAP",))
    assert "secret-of" not in repr(config)


EDUP = int(ReturnCode.EDUP)


@pytest.mark.parametrize(
    "pairs, code",
    [
        ([("PortalGroup", "1@127.0.0.1:3261")], EDUP),
        ([("PortalGroup", "2@127.0.0.1:3260")], EDUP),
        ([("TargetDevice", "a,MEM"), ("TargetDevice", "a,MEM")], EDUP),
        ([("Auth_CHAP_Initiator", ONE), ("Auth_CHAP_Initiator", ONE)], EDUP),
        ([("Auth_CHAP_Initiator", ONE), ("Auth_CHAP_Initiator", ONE.replace('"one"', '"two"'))], EDUP),
        ([("Auth_CHAP_Initiator", ONE), ("Auth_CHAP_Target", ONE)], 0),
        ([("Auth_CHAP_Target", ONE), ("Auth_CHAP_Target", OTHER)], 0),
        ([("MaxConnections", "0")], 0),
    ],
)
def test_duplicates_have_a_code_of_their_own(pairs: list[tuple[str, str]], code: int) -> None:
    """Behaviour file, 6.4, 6.5 and 6.7: -EDUP; else -EINVAL (1.3)."""
    with pytest.raises(ConfigurationError) as caught:
        parse(*pairs)
    assert caught.value.code == code and "secret-of" not in str(caught.value)


def test_a_target_has_16383_units_at_most() -> None:
    devices = [("TargetDevice", f"d{number},MEM") for number in range(16384)]
    assert len(parse(*devices[:-1]).devices) == 16383
    with pytest.raises(ConfigurationError, match="16384 logical units, and 16383 are allowed"):
        parse(*devices)


def test_all_faults_are_found_with_their_pairs() -> None:
    pairs = [NAME, ("MaxConnections", "0"), PORTAL, ("Colour", "red"), ("FirstBurstLength", "300000"), PORTAL]
    _, faults = examine_target(pairs)
    assert [(fault.index, fault.error.where) for fault in faults] == [
        (1, "MaxConnections"),
        (3, "Colour"),
        (5, "PortalGroup"),
        (4, "FirstBurstLength"),
    ]
    _, faults = examine_target([])
    assert [(fault.index, str(fault.error)) for fault in faults] == [
        (None, "TargetName: is missing"),
        (None, "target: No valid portal started!"),
    ]


PAIRS = st.tuples(st.one_of(st.sampled_from(sorted(TARGET_KEYS)), st.text(max_size=5)), st.text(max_size=30))


@given(st.lists(PAIRS, max_size=8))
def test_nothing_but_a_configuration_error_comes_out(pairs: list[tuple[str, str]]) -> None:
    with suppress(ConfigurationError):
        parse_target([NAME, PORTAL, *pairs])
