from __future__ import annotations

from pathlib import Path

import pytest

from chiscsi_target.api import LU_FLAG_NOWCACHE
from iscsi_wire.scsi import (
    BlockLimits,
    DeviceIdentification,
    InquiryExtension,
    StandardInquiry,
    SupportedVpdPages,
    UnitSerialNumber,
)
from tests.chiscsi_target.peers import decode_inhex
from tests.chiscsi_target.scsi.rig import ABSENT, Rig

STANDARD = "12 00 00 00 ff 00"
LENGTH = 96


def page(code: str, allocation: str = "00 ff") -> str:
    return f"12 01 {code} {allocation} 00"


def test_standard_inquiry_data() -> None:
    data = Rig().run(STANDARD, length=255).data
    assert len(data) == LENGTH
    assert data[:8] == bytes.fromhex("00 00 06 32 5b 28 00 02")
    assert data[8:36] == b"CHISCSI " + b"CHISCSI Target  " + b"0.1 "
    assert data[58:74] == bytes.fromhex("00a0 0960 0460 04c0 0000 0000 0000 0000")
    standard = StandardInquiry.decode(data)
    assert (standard.response_data_format, standard.normaca, standard.cmdque) == (2, 1, 1)
    assert InquiryExtension.decode(standard.further_data).version_descriptor_4 == 0x04C0


def test_product_and_vendor_are_cut_and_filled() -> None:
    unit = Rig.disk("size=1M,PROD=Box")
    data = Rig(unit).run(STANDARD, length=255).data
    assert data[16:32] == b"Box             "


@pytest.mark.parametrize(
    "allocation, expected, length, residual",
    [
        (0, 0, 0, 0),
        (5, 5, 5, 0),
        (36, 255, 36, 219),
        (255, 255, 96, 159),
        (255, 96, 96, 0),
        (255, 36, 36, -60),
        (255, 0, 0, -96),
        (36, 36, 36, 0),
        (0, 20, 0, 20),
    ],
)
def test_data_is_cut_to_allocation_length_and_expected_length(
    allocation: int, expected: int, length: int, residual: int
) -> None:
    """RFC 7143, 11.4.5: what the allocation length cuts is no residual, what the initiator does not expect is one."""
    outcome = Rig().run(f"12 00 00 {allocation:04x} 00", length=expected)
    assert (outcome.status, len(outcome.data), outcome.residual) == (0, length, residual)


def test_supported_pages_are_the_pages_that_there_are_in_ascending_order() -> None:
    rig = Rig()
    pages = SupportedVpdPages.decode(rig.run(page("00"), length=255).data).page_codes
    assert pages == [0x00, 0x80, 0x83, 0x86, 0x87, 0x88, 0x8F, 0xB0, 0xB1, 0xB2, 0xB3]
    answered = [code for code in range(256) if rig.run(page(f"{code:02x}"), length=255).status == 0]
    assert answered == pages


def test_every_page_says_which_it_is_and_how_long() -> None:
    rig = Rig()
    for code in (0x00, 0x80, 0x83, 0x86, 0x87, 0xB0, 0xB1, 0xB2, 0xB3):
        data = rig.run(page(f"{code:02x}"), length=255).data
        assert data[:2] == bytes((0, code))
        assert int.from_bytes(data[2:4]) == len(data) - 4


def test_a_configured_serial_number_is_filled_with_blanks() -> None:
    data = Rig(Rig.disk("size=1M,SN=0042")).run(page("80"), length=255).data
    assert UnitSerialNumber.decode(data).product_serial_number == b"0042            "


def test_block_limits_tell_the_longest_transfer() -> None:
    limits = BlockLimits.decode(Rig().run(page("b0"), length=255).data)
    assert limits.maximum_transfer_length == (16 << 20) // 512
    assert (
        BlockLimits.decode(Rig(Rig.disk("size=1M,BLOCK=4096")).run(page("b0"), length=255).data).maximum_transfer_length
        == (16 << 20) // 4096
    )


def test_an_absent_unit_has_no_device() -> None:
    rig = Rig()
    assert rig.run(STANDARD, length=255, lun=ABSENT).data[0] == 0x7F
    assert rig.run(page("00"), length=255, lun=ABSENT).data == bytes.fromhex("7f 00 0001 00")
    assert rig.run(page("83"), length=255, lun=ABSENT).sense == (5, 0x24, 0)


@pytest.mark.parametrize(
    "cdb, field",
    [
        ("12 00 80 00 ff 00", (2, None)),  # a page code without EVPD
        ("12 01 81 00 ff 00", (2, None)),
        ("12 02 00 00 ff 00", (1, 1)),  # CMDDT is obsolete
        ("12 03 00 00 ff 00", (1, 1)),
        ("12 20 00 00 ff 00", (1, 5)),
        ("12 00 00 00 ff 08", (5, 3)),  # reserved in CONTROL
    ],
)
def test_what_is_not_supported_is_named(cdb: str, field: tuple[int, int | None]) -> None:
    outcome = Rig().run(cdb, length=255)
    assert (outcome.status, outcome.sense, outcome.field) == (2, (5, 0x24, 0), field)
    assert (outcome.data, outcome.residual) == (b"", 255)


def test_page_83_is_a_list_of_designators() -> None:
    identification = DeviceIdentification.decode(Rig().run(page("83"), length=255).data)
    kinds = [(d.association, d.designator_type, d.code_set, d.piv) for d in identification.designators]
    assert kinds == [(0, 1, 2, 0), (0, 3, 1, 0), (1, 4, 1, 1), (1, 5, 1, 1), (1, 8, 3, 1), (2, 8, 3, 1)]


@pytest.mark.interop
def test_sg3_utils_read_the_same(tmp_path: Path) -> None:
    rig = Rig()
    text = decode_inhex(tmp_path, rig.run(STANDARD, length=255).data, "sg_inq", "--descriptors")
    assert "version=0x06  [SPC-4]" in text and "CmdQue=1" in text
    assert "Vendor identification: CHISCSI" in text
    for standard in ("SAM-5", "iSCSI", "SPC-4", "SBC-3"):
        assert f"{standard} (no version claimed)" in text
    pages = decode_inhex(tmp_path, rig.run(page("00"), length=255).data, "sg_vpd")
    for name in ("Supported VPD pages", "Unit serial number", "Device identification", "Block limits (SBC)"):
        assert name in pages
    assert "Non-rotating medium" in decode_inhex(tmp_path, rig.run(page("b1"), length=255).data, "sg_vpd")
    limits = decode_inhex(tmp_path, rig.run(page("b0"), length=255).data, "sg_vpd")
    assert "Maximum transfer length: 32768 blocks" in limits


@pytest.mark.interop
def test_sg_vpd_reads_every_designator(tmp_path: Path) -> None:
    unit = Rig.disk("size=1M,WWN=600000000000000000000000000000ab,ID=the-id,SN=42")
    text = decode_inhex(tmp_path, Rig(unit).run(page("83"), length=255).data, "sg_vpd")
    assert "vendor id: CHISCSI" in text and "vendor specific: the-id" in text
    assert "0x600000000000000000000000000000ab" in text
    assert "Relative target port: 0x1" in text and "Target port group: 0x3" in text
    assert text.count("transport: Internet SCSI (iSCSI)") == 4
    assert "iqn.2024-01.com.example:target,t,0x0003\n" in text
    assert "iqn.2024-01.com.example:target\n" in text


@pytest.mark.parametrize(
    "options, flags, v_sup",
    [("size=1M", 0, 1), ("size=1M,NOWCACHE", LU_FLAG_NOWCACHE, 0)],
)
def test_page_86_tells_whether_there_may_be_a_volatile_cache(options: str, flags: int, v_sup: int) -> None:
    unit = Rig.disk(options)
    assert unit.flags & LU_FLAG_NOWCACHE == flags
    data = Rig(unit).run(page("86"), length=255).data
    assert data[:4] == bytes.fromhex("00 86 003c") and len(data) == 64
    assert data[5:8] == bytes((0x07, v_sup, 0x01))


def test_page_87_says_that_all_share_all_mode_pages() -> None:
    assert Rig().run(page("87"), length=255).data == bytes.fromhex("00 87 0004 3f ff 00 00")
