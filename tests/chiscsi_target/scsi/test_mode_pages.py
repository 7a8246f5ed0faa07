from __future__ import annotations

import re

import pytest

from chiscsi_target.api import LU_FLAG_NOWCACHE, LU_FLAG_SYNC
from chiscsi_target.scsi.mode_pages import PAGES, load_mode_pages
from tests.chiscsi_target.fakes import FakeHandle, sense_descriptors
from tests.chiscsi_target.scsi.modes import CACHING, CONTROL, EXCEPTIONS, Kept, changed, page, select, set_bits
from tests.chiscsi_target.scsi.rig import BLOCK, BLOCKS, Rig
from tests.tree import ROOT

WRITE_PROTECTED = (7, 0x27, 0)
REFERENCE = ROOT / "docs" / "reference" / "mode-pages.md"
RESET = 5  # LOGICAL UNIT RESET (RFC 7143, 11.5.1)


def write(rig: Rig) -> tuple[int, int, int]:
    return rig.write("2a 00 00000000 00 0001 00", bytes(BLOCK)).sense


# SWP


def test_under_software_write_protection_nobody_writes() -> None:
    rig = Rig()
    set_bits(rig, CONTROL, 4, 0x08)
    assert write(rig) == WRITE_PROTECTED
    for cdb, length in (
        ("0a 000000 01 00", BLOCK),
        (f"8a 00 {0:016x} 00000001 00 00", BLOCK),
        (f"aa 00 {0:08x} 00000001 00 00", BLOCK),
        (f"2e 00 {0:08x} 00 0001 00", BLOCK),
        (f"41 00 {0:08x} 00 0001 00", BLOCK),
        (f"93 00 {0:016x} 00000001 00 00", BLOCK),
        (f"89 00 {0:016x} 000000 01 00 00", 2 * BLOCK),
        ("42 00 00000000 00 0018 00", 24),
    ):
        assert rig.write(cdb, bytes(length)).sense == WRITE_PROTECTED, cdb
    assert rig.run("28 00 00000000 00 0001 00", length=BLOCK).status == 0
    assert rig.run("35 00 00000000 00 0000 00").status == 0


def test_mode_sense_tells_of_software_write_protection() -> None:
    rig = Rig()
    set_bits(rig, CONTROL, 4, 0x08)
    assert rig.run("1a 00 0a 00 ff 00", length=255).data[2] == 0x90
    set_bits(rig, CONTROL, 4, 0, clear=0x08)
    assert rig.run("1a 00 0a 00 ff 00", length=255).data[2] == 0x10
    assert write(rig) == (0, 0, 0)


# D_SENSE


def test_sense_data_in_descriptor_format() -> None:
    rig = Rig()
    set_bits(rig, CONTROL, 2, 0x04)
    outcome = rig.run(f"28 00 {BLOCKS:08x} 00 0001 00", length=BLOCK)
    assert outcome.sense_data == bytes.fromhex("72 05 21 00 000000 00")
    outcome = rig.run("12 01 81 00 ff 00", length=255)
    assert outcome.sense_data == bytes.fromhex("72 05 24 00 000000 08 02 06 0000 c00002 00")
    assert rig.run("ff 00 00 00 00 00").sense_data[:4] == bytes.fromhex("72 05 20 00")


def test_information_has_a_descriptor() -> None:
    rig = Rig()
    set_bits(rig, CONTROL, 2, 0x04)
    outcome = rig.write(f"2f 02 {0:08x} 00 0001 00", bytes(17) + b"\x01" + bytes(BLOCK - 18))
    assert outcome.sense == (0xE, 0x1D, 0)
    assert sense_descriptors(outcome.sense_data)[0] == bytes.fromhex("00 0a 80 00 0000000000000011")


def test_request_sense_goes_by_its_own_bit() -> None:
    rig = Rig()
    set_bits(rig, CONTROL, 2, 0x04)
    assert rig.run("03 00 00 00 fc 00", length=252).data[0] == 0x70
    assert rig.run("03 01 00 00 fc 00", length=252).data[0] == 0x72


# WCE


def test_wce_switches_the_driver() -> None:
    rig = Rig()
    lu = rig.server.units[0].lu
    assert lu.flags & LU_FLAG_SYNC
    set_bits(rig, CACHING, 2, 0x04)
    assert not lu.flags & LU_FLAG_SYNC
    set_bits(rig, CACHING, 2, 0, clear=0x04)
    assert lu.flags & LU_FLAG_SYNC


def test_what_was_written_is_safe_when_the_cache_is_off(monkeypatch: pytest.MonkeyPatch) -> None:
    rig = Rig()
    flushed: list[int] = []
    monkeypatch.setattr(type(rig.server.units[0].lu.medium), "flush", lambda _medium: flushed.append(1))
    set_bits(rig, CACHING, 2, 0x04)
    assert not flushed
    set_bits(rig, CACHING, 2, 0, clear=0x04)
    set_bits(rig, CACHING, 2, 0, clear=0x04)
    assert len(flushed) == 1


@pytest.mark.parametrize(
    "cdb, data",
    [
        (f"89 00 {0:016x} 000000 01 00 00", bytes(2 * BLOCK)),
        (f"8b 00 {0:016x} 00000001 00 00", bytes(BLOCK)),
        (f"9c 00 {0:016x} 0000 0001 00 00", bytes(BLOCK)),
        (f"93 00 {0:016x} 00000008 00 00", bytes(BLOCK)),
        (f"93 08 {0:016x} 00000008 00 00", bytes(BLOCK)),
        ("42 00 00000000 00 0018 00", bytes.fromhex(f"0016 0010 00000000 {0:016x} 00000001 00000000")),
    ],
)
def test_without_a_cache_all_that_writes_is_safe_before_its_status(
    monkeypatch: pytest.MonkeyPatch, cdb: str, data: bytes
) -> None:
    rig = Rig()
    flushed: list[int] = []
    monkeypatch.setattr(type(rig.server.units[0].lu.medium), "flush", lambda _medium: flushed.append(1))
    assert rig.write(cdb, data).status == 0
    assert len(flushed) == 1
    set_bits(rig, CACHING, 2, 0x04)
    assert rig.write(cdb, data).status == 0
    assert len(flushed) == 1


@pytest.mark.parametrize("flags, medium", [(LU_FLAG_NOWCACHE | LU_FLAG_SYNC, True), (0, False)])
def test_wce_cannot_be_changed_everywhere(flags: int, medium: bool) -> None:
    unit = Rig.disk("size=1M")
    unit.flags = flags
    if not medium:
        unit.medium = None
    rig = Rig(unit)
    assert not any(page(rig, CACHING, 1)[2:])
    assert select(rig, changed(rig, CACHING, 2, 0 if not flags else 4, clear=4)).field == (6, 2)


def test_a_new_description_keeps_what_was_selected() -> None:
    rig = Rig(Rig.disk("size=1M"))
    set_bits(rig, CACHING, 2, 0x04)
    set_bits(rig, CONTROL, 2, 0x04)
    new = Rig.disk("size=2M")
    rig.server.replace_units([new], portal_group_tag=3)
    assert not new.flags & LU_FLAG_SYNC and new.descriptor_sense
    assert page(rig, CACHING)[2] & 4 and not page(rig, CACHING, 2)[2] & 4


# Values whose effect is elsewhere


def test_values_for_the_task_set_are_at_hand() -> None:
    rig = Rig()
    unit = rig.server.units[0]
    assert (unit.qerr, unit.tas) == (0, False)
    octets = bytearray(page(rig, CONTROL))
    octets[2] |= 0x20
    octets[3] |= 0x06
    octets[5] |= 0x40
    assert select(rig, bytes(octets)).status == 0
    assert (unit.qerr, unit.tas) == (3, True)
    assert page(rig, CONTROL) == octets


def test_a_false_failure_prediction_can_be_asked_for() -> None:
    rig = Rig()
    octets = bytearray(page(rig, EXCEPTIONS))
    octets[2:4] = bytes.fromhex("04 06")  # TEST without DEXCPT; MRIE: on request
    assert select(rig, bytes(octets)).status == 0
    data = rig.run("03 00 00 00 12 00", length=18).data
    assert (data[2], data[12], data[13]) == (0, 0x5D, 0xFF)
    octets[3] = 0
    assert select(rig, bytes(octets)).status == 0
    assert not any(rig.run("03 00 00 00 12 00", length=18).data[12:14])


def test_the_reference_lists_the_pages_and_what_can_be_changed() -> None:
    rows = re.findall(r"^\| `([0-9a-f/]+)` \| (.*?) \| ?(.*?) \|$", REFERENCE.read_text(), re.MULTILINE)
    listed = {}
    for (code, subpage), row in PAGES.items():
        kind = type(row.default(Rig().server.units[0]))
        name = kind.TITLE.removesuffix(" mode page")
        titles = [kind.field(name).title for name in row.changeable]
        listed[f"{code:02x}/{subpage:02x}" if subpage else f"{code:02x}"] = (name, ", ".join(titles))
    assert {code: (name, fields) for code, name, fields in rows} == listed


# Reset and restart


def test_a_reset_brings_the_saved_values_back() -> None:
    unit = Rig.disk("size=1M")
    unit.kept = Kept()
    rig = Rig(unit)
    set_bits(rig, CONTROL, 5, 0x40, flags=0x11)
    set_bits(rig, CONTROL, 4, 0x08)
    set_bits(rig, CACHING, 2, 0x04)
    rig.server.fp_tmf_execute(1, FakeHandle(), 1, RESET, 0, None)
    assert rig.server.units[0].tas and not rig.server.units[0].swp
    assert write(rig) == (0, 0, 0)
    assert unit.flags & LU_FLAG_SYNC
    assert page(rig, CONTROL) == page(rig, CONTROL, 3)


@pytest.mark.parametrize(
    "data, reason",
    [
        (b"", "Expecting value"),
        (b"\xff", "can't decode"),
        (b"[]", "no mode pages"),
        (b"7", "no mode pages"),
        (b'{"08/00": 1}', "no mode page 08/00"),
        (b'{"09/00": {}}', "no mode page 09/00"),
        (b'{"08/00": {"rcd": 1}}', "rcd cannot be 1"),
        (b'{"08/00": {"wce": 2}}', "wce cannot be 2"),
        (b'{"08/00": {"wce": true}}', "wce cannot be True"),
        (b'{"08/00": {"wce": "1"}}', "wce cannot be '1'"),
        (b'{"0a/00": {"qerr": 2}}', "qerr cannot be 2"),
    ],
)
def test_what_was_not_saved_is_no_mode_page(data: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        load_mode_pages(data)
