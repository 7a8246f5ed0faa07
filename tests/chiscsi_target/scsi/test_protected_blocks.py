from __future__ import annotations

import pytest

from chiscsi_target.scsi.protected_blocks import blocks_of, checked_parts, has_protection, has_type_2
from chiscsi_target.scsi.protection_information import Tags, generate
from chiscsi_target.scsi.refused import Refused
from iscsi_wire import scsi
from iscsi_wire.structure import Cdb
from tests.chiscsi_target.scsi.rig import BLOCK, Rig


def rig(kind: int) -> Rig:
    return Rig(Rig.disk(f"size=1M,PI={kind}"))


@pytest.mark.parametrize(
    "cdb, number, field",
    [
        (scsi.Read6.make(logical_block_address=9), 256, 4),
        (scsi.Write10.make(logical_block_address=9, transfer_length=3), 3, 7),
        (scsi.Verify12.make(logical_block_address=9, verification_length=3), 3, 6),
        (scsi.WriteSame16.make(logical_block_address=9, number_of_logical_blocks=3), 3, 10),
        (scsi.Read32.make(logical_block_address=9, transfer_length=3), 3, 28),
    ],
)
def test_what_a_cdb_says(cdb: Cdb, number: int, field: int) -> None:
    blocks = blocks_of(rig(2).server.units[0], cdb)
    assert (blocks.lba, blocks.number, blocks.field.octet) == (9, number, field)


def test_whose_tags_are_expected() -> None:
    plain = scsi.Read10.make(logical_block_address=9, transfer_length=1)
    tags = [blocks_of(rig(kind).server.units[0], plain).tags for kind in (1, 2, 3)]
    assert tags == [Tags(1, 9), Tags(2, None), Tags(3, None)]
    long = scsi.Read32.make(reference_tag=5, application_tag=6, application_tag_mask=7, transfer_length=1)
    assert blocks_of(rig(2).server.units[0], long).tags == Tags(2, 5, 6, 7)


@pytest.mark.parametrize(
    "kind, cdb, sense",
    [
        (1, scsi.Read10.make(rdprotect=6), (5, 0x24, 0)),
        (3, scsi.Read16.make(rdprotect=7), (5, 0x24, 0)),
        (2, scsi.Read10.make(rdprotect=1), (5, 0x20, 0)),
        (2, scsi.Read32.make(rdprotect=7), (5, 0x24, 0)),
        (2, scsi.Read32.make(additional_cdb_length=20), (5, 0x24, 0)),
    ],
)
def test_what_is_refused(kind: int, cdb: Cdb, sense: tuple[int, int, int]) -> None:
    with pytest.raises(Refused) as caught:
        blocks_of(rig(kind).server.units[0], cdb)
    assert tuple(caught.value.sense) == sense


def test_parts_are_separated_and_checked() -> None:
    unit = rig(1).server.units[0]
    blocks = blocks_of(unit, scsi.Write10.make(logical_block_address=4, wrprotect=1, transfer_length=1))
    data = b"x" * BLOCK
    command = Rig().stack.command(b"\x2a", write=True)
    good = generate(data, BLOCK, 1, 4)
    assert checked_parts(unit, command, blocks, data + good, 1) == (data, good)
    with pytest.raises(Refused, match="0b/10/03"):
        checked_parts(unit, command, blocks, data + generate(data, BLOCK, 1, 5), 1)
    with pytest.raises(Refused, match="05/0e/03"):
        checked_parts(unit, command, blocks, data, 1)


def test_kinds_of_units() -> None:
    units = [Rig().server.units[0], *(rig(kind).server.units[0] for kind in (1, 2, 3))]
    assert [has_protection(unit) for unit in units] == [False, True, True, True]
    assert [has_type_2(unit) for unit in units] == [False, False, True, False]
