"""What the options of `chiscsi serve` describe, and errors in the words of the options."""

from __future__ import annotations

import pytest

from chiscsi_target.errors import ConfigurationError
from conformance.serve_options import DEFAULT_IQN, DEFAULT_PORTAL, Disk, Options, describe, disks_in_order, in_words

IQN = "iqn.2026-11.org.example:disk"


@pytest.mark.parametrize(
    "arguments, disks",
    [
        ([], []),
        (["--mem", "256M"], [Disk("mem", "256M")]),
        (["--file=/a,ro", "--mem=1M", "--file", "b"], [Disk("file", "/a,ro"), Disk("mem", "1M"), Disk("file", "b")]),
        (["--portal", "127.0.0.1:0", "--mem", "1M", "--iqn", IQN], [Disk("mem", "1M")]),
        (["--mem"], [Disk("mem", "")]),
        (["--null", "8P", "--null=1T,ro"], [Disk("null", "8P"), Disk("null", "1T,ro")]),
    ],
)
def test_disks_are_numbered_in_the_order_of_their_options(arguments: list[str], disks: list[Disk]) -> None:
    assert disks_in_order(arguments) == disks


def test_a_configuration_of_options() -> None:
    disks = [Disk("mem", "1M"), Disk("file", "/x/y"), Disk("file", "/z,ro")]
    config = describe(Options(portals=["127.0.0.1:0", "[::1]:3261"], iqn=IQN, disks=disks))
    assert config.name == IQN
    assert [(portal.tag, str(portal.address)) for portal in config.portals] == [
        (1, "127.0.0.1:0"),
        (1, "[::1]:3261"),
    ]
    assert [(device.path, device.rest) for device in config.devices] == [
        ("mem0", "MEM,size=1M"),
        ("/x/y", "FILE"),
        ("/z", "FILE,RO"),
    ]


@pytest.mark.parametrize(
    ("disk", "device"),
    [
        (Disk("mem", "1M,thick,Removable"), "mem0,MEM,size=1M,THICK,REMOVABLE"),
        (Disk("mem", "1M,tasks=2"), "mem0,MEM,size=1M,TASKS=2"),
        (Disk("null", "8P, block=4096"), "null0,NULL,size=8P,BLOCK=4096"),
        (Disk("file", "/a,direct,dsync,prod=My Disk"), "/a,FILE,DIRECT,DSYNC,PROD=My Disk"),
        (Disk("file", "/with,comma.img"), "/with,comma.img,FILE"),
        (Disk("file", "/with,comma.img,ro"), "/with,comma.img,FILE,RO"),
        (Disk("file", "ro"), "ro,FILE"),
    ],
)
def test_options_may_follow(disk: Disk, device: str) -> None:
    (found,) = describe(Options(disks=[disk])).devices
    assert f"{found.path},{found.rest}" == device


@pytest.mark.parametrize(
    "portals, iqn, disks, option",
    [
        (["nowhere"], IQN, [Disk("mem", "1M")], "--portal"),
        (["127.0.0.1:99999"], IQN, [Disk("mem", "1M")], "--portal"),
        (["127.0.0.1:0"], "disk", [Disk("mem", "1M")], "--iqn"),
        (["127.0.0.1:0"], IQN, [], "--mem, --file, --null"),
    ],
)
def test_errors_name_the_option(portals: list[str], iqn: str, disks: list[Disk], option: str) -> None:
    options = Options(portals=portals, iqn=iqn, disks=disks)
    with pytest.raises(ConfigurationError) as caught:
        describe(options)
    assert in_words(caught.value, options).startswith(f"{option}: ")


@pytest.mark.parametrize(
    "where, words",
    [
        ("TargetDevice=mem0", "--mem 12Q: reason"),
        ("TargetDevice=/x", "--file /x,ro: reason"),
        ("TargetDevice=/y", "TargetDevice=/y: reason"),
        ("PortalGroup", "--portal: reason"),
        ("--control", "--control: reason"),
    ],
)
def test_errors_of_those_who_use_the_target_name_the_option(where: str, words: str) -> None:
    options = Options(disks=[Disk("mem", "12Q"), Disk("file", "/x,ro")])
    assert in_words(ConfigurationError(where, "reason"), options) == words


def test_the_usual_portal_and_a_drivers_classes() -> None:
    config = describe(Options(), [("TargetClass", "MINE"), ("TargetDevice", "disk0,MINE")])
    assert [str(portal.address) for portal in config.portals] == [DEFAULT_PORTAL]
    assert (config.name, config.class_name, len(config.devices)) == (DEFAULT_IQN, "MINE", 1)
