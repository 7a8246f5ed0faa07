"""RECEIVE COPY STATUS, DATA, OPERATING PARAMETERS and FAILURE DETAILS."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from chiscsi_target.scsi.copy_list import LONGEST_LIST, LONGEST_SEGMENT, MOST_CSCDS, MOST_SEGMENTS
from chiscsi_target.scsi.long_work import PIECE
from iscsi_wire.scsi import CopyFailureDetails, CopyOperatingParameters, CopyStatusData
from tests.chiscsi_target.fakes import Outcome
from tests.chiscsi_target.scsi.copies import HERE, copy, copy_list, fill, pattern, segment
from tests.chiscsi_target.scsi.rig import BLOCK, BLOCKS, Rig

FIELD, IN_PROGRESS, ABORTED = (5, 0x24, 0), (5, 0, 0x16), (0xA, 0, 0)
PART = segment(0, 8, 8, source=HERE, destination=HERE)
WRONG = segment(0, BLOCKS, 8, source=HERE, destination=HERE)


def receive(rig: Rig, action: int, identifier: int = 1, *, session: int = 1) -> Outcome:
    return rig.run(f"84 {action:02x} {identifier:02x} 00000000000000 00000400 00 00", length=1024, session=session)


def status(rig: Rig, identifier: int = 1) -> CopyStatusData:
    return CopyStatusData.decode(receive(rig, 0, identifier).data)


def completions(rig: Rig) -> int:
    """How often the last command was completed."""
    return rig.stack.completions


def test_the_status_of_a_copy_is_told_once() -> None:
    rig = Rig()
    assert receive(rig, 0).sense == FIELD
    copy(rig, copy_list([], [PART, PART]))
    assert receive(rig, 0, session=2).sense == FIELD
    found = status(rig)
    assert (found.available_data, found.copy_command_status, found.segments_processed) == (8, 1, 2)
    assert (found.hdd, found.transfer_count_units, found.transfer_count) == (0, 0, 16 * BLOCK)
    outcome = receive(rig, 0)
    assert (outcome.sense, outcome.field) == (FIELD, (2, None))


def test_a_copy_that_failed_tells_how_far_it_came_and_why() -> None:
    rig = Rig()
    assert copy(rig, copy_list([], [PART, WRONG, PART], identifier=9)).sense == ABORTED
    found = status(rig, 9)
    assert (found.copy_command_status, found.segments_processed, found.transfer_count) == (2, 1, 8 * BLOCK)
    details = CopyFailureDetails.decode(receive(rig, 4, 9).data)
    assert details.available_data == 56 + len(details.sense_data) and details.extended_copy_command_status == 2
    assert details.sense_data[2:3] == b"\x0a" and details.sense_data[8:12] == bytes((0, 18, 0, 1))
    assert receive(rig, 4, 9).data == bytes(4)
    assert receive(rig, 0, 9).sense == FIELD


def test_there_are_no_details_of_what_did_not_fail() -> None:
    rig = Rig()
    assert receive(rig, 4).data == bytes(4)
    copy(rig, copy_list([], [PART]))
    assert receive(rig, 4).data == bytes(4)
    assert status(rig).copy_command_status == 1


def test_no_data_is_held() -> None:
    rig = Rig()
    assert receive(rig, 1).sense == FIELD
    copy(rig, copy_list([], [PART]))
    assert receive(rig, 1).data == bytes(4)


def test_without_list_identifier_nothing_is_remembered() -> None:
    rig = Rig()
    assert copy(rig, copy_list([], [PART], identifier=0, usage=3)).status == 0
    assert receive(rig, 0, 0).sense == FIELD


@pytest.mark.parametrize("forget", ["session", "reset"])
def test_a_copy_is_forgotten_with_its_session_and_by_a_reset(forget: str) -> None:
    rig = Rig()
    copy(rig, copy_list([], [PART]))
    if forget == "session":
        rig.server.session_removed(1)
    else:
        rig.server.units[0].copies.clear()
    assert receive(rig, 0).sense == FIELD


def test_while_a_copy_runs_its_list_identifier_is_in_use_and_its_status_is_told() -> None:
    rig = Rig(Rig.disk("size=8M"))
    steps: list[Callable[[], bool]] = []
    rig.server.work_by(steps.append)
    blocks = 3 * PIECE // BLOCK
    fill(rig, 0, pattern(100))
    data = copy_list([], [segment(0, blocks, blocks, source=HERE, destination=HERE)])
    cdb = bytes.fromhex(f"83 00 0000000000000000 {len(data):08x} 00 00")
    rig.stack.reset(data)
    command = rig.stack.command(cdb, length=len(data), write=True)
    assert rig.server.fp_scsi_cmd_cdb_rcved(command) == 0
    rig.stack.deliver(command)
    assert steps and completions(rig) == 0
    assert copy(rig, data).sense == IN_PROGRESS
    found = status(rig)
    assert (found.copy_command_status, found.transfer_count) == (0, 2 * PIECE)
    rig.stack.reset(data)
    while steps[0]():
        pass
    assert completions(rig) == 1 and command.sc_status == 0
    assert status(rig).transfer_count == 3 * PIECE
    assert rig.read_blocks(blocks, 100) == pattern(100)


def test_operating_parameters() -> None:
    data = receive(Rig(), 3, 0).data
    found = CopyOperatingParameters.decode(data)
    assert found.available_data == len(data) - 4 == 42
    assert (found.snlid, found.maximum_inline_data_length, found.held_data_limit) == (1, 0, 0)
    assert (found.maximum_cscd_descriptor_count, found.maximum_segment_descriptor_count) == (MOST_CSCDS, MOST_SEGMENTS)
    assert (found.maximum_descriptor_list_length, found.maximum_segment_length) == (LONGEST_LIST, LONGEST_SEGMENT)
    assert found.implemented_descriptor_types == [0x02, 0xE4]
    assert Rig().run("84 03 77 00000000000000 00000004 00 00", length=4).data == data[:4]
