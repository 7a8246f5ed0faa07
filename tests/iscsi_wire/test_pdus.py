"""PDUs against what other programs sent, and what happens to values that do not fit."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iscsi_wire import pdus
from iscsi_wire.constants import Opcode
from iscsi_wire.errors import DecodeError, FieldValueError
from iscsi_wire.pdus import (
    PDU_TYPES,
    PDUS,
    DataIn,
    LoginRequest,
    Pdu,
    ScsiCommand,
    ScsiResponse,
    SenseSegment,
    UnknownPdu,
    decode_header,
)
from tests.iscsi_wire.golden import HEADERS, Golden

each_golden = pytest.mark.parametrize("golden", HEADERS, ids=lambda golden: f"{golden.pdu} {golden.source}")


def expected(golden: Golden, pdu: Pdu) -> dict[str, object]:
    zeros = {info.name: bytes(info.width // 8) if info.kind == "bytes" else 0 for info in pdu.FIELDS}
    return zeros | golden.fields


@each_golden
def test_decodes_what_others_sent(golden: Golden) -> None:
    pdu = decode_header(golden.octets)
    assert type(pdu).__name__ == golden.pdu
    assert {info.name: getattr(pdu, info.name) for info in pdu.FIELDS} == expected(golden, pdu)


@each_golden
def test_encodes_as_others_do(golden: Golden) -> None:
    kind: type[Pdu] = getattr(pdus, golden.pdu)
    assert kind.make(**expected(golden, kind())).encode() == golden.octets


def test_there_is_a_golden_header_for_every_pdu() -> None:
    assert {golden.pdu for golden in HEADERS} == {kind.__name__ for kind in (*PDUS, UnknownPdu)}


@given(st.binary(min_size=48, max_size=48))
def test_any_header_goes_back_to_the_wire_as_it_came(octets: bytes) -> None:
    assert decode_header(octets).encode() == octets


@given(st.binary(min_size=48, max_size=48), st.sampled_from(PDUS))
def test_any_header_can_be_read_as_any_pdu(octets: bytes, kind: type[Pdu]) -> None:
    assert kind.decode(octets).encode() == octets


@pytest.mark.parametrize("wrap", [bytes, bytearray, memoryview])
def test_any_buffer_will_do(wrap: type) -> None:
    octets = b"before" + HEADERS[0].octets + b"after"
    assert decode_header(wrap(octets), 6).encode() == HEADERS[0].octets


@pytest.mark.parametrize("opcode", [code for code in range(64) if code not in set(Opcode)])
def test_an_unassigned_opcode_gives_an_unknown_pdu(opcode: int) -> None:
    pdu = decode_header(bytes([0xC0 | opcode]) + bytes(range(47)))
    assert isinstance(pdu, UnknownPdu)
    assert (pdu.opcode, pdu.immediate, pdu.rsvd_bit) == (opcode, 1, 1)


@pytest.mark.parametrize("kind", [*PDUS, UnknownPdu], ids=lambda kind: str(kind.__name__))
def test_items_of_struct_are_the_stored_slots_in_order(kind: type[Pdu]) -> None:
    made: Any = kind.decode(bytes(range(48)))
    assert kind.STRUCT.unpack(bytes(range(48))) == tuple(getattr(made, slot.name) for slot in fields(made))
    assert not hasattr(made, "__dict__")


def test_pdus_are_found_by_opcode() -> None:
    assert {opcode: kind().opcode for opcode, kind in PDU_TYPES.items()} == {code: code for code in Opcode}
    assert [kind.TITLE for kind in PDUS] == [code.label for code in Opcode]


@pytest.mark.parametrize(
    "octets, offset, field",
    [
        (b"", 0, "rsvd_bit"),
        (b"\x01", 0, "final"),
        (HEADERS[1].octets[:47], 0, "cdb"),
        (HEADERS[1].octets, 1, "cdb"),
        (HEADERS[1].octets, 48, "rsvd_bit"),
        (HEADERS[1].octets[:7], 0, "data_segment_length"),
    ],
)
def test_a_header_that_is_cut_off_is_an_error_with_its_place(octets: bytes, offset: int, field: str) -> None:
    with pytest.raises(DecodeError) as caught:
        decode_header(octets, offset)
    assert (caught.value.offset, caught.value.field) == (offset, field)
    assert "takes 48 bytes" in caught.value.message


@pytest.mark.parametrize(
    "slot, value",
    [("lun", 1 << 64), ("initiator_task_tag", -1), ("cdb", bytes(17)), ("octet_1", 256), ("cmd_sn", "seven")],
)
def test_a_stored_value_that_does_not_fit_is_refused_on_encoding(slot: str, value: object) -> None:
    command = ScsiCommand()
    setattr(command, slot, value)
    with pytest.raises(FieldValueError) as caught:
        command.encode()
    assert caught.value.field == slot


@pytest.mark.parametrize("field, value", [("final", 2), ("attr", 8), ("data_segment_length", 1 << 24), ("opcode", -1)])
def test_a_property_refuses_what_its_bits_cannot_hold(field: str, value: int) -> None:
    with pytest.raises(FieldValueError) as caught:
        ScsiCommand.make(**{field: value})
    assert caught.value.field == field


def test_a_property_changes_its_own_bits_only() -> None:
    response = ScsiResponse.decode(b"\xff" * 48)
    response.underflow = 0
    response.data_segment_length = 0
    assert response.encode() == b"\xff\xfd" + b"\xff" * 3 + bytes(3) + b"\xff" * 40


def test_make_knows_the_fields() -> None:
    assert LoginRequest.make(csg=1, nsg=3, transit=1, tsih=7).octet_1 == 0x87
    with pytest.raises(FieldValueError, match="is no field of DataIn"):
        DataIn.make(cdb=b"")


def test_defaults_are_those_of_the_drawings() -> None:
    drawn_as_one = {kind.__name__ for kind in PDUS if kind().octet_1 & 0x80}
    assert drawn_as_one == {
        "NopOut",
        "TaskManagementRequest",
        "LogoutRequest",
        "SnackRequest",
        "NopIn",
        "ScsiResponse",
        "TaskManagementResponse",
        "LogoutResponse",
        "ReadyToTransfer",
        "AsyncMessage",
        "Reject",
    }
    assert [kind.__name__ for kind in PDUS if kind().immediate] == ["LoginRequest"]


def test_a_sense_segment_leaves_response_data_behind_it_alone() -> None:
    segment = SenseSegment.decode(bytes.fromhex("0003 700005 aabb"))
    assert segment.sense_data == bytes.fromhex("700005")
    with pytest.raises(DecodeError, match="sense_length promises 3 bytes, and 2 are left"):
        SenseSegment.decode(bytes.fromhex("0003 7000"))
