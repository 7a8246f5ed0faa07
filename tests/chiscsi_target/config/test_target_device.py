"""The key TargetDevice: path, LUN class, options; the class's hooks fill the unit, or refuse it."""

from __future__ import annotations

import pytest

from chiscsi_target.api import chiscsi_lun, chiscsi_target_lun_class
from chiscsi_target.config.target_device import (
    KEY,
    configure_logical_unit,
    format_target_device,
    parse_target_device,
    show_target_device,
)
from chiscsi_target.errors import ConfigurationError


class Choosy(chiscsi_target_lun_class):
    """Takes what it is told to take."""

    class_name = "CHOOSY"

    def __init__(self, refuse: str = "", reason: bytes = b"") -> None:
        self.refuse = refuse
        self.reason = reason
        self.calls: list[tuple[str, str]] = []

    def fp_config_parse_options(self, lu: chiscsi_lun, buf: str, buflen: int, ebuf: bytearray) -> int:
        assert buflen == len(buf)
        self.calls.append(("options", buf))
        return self.result("options", -26, ebuf)

    def result(self, hook: str, number: int, ebuf: bytearray) -> int:
        if self.refuse != hook:
            return 0
        ebuf += self.reason
        return number


@pytest.mark.parametrize(
    "value, split",
    [
        ("/dev/sdb", ("FILE", "")),
        ("/dev/sdb,MEM", ("MEM", "")),
        ("/dev/sdb,MEM,size=1M,RO", ("MEM", "size=1M,RO")),
        ("/dev/sdb,RO,SN=7", ("FILE", "RO,SN=7")),
        ("/dev/sdb,mem", ("FILE", "mem")),
    ],
)
def test_path_class_and_options(value: str, split: tuple[str, str]) -> None:
    device = parse_target_device(value)
    classes: dict[str, chiscsi_target_lun_class] = {"FILE": Choosy(), "MEM": Choosy()}
    assert device.path == "/dev/sdb" and device.split(classes, "FILE") == split


@pytest.mark.parametrize("value", ["", ",MEM"])
def test_a_unit_needs_a_path(value: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_target_device(value)
    assert caught.value.where == KEY


def test_a_unit_is_configured_by_its_class() -> None:
    choosy = Choosy()
    unit = configure_logical_unit(parse_target_device("disk"), 7, choosy, "RO")
    assert choosy.calls == [("options", "RO")]
    assert (unit.lun, unit.path, unit.lun_class) == (7, "disk", choosy)


@pytest.mark.parametrize(
    "reason, message", [(b"no such disk", "no such disk"), (b"x" * 300, "x" * 256), (b"\xff", "\ufffd")]
)
def test_a_refusal_has_the_hooks_reason(reason: bytes, message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        configure_logical_unit(parse_target_device("disk"), 0, Choosy("options", reason), "")
    assert (caught.value.where, caught.value.message) == ("TargetDevice=disk", message)


def test_a_refusal_without_a_reason_has_its_number() -> None:
    with pytest.raises(ConfigurationError, match="refused with -26"):
        configure_logical_unit(parse_target_device("disk"), 0, Choosy("options"), "")


@pytest.mark.parametrize("name", ["BLK", "SCST"])
def test_classes_of_the_module_that_are_not_built_in_are_refused_in_words(name: str) -> None:
    device = parse_target_device(f"/dev/sdb,{name},RO")
    with pytest.raises(ConfigurationError, match=f"^TargetDevice=/dev/sdb: LUN class {name} is not built in: "):
        device.split({"FILE": Choosy()}, "FILE")
    assert device.split({name: Choosy()}, name) == (name, "RO"), "unless somebody registered one of that name"


@pytest.mark.parametrize("value", ["disk", "disk,MEM", "disk,MEM,size=1M,RO", "disk,,"])
def test_what_is_formatted_is_parsed(value: str) -> None:
    device = parse_target_device(value)
    assert parse_target_device(format_target_device(device)) == device


@pytest.mark.parametrize(
    "value, shown",
    [
        ("disk", "disk,FILE"),
        ("disk,FILE", "disk,FILE"),
        ("disk,RO", "disk,FILE,RO"),
        ("disk,FILE,WWN=4,ID=3,size=1M,SN=2,SYNC,PROD=1,RO", "disk,FILE,SYNC,RO,size=1M,PROD=1,SN=2,ID=3,WWN=4"),
        ("disk, sn=2 ,, RO", "disk,FILE,RO,sn=2"),
    ],
)
def test_the_modules_order(value: str, shown: str) -> None:
    """Behaviour file, 6.8: path, class, flags, then what identifies the unit."""
    assert show_target_device(parse_target_device(value), "FILE") == shown
