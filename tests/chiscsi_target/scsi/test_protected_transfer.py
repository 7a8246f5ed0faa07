from __future__ import annotations

import struct
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chiscsi_target.scsi.protection_information import NEVER_WRITTEN, generate, interleave
from iscsi_wire import scsi
from tests.chiscsi_target.fakes import Outcome
from tests.chiscsi_target.scsi.rig import BLOCK, BLOCKS, Rig

WIRE = BLOCK + 8
INVALID_FIELD, NO_COMMAND, WRONG_LENGTH, OUT_OF_RANGE = (5, 0x24, 0), (5, 0x20, 0), (5, 0x0E, 3), (5, 0x21, 0)
GUARD, APPLICATION, REFERENCE, MISCOMPARE = (0xB, 0x10, 1), (0xB, 0x10, 2), (0xB, 0x10, 3), (0xE, 0x1D, 0)


def rig(kind: int = 1, options: str = "") -> Rig:
    return Rig(Rig.disk(f"size=1M,PI={kind}{options}"))


def pattern(count: int, first: int = 1) -> bytes:
    return b"".join(bytes([(first + index) % 251 + 1]) * BLOCK for index in range(count))


def protected(data: bytes, reference: int, *, application: int = 0, kind: int = 1) -> bytes:
    """Blocks as they are transferred, with right tuples."""
    tuples = bytearray(generate(data, BLOCK, kind, reference))
    for at in range(2, len(tuples), 8):
        tuples[at : at + 2] = application.to_bytes(2)
    return interleave(data, bytes(tuples), BLOCK)


def read(kind: int, lba: int, count: int, protect: int, reference: int | None = None, **more: int) -> bytes:
    fields: dict[str, Any] = {"logical_block_address": lba, "transfer_length": count, "rdprotect": protect}
    if kind != 2:
        return scsi.Read16.make(**fields).encode()
    return scsi.Read32.make(reference_tag=lba if reference is None else reference, **fields, **more).encode()


def write(kind: int, lba: int, count: int, protect: int, reference: int | None = None, **more: int) -> bytes:
    fields: dict[str, Any] = {"logical_block_address": lba, "transfer_length": count, "wrprotect": protect}
    if kind != 2:
        return scsi.Write16.make(**fields, **more).encode()
    return scsi.Write32.make(reference_tag=lba if reference is None else reference, **fields, **more).encode()


def information(outcome: Outcome) -> int:
    assert outcome.sense_data[0] == 0xF0
    return int.from_bytes(outcome.sense_data[3:7])


@pytest.mark.parametrize("kind", [1, 2, 3])
@pytest.mark.parametrize("protect", range(1, 6))
def test_what_is_written_with_tuples_is_read_with_them(kind: int, protect: int) -> None:
    tested = rig(kind)
    sent = protected(pattern(3), 7, application=0x1234, kind=kind)
    assert tested.write(write(kind, 7, 3, protect), sent).status == 0
    assert tested.run(read(kind, 7, 3, protect), length=3 * WIRE).data == sent
    assert tested.read_blocks(7, 3) == pattern(3)


@pytest.mark.parametrize("kind, tags", [(1, (0, 7)), (2, (0, 7)), (3, (0, 0xFFFFFFFF))])
def test_tuples_are_made_for_data_that_come_without(kind: int, tags: tuple[int, int]) -> None:
    tested = rig(kind)
    assert tested.write("2a 00 00000007 00 0001 00", pattern(1)).status == 0
    data = tested.run(read(kind, 7, 1, 1), length=WIRE).data
    assert data[:BLOCK] == pattern(1) and struct.unpack(">HHI", data[BLOCK:])[1:] == tags
    assert tested.run(read(kind, 8, 1, 1), length=WIRE).data == bytes(BLOCK) + NEVER_WRITTEN


@pytest.mark.parametrize("cdb", ["0a 00 0007 02 00", "aa 00 00000007 00000002 00 00", "2a 08 00000007 00 0002 00"])
def test_every_write_makes_them(cdb: str) -> None:
    tested = rig()
    assert tested.write(cdb, pattern(2)).status == 0
    assert tested.run("88 20 0000000000000007 00000002 00 00", length=2 * WIRE).data == protected(pattern(2), 7)
    assert tested.run("08 00 0007 02 00", length=2 * BLOCK).data == pattern(2)


@pytest.mark.parametrize("kind", [1, 2])
def test_wrong_tuples_are_not_written(kind: int) -> None:
    tested = rig(kind)
    good = protected(pattern(3), 7, kind=kind)
    for at, sense in ((WIRE + 5, GUARD), (2 * WIRE - 1, REFERENCE)):
        wrong = bytearray(good)
        wrong[at] ^= 1
        outcome = tested.write(write(kind, 7, 3, 1), bytes(wrong))
        assert (outcome.sense, information(outcome)) == (sense, 8)
        assert tested.read_blocks(7, 3) == bytes(3 * BLOCK)
        assert tested.write(write(kind, 7, 3, 3), bytes(wrong)).status == 0
        outcome = tested.run(read(kind, 7, 3, 1), length=3 * WIRE)
        assert (outcome.sense, information(outcome), outcome.residual) == (sense, 8, 3 * WIRE)
        assert tested.run(read(kind, 7, 3, 3), length=3 * WIRE).data == bytes(wrong)
        assert tested.write("93 08 0000000000000007 00000003 00 00", bytes(BLOCK)).status == 0


def test_application_tags_are_checked_where_the_cdb_tells_them() -> None:
    tested = rig(2)
    sent = protected(pattern(1), 7, application=0x12FF, kind=2)
    refused = tested.write(write(2, 7, 1, 1, application_tag=0x3400, application_tag_mask=0xFF00), sent)
    assert refused.sense == APPLICATION
    tags = {"application_tag": 0x1200, "application_tag_mask": 0xFF00}
    assert tested.write(write(2, 7, 1, 1, **tags), sent).status == 0
    assert tested.run(read(2, 7, 1, 2, **tags), length=WIRE).data == sent
    assert tested.run(read(2, 7, 1, 2, application_tag=1, application_tag_mask=1), length=WIRE).status == 0
    assert tested.run(read(2, 7, 1, 2, application_tag=0, application_tag_mask=1), length=WIRE).sense == APPLICATION
    assert tested.run(read(2, 7, 1, 4, application_tag=0, application_tag_mask=1), length=WIRE).status == 0


def test_type_2_counts_from_the_tag_in_the_cdb() -> None:
    tested = rig(2)
    sent = protected(pattern(2), 0xFFFFFFFF, kind=2)
    assert tested.write(write(2, 7, 2, 1, 0xFFFFFFFF), sent).status == 0
    assert tested.run(read(2, 7, 2, 1, 0xFFFFFFFF), length=2 * WIRE).data == sent
    assert tested.run(read(2, 8, 1, 1, 0), length=WIRE).data == sent[WIRE:]
    assert tested.run(read(2, 8, 1, 1, 1), length=WIRE).sense == REFERENCE
    assert tested.read_blocks(7, 2) == pattern(2)


@pytest.mark.parametrize("kind", [0, 1, 3])
def test_only_type_2_has_long_cdbs(kind: int) -> None:
    tested = rig(kind) if kind else Rig()
    assert tested.run(read(2, 0, 1, 0), length=BLOCK).sense == NO_COMMAND


def test_long_cdbs_that_are_none() -> None:
    tested = rig(2)
    assert tested.run(read(2, 0, 1, 0)[:16], length=BLOCK).field == (7, None)
    assert tested.run(b"\x7f" + bytes(6) + b"\x18\x00\x01" + bytes(22)).field == (8, None)


@pytest.mark.parametrize("kind, sense", [(1, None), (2, NO_COMMAND), (3, None)])
def test_short_cdbs_with_tuples(kind: int, sense: tuple[int, int, int] | None) -> None:
    outcome = rig(kind).run("28 20 00000000 00 0001 00", length=WIRE)
    assert outcome.sense == (sense or (0, 0, 0))


@pytest.mark.parametrize("cdb", ["28 20", "2a 20", "2e 20", "2f 20", "41 20"])
def test_units_without_refuse_the_fields(cdb: str) -> None:
    outcome = Rig().run(f"{cdb} 00000000 00 0001 00")
    assert (outcome.sense, outcome.field) == (INVALID_FIELD, (1, 5))


def test_ranges_lengths_and_directions() -> None:
    tested = rig()
    assert tested.run(read(1, BLOCKS, 1, 1), length=WIRE).sense == OUT_OF_RANGE
    assert tested.write(write(1, BLOCKS - 1, 2, 1), bytes(2 * WIRE)).sense == OUT_OF_RANGE
    assert tested.write(write(1, 0, 1, 1), bytes(BLOCK)).sense == WRONG_LENGTH
    assert tested.write(read(1, 0, 1, 1), bytes(WIRE)).status == 0
    assert tested.run(write(1, 0, 1, 1), length=WIRE).sense == WRONG_LENGTH
    assert tested.run(read(1, 0, 1, 1), length=WIRE + 2).residual == 2
    assert tested.run(read(1, 0, 2, 1), length=WIRE).residual == -WIRE
    assert tested.run(read(1, 0, 0, 1)).status == 0 and tested.write(write(1, 0, 0, 1), b"").status == 0
    limit = tested.server.units[0].max_blocks
    assert tested.run(f"88 20 {0:016x} {limit + 1:08x} 00 00").sense == OUT_OF_RANGE
    assert rig(1, ",RO").write(write(1, 0, 1, 1), bytes(WIRE)).sense == (7, 0x27, 0)


def test_a_part_of_a_block_is_written_as_elsewhere() -> None:
    tested = rig()
    tested.write("2a 00 00000007 00 0002 00", pattern(2))
    assert tested.write("2a 00 00000007 00 0002 00", b"z" * 600).status == 0
    assert tested.read_blocks(7, 2) == b"z" * 600 + pattern(2)[600:]


# VERIFY


def verifying(lba: int, count: int, bytchk: int, protect: int = 1) -> str:
    return f"8f {protect << 5 | bytchk << 1:02x} {lba:016x} {count:08x} 00 00"


def test_verify_checks_what_is_stored() -> None:
    tested = rig()
    wrong = bytearray(protected(pattern(3), 7))
    wrong[WIRE] ^= 1
    assert tested.write(write(1, 7, 3, 3), bytes(wrong)).status == 0
    outcome = tested.run(verifying(7, 3, 0))
    assert (outcome.sense, information(outcome)) == (GUARD, 8)
    assert tested.run(verifying(7, 3, 0, protect=3)).status == 0 == tested.run(verifying(7, 3, 0, protect=2)).status
    assert tested.run(verifying(7, 3, 0, protect=0)).sense == GUARD
    assert tested.run(verifying(7, 3, 2)).field == (1, 2)
    assert tested.run(verifying(0, BLOCKS, 0)).sense == GUARD


def test_verify_compares_blocks_and_tuples() -> None:
    tested = rig()
    stored = protected(pattern(2), 7, application=5)
    assert tested.write(write(1, 7, 2, 1), stored).status == 0
    assert tested.write(verifying(7, 2, 1), stored).status == 0
    assert tested.write(verifying(7, 2, 1, 0), pattern(2)).status == 0
    assert tested.write(verifying(7, 2, 1), protected(pattern(2), 7, application=6)).sense == MISCOMPARE
    assert tested.write(verifying(7, 2, 1, 4), protected(pattern(2), 7, application=6)).status == 0
    outcome = tested.write(verifying(7, 2, 1), protected(pattern(1) + pattern(1), 7, application=5))
    assert (outcome.sense, information(outcome)) == (MISCOMPARE, BLOCK)
    assert tested.write(verifying(7, 2, 1), pattern(2)).sense == WRONG_LENGTH
    assert tested.write(verifying(7, 2, 1, 0), pattern(1)).sense == WRONG_LENGTH


def test_verify_compares_one_block_with_all() -> None:
    tested = rig()
    tested.write("93 00 0000000000000007 00000003 00 00", pattern(1))
    assert tested.write(verifying(7, 3, 3), protected(pattern(1), 7)).status == 0
    assert tested.write(verifying(7, 4, 3), protected(pattern(1), 7)).sense == MISCOMPARE


@pytest.mark.parametrize("bytchk", [0, 1])
def test_write_and_verify(bytchk: int) -> None:
    tested = rig()
    cdb = f"8e {0x20 | bytchk << 1:02x} 0000000000000007 00000002 00 00"
    assert tested.write(cdb, protected(pattern(2), 7)).status == 0
    assert tested.run(read(1, 7, 2, 1), length=2 * WIRE).data == protected(pattern(2), 7)
    assert tested.write(cdb, protected(pattern(2), 8)).sense == REFERENCE
    assert tested.run("8e 24 0000000000000007 00000002 00 00").field == (1, 2)


@pytest.mark.parametrize("blocks", [0, 1])
def test_write_and_verify_compares_what_came(blocks: int) -> None:
    tested = rig()
    assert tested.write("2e 02 00000007 00 0002 00", pattern(blocks)).status == 0  # two blocks, and less expected
    assert tested.read_blocks(7, 2) == pattern(blocks).ljust(2 * BLOCK, b"\0")


# WRITE SAME and what else writes


@pytest.mark.parametrize("kind, counts_on", [(1, True), (3, False)])
def test_write_same_repeats_block_and_tuple(kind: int, counts_on: bool) -> None:
    tested = rig(kind)
    block = protected(pattern(1), 7, application=9)
    assert tested.write("93 20 0000000000000007 00000003 00 00", block).status == 0
    for index in range(3):
        found = tested.run(read(kind, 7 + index, 1, 3), length=WIRE).data
        assert found == protected(pattern(1), 7 + index * counts_on, application=9)


def test_write_same_of_type_2() -> None:
    tested = rig(2)
    cdb = scsi.WriteSame32.make(wrprotect=1, logical_block_address=7, reference_tag=50, number_of_logical_blocks=2)
    assert tested.write(cdb.encode(), protected(pattern(1), 50, kind=2)).status == 0
    assert tested.run(read(2, 8, 1, 1, 51), length=WIRE).data == protected(pattern(1), 51, kind=2)


def test_write_same_that_cannot_be() -> None:
    tested = rig()
    block = protected(pattern(1), 7)
    assert tested.write("93 30 0000000000000007 00000001 00 00", block).field == (1, 4)
    assert tested.run("93 21 0000000000000007 00000001 00 00").field == (1, 0)
    assert tested.write("93 20 0000000000000007 00000000 00 00", block).field == (10, None)
    assert tested.write("93 20 0000000000000008 00000001 00 00", block).sense == REFERENCE
    assert rig(1, ",THICK").write("93 28 0000000000000007 00000001 00 00", block).field == (1, 3)


def test_blocks_that_are_given_back_lose_their_tuples() -> None:
    for cdb, data in (
        ("42 00 00000000 00 0018 00", bytes.fromhex("0016001000000000 0000000000000007 00000002 00000000")),
        ("93 08 0000000000000007 00000002 00 00", bytes(BLOCK)),
        ("93 28 0000000000000007 00000002 00 00", bytes(BLOCK) + NEVER_WRITTEN),
    ):
        tested = rig()
        tested.write(write(1, 7, 2, 1), protected(pattern(2), 7))
        assert tested.write(cdb, data).status == 0
        assert tested.run(read(1, 7, 2, 1), length=2 * WIRE).data == 2 * (bytes(BLOCK) + NEVER_WRITTEN)


def test_other_commands_keep_tuples_right() -> None:
    tested = rig()
    tested.write("2a 00 00000007 00 0001 00", pattern(1))
    assert tested.write("89 00 0000000000000007 000000 01 00 00", pattern(1) + pattern(1, 2)).status == 0
    assert tested.write("8b 00 0000000000000007 00000001 00 00", b"\x80" * BLOCK).status == 0
    both = bytes(octet | 0x80 for octet in pattern(1, 2))
    assert tested.run(read(1, 7, 1, 1), length=WIRE).data == protected(both, 7)
    assert tested.write("8b 20 0000000000000007 00000001 00 00", bytes(WIRE)).sense == INVALID_FIELD


def test_synchronize_cache() -> None:
    tested = rig()
    assert tested.run("35 00 00000000 00 0000 00").status == 0
    assert tested.run(f"91 00 {BLOCKS:016x} 00000001 00 00").sense == OUT_OF_RANGE


@pytest.mark.parametrize("kind", [1, 2, 3])
def test_the_unit_says_what_it_has(kind: int) -> None:
    tested = rig(kind)
    assert tested.run("12 00 00 0060 00", length=96).data[5] & 1
    assert tested.run(f"9e 10 {0:016x} 00000020 00 00", length=32).data[12] == (kind - 1) << 1 | 1
    page = tested.run("12 01 86 0040 00", length=64).data
    assert page[4] >> 3 & 7 == {1: 0, 2: 2, 3: 4}[kind] and page[4] & 7 == {1: 5, 2: 7, 3: 4}[kind]
    usage = tested.run("a3 0c 01 28 0000 000000ff 00 00", length=255).data
    assert usage[5] & 0xE0 == 0xE0


MODEL_STEPS = st.lists(
    st.tuples(
        st.sampled_from(("plain", "tuples", "wrong", "same", "unmap")),
        st.integers(0, 30),
        st.integers(1, 8),
        st.integers(0, 255),
    ),
    max_size=15,
)


@settings(max_examples=50)
@given(MODEL_STEPS, st.sampled_from((1, 2, 3)))
def test_against_a_model(steps: list[tuple[str, int, int, int]], kind: int) -> None:
    """The model keeps for each block its data and its tuple as they were sent, or would be made."""
    tested = rig(kind)
    model = [bytes(BLOCK) + NEVER_WRITTEN] * 40
    for verb, lba, count, value in steps:
        data = pattern(count, value)
        wire = protected(data, lba, application=value, kind=kind)
        if verb == "plain":
            outcome = tested.write(f"8a 00 {lba:016x} {count:08x} 00 00", data)
            wire = protected(data, lba, kind=kind)
        elif verb == "tuples":
            outcome = tested.write(write(kind, lba, count, 1), wire)
        elif verb == "wrong":
            broken = bytes([wire[0] ^ 1]) + wire[1:]
            assert tested.write(write(kind, lba, count, 1), broken).sense == GUARD
            continue
        elif verb == "same":
            data = pattern(1, value) * count
            outcome = tested.write(f"93 00 {lba:016x} {count:08x} 00 00", pattern(1, value))
            wire = protected(data, lba, kind=kind)
        else:
            descriptor = f"0016001000000000 {lba:016x} {count:08x} 00000000"
            outcome = tested.write("42 00 00000000 00 0018 00", bytes.fromhex(descriptor))
            wire = (bytes(BLOCK) + NEVER_WRITTEN) * count
        assert outcome.status == 0, verb
        model[lba : lba + count] = [wire[at : at + WIRE] for at in range(0, len(wire), WIRE)]
    assert tested.run(read(kind, 0, 40, 1), length=40 * WIRE).data == b"".join(model)
    assert tested.read_blocks(0, 40) == b"".join(each[:BLOCK] for each in model)
