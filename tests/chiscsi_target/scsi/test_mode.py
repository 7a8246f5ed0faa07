from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from chiscsi_target.api import LU_FLAG_SYNC
from chiscsi_target.scsi.mode_pages import PAGES
from iscsi_wire import scsi
from iscsi_wire.scsi import MODE_PAGE_TYPES, ModeParameterHeader6, ModeParameterHeader10
from tests.chiscsi_target.peers import decode_inhex
from tests.chiscsi_target.scsi.rig import BLOCKS, READ_ONLY, Rig

SIZES = {0x01: 12, 0x02: 16, 0x03: 24, 0x04: 24, 0x08: 20, 0x0A: 12, 0x1A: 40, 0x1C: 12}
"""Octets of each page; their order is that of MODE SENSE for all pages."""
EXTENSION = 32
"""Octets of page 0Ah, subpage 01h."""

DESCRIPTOR = bytes.fromhex("00000800 00000200")


def six(page: int = 0x3F, *, control: int = 0, subpage: int = 0, flags: int = 0, allocation: int = 255) -> str:
    return f"1a {flags:02x} {control << 6 | page:02x} {subpage:02x} {allocation:02x} 00"


def ten(page: int = 0x3F, *, control: int = 0, subpage: int = 0, flags: int = 0, allocation: int = 1024) -> str:
    return f"5a {flags:02x} {control << 6 | page:02x} {subpage:02x} 000000 {allocation:04x} 00"


def pages(data: bytes) -> dict[int, bytes]:
    """The pages of a parameter list by code, in its order."""
    found: dict[int, bytes] = {}
    while data:
        length = 2 + data[1]
        found[data[0]], data = data[:length], data[length:]
    return found


def test_all_pages_follow_header_and_block_descriptor() -> None:
    data = Rig().run(six(), length=255).data
    assert data[:4] == bytes((len(data) - 1, 0, 0x10, 8)) and data[4:12] == DESCRIPTOR
    assert {code: len(page) for code, page in pages(data[12:]).items()} == SIZES


def test_the_long_form_has_the_same_pages() -> None:
    data = Rig().run(ten(), length=1024).data
    assert data[:8] == (len(data) - 2).to_bytes(2) + bytes.fromhex("00 10 00 00 0008") and data[8:16] == DESCRIPTOR
    assert pages(data[16:]) == pages(Rig().run(six(), length=255).data[12:])


@pytest.mark.parametrize("code", SIZES)
def test_each_page_comes_alone(code: int) -> None:
    data = Rig().run(six(code), length=255).data
    assert list(pages(data[12:])) == [code]
    assert len(data) == 12 + SIZES[code]


def test_all_subpages_are_the_pages_and_the_control_extension() -> None:
    rig = Rig()
    assert rig.run(ten(0x08, subpage=0xFF), length=255).data == rig.run(ten(0x08), length=255).data
    control = rig.run(six(0x0A, subpage=0xFF, flags=8), length=255).data[4:]
    assert control == rig.run(six(0x0A, flags=8), length=255).data[4:] + bytes.fromhex("4a 01 001c") + bytes(28)
    assert rig.run(six(0x0A, subpage=1, flags=8), length=255).data[4:] == control[-EXTENSION:]
    everything, without = (rig.run(six(0x3F, subpage=sub), length=255).data for sub in (0xFF, 0))
    assert len(everything) == len(without) + EXTENSION


def test_dbd_leaves_the_block_descriptor_out() -> None:
    assert Rig().run(six(0x0A, flags=0x08), length=255).data[:5] == bytes.fromhex("0f 00 10 00 0a")
    assert Rig().run(ten(0x0A, flags=0x18), length=255).data[:9] == bytes.fromhex("0012 00 10 00 00 0000 0a")


def test_llbaa_makes_the_block_descriptor_long() -> None:
    data = Rig().run(ten(0x0A, flags=0x10), length=255).data
    assert data[:8] == bytes.fromhex("0022 00 10 01 00 0010")
    assert data[8:24] == bytes.fromhex(f"{BLOCKS:016x} 00000000 00000200")


def test_the_short_block_descriptor_of_a_large_medium_says_that_it_cannot_tell() -> None:
    unit = Rig.disk("size=1M")
    unit.size = 1 << 42
    assert Rig(unit).run(six(), length=255).data[4:12] == bytes.fromhex("ffffffff 00000200")


@pytest.mark.parametrize("lun, device_specific", [(0, 0x10), (READ_ONLY, 0x90)])
def test_the_header_tells_write_protection_and_dpofua(lun: int, device_specific: int) -> None:
    rig = Rig()
    assert ModeParameterHeader6.decode(rig.run(six(), length=255, lun=lun).data).octet_2 == device_specific
    assert ModeParameterHeader10.decode(rig.run(ten(), length=255, lun=lun).data).octet_3 == device_specific


CHANGEABLE = {0x08: "04" + 17 * "00", 0x0A: "e4 06 08 40" + 6 * "00", 0x1C: "0c 0f" + 8 * "00"}


@pytest.mark.parametrize("code", SIZES)
def test_default_values_are_the_current_ones_and_these_can_be_changed(code: int) -> None:
    rig = Rig()
    current = rig.run(six(code), length=255).data
    assert rig.run(six(code, control=2), length=255).data == current
    changeable = rig.run(six(code, control=1), length=255).data
    assert changeable[:14] == current[:14]
    assert changeable[14:] == bytes.fromhex(CHANGEABLE.get(code, "00" * (SIZES[code] - 2)))


def test_a_unit_without_a_place_to_keep_things_saves_nothing() -> None:
    for cdb in (six(control=3), ten(control=3)):
        assert Rig().run(cdb, length=255).sense == (5, 0x39, 0)


@pytest.mark.parametrize("page", [0x00, 0x05, 0x07, 0x19, 0x2C, 0x3E])
@pytest.mark.parametrize("command", [six, ten])
def test_other_pages_are_refused(command: Callable[[int], str], page: int) -> None:
    outcome = Rig().run(command(page), length=255)
    assert (outcome.status, outcome.sense, outcome.field) == (2, (5, 0x24, 0), (2, 5))


@pytest.mark.parametrize("page, subpage", [(0x3F, 0x01), (0x0A, 0x02), (0x08, 0xFE)])
def test_other_subpages_are_refused(page: int, subpage: int) -> None:
    outcome = Rig().run(six(page, subpage=subpage), length=255)
    assert (outcome.sense, outcome.field) == ((5, 0x24, 0), (3, None))


def test_llbaa_is_none_of_the_short_commands_bits() -> None:
    assert Rig().run(six(flags=0x10), length=255).field == (1, 4)


@pytest.mark.parametrize("allocation, length", [(0, 0), (1, 1), (4, 4), (12, 12), (255, 172)])
def test_it_is_cut_to_the_allocation_length_but_tells_the_whole_length(allocation: int, length: int) -> None:
    outcome = Rig().run(six(allocation=allocation), length=255)
    assert (outcome.status, len(outcome.data), outcome.residual) == (0, length, 255 - length)
    assert outcome.data[:1] in (b"", b"\xab")


@pytest.mark.parametrize("flags, wce", [(LU_FLAG_SYNC, 0), (0, 1)])
def test_wce_tells_whether_there_is_a_write_cache(flags: int, wce: int) -> None:
    unit = Rig.disk("size=1M")
    assert unit.flags == LU_FLAG_SYNC
    unit.flags = flags
    data = Rig(unit).run(six(0x08), length=255).data
    assert data[14] == 0x10 | wce << 2


def test_the_format_page_tells_the_block_size() -> None:
    data = Rig(Rig.disk("size=1M,BLOCK=4096")).run(six(0x03), length=255).data
    assert data[12 + 12 : 12 + 14] == bytes.fromhex("1000")


@pytest.mark.parametrize("blocks, cylinders", [(2048, 1), (16384 * 7 + 5, 7), (1 << 50, 0xFFFFFF)])
def test_the_geometry_covers_the_medium(blocks: int, cylinders: int) -> None:
    unit = Rig.disk("size=1M")
    unit.size = blocks << 9
    data = Rig(unit).run(six(0x04), length=255).data
    assert int.from_bytes(data[14:17]) == cylinders and data[17] == 64


def test_the_declared_pages_are_answered_and_no_others() -> None:
    assert sorted([*SIZES, 0x0A]) == sorted(code for code, _ in MODE_PAGE_TYPES)
    assert [key for key in PAGES if key[1]] == [(0x0A, 0x01)]


@pytest.mark.parametrize("options, ato", [("size=1M", 0), ("size=1M,PI=1", 1)])
def test_application_tags_are_the_clients(options: str, ato: int) -> None:
    page = pages(Rig(Rig.disk(options)).run(ten(0x0A), length=1024).data[16:])[0x0A]
    assert scsi.ControlModePage.decode(page).ato == ato


@pytest.mark.interop
def test_sdparm_reads_the_same(tmp_path: Path) -> None:
    text = decode_inhex(tmp_path, Rig().run(ten(), length=1024).data, "sdparm", "--all", package="sdparm")
    for title in (
        "Read write error recovery mode page:",
        "Disconnect-reconnect (SPC + transports) mode page:",
        "Format (SBC) mode page:",
        "Rigid disk (SBC) mode page:",
        "Caching (SBC) mode page:",
        "Control mode page:",
        "Power condition mode page:",
        "Informational exceptions control mode page:",
    ):
        assert title in text
    values = dict(line.split() for line in text.splitlines() if line.startswith("  "))
    wanted = {
        "WCE": "0",
        "DISC": "1",
        "GLTSD": "1",
        "QERR": "0",
        "TST": "0",
        "DEXCPT": "1",
        "DBPPS": "512",
        "NOH": "64",
    }
    assert {name: values[name] for name in wanted} == wanted
