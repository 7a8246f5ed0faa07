from __future__ import annotations

import pytest

from chiscsi_target.api import chiscsi_lun, chiscsi_target_lun_class
from chiscsi_target.scsi.identity import designators, padded, serial_number
from chiscsi_target.scsi.logical_unit import Device, LogicalUnit


def unit(number: int = 0, target: str = "iqn.a", **identification: str) -> LogicalUnit:
    lu = chiscsi_lun(chiscsi_target_lun_class(), number, "disk")
    for name, value in identification.items():
        setattr(lu, name, value)
    return LogicalUnit(lu, Device(target, 1, "VENDOR", "1"), ())


def naa(of: LogicalUnit) -> bytes:
    return designators(of)[1].designator


def test_units_are_told_apart_and_stay_the_same() -> None:
    made = [unit(0), unit(1), unit(0, "iqn.b")]
    assert len({serial_number(each) for each in made}) == 3
    assert len({naa(each) for each in made}) == 3
    assert serial_number(unit(0)) == serial_number(made[0])
    assert naa(unit(0)) == naa(made[0])


def test_an_own_naa_is_locally_assigned() -> None:
    value = naa(unit())
    assert len(value) == 8 and value[0] >> 4 == 0x3


@pytest.mark.parametrize("wwn", ["2000000000000001", "3000000000000001", "5000000000000001", "6" + "0" * 30 + "1"])
def test_a_configured_naa_is_used(wwn: str) -> None:
    assert naa(unit(scsi_wwn=wwn)) == bytes.fromhex(wwn)


@pytest.mark.parametrize("wwn", ["", "my disk", "5000", "6000000000000001", "f000000000000001", "zz"])
def test_what_is_no_naa_is_not_passed_off_as_one(wwn: str) -> None:
    assert naa(unit(scsi_wwn=wwn)) == naa(unit())


def test_a_scsi_name_is_ended_and_filled_with_nulls() -> None:
    for target in ("iqn.a", "iqn.ab", "iqn.abc", "iqn.abcd"):
        name = designators(unit(target=target))[-1].designator
        assert name.rstrip(b"\0") == target.encode()
        assert len(name) % 4 == 0 and 1 <= len(name) - len(target) <= 4


def test_a_nameless_target_has_no_scsi_names() -> None:
    assert [each.designator_type for each in designators(unit(target=""))] == [1, 3, 4, 5]


@pytest.mark.parametrize(
    "text, octets", [("ab", b"ab  "), ("abcd", b"abcd"), ("abcde", b"abcd"), ("ü", b"?   "), ("", b"    ")]
)
def test_text_is_ascii_cut_and_filled_with_blanks(text: str, octets: bytes) -> None:
    assert padded(text, 4) == octets
