"""Each mutation changes exactly what it says, also when combined."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from initiator_sim import HarnessFault
from initiator_sim.draft import Draft, Image, Mutation
from initiator_sim.fields import field_table, get_field
from initiator_sim.mutations import (
    data_segment_length,
    pad,
    padding,
    replace_data,
    set_fields,
    split,
    split_every,
    total_ahs_length,
    truncate,
    without_digest,
    wrong_data_digest,
    wrong_header_digest,
    xor,
    xor_octets,
)
from iscsi_wire.digest import digest
from iscsi_wire.pdus import DataOut, NopOut, Pdu, ScsiCommand

AHS = bytes.fromhex("0005020000001000")
payloads = st.binary(max_size=40)


def image(data: bytes, *mutations: Mutation, digests: bool = True, ahs: bytes = AHS) -> Image:
    header = ScsiCommand.make(final=1, read=1, lun=1 << 48, initiator_task_tag=9, cdb=b"\x28" + bytes(15))
    return Draft(header, data, ahs, mutations).image(digests, digests)


def parts(laid_out: Image) -> dict[str, Any]:
    names = ("header", "ahs", "data", "padding", "header_digest", "data_digest")
    return {name: bytes(getattr(laid_out, name)) for name in names}


def changed(data: bytes, *mutations: Mutation) -> set[str]:
    before, after = parts(image(data)), parts(image(data, *mutations))
    return {name for name in before if before[name] != after[name]}


@given(payloads)
def test_without_mutations_an_image_is_the_plain_pdu(data: bytes) -> None:
    draft = Draft(NopOut.make(initiator_task_tag=3), data)
    for digests in (False, True):
        assert b"".join(draft.image(digests, digests).chunks()) == draft.plain(digests, digests)


@given(payloads, st.sampled_from(sorted(field_table(ScsiCommand))), st.data())
def test_set_fields_changes_that_field_and_no_other_bit(data: bytes, name: str, draw: st.DataObject) -> None:
    info = field_table(ScsiCommand)[name]
    if name == "opcode":
        return  # its own test: the other fields are then another PDU's
    value = draw.draw(st.integers(0, (1 << info.width) - 1))
    before, after = image(data), image(data, set_fields(**{name: value}))
    assert get_field(after.header, name) == value
    for other in field_table(ScsiCommand):
        if other != name:
            assert get_field(after.header, other) == get_field(before.header, other)
    assert (after.ahs, after.data, after.padding) == (before.ahs, before.data, before.padding)
    assert after.header_digest == digest(after.header, after.ahs)


def test_set_fields_takes_octets_too() -> None:
    assert image(b"", set_fields(cdb=b"\x12" * 16)).header[32:48] == b"\x12" * 16


def test_set_fields_changes_the_opcode_alone() -> None:
    before, after = image(b"").header, image(b"", set_fields(opcode=0x1E)).header
    assert after[0] & 0x3F == 0x1E
    assert after[0] & 0xC0 == before[0] & 0xC0
    assert after[1:] == before[1:]


@given(payloads, st.integers(0, 47), st.integers(1, 255))
def test_xor_flips_these_bits_of_the_header(data: bytes, offset: int, mask: int) -> None:
    before, after = image(data).header, image(data, xor(offset, mask)).header
    assert after[offset] == before[offset] ^ mask
    assert after[:offset] + after[offset + 1 :] == before[:offset] + before[offset + 1 :]
    assert changed(data, xor(offset, mask)) == {"header", "header_digest"}


def test_xor_reaches_every_part() -> None:
    assert changed(b"abcde", xor(3, 1, "ahs")) == {"ahs", "header_digest"}
    assert changed(b"abcde", xor(4, b"\xff", "data")) == {"data", "data_digest"}
    assert changed(b"abcde", xor(0, b"\x01\x02\x03", "padding")) == {"padding", "data_digest"}


@given(payloads.filter(bool), st.data())
def test_xor_octets_mends_nothing(data: bytes, draw: st.DataObject) -> None:
    plain = bytes(image(data).octets)
    offset = draw.draw(st.integers(0, len(plain) - 1))
    altered = bytes(image(data, xor_octets(offset, 0x40)).octets)
    assert [i for i, (a, b) in enumerate(zip(plain, altered, strict=True)) if a != b] == [offset]


def test_lengths_lie_while_what_follows_stays() -> None:
    assert changed(b"abcde", data_segment_length(100)) == {"header", "header_digest"}
    assert get_field(image(b"abcde", data_segment_length(100)).header, "data_segment_length") == 100
    assert get_field(image(b"abcde", total_ahs_length(0)).header, "total_ahs_length") == 0
    assert changed(b"abcde", total_ahs_length(0)) == {"header", "header_digest"}


def test_replaced_data_are_announced_with_the_old_length() -> None:
    laid_out = image(b"abcde", replace_data(b"0123456789"))
    assert (laid_out.data, laid_out.padding) == (b"0123456789", b"\0\0")
    assert get_field(laid_out.header, "data_segment_length") == 5
    assert laid_out.data_digest == digest(b"0123456789\0\0")


def test_padding_can_be_other_octets_or_missing() -> None:
    assert changed(b"abcde", padding(b"\xff\xff\xff")) == {"padding", "data_digest"}
    assert image(b"abcde", padding(b"")).padding == b""


def test_digests_can_be_wrong_or_missing() -> None:
    assert changed(b"abcde", wrong_header_digest()) == {"header_digest"}
    assert changed(b"abcde", wrong_data_digest(0x100)) == {"data_digest"}
    assert image(b"abcde", without_digest("data_digest")).data_digest == b""
    right = int.from_bytes(image(b"abcde").data_digest, "little")
    assert int.from_bytes(image(b"abcde", wrong_data_digest(0x100)).data_digest, "little") == right ^ 0x100


def test_a_digest_that_is_not_in_force_cannot_be_wrong() -> None:
    with pytest.raises(HarnessFault, match="no header_digest"):
        image(b"abc", wrong_header_digest(), digests=False)
    with pytest.raises(HarnessFault, match="no data_digest"):
        image(b"", wrong_data_digest())


@given(payloads, st.integers(0, 60))
def test_truncate_sends_a_beginning(data: bytes, length: int) -> None:
    whole = bytes(image(data).octets)
    assert bytes(image(data, truncate(length)).octets) == whole[:length]


def test_truncate_counts_from_the_end_too() -> None:
    assert bytes(image(b"abc", truncate(-3)).octets) == bytes(image(b"abc").octets)[:-3]


def test_pad_sends_more() -> None:
    whole = bytes(image(b"abc").octets)
    assert bytes(image(b"abc", pad(4)).octets) == whole + bytes(4)
    assert bytes(image(b"abc", pad(b"xyz")).octets) == whole + b"xyz"


@given(payloads, st.lists(st.integers(-80, 120), max_size=5))
def test_split_changes_no_octet(data: bytes, offsets: list[int]) -> None:
    whole = bytes(image(data).octets)
    chunks = image(data, split(*offsets)).chunks()
    assert b"".join(chunks) == whole
    assert all(chunks)
    places = {offset if offset >= 0 else len(whole) + offset for offset in offsets}
    assert len(chunks) == 1 + len({place for place in places if 0 < place < len(whole)})


@given(payloads, st.integers(1, 50))
def test_split_every_makes_pieces_of_one_size(data: bytes, size: int) -> None:
    chunks = image(data, split_every(size)).chunks()
    assert b"".join(chunks) == bytes(image(data).octets)
    assert {len(chunk) for chunk in chunks[:-1]} <= {size}
    assert 0 < len(chunks[-1]) <= size


def test_order_does_not_matter_between_stages() -> None:
    one = image(b"abc", truncate(50), split(10), wrong_header_digest(), xor(1, 1))
    other = image(b"abc", xor(1, 1), wrong_header_digest(), split(10), truncate(50))
    assert one.chunks() == other.chunks()


def test_order_matters_within_a_stage() -> None:
    assert get_field(image(b"", set_fields(attr=1), set_fields(attr=2)).header, "attr") == 2


@pytest.mark.parametrize(
    "mutation",
    [set_fields(no_such_field=1), set_fields(attr=8), set_fields(cdb=b"short"), xor(48, 1), xor(40, 1, "data")],
)
def test_what_cannot_be_done_is_the_scripts_fault(mutation: Mutation) -> None:
    with pytest.raises(HarnessFault):
        image(b"abc", mutation)


def test_what_cannot_be_done_to_the_octets_is_the_scripts_fault() -> None:
    with pytest.raises(HarnessFault, match="none at 500"):
        image(b"abc", xor_octets(500, 1))
    with pytest.raises(HarnessFault, match="at least one octet"):
        split_every(0)


@pytest.mark.parametrize(
    "mutation, text",
    [
        (set_fields(attr=5), "set attr=0x5"),
        (xor(1, 0x80), "xor header[1] with 80"),
        (padding(b""), "padding left out"),
        (truncate(20), "truncated to 20 octets"),
        (split(1, 2), "split at 1, 2"),
    ],
)
def test_a_mutation_says_what_it_does(mutation: Mutation, text: str) -> None:
    assert str(mutation) == text


def test_lengths_given_by_the_script_stay() -> None:
    header: Pdu = DataOut.make(data_segment_length=7)
    draft = Draft(header, b"abc", fixed_lengths=frozenset({"data_segment_length"}))
    assert get_field(draft.plain(False, False)[:48], "data_segment_length") == 7
    header = DataOut.make(total_ahs_length=3)
    draft = Draft(header, b"abc", fixed_lengths=frozenset({"total_ahs_length"}))
    octets = draft.plain(False, False)
    assert (get_field(octets[:48], "total_ahs_length"), get_field(octets[:48], "data_segment_length")) == (3, 3)
