"""Descriptions as text: the module's orders, secrets hidden or in clear, and that what is written is read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chiscsi_target.config.config_file import ConfigFile, load, parse_file
from chiscsi_target.config.global_variables import DEFAULTS, VARIABLES, set_variables, variable_values
from chiscsi_target.config.keys import TARGET_KEYS
from chiscsi_target.config.listing import (
    format_file,
    indented,
    show_summary,
    show_target,
    shown_variables,
    target_pairs,
    variable_pairs,
    write_file,
)
from chiscsi_target.config.target_config import TargetConfig, parse_target
from chiscsi_target.core.registry import Globals
from chiscsi_target.errors import ConfigurationError
from tests.chiscsi_target.config.test_acl import ENTRIES

NAME = "iqn.2026-11.org.example:disk"
FULL = [
    ("TargetName", NAME),
    ("TargetAlias", "a disk"),
    ("PortalGroup", "1@127.0.0.1,timeout=5,[2]"),
    ("PortalGroup", "2@127.0.0.1:3262"),
    ("TargetDevice", "disk,MEM,size=64MB,SN=7,RO,PROD=Archive"),
    ("TargetDevice", "/dev/sdb,SYNC"),
    ("ACL", "sip=10.0.0.1;lun=0:R"),
    ("Auth_CHAP_Initiator", '"you":"secret-of-yours"'),
    ("Auth_CHAP_Target", '"me":"secret-of-mine"'),
]

# Behaviour file, 6.8, `-c target=N`.
SHOWN = f"""\
target:
	TargetName={NAME}
	TargetAlias=a disk
	ErrorRecoveryLevel=0
	InitialR2T=Yes
	ImmediateData=Yes
	DataPDUInOrder=Yes
	DataSequenceInOrder=Yes
	MaxConnections=1
	MaxOutstandingR2T=1
	FirstBurstLength=65536
	MaxBurstLength=262144
	DefaultTime2Wait=2
	DefaultTime2Retain=20
	HeaderDigest=None
	DataDigest=None
	MaxRecvDataSegmentLength=8192
	AuthMethod=None,CHAP
	Auth_CHAP_Policy=Oneway
	Auth_CHAP_ChallengeLength=16
	ACL_Enable=No
	RegisteriSNS=Yes
	ShadowMode=No
	TargetSessionMaxCmd=128
	ACL=sip=10.0.0.1;lun=0:R
	Auth_CHAP_Target="me":"********"
	Auth_CHAP_Initiator="you":"********"
	PortalGroup=1@127.0.0.1:3260,timeout=5,[2]
	PortalGroup=2@127.0.0.1:3262,timeout=0
	TargetDevice=disk,MEM,RO,size=64MB,PROD=Archive,SN=7
	TargetDevice=/dev/sdb,FILE,SYNC
"""


def test_a_target_in_the_modules_order() -> None:
    assert "\n".join(show_target(target_pairs(parse_target(FULL), classes=["MEM", "FILE"]))) + "\n" == SHOWN


def test_one_key_of_a_target() -> None:
    pairs = target_pairs(parse_target(FULL))
    assert show_target(pairs, "TargetAlias") == ["target:", "\tTargetAlias=a disk"]
    assert len(show_target(pairs, "PortalGroup")) == 3
    with pytest.raises(ConfigurationError, match=r"unrecognized key Colour\."):
        show_target(pairs, "Colour")


def test_the_short_form_of_a_target() -> None:
    assert show_summary(NAME, 3, 1, target_pairs(parse_target(FULL), classes=["MEM", "FILE"])) == [
        "",
        f"TARGET: {NAME}, id=3, login_ip=1",
        "\tPortalGroup=1@127.0.0.1:3260,timeout=5,[2]",
        "\tPortalGroup=2@127.0.0.1:3262,timeout=0",
        "\tTargetDevice=disk,MEM,RO,size=64MB,PROD=Archive,SN=7",
        "\tTargetDevice=/dev/sdb,FILE,SYNC",
    ]


def test_global_variables_in_the_modules_order() -> None:
    variables = Globals()
    assert indented(shown_variables(dict(variable_pairs(variable_values(variables))))) == [
        "\tiscsi_auth_order=CHAP",
        "\tiscsi_acl_order=CONFIG",
        "\tiscsi_login_complete_time=300",
        "\tDISC_AuthMethod=None",
        "\tDISC_Auth_CHAP_Policy=Oneway",
        "\tiscsi_chelsio_ini_idstr=cxgb4i",
    ]
    pairs = [
        ("iscsi_target_vendor_id", "ACME"),
        ("DISC_Auth_CHAP_Initiator", '"you":"secret-of-yours"'),
        ("DISC_Auth_CHAP_Target", '"me":"secret-of-mine"'),
        ("iscsi_test_mode", "1"),
    ]
    assert set_variables(variables, pairs) == []
    assert indented(shown_variables(dict(variable_pairs(variable_values(variables))))) == [
        "\tiscsi_auth_order=CHAP",
        "\tiscsi_acl_order=CONFIG",
        "\tiscsi_target_vendor_id=ACME",
        "\tiscsi_login_complete_time=300",
        "\tDISC_AuthMethod=None",
        "\tDISC_Auth_CHAP_Policy=Oneway",
        '\tDISC_Auth_CHAP_Target="me":"********"',
        '\tDISC_Auth_CHAP_Initiator="you":"********"',
        "\tiscsi_chelsio_ini_idstr=cxgb4i",
    ]


def test_what_is_shown_has_no_secret_and_what_is_written_has_all() -> None:
    config = parse_target(FULL)
    assert "secret-of" not in str(target_pairs(config))
    text = format_file(ConfigFile(dict(DEFAULTS), [config]))
    assert '\tAuth_CHAP_Initiator="you":"secret-of-yours"\n' in text
    assert '\tAuth_CHAP_Target="me":"secret-of-mine"\n' in text


# Whatever the table of keys can hold: values by key, written as text.

PLAIN = st.text("abcXYZ09/.;=:[]@ '\\\u00e4\u4e2d", min_size=1, max_size=20).map(str.strip).filter(bool)
SECRETS = st.text("abcd#\"' ", min_size=10, max_size=10).map(lambda text: f"<{text}>")
GROUPS = st.sampled_from(
    (
        ["1@10.0.0.1"],
        ["0@10.0.0.1:0,[::1]:860,timeout=86400", "65535@[2001:db8::1],timeout=1"],
        ["3@10.0.0.1,[1,2]", "1@10.0.0.2,timeout=7", "2@[::1],[1]"],
    )
)
IDS = st.text("abcdef.:#", min_size=1, max_size=20)


@st.composite
def descriptions(draw: st.DrawFn) -> list[tuple[str, str]]:
    """Right pairs of a target, in any order, of which few clash."""
    pairs = [("TargetName", f"iqn.2026-11.org.example:{draw(st.integers(0, 99))}")]
    switches = [row.name for row in TARGET_KEYS.values() if row.form.words == "`Yes` or `No`"]
    pairs += [(name, draw(st.sampled_from(("Yes", "No")))) for name in draw(st.sets(st.sampled_from(switches)))]
    for name, strategy in (
        ("TargetAlias", PLAIN.map(lambda text: text[:100])),
        ("TargetClass", PLAIN.map(lambda text: text[:20])),
        ("MaxConnections", st.integers(1, 65535)),
        ("MaxBurstLength", st.integers(65536, 16777215)),
        ("TargetSessionMaxCmd", st.integers(1, 2048)),
        ("HeaderDigest", st.sampled_from(("None", "CRC32C", "CRC32C,None"))),
        ("AuthMethod", st.sampled_from(("None", "CHAP", "None,CHAP"))),
        ("Auth_CHAP_ChallengeLength", st.integers(1, 64).map(lambda number: number * 16)),
        ("OFMarkInt", st.integers(1, 65535)),
        ("iSCSIProtocolLevel", st.integers(0, 31)),
    ):
        if draw(st.booleans()):
            pairs.append((name, str(draw(strategy))))
    pairs += [("PortalGroup", value) for value in draw(GROUPS)]
    pairs += [("TargetDevice", value) for value in draw(st.lists(PLAIN, max_size=3, unique=True))]
    names = draw(st.lists(IDS, max_size=3, unique=True))
    pairs += [("Auth_CHAP_Initiator", f'"{name}":"{number}{draw(SECRETS)}"') for number, name in enumerate(names)]
    entries = [TARGET_KEYS["ACL"].format(entry) for entry in draw(st.lists(ENTRIES, max_size=2))]
    pairs += [("ACL", entry) for entry in entries if "dip=" not in entry]
    return draw(st.permutations(pairs))


VARIABLE_VALUES: dict[str, st.SearchStrategy[Any]] = {
    "iscsi_auth_order": st.sampled_from(("ACL", "CHAP")),
    "iscsi_target_vendor_id": st.text("ABC 1~", min_size=1, max_size=8).filter(lambda text: text == text.strip()),
    "iscsi_login_complete_time": st.integers(0, 3600).map(str),
    "DISC_AuthMethod": st.sampled_from(("None", "CHAP")),
    "DISC_Auth_CHAP_Initiator": st.builds('"{}":"{}"'.format, IDS, SECRETS),
    "iscsi_verbose_level": st.builds("{:x},{:x}".format, st.integers(0, 15), st.integers(0, 0xFFFFFF)),
    "iscsi_HA_mode": st.sampled_from(("Yes", "No")),
    "iscsi_test_mode": st.integers(0, 31).map(str),
}


@settings(max_examples=40)
@given(descriptions(), st.fixed_dictionaries({}, optional=VARIABLE_VALUES))
def test_what_is_written_is_read(pairs: list[tuple[str, str]], variables: dict[str, str]) -> None:
    config = parse_target(pairs)
    before = ConfigFile({name: VARIABLES[name].parse(text) for name, text in variables.items()}, [config])
    try:
        text = format_file(before)
    except ConfigurationError as error:
        # A secret such as `x" #...` looks like an end and a comment; it is refused rather than written wrongly.
        assert error.where in ("Auth_CHAP_Initiator", "DISC_Auth_CHAP_Initiator")  # noqa: PT017
        return
    assert parse_file(text.encode(), "it.conf") == before
    assert format_file(parse_file(text.encode(), "it.conf")) == text


@pytest.mark.parametrize(
    "config, key",
    [
        (parse_target([*FULL[:1], *FULL[2:4], ("TargetAlias", "disk #1")]), "TargetAlias"),
        (parse_target([*FULL[:1], *FULL[2:4], ("TargetDevice", "disk#1,MEM")]), "TargetDevice"),
        (parse_target([*FULL[:1], *FULL[2:4], ("TargetDevice", "disk\n2,MEM")]), "TargetDevice"),
        (parse_target([*FULL[:1], *FULL[2:4], ("TargetDevice", "disk ")]), "TargetDevice"),
        (parse_target([*FULL[:1], *FULL[2:4], ("TargetDevice", "d" * 1020)]), "TargetDevice"),
    ],
)
def test_what_cannot_stand_in_a_file_is_refused(config: TargetConfig, key: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        format_file(ConfigFile({}, [config]))
    assert caught.value.where == key


def test_a_file_is_replaced_as_a_whole_and_is_nobody_elses(tmp_path: Path) -> None:
    path = tmp_path / "it.conf"
    path.write_text("old")
    path.chmod(0o644)
    file = ConfigFile({"iscsi_test_mode": 1}, [parse_target(FULL)])
    write_file(file, path)
    assert load(path) == file and path.stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["it.conf"]
    with pytest.raises(ConfigurationError, match="cannot be written"):
        write_file(file, tmp_path / "no" / "it.conf")
    (tmp_path / "directory").mkdir()
    with pytest.raises(ConfigurationError, match="cannot be written: Is a directory"):
        write_file(file, tmp_path / "directory")
    # What has secrets in it does not stay behind, whichever step fails.
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["directory", "it.conf"]
    before = path.read_text()
    with pytest.raises(ConfigurationError, match="TargetDevice"):
        write_file(ConfigFile({}, [parse_target([*FULL[:4], ("TargetDevice", "a#b")])]), path)
    assert path.read_text() == before
