"""SCSI structures against what tgt and istgt sent to libiscsi (fixtures/captures), and how CDBs are found."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iscsi_wire.errors import DecodeError
from iscsi_wire.pdus import SenseSegment
from iscsi_wire.scsi import (
    CDB_TYPES,
    CDBS,
    MODE_PAGE_TYPES,
    MODE_PAGES,
    VPD_PAGE_TYPES,
    VPD_PAGES,
    BlockLimits,
    CachingModePage,
    ControlModePage,
    DescriptorSense,
    Designator,
    DeviceIdentification,
    FixedSense,
    InformationDescriptor,
    Inquiry,
    InquiryExtension,
    ModeParameterHeader6,
    ModeSense6,
    Read6,
    ReadCapacity10Data,
    ReadCapacity16,
    ReadCapacity16Data,
    ShortBlockDescriptor,
    StandardInquiry,
    SupportedVpdPages,
    UnitSerialNumber,
    UnknownCdb,
    decode_cdb,
)
from iscsi_wire.structure import Kind, Structure

TGT_MODE_SENSE = bytes.fromhex(
    "69001008 0000000000000200 020e8080000a0000000000000000 0000 08121400ffff0000ffffffff8014000000000000"
    "0a0a02100000000000000200"
)

# Bytes from a capture; what stands in them according to SPC-4 and SBC-3. Fields that are not named are 0.
GOLDEN: list[tuple[type[Structure], str, dict[str, Any]]] = [
    (
        StandardInquiry,  # tgt
        "000005123d000002 4945542020202020 5649525455414c2d4449534b20202020 30303031"
        + "00" * 22
        + "04c0 0960 0300 0000",
        {
            "version": 5,
            "hisup": 1,
            "response_data_format": 2,
            "additional_length": 0x3D,
            "cmdque": 1,
            "vendor_identification": b"IET     ",
            "product_identification": b"VIRTUAL-DISK    ",
            "product_revision_level": b"0001",
            "further_data": bytes(22) + bytes.fromhex("04c009600300") + bytes(2),
        },
    ),
    (
        SupportedVpdPages,  # tgt
        "00000006 008083b0b1b2",
        {"page_length": 6, "page_codes": [0, 0x80, 0x83, 0xB0, 0xB1, 0xB2]},
    ),
    (
        UnitSerialNumber,  # istgt
        "00800008 3130303030303031",
        {"page_code": 0x80, "page_length": 8, "product_serial_number": b"10000001"},
    ),
    (
        Designator,  # tgt
        "01030008 3000000100000001",
        {"code_set": 1, "designator_type": 3, "designator_length": 8, "designator": bytes.fromhex("3000000100000001")},
    ),
    (
        BlockLimits,  # istgt
        "00b0003c 00ff0008 00000000 00000800" + "00" * 48,
        {
            "page_code": 0xB0,
            "page_length": 0x3C,
            "maximum_compare_and_write_length": 0xFF,
            "optimal_transfer_length_granularity": 8,
            "optimal_transfer_length": 0x800,
        },
    ),
    (
        ReadCapacity10Data,  # tgt
        "0001ffff 00000200",
        {"returned_logical_block_address": 0x1FFFF, "logical_block_length": 512},
    ),
    (
        ReadCapacity16Data,  # tgt
        "000000000001ffff 00000200 00 03 0000" + "00" * 16,
        {
            "returned_logical_block_address": 0x1FFFF,
            "logical_block_length": 512,
            "logical_blocks_per_physical_block_exponent": 3,
        },
    ),
    (
        FixedSense,  # tgt: UNIT ATTENTION, POWER ON, RESET, OR BUS DEVICE RESET OCCURRED
        "700006 00000000 0a 00000000 29000000 0000",
        {
            "response_code": 0x70,
            "sense_key": 6,
            "additional_sense_length": 10,
            "asc": 0x29,
            "additional_sense_bytes": b"",
        },
    ),
    (
        FixedSense,  # istgt sets VALID
        "f00006 00000000 0a 00000000 29000000 0000",
        {
            "valid": 1,
            "response_code": 0x70,
            "sense_key": 6,
            "additional_sense_length": 10,
            "asc": 0x29,
            "additional_sense_bytes": b"",
        },
    ),
    (
        ModeParameterHeader6,  # tgt
        TGT_MODE_SENSE[:4].hex(),
        {"mode_data_length": 0x69, "dpofua": 1, "block_descriptor_length": 8},
    ),
    (ShortBlockDescriptor, TGT_MODE_SENSE[4:12].hex(), {"logical_block_length": 512}),
    (
        CachingModePage,  # tgt
        TGT_MODE_SENSE[28:48].hex(),
        {
            "page_code": 8,
            "page_length": 18,
            "disc": 1,
            "wce": 1,
            "disable_prefetch_transfer_length": 0xFFFF,
            "maximum_prefetch": 0xFFFF,
            "maximum_prefetch_ceiling": 0xFFFF,
            "fsw": 1,
            "number_of_cache_segments": 20,
        },
    ),
    (
        ControlModePage,  # tgt
        TGT_MODE_SENSE[48:].hex(),
        {
            "page_code": 10,
            "page_length": 10,
            "gltsd": 1,
            "queue_algorithm_modifier": 1,
            "extended_self_test_completion_time": 0x200,
        },
    ),
    (Inquiry, "1201b000ff00", {"operation_code": 0x12, "evpd": 1, "page_code": 0xB0, "allocation_length": 255}),
    (ModeSense6, "1a003f00ff00", {"operation_code": 0x1A, "page_code": 0x3F, "allocation_length": 255}),
    (
        ReadCapacity16,
        "9e100000000000000000000000200000",
        {"operation_code": 0x9E, "service_action": 0x10, "allocation_length": 32},
    ),
]


@pytest.mark.parametrize("kind, digits, values", GOLDEN, ids=[kind.__name__ for kind, _, _ in GOLDEN])
def test_reads_and_writes_what_others_sent(kind: type[Structure], digits: str, values: dict[str, Any]) -> None:
    octets = bytes.fromhex(digits)
    zeros: dict[str, Any] = {
        info.name: bytes(info.width // 8) if info.kind is Kind.BYTES else 0 for info in kind.FIELDS
    }
    decoded = kind.decode(octets)
    assert {info.name: getattr(decoded, info.name) for info in kind.FIELDS} == zeros | values
    assert kind.make(**zeros | values).encode() == octets


def test_inquiry_data_cut_by_the_allocation_length() -> None:
    octets = bytes.fromhex(GOLDEN[0][1])
    with pytest.raises(DecodeError, match="additional_length promises 30 bytes, and 28 are left"):
        StandardInquiry.decode(octets[:64])
    inquiry = StandardInquiry.decode(octets[:64], truncated=True)
    extension = InquiryExtension.decode(inquiry.further_data.ljust(60, b"\0"))
    assert [extension.version_descriptor_1, extension.version_descriptor_2] == [0x04C0, 0x0960]


def test_a_list_of_designators() -> None:
    tgt = "02010024 4945542020202020 " + "3030303130303031" + "00" * 20 + " 01030008 3000000100000001"
    page = DeviceIdentification.decode(bytes.fromhex("00830034" + tgt))
    assert [(each.code_set, each.designator_type, each.designator_length) for each in page.designators] == [
        (2, 1, 36),
        (1, 3, 8),
    ]
    assert page.encode() == bytes.fromhex("00830034" + tgt)
    page.page_length = -1
    assert page.encode() == bytes.fromhex("00830034" + tgt)


def test_sense_data_of_a_response() -> None:
    segment = SenseSegment.decode(bytes.fromhex("0012700005000000000a00000000240000000000"))
    sense = FixedSense.decode(segment.sense_data)
    assert (sense.sense_key, sense.asc, sense.ascq) == (5, 0x24, 0)


def test_descriptor_sense_takes_descriptors_of_any_kind() -> None:
    sense = DescriptorSense.make(sense_key=3, asc=0x11, descriptors=[InformationDescriptor(information=0x1234)])
    octets = sense.encode()
    assert octets == bytes.fromhex("7203110000 0000 0c 00 0a 80 00 0000000000001234")
    (descriptor,) = DescriptorSense.decode(octets).descriptors
    assert InformationDescriptor.decode(descriptor.encode()).information == 0x1234


@pytest.mark.parametrize("kind", CDBS, ids=lambda kind: str(kind.__name__))
def test_a_cdb_is_found_by_its_codes_also_within_more_bytes(kind: Any) -> None:
    octets = kind().encode()
    assert octets[0] == kind.OPERATION_CODE
    assert len(octets) == {0: 6, 1: 10, 2: 10, 3: 32, 4: 16, 5: 12}[octets[0] >> 5]  # SPC-4, group code
    assert type(decode_cdb(octets.ljust(16, b"\0"))) is kind
    assert type(decode_cdb(b"??" + octets, 2)) is kind


@pytest.mark.parametrize("digits", ["c0", "9e11" + "00" * 14, "9e", "ff0102"])
def test_an_unknown_command_goes_back_as_it_came(digits: str) -> None:
    cdb = decode_cdb(bytes.fromhex(digits))
    assert isinstance(cdb, UnknownCdb)
    assert cdb.encode() == bytes.fromhex(digits)


def test_a_cdb_that_is_cut_off_is_an_error() -> None:
    with pytest.raises(DecodeError) as caught:
        decode_cdb(bytes.fromhex("28000000"))
    assert caught.value.field == "logical_block_address"
    with pytest.raises(DecodeError):
        decode_cdb(b"")


@given(st.binary(min_size=16, max_size=16))
def test_any_16_bytes_are_some_cdb(octets: bytes) -> None:
    cdb = decode_cdb(octets)
    assert octets.startswith(cdb.encode())


def test_read_6_has_21_bits_of_address() -> None:
    read = Read6.make(logical_block_address=0x1FFFFF, transfer_length=0)
    assert read.encode() == bytes.fromhex("081fffff0000")


def test_pages_are_found_by_code() -> None:
    assert {code: page().encode()[1] for code, page in VPD_PAGE_TYPES.items()} == {
        p.PAGE_CODE: p.PAGE_CODE for p in VPD_PAGES
    }
    assert {codes[0]: page().encode()[0] & 0x3F for codes, page in MODE_PAGE_TYPES.items()} == {
        page.PAGE_CODE: page.PAGE_CODE for page in MODE_PAGES
    }
    assert len(CDB_TYPES) == len(CDBS)


@pytest.mark.parametrize("page", MODE_PAGES, ids=lambda page: str(page.__name__))
def test_the_page_length_of_a_mode_page_is_true(page: type[Structure]) -> None:
    octets = page().encode()
    info = page.field("page_length")
    end = info.octet + info.width // 8
    assert int.from_bytes(octets[info.octet : end]) == len(octets) - end
