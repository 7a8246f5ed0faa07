"""What the generated structures share: meanings, descriptions, lists."""

from __future__ import annotations

from typing import Any

import pytest

from iscsi_wire.errors import DecodeError, FieldValueError
from iscsi_wire.pdus import DataIn, LoginResponse, NopIn, ScsiCommand, ScsiResponse
from iscsi_wire.scsi import (
    DescriptorSense,
    Designator,
    FixedSense,
    ReportLunsData,
    SenseDescriptor,
    StandardInquiry,
    SupportedVpdPages,
)
from iscsi_wire.structure import AUTO, Kind, Structure, with_bits


@pytest.mark.parametrize(
    "made, field, meaning",
    [
        (ScsiResponse(), "opcode", "SCSI Response"),
        (ScsiResponse(), "final", "set"),
        (ScsiResponse(), "underflow", "clear"),
        (ScsiResponse(status=2), "status", "CHECK CONDITION"),
        (ScsiResponse(response=0x90), "response", "vendor-specific"),
        (ScsiResponse(residual_count=8), "residual_count", "8 bytes"),
        (ScsiCommand.make(attr=7), "attr", "reserved"),
        (ScsiCommand(lun=3 << 48), "lun", "LUN 3"),
        (ScsiCommand(lun=0x4123 << 48), "lun", "LUN 291"),
        (ScsiCommand(lun=0x0100 << 48), "lun", "other addressing method"),
        (ScsiCommand(lun=0x8000 << 48), "lun", "other addressing method"),
        (ScsiCommand(lun=1), "lun", "other addressing method"),
        (NopIn(), "target_transfer_tag", "reserved value: names nothing"),
        (NopIn(target_transfer_tag=5), "target_transfer_tag", ""),
        (DataIn(), "stat_sn", ""),
        (LoginResponse.make(status_class=2, status_detail=3), "status_class", "Initiator Error"),
        (LoginResponse.make(status_class=2, status_detail=3), "status_detail", "Not found"),
        (LoginResponse.make(status_class=1, status_detail=3), "status_detail", "reserved"),
        (FixedSense.make(asc=0x24), "ascq", "INVALID FIELD IN CDB"),
        (StandardInquiry(vendor_identification=b"IET     "), "vendor_identification", "IET"),
        (ReportLunsData(), "lun_list_length", "filled in on encoding"),
    ],
)
def test_a_value_is_explained_in_the_words_of_the_standard(made: Structure, field: str, meaning: str) -> None:
    assert {info.name: text for info, _, text in made.describe()}[field] == meaning


def test_describe_follows_the_drawing() -> None:
    described = list(ScsiCommand().describe())
    assert [info.name for info, _, _ in described][:5] == ["rsvd_bit", "immediate", "opcode", "final", "read"]
    assert [(info.octet, info.bit) for info, _, _ in described] == sorted((i.octet, i.bit) for i, _, _ in described)


def test_field_finds_a_description() -> None:
    info = ScsiCommand.field("attr")
    assert (info.octet, info.bit, info.width, info.kind, info.section) == (1, 5, 3, Kind.CODE, "11.3.1")
    with pytest.raises(KeyError):
        ScsiCommand.field("status")


def test_with_bits_replaces_bits() -> None:
    assert with_bits(0xFF, 0b01, 2, 2, "x") == 0b11110111
    for value in (4, -1):
        with pytest.raises(FieldValueError, match="does not fit in 2 bits"):
            with_bits(0, value, 2, 2, "x")


def test_a_length_left_alone_is_filled_in_and_a_given_one_is_kept() -> None:
    assert SupportedVpdPages(page_codes=[0, 0x83]).encode() == bytes.fromhex("0000 0002 0083")
    assert SupportedVpdPages(page_length=9, page_codes=[0]).encode() == bytes.fromhex("0000 0009 00")
    assert SupportedVpdPages().page_length == AUTO


LUNS = bytes.fromhex("00000010 00000000 0000000000000000 0001000000000000")


def test_a_list_cut_by_an_allocation_length_keeps_its_whole_items() -> None:
    assert ReportLunsData.decode(LUNS).luns == [0, 1 << 48]
    cut = ReportLunsData.decode(LUNS[:20], truncated=True)
    assert (cut.luns, cut.lun_list_length) == ([0], 16)


def test_bytes_behind_the_declared_length_are_not_read() -> None:
    assert ReportLunsData.decode(LUNS + bytes(64)).luns == [0, 1 << 48]


@pytest.mark.parametrize(
    "kind, digits, field, message",
    [
        (ReportLunsData, "00000010 00000000 0000000000000000", "luns", "promises 16 bytes, and 8 are left"),
        (ReportLunsData, "00000009 00000000 0000000000000000 00", "luns", "9 bytes do not divide into items of 8"),
        (DescriptorSense, "72050000 00000004 00 0a 0000", "specific", "promises 10 bytes, and 2 are left"),
        (DescriptorSense, "72050000 00000001 00", "additional_length", "takes 2 bytes, and 1 are left"),
        (Designator, "01 03 00", "designator_length", "takes 4 bytes, and 3 are left"),
    ],
)
def test_lengths_that_contradict_each_other_are_errors(
    kind: type[Structure], digits: str, field: str, message: str
) -> None:
    with pytest.raises(DecodeError) as caught:
        kind.decode(bytes.fromhex(digits))
    assert caught.value.field == field
    assert message in caught.value.message


def test_a_descriptor_cut_by_an_allocation_length_is_left_out() -> None:
    cut = DescriptorSense.decode(bytes.fromhex("72050000 0000000e 02 00 00 0a 0000"), truncated=True)
    assert cut.descriptors == [SenseDescriptor(2, 0, b"")]


@pytest.mark.parametrize("luns", [[1 << 64], [-1], ["one"]])
def test_a_list_item_that_does_not_fit_is_refused(luns: list[Any]) -> None:
    with pytest.raises(FieldValueError) as caught:
        ReportLunsData(luns=luns).encode()
    assert caught.value.field == "luns"


def test_a_part_that_is_longer_than_its_length_field_can_say_is_refused() -> None:
    assert len(Designator(designator=bytes(255)).encode()) == 259
    with pytest.raises(FieldValueError) as caught:
        Designator(designator=bytes(256)).encode()
    assert (caught.value.field, caught.value.message) == ("designator", "is longer than designator_length can say")


def test_the_bare_structure_has_no_codec() -> None:
    with pytest.raises(NotImplementedError):
        Structure.decode(b"")
    with pytest.raises(NotImplementedError):
        Structure().encode()
