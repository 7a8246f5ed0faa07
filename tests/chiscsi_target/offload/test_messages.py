from __future__ import annotations

import dataclasses
import inspect

import pytest

from chiscsi_target.offload import messages
from chiscsi_target.offload.limits import ISO_PAYLOAD
from chiscsi_target.offload.messages import (
    CPL_ISCSI_DATA,
    CPL_ISCSI_HDR,
    CPL_RX_DATA_DDP,
    CPL_RX_ISCSI_CMP,
    CPL_RX_ISCSI_DDP,
    CPL_SET_TCB_FIELD,
    CPL_SET_TCB_RPL,
    CPL_TX_DATA_ISO,
    FW_OFLD_TX_DATA_WR,
    ISCSI_DDP,
    ULP_TX_MEM_WRITE,
    DdpStatus,
    Message,
    UlpSubmode,
    describe,
)
from iscsi_wire.errors import FieldValueError
from iscsi_wire.pdus import DataOut

HEADER = DataOut().encode()


OFFERED = [getattr(messages, name) for name in messages.__all__]
KINDS = [each for each in OFFERED if inspect.isclass(each) and issubclass(each, Message) and each is not Message]


LINES: dict[str, Message] = {
    "CPL_ISCSI_HDR tid 5 pdu 8240 DDP len 48 seq 0x1000 SCSI Data-Out": CPL_ISCSI_HDR(
        5, ISCSI_DDP | 8240, 48, 0x1000, header=HEADER
    ),
    "CPL_ISCSI_HDR tid 5 pdu 48 len 48 seq 0x0": CPL_ISCSI_HDR(5, 48, 48, 0),
    "CPL_ISCSI_DATA tid 5 len 512 seq 0x30": CPL_ISCSI_DATA(5, 512, 0x30, data=bytes(512)),
    "CPL_RX_DATA_DDP tid 5 len 48 status 0x0": CPL_RX_DATA_DDP(5, 48, 0x30, 0, 0),
    "CPL_RX_ISCSI_DDP tid 5 len 8240 status 0x10000 PLACED": CPL_RX_ISCSI_DDP(5, 8240, 0x3030, 0, 0x10000),
    # bits 27, 25, 21: 0x8000000 + 0x2000000 + 0x200000
    "CPL_RX_ISCSI_DDP tid 5 len 96 crc 0x1234 status 0xa200000 INVALID_PPOD COLOR_ERR DATACRC_ERR": CPL_RX_ISCSI_DDP(
        5, 96, 0, 0x1234, 0xA200000
    ),
    "CPL_RX_ISCSI_CMP tid 5 pdu 24720 DDP len 48 seq 0x9 SCSI Data-Out crc 0x7 status 0x10000 PLACED": CPL_RX_ISCSI_CMP(
        5, ISCSI_DDP | 24720, 48, 9, 7, DdpStatus.PLACED, header=HEADER
    ),
    # type 2, both digests 3 << 4, page size 1 << 8
    "CPL_SET_TCB_FIELD tid 5 word 0 mask 0xfff val 0x132 ulp type 2 page size 1 ULP_CRC_DATA ULP_CRC_HEADER": (
        CPL_SET_TCB_FIELD(5, 0, 0xFFF, 0x132)
    ),
    "CPL_SET_TCB_FIELD tid 5 word 1 mask 0xf val 0x3": CPL_SET_TCB_FIELD(5, 1, 0xF, 3),
    "CPL_SET_TCB_RPL tid 5 status 0 oldval 0x2": CPL_SET_TCB_RPL(5, oldval=2),
    "FW_OFLD_TX_DATA_WR tid 5 plen 48 ulp mode 2 submode 0": FW_OFLD_TX_DATA_WR(5, 48),
    "FW_OFLD_TX_DATA_WR tid 5 plen 560 ulp mode 2 submode 2 ULP_CRC_DATA": FW_OFLD_TX_DATA_WR(
        5, 560, UlpSubmode.ULP_CRC_DATA
    ),
    "CPL_TX_DATA_ISO tid 5 len 20048 burst 20000 mpdu 8192 pdus 3 datasn 2 offset 16384 last ULP_CRC_HEADER": (
        CPL_TX_DATA_ISO(
            5, False, True, 20048, mpdu=8192, burst_size=20000, hdrcrc=True, datasn_offset=2, buffer_offset=16384
        )
    ),
    # pods 3 and 4 at octet 192: 192 / 32 = 6; 128 octets: 4
    "ULP_TX_MEM_WRITE tid 5 addr 0x6 pods 3+2 valid 1 immediate": ULP_TX_MEM_WRITE(
        5, 6, 4, True, b"\1" + bytes(63) + bytes(64)
    ),
    "ULP_TX_MEM_WRITE tid 5 addr 0x0 pods 0+1 valid 0 scatter": ULP_TX_MEM_WRITE(5, 0, 2, False, bytes(64)),
}


@pytest.mark.parametrize("line", LINES)
def test_a_message_in_a_line(line: str) -> None:
    assert describe(LINES[line]) == line


def test_every_message_has_its_line() -> None:
    assert {type(message) for message in LINES.values()} == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_a_message_cannot_be_changed(kind: type[Message]) -> None:
    message = next(each for each in LINES.values() if type(each) is kind)
    for each in dataclasses.fields(kind):  # type: ignore[arg-type]  # the base class is none
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(message, each.name, 6)
    assert not hasattr(message, "__dict__")


def test_the_bits_of_the_status() -> None:
    bits = {each.name: each.value.bit_length() - 1 for each in DdpStatus}
    assert bits == {
        "PPOD_MISMATCH": 15,
        "PLACED": 16,
        "LLIMIT_ERR": 17,
        "PPOD_PARITY_ERR": 18,
        "PADDING_ERR": 19,
        "HDRCRC_ERR": 20,
        "DATACRC_ERR": 21,
        "INVALID_TAG": 22,
        "ULIMIT_ERR": 23,
        "OFFSET_ERR": 24,
        "COLOR_ERR": 25,
        "TID_MISMATCH": 26,
        "INVALID_PPOD": 27,
    }


def test_bits_without_a_name_show_as_number() -> None:
    assert describe(CPL_RX_DATA_DDP(1, 48, 0, 0, 0x8001_0000)).endswith("status 0x80010000 PLACED")


@pytest.mark.parametrize("burst_size, mpdu, pdus", [(1, 8192, 1), (8192, 8192, 1), (8193, 8192, 2), (65535, 512, 128)])
def test_how_many_pdus_a_segmentation_makes(burst_size: int, mpdu: int, pdus: int) -> None:
    assert CPL_TX_DATA_ISO(5, True, True, burst_size + 48, mpdu, burst_size).pdus == pdus


@pytest.mark.parametrize(
    "burst_size, mpdu, field", [(0, 8192, "burst_size"), (ISO_PAYLOAD + 1, 8192, "burst_size"), (512, 0, "mpdu")]
)
def test_what_no_segmentation_can_carry(burst_size: int, mpdu: int, field: str) -> None:
    with pytest.raises(FieldValueError) as caught:
        CPL_TX_DATA_ISO(5, True, True, burst_size + 48, mpdu, burst_size)
    assert caught.value.field == field
