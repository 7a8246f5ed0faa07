"""Configuration files: sections, comments, lengths, and errors that name file and line - all of them."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chiscsi_target.api import ReturnCode
from chiscsi_target.config.config_file import ConfigFile, ConfigFileError, load, parse_file, without_comment
from chiscsi_target.config.pairs import format_buffer, parse_buffer
from chiscsi_target.config.target_config import parse_target
from chiscsi_target.errors import ConfigurationError

NAME = "iqn.2026-11.org.example:disk"
TARGET = f"target:\n  TargetName={NAME}\n  PortalGroup=1@127.0.0.1:3260\n"


def read(text: str) -> ConfigFile:
    return parse_file(text.encode(), "it.conf")


def errors(text: str | bytes) -> list[str]:
    with pytest.raises(ConfigFileError) as caught:
        parse_file(text if isinstance(text, bytes) else text.encode(), "it.conf")
    assert str(caught.value) == str(caught.value.errors[0])
    return [str(error) for error in caught.value.errors]


def test_sections_comments_and_blanks() -> None:
    found = read(
        f"""# all sections in any case
        GLOBAL:
            iscsi_auth_order = ACL      # blanks around are nothing
        default:
            Anything=goes

        Target:
        \tTargetName={NAME}
            PortalGroup=1@127.0.0.1:3260 # one # two
            TargetDevice=disk,MEM
            TargetDevice=other,MEM
        global:
            iscsi_acl_order=ISNS
        target :
            TargetName={NAME}2\r
            PortalGroup=1@127.0.0.1:3260\r
        """
    )
    assert found.global_variables == {"iscsi_auth_order": "ACL", "iscsi_acl_order": "ISNS"}
    assert [target.name for target in found.targets] == [NAME, f"{NAME}2"]
    assert [device.path for device in found.targets[0].devices] == ["disk", "other"]


def test_an_empty_file_says_nothing() -> None:
    assert read("") == ConfigFile() == read("# nothing\n\n")


@pytest.mark.parametrize(
    "text, lines",
    [
        ("initiator:\n", ["it.conf, line 1, invalid format."]),
        ("\nwhat ever:\n", ["it.conf, line 2, invalid format."]),
        (":\n", ["it.conf, line 1, invalid format."]),
        (f"{TARGET}TargetAlias\n", ['it.conf, line 4: "TargetAlias" invalid format!']),
        ("global:\n=ACL\n", ['it.conf, line 2: "=ACL" invalid format!']),
        (f"global:\n{'k' * 64}=ACL\n", [f'it.conf, line 2: "{"k" * 64}=ACL" invalid format!']),
        ("global:\niscsi_auth_order=A\0CL\n", ['it.conf, line 2: "iscsi_auth_order=A\0CL" invalid format!']),
        ("a=b\n", ["it.conf, line 1: a stands before the first section: write global: or target: above it"]),
        ("global:\ncolour=red\n", ["it.conf, line 2: Unknown variable colour."]),
        ("global:\niscsi_HA_mode=1\n", ["it.conf, line 2: iscsi_HA_mode: '1' is neither Yes nor No"]),
        (
            "global:\niscsi_HA_mode=No\niscsi_HA_mode=No\n",
            ["it.conf, line 3: iscsi_HA_mode: is given more than once"],
        ),
        (f"{TARGET}Colour=red\n", ["it.conf, line 4: unrecognized key Colour."]),
        (f"{TARGET}MaxConnections=0\n", ["it.conf, line 4: MaxConnections: 0 is not a number from 1 to 65535"]),
        (
            f"{TARGET}MaxBurstLength=4096\n",
            ["it.conf, line 4: FirstBurstLength: 65536 exceeds MaxBurstLength, which is 4096"],
        ),
        (f"{TARGET}ErrorRecoveryLevel=2\n", ["it.conf, line 4: ErrorRecoveryLevel > 0 NOT supported."]),
        (
            "target:\nPortalGroup=1@127.0.0.1\n",
            ["it.conf, line 1: TargetName: is missing"],
        ),
        (TARGET + TARGET, [f"it.conf, line 5: An target with name {NAME} already exists."]),
        (
            f"{TARGET}TargetAlias=a\n{TARGET}2".replace(":3260\n2", ":3261\nTargetAlias=a"),
            [
                f"it.conf, line 6: An target with name {NAME} already exists.",
                "it.conf, line 8: An target with alias a already exists.",
            ],
        ),
        (f"global:\nk={'v' * 1023}\n", ["it.conf, line 2: 1025 octets, and 1024 are allowed"]),
    ],
)
def test_errors_name_file_and_line(text: str, lines: list[str]) -> None:
    assert errors(text) == lines


def test_what_an_editor_puts_before_the_first_line_means_nothing() -> None:
    assert parse_file(b"\xef\xbb\xbf" + TARGET.encode(), "it.conf") == read(TARGET)


def test_what_is_read_shows_no_secret() -> None:
    pair = '"id":"secret-of-mine"'
    found = read(f"global:\nDISC_Auth_CHAP_Target={pair}\n{TARGET}Auth_CHAP_Initiator={pair}\n")
    assert "secret-of" not in repr(found) + repr(found.sections)


def test_octets_that_are_no_text() -> None:
    assert errors(b"global:\niscsi_auth_order=\xff\n") == ["it.conf, line 2: is no UTF-8"]


def test_all_errors_are_told_in_the_order_of_their_lines() -> None:
    text = f"global:\ncolour=red\n{TARGET}Shape=round\nMaxConnections=0\nnonsense\nFirstBurstLength=300000\nelse:\nx=y"
    assert errors(text) == [
        "it.conf, line 2: Unknown variable colour.",
        "it.conf, line 6: unrecognized key Shape.",
        "it.conf, line 7: MaxConnections: 0 is not a number from 1 to 65535",
        'it.conf, line 8: "nonsense" invalid format!',
        "it.conf, line 9: FirstBurstLength: 300000 exceeds MaxBurstLength, which is 262144",
        "it.conf, line 10, invalid format.",
    ]


def test_errors_know_their_code() -> None:
    for text, code in (("global:\ncolour=red\n", ReturnCode.EKEY), (f"{TARGET}PortalGroup=1@::\n", 0)):
        with pytest.raises(ConfigFileError) as caught:
            read(text)
        assert caught.value.code == code
    with pytest.raises(ConfigFileError) as caught:
        read(f"{TARGET}PortalGroup=1@127.0.0.2\n")
    assert (caught.value.code, caught.value.where) == (ReturnCode.EDUP, "it.conf, line 4")


@pytest.mark.parametrize(
    "line",
    [
        'Auth_CHAP_Initiator "id":"secret-of-mine"',
        'Auth_CHAP_Initiator="id":"secret-of-mine-too-long"',
        'Auth_CHAP_Target="id":"secret-of',
        'Auth_CHAP_Target="id" "secret-of-mine"',
        'Auth_CHAP_Initiator "id":"secret-of-mine="',
        '"id":"secret-of-=mine"',
    ],
)
def test_no_error_shows_a_secret(line: str) -> None:
    (error,) = errors(f"{TARGET}{line}\n")
    assert "secret-of" not in error and "line 4" in error


def test_secrets_that_contradict_each_other() -> None:
    pair = '"id":"secret-of-both"'
    text = f"global:\nDISC_Auth_CHAP_Initiator={pair}\nDISC_Auth_CHAP_Target={pair}\n"
    assert errors(text) == ["it.conf, line 3: DISC_Auth_CHAP_Target: the target's secret is also an initiator's"]
    text = f"{TARGET}Auth_CHAP_Target={pair}\nAuth_CHAP_Initiator={pair}\n"
    assert errors(text) == ["it.conf, line 4: Auth_CHAP_Target: the target's secret is also an initiator's"]


@pytest.mark.parametrize(
    "line, rest",
    [
        ("a=b # c", "a=b"),
        ("# a=b", ""),
        ("a=b#c#d", "a=b"),
        ('a="i#d":"se#cret" # "c"', 'a="i#d":"se#cret"'),
        ('a="id":"se"c#ret"', 'a="id":"se"c#ret"'),
        ('a=5" disk # it is 5" wide', 'a=5" disk'),
        ("a=b", "a=b"),
    ],
)
def test_comments(line: str, rest: str) -> None:
    assert without_comment(line) == rest


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    for path, reason in ((tmp_path / "missing", "No such file or directory"), (tmp_path, "Is a directory")):
        with pytest.raises(ConfigFileError) as caught:
            load(path)
        assert str(caught.value) == f"{path}: cannot be read: {reason}"
    with pytest.raises(ConfigFileError, match="cannot be read"):
        load("a\0b")


def test_what_is_too_long_for_a_configuration_is_not_read_through(tmp_path: Path) -> None:
    disk = tmp_path / "disk.img"
    disk.touch()
    os.truncate(disk, 1 << 40)
    for path in (disk, Path("/dev/zero")):
        with pytest.raises(ConfigFileError, match=f"^{path}: is longer than 16777216 octets: no configuration$"):
            load(path)


PAIRS = [
    ("TargetName", NAME),
    ("TargetAlias", "a disk"),
    ("PortalGroup", "1@127.0.0.1:3260,[::1]:3261,timeout=5,[2]"),
    ("PortalGroup", "2@127.0.0.1:3262"),
    ("TargetDevice", "disk,MEM,size=64MB,RO"),
    ("ACL_Enable", "Yes"),
    ("ACL", "iname=iqn.2026-11.org.example:host;sip=10.0.0.1,::1;dip=127.0.0.1;lun=0:R"),
    ("AuthMethod", "CHAP"),
    ("Auth_CHAP_Policy", "Mutual"),
    ("Auth_CHAP_Initiator", '"you#1":"secret#of#yours"'),
    ("Auth_CHAP_Target", '"me":"secret of mine"'),
    ("MaxBurstLength", "0x40000"),
    ("HeaderDigest", "CRC32C,None"),
    ("ShadowMode", "Yes"),
    ("RegisteriSNS", "No"),
    ("TargetSessionMaxCmd", "64"),
    ("TargetClass", "MINE"),
]


def test_buffers_and_files_give_identical_targets() -> None:
    text = "target:\n" + "".join(f"    {key}={value}\n" for key, value in PAIRS)
    assert read(text).targets == [parse_target(parse_buffer(format_buffer(PAIRS)))]


@pytest.mark.parametrize(
    "where, message, line",
    [
        ("TargetDevice=b", "no such file", 7),
        ("TargetDevice=c", "no such file", 6),
        ("PortalGroup", "failed to start 127.0.0.1:32: in use.", 5),
        ("PortalGroup", "failed to start 127.0.0.1:3260: in use.", 4),
        ("PortalGroup", "something else", 4),
        ("TargetName", "already exists", 3),
        ("TargetClass", "MINE is not registered", 2),
        ("anything", "else", 2),
    ],
)
def test_errors_of_those_who_use_a_target_are_placed(where: str, message: str, line: int) -> None:
    text = f"\n{TARGET}PortalGroup=2@127.0.0.1:32\nTargetDevice=a,MEM\nTargetDevice=b,MEM\n"
    placed = read(text).placed(NAME, ConfigurationError(where, message, 5))
    assert str(placed) == f"it.conf, line {line}: {where}: {message}" and placed.code == 5


def test_an_error_about_another_target_stays_as_it_is() -> None:
    error = ConfigurationError("TargetName", "is missing")
    assert read(TARGET).placed("iqn.2026-11.org.example:other", error) is error


@given(st.one_of(st.binary(max_size=200), st.text('target:glob\n =#"', max_size=80).map(str.encode)))
def test_nothing_but_a_configuration_error_comes_out(data: bytes) -> None:
    with suppress(ConfigFileError):
        parse_file(data, "it.conf")
