"""Every declared format: construct's parse, build and size, and the generated codec, say the same."""

from __future__ import annotations

from typing import Any

import pytest
from construct import Container
from hypothesis import given, settings
from hypothesis import strategies as st

from iscsi_wire import pdus, scsi, terminator
from iscsi_wire.constants import BHS_LENGTH, Opcode
from iscsi_wire.errors import DecodeError, FieldValueError
from iscsi_wire.formats import PDUS, SCSI, SEGMENTS, TERMINATOR
from iscsi_wire.formats.bhs import lengths, opcode_octet
from iscsi_wire.formats.declare import Format, bits, flag, pdu, reserved, structure, tail, uint, word
from iscsi_wire.structure import Kind, Structure
from tests.iscsi_wire.strategies import field_values, known_lengths

MODULES = {PDUS: pdus, SEGMENTS: pdus, SCSI: scsi, TERMINATOR: terminator}
ALL = tuple(declared for family in MODULES for declared in family)
FIXED = [declared for declared in ALL if declared.tail is None]  # what construct can compile
EXAMPLES = 20  # construct takes a tenth of a millisecond for each
CLASSES: dict[str, type[Structure]] = {
    declared.name: getattr(module, declared.name) for family, module in MODULES.items() for declared in family
}

each_format = pytest.mark.parametrize("declared", ALL, ids=lambda declared: str(declared.name))


def container(made: Structure, declared: Format) -> dict[str, Any]:
    """The values of a generated structure, nested as construct nests them."""
    values: dict[str, Any] = {}
    for slot in declared.slots:
        members = slot.members
        values[slot.name] = {each.name: getattr(made, each.name) for each in members} or getattr(made, slot.name)
    last = declared.tail
    if last is not None and last.tail is not None:
        value = getattr(made, last.name)
        element = last.tail.element
        values[last.name] = value if element is None else [container(item, element) for item in value]
    return values


def plain(parsed: Any) -> Any:
    """What construct parsed, without its own classes."""
    if isinstance(parsed, Container):
        return {name: plain(value) for name, value in parsed.items() if not name.startswith("_")}
    return [plain(item) for item in parsed] if isinstance(parsed, list) else parsed


@each_format
@settings(max_examples=EXAMPLES)
@given(data=st.data())
def test_construct_and_the_generated_codec_agree_on_all_values(declared: Format, data: st.DataObject) -> None:
    kind = CLASSES[declared.name]
    values = data.draw(field_values(kind, declared, CLASSES))
    made = known_lengths(kind, values)
    octets = made.encode()
    assert {name: getattr(made, name) for name in values} == values
    assert declared.construct.build(container(made, declared)) == octets
    assert plain(declared.construct.parse(octets)) == container(made, declared)
    assert kind.decode(b"xyz" + octets, 3) == made


@each_format
def test_sizes_agree(declared: Format) -> None:
    kind = CLASSES[declared.name]
    assert kind.STRUCT.size == declared.size
    if declared.tail is None:
        assert declared.construct.sizeof() == declared.size
        assert len(kind().encode()) == declared.size


@each_format
def test_a_buffer_that_is_too_short_is_an_error_at_the_field_that_is_cut(declared: Format) -> None:
    kind = CLASSES[declared.name]
    octets = kind().encode()[: declared.size]
    for length in range(declared.size):
        with pytest.raises(DecodeError) as caught:
            kind.decode(b"--" + octets[:length], 2)
        info = kind.field(caught.value.field)
        assert (caught.value.offset, info.octet <= length < info.octet + (info.bit + info.width + 7) // 8) == (2, True)


@each_format
def test_a_stored_value_that_does_not_fit_is_refused_by_name(declared: Format) -> None:
    kind = CLASSES[declared.name]
    for slot in declared.slots:
        made = kind()
        setattr(made, slot.name, 1 << slot.width if slot.item else bytes(slot.width // 8 + 1))
        with pytest.raises(FieldValueError) as caught:
            made.encode()
        assert caught.value.field == slot.name


@each_format
def test_construct_fills_in_the_same_defaults(declared: Format) -> None:
    kind = CLASSES[declared.name]
    made = kind.decode(kind().encode())
    given_values = {declared.tail.name: getattr(made, declared.tail.name)} if declared.tail else {}
    if declared.tail and declared.tail.tail and declared.tail.tail.length:
        given_values[declared.tail.tail.length] = getattr(made, declared.tail.tail.length)
    assert declared.construct.build(given_values) == kind().encode()


@each_format
def test_the_table_of_fields_covers_every_bit_once(declared: Format) -> None:
    kind = CLASSES[declared.name]
    position = 0
    for info in kind.FIELDS:
        assert (info.octet * 8 + info.bit, info.title != "") == (position, True)
        position += info.width
    assert position == kind.STRUCT.size * 8


@each_format
def test_the_table_of_fields_names_existing_slots_and_defaults(declared: Format) -> None:
    kind = CLASSES[declared.name]
    fresh = kind.decode(kind().encode())
    for info in kind.FIELDS:
        assert hasattr(fresh, info.slot or info.name)
        assert info.section
        if info.width and info.name not in {each.length for each in kind.FIELDS}:
            assert getattr(fresh, info.name) == info.default


@pytest.mark.parametrize("declared", FIXED, ids=lambda declared: str(declared.name))
def test_compiled_construct_parses_the_same(declared: Format) -> None:
    octets = bytes(number % 256 for number in range(1, 1 + declared.size))
    assert plain(declared.construct.compile().parse(octets)) == plain(declared.construct.parse(octets))


def test_every_opcode_of_the_rfc_is_declared_once() -> None:
    assert [declared.code for declared in PDUS] == [*map(int, Opcode), None]


def test_reserved_fields_are_named_by_their_octet() -> None:
    with pytest.raises(ValueError, match=r"Wrong\.rsvd_3 lies at octet 1"):
        structure("Wrong", "wrong", "1", uint("first", "First", "1", 8), reserved("rsvd_3", 8, "1"))


def test_a_word_has_whole_bytes() -> None:
    with pytest.raises(ValueError, match="7 bits"):
        word("octet_0", bits("seven", "Seven", "1", 7))


def test_only_the_last_field_can_vary_in_length() -> None:
    with pytest.raises(ValueError, match="only the last"):
        structure("Wrong", "wrong", "1", tail("rest", "Rest", "1"), uint("after", "After", "1", 8))


def test_a_pdu_has_48_bytes() -> None:
    with pytest.raises(ValueError, match=f"has 8 bytes, and a BHS has {BHS_LENGTH}"):
        pdu(
            "Wrong",
            Opcode.NOP_OUT,
            "1",
            opcode_octet(None),
            reserved("rsvd_1", 8, "1"),
            reserved("rsvd_2", 16, "1"),
            lengths(),
        )


def test_an_integer_of_an_odd_width_becomes_a_word_of_its_own() -> None:
    alone = uint("count", "COUNT", "1", 24)
    assert (alone.name, [member.name for member in alone.members]) == ("count_octets", ["count"])
    declared = structure(
        "Odd", "odd", "1", alone, word("octet_3", flag("set", "SET", "1"), bits("rest", "REST", "1", 7))
    )
    parsed = plain(declared.construct.parse(bytes.fromhex("01020381")))
    assert parsed == {"count_octets": {"count": 0x010203}, "octet_3": {"set": 1, "rest": 1}}
    assert alone.members[0].kind is Kind.NUMBER
