"""sg3-utils and sdparm decode what the device server answers: the fields are as expected, and nobody complains."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from iscsi_wire.scsi_page_codes import VpdPageCode
from tests.chiscsi_target.peers import decode_inhex, run_peer
from tests.chiscsi_target.scsi.modes import CACHING, CONTROL, set_bits
from tests.chiscsi_target.scsi.rig import BLOCKS, Rig

pytestmark = pytest.mark.interop

# What the programs say when there is something that they do not understand, or that cannot be.
COMPLAINTS = re.compile(
    r"unable to decode|unexpected|truncated|too short|malformed|bad |error:|should be|>>>", re.IGNORECASE
)


def quiet(text: str) -> str:
    assert not COMPLAINTS.search(text), text
    return text


def vpd(rig: Rig, code: int) -> bytes:
    return rig.run(f"12 01 {code:02x} 0200 00", length=512).data


def mode_sense(rig: Rig, page: int, *, subpage: int = 0, control: int = 0) -> bytes:
    return rig.run(f"5a 00 {control << 6 | page:02x} {subpage:02x} 000000 0400 00", length=1024).data


def values(text: str) -> dict[str, str]:
    """Fields by the names that sdparm has for them."""
    return dict(line.split() for line in text.splitlines() if line.startswith("  "))


# INQUIRY


def supported(rig: Rig) -> bytes:
    return vpd(rig, VpdPageCode.SUPPORTED_PAGES)[4:]


def test_every_vpd_page_is_decoded(tmp_path: Path) -> None:
    rig = Rig()
    codes = supported(rig)
    assert len(codes) >= 9
    for code in codes:
        said = quiet(decode_inhex(tmp_path, vpd(rig, code), "sg_vpd", "--long"))
        assert "VPD page" in said, f"{code:02x}: {said}"


@pytest.mark.parametrize("code", [0x00, 0x80, 0x83, 0x86, 0x87, 0xB0, 0xB1])
def test_sg_inq_reads_the_pages_that_it_knows(tmp_path: Path, code: int) -> None:
    assert "VPD INQUIRY" in quiet(decode_inhex(tmp_path, vpd(Rig(), code), "sg_inq", "--vpd"))


def test_standard_inquiry_data(tmp_path: Path) -> None:
    text = quiet(decode_inhex(tmp_path, Rig().run("12 00 00 0060 00", length=96).data, "sg_inq", "--descriptors"))
    for word in ("version=0x06  [SPC-4]", "Peripheral device type: disk", "CmdQue=1", "SBC-3", "iSCSI", "SAM-5"):
        assert word in text


def test_extended_inquiry_data(tmp_path: Path) -> None:
    text = quiet(decode_inhex(tmp_path, vpd(Rig(), 0x86), "sg_vpd", "--long"))
    found = dict(line.strip().split("=") for line in text.splitlines() if re.fullmatch(r"  [^=\[]+=\d+", line))
    for name in ("HEADSUP", "ORDSUP", "SIMPSUP", "V_SUP", "LUICLR"):
        assert found.pop(name) == "1", name
    assert found.pop("Maximum supported sense data length") == "96"
    assert set(found.values()) == {"0"}


def test_mode_page_policy(tmp_path: Path) -> None:
    text = quiet(decode_inhex(tmp_path, vpd(Rig(), 0x87), "sg_vpd", "--long"))
    assert "applies to all modes pages and subpages" in text and "MLUS=0,  Policy: shared" in text


# Mode pages


def test_every_mode_page_is_decoded(tmp_path: Path) -> None:
    text = quiet(decode_inhex(tmp_path, mode_sense(Rig(), 0x3F, subpage=0xFF), "sdparm", "--all", package="sdparm"))
    titles = re.findall(r"^(\S.*) mode page:", text, re.MULTILINE)
    assert titles == [
        "Read write error recovery",
        "Disconnect-reconnect (SPC + transports)",
        "Format (SBC)",
        "Rigid disk (SBC)",
        "Caching (SBC)",
        "Control",
        "Control extension",
        "Power condition",
        "Informational exceptions control",
    ]


@pytest.mark.parametrize(
    "code, octet, bits, name, value",
    [
        (CACHING, 2, 0x04, "WCE", "1"),
        (CONTROL, 4, 0x08, "SWP", "1"),
        (CONTROL, 2, 0x04, "D_SENSE", "1"),
        (CONTROL, 2, 0x20, "TST", "1"),
        (CONTROL, 3, 0x06, "QERR", "3"),
        (CONTROL, 5, 0x40, "TAS", "1"),
    ],
)
def test_what_was_selected_is_where_sdparm_looks(
    tmp_path: Path, code: int, octet: int, bits: int, name: str, value: str
) -> None:
    rig = Rig()

    def said(control: int) -> dict[str, str]:
        data = mode_sense(rig, code, control=control)
        return values(decode_inhex(tmp_path, data, "sdparm", "--all", package="sdparm"))

    before = said(0)
    assert before[name] == "0" and said(1)[name] != "0"
    set_bits(rig, code, octet, bits)
    assert said(0) == before | {name: value} and said(2) == before


# Log pages


def log_page(rig: Rig, code: int, subpage: int = 0) -> bytes:
    return rig.run(f"4d 00 {0x40 | code:02x} {subpage:02x} 00 0000 0200 00", length=512).data


@pytest.mark.parametrize(
    "code, subpage, words",
    [
        (0x00, 0x00, ("Supported log pages", "Temperature", "Start-stop cycle counter", "Informational exceptions")),
        (0x00, 0xFF, ("Supported log pages and subpages", "0x2f,0xff")),
        (0x0D, 0x00, ("Current temperature = <not available>", "Reference temperature = <not available>")),
        (0x0E, 0x00, ("Accumulated start-stop cycles = 0", "Accumulated load-unload cycles = 0")),
        (0x2F, 0x00, ("IE asc = 0x0, ascq = 0x0", "Current temperature = <not available>")),
    ],
)
def test_log_pages(tmp_path: Path, code: int, subpage: int, words: tuple[str, ...]) -> None:
    saved = tmp_path / "page.hex"
    saved.write_text(log_page(Rig(), code, subpage).hex(" ") + "\n")
    text = quiet(run_peer("sg_logs", f"--in={saved}"))
    for word in words:
        assert word in text


# Sense data


@pytest.mark.parametrize("descriptor", [False, True])
def test_sense_data_of_a_wrong_parameter_list(descriptor: bool) -> None:
    rig = Rig()
    if descriptor:
        set_bits(rig, CONTROL, 2, 0x04)
    data = bytes.fromhex("00 00 00 00 08 13") + bytes(18)
    sense = rig.write(f"15 10 0000 {len(data):02x} 00", data).sense_data
    text = run_peer("sg_decode_sense", *(f"{octet:02x}" for octet in sense))
    assert ("Descriptor format" in text) == descriptor and "Sense key: Illegal Request" in text
    assert "Additional sense: Invalid field in parameter list" in text
    assert "Error in Data parameters: byte 5" in text


def test_a_miscompare_tells_where(tmp_path: Path) -> None:
    rig = Rig()
    set_bits(rig, CONTROL, 2, 0x04)
    sense = rig.write(f"2f 02 {BLOCKS - 1:08x} 00 0001 00", bytes(300) + b"\x01" + bytes(211)).sense_data
    text = run_peer("sg_decode_sense", *(f"{octet:02x}" for octet in sense))
    assert "Sense key: Miscompare" in text and "Information: 0x000000000000012c" in text
