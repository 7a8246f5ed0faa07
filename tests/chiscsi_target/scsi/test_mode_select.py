from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chiscsi_target.scsi.mode_pages import PAGES
from tests.chiscsi_target.fakes import Outcome
from tests.chiscsi_target.scsi.modes import CACHING, CONTROL, EXCEPTIONS, Kept, changed, current, page, select, set_bits
from tests.chiscsi_target.scsi.rig import BLOCK, BLOCKS, Rig

IN_CDB, IN_LIST, LENGTH_ERROR = (5, 0x24, 0), (5, 0x26, 0), (5, 0x1A, 0)
READY = "00 00 00 00 00 00"
SHORT = f"{BLOCKS:08x} {BLOCK:08x}"


def attention(rig: Rig, session: int) -> tuple[int, int, int]:
    return rig.run(READY, session=session).sense


def in_list(outcome: Outcome) -> tuple[int, int | None] | None:
    """The field of the parameter list that is wrong: the C/D bit of the field pointer is clear."""
    assert (outcome.status, outcome.sense) == (2, IN_LIST)
    assert not outcome.sense_data[15] & 0x40
    return outcome.field


def test_what_mode_sense_returns_can_be_sent_back() -> None:
    rig = Rig()
    everything = bytearray(rig.run("1a 00 3f ff ff 00", length=255).data)
    everything[0] = 0
    assert rig.write(f"15 10 0000 {len(everything):02x} 00", bytes(everything)).status == 0
    everything = bytearray(rig.run("5a 10 3f ff 000000 0400 00", length=1024).data)
    everything[:2] = b"\0\0"
    assert rig.write(f"55 10 00000000 00 {len(everything):04x} 00", bytes(everything)).status == 0


@pytest.mark.parametrize(
    "code, octet, bits", [(CACHING, 2, 0x04), (CONTROL, 4, 0x08), (CONTROL, 3, 0x06), (EXCEPTIONS, 2, 4)]
)
def test_a_changed_value_is_current_and_the_default_is_what_it_was(code: int, octet: int, bits: int) -> None:
    rig = Rig()
    before = page(rig, code)
    set_bits(rig, code, octet, bits)
    assert page(rig, code)[octet] == before[octet] | bits
    assert page(rig, code, 2) == before
    set_bits(rig, code, octet, 0, clear=bits)
    assert page(rig, code) == before


def test_the_long_form_changes_the_same() -> None:
    rig = Rig()
    data = bytes(8) + changed(rig, CONTROL, 5, 0x40)
    assert rig.write(f"55 10 00000000 00 {len(data):04x} 00", data).status == 0
    assert rig.server.units[0].tas


def test_an_empty_list_is_no_error() -> None:
    rig = Rig()
    for cdb in ("15 10 0000 00 00", "15 00 0000 00 00", "55 10 00000000 00 0000 00"):
        assert rig.run(cdb).status == 0
    assert select(rig).status == 0


# Unit attention conditions


def test_the_other_sessions_learn_of_a_change_once() -> None:
    rig = Rig()
    for session in (1, 2, 3):
        rig.server.session_added(session, f"iqn.2024-01.com.example:{session}", bytes(6), "")
        assert attention(rig, session)[0] == 6
    set_bits(rig, CONTROL, 4, 0x08)
    assert attention(rig, 1) == (0, 0, 0)
    for session in (2, 3):
        assert attention(rig, session) == (6, 0x2A, 1)
        assert attention(rig, session) == (0, 0, 0)


def test_values_that_stay_as_they_are_are_no_news() -> None:
    rig = Rig()
    rig.server.session_added(2, "iqn.2024-01.com.example:2", bytes(6), "")
    attention(rig, 2)
    assert select(rig, page(rig, CONTROL), page(rig, CACHING)).status == 0
    assert attention(rig, 2) == (0, 0, 0)


# The CDB


def test_saving_needs_a_place() -> None:
    outcome = select(Rig(), flags=0x11)
    assert (outcome.sense, outcome.field) == (IN_CDB, (1, 0))


def test_pages_that_are_not_in_page_format_are_refused() -> None:
    outcome = select(Rig(), flags=0x00)
    assert (outcome.sense, outcome.field) == (IN_CDB, (1, 4))


@pytest.mark.parametrize("cdb", ["15 12 0000 00 00", "55 30 00000000 00 0000 00"])
def test_reserved_bits_of_the_cdb(cdb: str) -> None:
    assert Rig().run(cdb).sense == IN_CDB


def test_fewer_data_than_the_list_has() -> None:
    rig = Rig()
    data = bytes(4) + page(rig, CONTROL)
    assert rig.write(f"15 10 0000 {len(data):02x} 00", data, length=len(data) - 4).sense == LENGTH_ERROR


def test_who_may_not_write_changes_nothing_for_others() -> None:
    rig = Rig()
    denied: list[object] = []
    rig.server.watch(denied.append, lambda _: None)
    rig.server.restrict(1, None, lambda _: False)
    assert select(rig, changed(rig, CONTROL, 4, 0x08)).sense == (3, 3, 0)
    assert len(denied) == 1 and not rig.server.units[0].swp
    assert select(rig, changed(rig, CONTROL, 4, 0x08), session=2).status == 0


def test_a_read_only_unit_has_mode_pages_like_others() -> None:
    rig = Rig(Rig.disk("size=1M,RO"))
    set_bits(rig, CONTROL, 2, 0x04)
    assert rig.server.units[0].lu.descriptor_sense


# Header and block descriptor


def test_medium_type_is_none() -> None:
    assert in_list(select(Rig(), head="00 01 00 00")) == (1, None)
    assert in_list(Rig().write("55 10 00000000 00 0008 00", bytes.fromhex("0000 02 00 00 00 0000"))) == (2, None)


def test_write_protection_and_dpofua_are_not_looked_at() -> None:
    assert select(Rig(), head="17 00 90 00").status == 0


@pytest.mark.parametrize("length", [1, 7, 9, 16, 255])
def test_a_block_descriptor_is_one_or_none(length: int) -> None:
    assert in_list(select(Rig(), head=f"00 00 00 {length:02x}" + "00" * 16)) == (3, None)


@pytest.mark.parametrize("count", [0, BLOCKS, 0xFFFFFFFF])
def test_a_block_descriptor_may_say_what_is(count: int) -> None:
    assert select(Rig(), head=f"00 00 00 08 {count:08x} {BLOCK:08x}").status == 0


@pytest.mark.parametrize(
    "descriptor, field",
    [
        (f"{BLOCKS - 1:08x} {BLOCK:08x}", (4, None)),
        (f"{BLOCKS + 1:08x} {BLOCK:08x}", (4, None)),
        (f"{BLOCKS:08x} 00001000", (9, None)),
        (f"{BLOCKS:08x} 00000000", (9, None)),
    ],
)
def test_a_block_descriptor_changes_nothing(descriptor: str, field: tuple[int, None]) -> None:
    assert in_list(select(Rig(), head="00 00 00 08" + descriptor)) == field


def test_a_long_block_descriptor() -> None:
    rig = Rig()
    for count, length, field in ((BLOCKS, BLOCK, None), (BLOCKS - 1, BLOCK, (8, None)), (BLOCKS, 4096, (20, None))):
        data = bytes.fromhex(f"0000 00 00 01 00 0010 {count:016x} 00000000 {length:08x}")
        outcome = rig.write(f"55 10 00000000 00 {len(data):04x} 00", data)
        assert (outcome.status == 0) if field is None else in_list(outcome) == field
    data = bytes.fromhex(f"0000 00 00 00 00 0010 {BLOCKS:016x} 00000000 {BLOCK:08x}")
    assert in_list(rig.write(f"55 10 00000000 00 {len(data):04x} 00", data)) == (6, None)


@pytest.mark.parametrize("length", [1, 2, 3])
def test_a_header_cut_short(length: int) -> None:
    assert Rig().write(f"15 10 0000 {length:02x} 00", bytes(length)).sense == LENGTH_ERROR


def test_a_block_descriptor_cut_short() -> None:
    assert select(Rig(), head="00 00 00 08" + SHORT[:-2]).sense == LENGTH_ERROR


def test_a_page_cut_short() -> None:
    whole = page(Rig(), CACHING)
    for length in range(1, len(whole)):
        assert select(Rig(), whole[:length]).sense == LENGTH_ERROR, length
    extension = page(Rig(), CONTROL, subpage=1)
    for length in range(1, len(extension)):
        assert select(Rig(), extension[:length]).sense == LENGTH_ERROR, length


# Pages


@pytest.mark.parametrize(
    "start, field", [("05 02", (4, 5)), ("3f 02", (4, 5)), ("4a 02 0000", (5, None)), ("4a 00", (4, 6))]
)
def test_unknown_pages(start: str, field: tuple[int, int | None]) -> None:
    assert in_list(select(Rig(), bytes.fromhex(start) + bytes(32))) == field


@pytest.mark.parametrize("length", [0x00, 0x09, 0x0B, 0xFF])
def test_a_page_has_its_length(length: int) -> None:
    rig = Rig()
    octets = current(rig, CONTROL)
    octets[1] = length
    assert in_list(select(rig, page(rig, CACHING), bytes(octets))) == (4 + 20 + 1, None)
    extension = bytearray(page(rig, CONTROL, subpage=1))
    extension[3] = length
    assert in_list(select(rig, bytes(extension))) == (6, None)


@pytest.mark.parametrize(
    "code, octet, bits, field",
    [
        (CACHING, 2, 0x80, (2, 7)),  # IC
        (CACHING, 2, 0x01, (2, 0)),  # RCD
        (CACHING, 13, 0x01, (13, None)),  # NUMBER OF CACHE SEGMENTS
        (CACHING, 19, 0x01, (16, None)),  # reserved
        (CONTROL, 2, 0x80, (2, 7)),  # TST 100b
        (CONTROL, 2, 0x40, (2, 7)),  # TST 010b
        (CONTROL, 3, 0x04, (3, 2)),  # QERR 10b
        (CONTROL, 3, 0x10, (3, 7)),  # QUEUE ALGORITHM MODIFIER
        (CONTROL, 4, 0x20, (4, 5)),  # UA_INTLCK_CTRL
        (EXCEPTIONS, 3, 0x03, (3, 3)),  # MRIE
        (0x01, 2, 0x80, (2, 7)),  # AWRE
        (0x1A, 3, 0x01, (3, 0)),  # STANDBY_Z
    ],
)
def test_what_cannot_be_is_named(code: int, octet: int, bits: int, field: tuple[int, int | None]) -> None:
    rig = Rig()
    before = page(rig, code)
    outcome = select(rig, changed(rig, code, octet, bits))
    assert in_list(outcome) == (4 + field[0], field[1])
    assert page(rig, code) == before


def test_one_wrong_page_spoils_the_whole_list() -> None:
    rig = Rig()
    right, wrong = changed(rig, CONTROL, 4, 0x08), changed(rig, CACHING, 2, 0x01)
    assert in_list(select(rig, right, wrong)) == (4 + 12 + 2, 0)
    assert not rig.server.units[0].swp


def test_of_a_page_sent_twice_the_last_counts() -> None:
    rig = Rig()
    off, on = page(rig, CONTROL), changed(rig, CONTROL, 5, 0x40)
    assert select(rig, on, off, on).status == 0 and rig.server.units[0].tas
    assert select(rig, on, off).status == 0 and not rig.server.units[0].tas


def test_ps_is_reserved_here() -> None:
    rig = Rig()
    assert select(rig, changed(rig, CONTROL, 0, 0x80)).status == 0


@st.composite
def lists(draw: st.DrawFn) -> bytes:
    """Parameter lists that are nearly right: pages as they are, with octets altered, or cut."""
    rig = Rig()
    keys = draw(st.lists(st.sampled_from([*PAGES]), max_size=3))
    octets = bytearray(4) + b"".join(page(rig, code, subpage=subpage) for code, subpage in keys)
    for at in draw(st.lists(st.integers(0, len(octets) - 1), max_size=2)):
        octets[at] = draw(st.integers(0, 255))
    return bytes(octets[: draw(st.integers(0, len(octets)))])


@given(st.one_of(lists(), st.binary(max_size=64)), st.booleans())
@settings(max_examples=300)
def test_whatever_is_sent_is_taken_or_refused(data: bytes, ten: bool) -> None:
    rig = Rig()
    before = page(rig, 0x3F, subpage=0xFF)
    cdb = f"55 10 00000000 00 {len(data):04x} 00" if ten else f"15 10 0000 {len(data):02x} 00"
    outcome = rig.write(cdb, data)
    assert (outcome.status, outcome.sense) in ((0, (0, 0, 0)), (2, IN_LIST), (2, LENGTH_ERROR))
    if outcome.status:
        assert page(rig, 0x3F, subpage=0xFF) == before
    if outcome.field is not None:
        assert outcome.field[0] < len(data)


# Saving


def test_only_what_was_saved_is_a_saved_value() -> None:
    unit = Rig.disk("size=1M")
    unit.kept = Kept()
    rig = Rig(unit)
    default = page(rig, CONTROL)
    assert default[0] == 0x8A and page(rig, 0x01)[0] == 0x01
    set_bits(rig, CONTROL, 4, 0x08)
    assert page(rig, CONTROL, 3) == default
    set_bits(rig, CONTROL, 5, 0x40, flags=0x11)
    assert page(rig, CONTROL, 3) == page(rig, CONTROL) == changed(rig, CONTROL, 4, 0x08)
    assert page(rig, CONTROL, 2) == default


def test_sp_saves_the_pages_that_were_changed_before_too() -> None:
    unit = Rig.disk("size=1M")
    unit.kept = Kept()
    rig = Rig(unit)
    set_bits(rig, CACHING, 2, 0x04)
    assert rig.run("15 11 0000 00 00").status == 0
    assert page(rig, CACHING, 3)[2] & 0x04


def test_what_cannot_be_saved_is_not_changed_either() -> None:
    unit = Rig.disk("size=1M")
    unit.kept = kept = Kept()
    rig = Rig(unit)
    kept.broken = True
    with pytest.raises(Exception, match="sense 04/44/00"):  # the stack makes a CHECK CONDITION of it
        select(rig, changed(rig, CONTROL, 4, 0x08), flags=0x11)
    assert not rig.server.units[0].swp and not kept.content
