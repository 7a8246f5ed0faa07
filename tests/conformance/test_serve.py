"""What `chiscsi serve` makes of its options; the program itself is tried in tests/interop."""

from __future__ import annotations

import pytest

from chiscsi_target.errors import ConfigurationError
from conformance.serve import Disk, _configuration, _in_words, disks_in_order, main

IQN = "iqn.2026-11.org.example:disk"


@pytest.mark.parametrize(
    "arguments, disks",
    [
        ([], []),
        (["--mem", "256M"], [Disk("mem", "256M")]),
        (["--file=/a,ro", "--mem=1M", "--file", "b"], [Disk("file", "/a,ro"), Disk("mem", "1M"), Disk("file", "b")]),
        (["--portal", "127.0.0.1:0", "--mem", "1M", "--iqn", IQN], [Disk("mem", "1M")]),
        (["--mem"], [Disk("mem", "")]),
    ],
)
def test_disks_are_numbered_in_the_order_of_their_options(arguments: list[str], disks: list[Disk]) -> None:
    assert disks_in_order(arguments) == disks


def test_a_configuration_of_options() -> None:
    disks = [Disk("mem", "1M"), Disk("file", "/x/y"), Disk("file", "/z,ro")]
    config = _configuration(["127.0.0.1:0", "[::1]:3261"], IQN, disks)
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
    "portals, iqn, disks, option",
    [
        (["nowhere"], IQN, [Disk("mem", "1M")], "--portal"),
        (["127.0.0.1:99999"], IQN, [Disk("mem", "1M")], "--portal"),
        (["127.0.0.1:0"], "disk", [Disk("mem", "1M")], "--iqn"),
        (["127.0.0.1:0"], IQN, [], "--mem, --file"),
    ],
)
def test_errors_name_the_option(portals: list[str], iqn: str, disks: list[Disk], option: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        _configuration(portals, iqn, disks)
    assert _in_words(caught.value).startswith(f"{option}: ")


@pytest.mark.parametrize("disks", [[], [Disk("mem", "one")], [Disk("file", "/there/is/no/such/file")]])
def test_what_cannot_be_served_ends_with_2(capsys: pytest.CaptureFixture[str], disks: list[Disk]) -> None:
    import signal

    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        assert main(["127.0.0.1:0"], IQN, disks) == 2
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    told = capsys.readouterr()
    assert told.out == "" and told.err.startswith("chiscsi serve: ")
