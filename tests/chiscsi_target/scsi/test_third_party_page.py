from __future__ import annotations

from pathlib import Path

import pytest

from chiscsi_target.scsi.copy_list import LONGEST_LIST, MOST_CSCDS, MOST_SEGMENTS
from chiscsi_target.scsi.rod_tokens import DEFAULT_TIMEOUT, LONGEST_TIMEOUT, MOST_PER_TOKEN, OPTIMAL_PER_TOKEN
from chiscsi_target.scsi.token_copy import MOST_RANGES
from iscsi_wire.scsi import SupportedCopyCommands, ThirdPartyCopy
from tests.chiscsi_target.peers import decode_inhex
from tests.chiscsi_target.scsi.rig import BLOCK, Rig

PAGE = "12 01 8f 04 00 00"


def page(rig: Rig) -> bytes:
    return rig.run(PAGE, length=1024).data


def test_descriptors_come_in_ascending_order_and_are_whole_words() -> None:
    data = page(Rig())
    descriptors = ThirdPartyCopy.decode(data).descriptors
    types = [each.third_party_copy_descriptor_type for each in descriptors]
    assert types == [0x0000, 0x0001, 0x0004, 0x0008, 0x000C, 0x0106, 0x0108, 0x8001]
    assert all(len(each.parameters) % 4 == 0 for each in descriptors)
    assert len(data) == 4 + sum(4 + len(each.parameters) for each in descriptors)


def test_all_commands_that_there_are_and_no_others() -> None:
    descriptors = ThirdPartyCopy.decode(page(Rig())).descriptors
    commands = SupportedCopyCommands.decode(descriptors[1].parameters, truncated=True).commands
    found = {each.supported_operation_code: each.supported_service_actions for each in commands}
    assert found == {0x83: [0x00, 0x10, 0x11, 0x1C], 0x84: [0x00, 0x01, 0x03, 0x04, 0x07, 0x08]}


def test_without_a_medium_there_are_no_copies() -> None:
    rig = Rig()
    rig.server.units[0].lu.medium = None
    rig.server.units[0].describe(rig.server.units[0].lu)
    assert rig.run(PAGE, length=1024).sense == (5, 0x24, 0)
    assert 0x8F not in rig.run("12 01 00 00 ff 00", length=255).data[4:]
    assert not rig.run("12 00 00 00 ff 00", length=255).data[5] & 0x08
    assert rig.run("84 03 00000000000000 00 00000400 00 00", length=1024).sense == (5, 0x20, 0)


@pytest.mark.interop
def test_sg_vpd_reads_the_same(tmp_path: Path) -> None:
    text = decode_inhex(tmp_path, page(Rig()), "sg_vpd", "--page=tpc").lower()
    for line in (
        f"Maximum Range Descriptors: {MOST_RANGES}",
        f"Maximum Inactivity Timeout: {LONGEST_TIMEOUT} seconds",
        f"Default Inactivity Timeout: {DEFAULT_TIMEOUT} seconds",
        f"Maximum Token Transfer Size: {MOST_PER_TOKEN // BLOCK}",
        f"Optimal Transfer Count: {OPTIMAL_PER_TOKEN // BLOCK}",
        "Populate token",
        "Write using token",
        "Receive ROD token information",
        "Receive copy status(LID1)",
        f"Maximum CSCD Descriptor Count: {MOST_CSCDS}",
        f"Maximum Segment Descriptor Count: {MOST_SEGMENTS}",
        f"Maximum Descriptor List Length: {LONGEST_LIST}",
        "block -> block [0x2]",
        "CSCD: Identification Descriptor [0xe4]",
        "copy src or dst is copy manager LU [0xffff]",
        f"Maximum Bytes in block ROD: {MOST_PER_TOKEN}",
        "ROD Type: point in time copy - default [0x800000]",
        "ROD Type: block device zero [0xffff0001]",
        "General Copy Operations",
    ):
        assert line.lower() in text, line
