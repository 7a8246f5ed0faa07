"""Header fields by name agree with the generated codec, for every PDU."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from initiator_sim import HarnessFault
from initiator_sim.fields import field_table, first_reserved_set, get_field, put_field, reserved_mask
from iscsi_wire.pdus import PDU_TYPES, LoginRequest, NopIn, Pdu, Reject, decode_header
from iscsi_wire.structure import Kind

KINDS = sorted(PDU_TYPES.values(), key=lambda kind: kind.OPCODE)


@given(st.sampled_from(KINDS), st.binary(min_size=48, max_size=48))
def test_reading_agrees_with_the_codec(kind: type[Pdu], octets: bytes) -> None:
    header = bytes([octets[0] & 0xC0 | kind.OPCODE]) + octets[1:]
    decoded = decode_header(header)
    for name in field_table(kind):
        value: Any = getattr(decoded, name)
        assert get_field(header, name) == (int.from_bytes(value, "big") if isinstance(value, bytes) else value)


@given(st.sampled_from(KINDS), st.data())
def test_writing_agrees_with_the_codec(kind: type[Pdu], draw: st.DataObject) -> None:
    info = draw.draw(st.sampled_from([info for info in kind.FIELDS if info.name != "opcode"]))
    value: Any = draw.draw(st.integers(0, (1 << info.width) - 1))
    octets = bytearray(kind().encode())
    put_field(octets, info.name, value)
    if isinstance(getattr(kind(), info.name), bytes):
        value = value.to_bytes(info.width // 8, "big")
    expected = kind.make(**{info.name: value}).encode()
    assert bytes(octets) == expected


def test_what_a_field_cannot_hold_is_the_scripts_fault() -> None:
    header = bytearray(LoginRequest().encode())
    for name, value in (("csg", 4), ("csg", -1), ("isid", b"12345"), ("lun", 0)):
        with pytest.raises(HarnessFault):
            put_field(header, name, value)
    assert header == LoginRequest().encode()


@given(st.sampled_from(KINDS), st.data())
def test_a_reserved_bit_that_is_set_is_found(kind: type[Pdu], draw: st.DataObject) -> None:
    assert first_reserved_set(kind().encode()) == ""
    fields = [info for info in kind.FIELDS if info.kind is Kind.RESERVED and not info.default]
    info = draw.draw(st.sampled_from(fields))
    octets = bytearray(kind().encode())
    put_field(octets, info.name, 1 << draw.draw(st.integers(0, info.width - 1)))
    assert first_reserved_set(bytes(octets)) == info.name


def test_reserved_fields_with_another_fixed_value_are_left_alone() -> None:
    assert not reserved_mask(Reject.OPCODE) >> (48 - 20) * 8 & 0xFFFFFFFF  # the Initiator Task Tag, 0xffffffff
    assert reserved_mask(NopIn.OPCODE)
