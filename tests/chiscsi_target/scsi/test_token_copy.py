"""POPULATE TOKEN, WRITE USING TOKEN, RECEIVE ROD TOKEN INFORMATION, REPORT ALL ROD TOKENS, COPY OPERATION ABORT."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from chiscsi_target.api.scsi_command import chiscsi_scsi_command
from chiscsi_target.scsi.rod_tokens import LONGEST_TIMEOUT, MOST_PER_TOKEN, ROD_PIECE
from chiscsi_target.scsi.token_copy import MOST_RANGES
from iscsi_wire.scsi import RodToken, RodTokenDescriptors, RodTokenInformation
from tests.chiscsi_target.fakes import Outcome
from tests.chiscsi_target.scsi.copies import fill, information, pattern, populate, populate_list, use, use_list
from tests.chiscsi_target.scsi.rig import BLOCK, BLOCKS, READ_ONLY, Rig

FIELD, LENGTH, OUT_OF_RANGE = (5, 0x26, 0), (5, 0x1A, 0), (5, 0x21, 0)
TOO_MANY, WRITE_PROTECTED, CDB_FIELD = (5, 0x26, 8), (7, 0x27, 0), (5, 0x24, 0)
UNKNOWN, EXPIRED, DELETED, NO_ROOM = (5, 0x23, 4), (5, 0x23, 7), (5, 0x23, 9), (5, 0x55, 0x0D)
CONFLICT = 0x18
ZERO = RodToken.make(rod_type=0xFFFF0001).encode()


def results(rig: Rig, identifier: int = 7, lun: int = 0) -> RodTokenInformation:
    outcome = information(rig, identifier=identifier, lun=lun)
    assert outcome.status == 0
    found = RodTokenInformation.decode(outcome.data)
    assert found.available_data == len(outcome.data) - 4
    return found


def token(rig: Rig, *ranges: tuple[int, int], lun: int = 0, timeout: int = 0) -> bytes:
    """Populate a token, and receive it."""
    assert populate(rig, populate_list(*ranges, timeout=timeout), lun=lun).status == 0
    rest = results(rig, lun=lun).rest
    (descriptor,) = RodTokenDescriptors.decode(rest).rod_token_descriptors
    assert len(rest) == 4 + 2 + 512
    return bytes(descriptor.rod_token)


def test_a_token_stands_for_what_blocks_held_when_it_was_made() -> None:
    rig = Rig()
    fill(rig, 8, pattern(16))
    made = token(rig, (8, 16))
    fill(rig, 8, pattern(16, 1000))
    assert use(rig, use_list(made, (100, 16))).status == 0
    assert rig.read_blocks(99, 18) == bytes(BLOCK) + pattern(16) + bytes(BLOCK)


def test_a_token_is_good_for_other_units_and_sessions_again_and_again() -> None:
    rig = Rig(Rig.disk("size=1M"), Rig.disk("size=1M", 5))
    fill(rig, 0, pattern(4))
    made = token(rig, (0, 2), (2, 2))
    data = use_list(made, (7, 4))
    cdb = bytes.fromhex(f"83 11 00000000 00000001 {len(data):08x} 00 00")
    assert rig.stack.run(cdb, data=data, lun=5, session=2).status == 0
    assert use(rig, use_list(made, (20, 4)), lun=5).status == 0
    assert rig.read_blocks(7, 4, lun=5) == rig.read_blocks(20, 4, lun=5) == pattern(4)


def test_ranges_are_scattered_and_gathered_in_their_order() -> None:
    rig = Rig()
    fill(rig, 0, pattern(10))
    made = token(rig, (6, 2), (0, 3), (50, 0))
    assert use(rig, use_list(made, (200, 1), (100, 4))).status == 0
    data = pattern(10)[6 * BLOCK : 8 * BLOCK] + pattern(3)
    assert rig.read_blocks(200, 1) + rig.read_blocks(100, 4) == data


def test_what_was_made_is_told() -> None:
    rig = Rig()
    assert information(rig).sense == CDB_FIELD
    token(rig, (0, 5), (9, 2))
    found = results(rig)
    assert (found.response_to_service_action, found.copy_operation_status, found.segments_processed) == (0x10, 1, 2)
    assert (found.transfer_count_units, found.transfer_count) == (0xF1, 7)
    assert information(rig, session=2).sense == CDB_FIELD
    assert information(rig, identifier=8).sense == CDB_FIELD


@pytest.mark.parametrize(
    "offset, ranges, blocks, status",
    [
        (0, ((0, 8),), 8, 1),
        (2, ((0, 6),), 6, 3),
        (0, ((0, 3),), 3, 3),
        (5, ((0, 9),), 3, 3),
        (0, ((0, 4), (9, 9)), 8, 1),
    ],
)
def test_as_much_as_there_is_and_fits_is_written(
    offset: int, ranges: tuple[tuple[int, int], ...], blocks: int, status: int
) -> None:
    rig = Rig()
    fill(rig, 100, pattern(8))
    assert use(rig, use_list(token(rig, (100, 8)), *ranges, offset=offset)).status == 0
    found = results(rig, 8)
    assert (found.response_to_service_action, found.copy_operation_status) == (0x11, status)
    assert found.transfer_count == blocks
    assert RodTokenDescriptors.decode(found.rest).rod_token_descriptors == []
    written = b"".join(rig.read_blocks(lba, count) for lba, count in ranges)
    data = pattern(8)[offset * BLOCK : (offset + blocks) * BLOCK]
    assert written == data + bytes(len(written) - len(data))


def test_what_a_token_wrote_is_safe_where_there_is_no_write_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    rig = Rig()
    flushed: list[object] = []

    def flush(medium: object) -> None:
        flushed.append(medium)

    monkeypatch.setattr(type(rig.server.units[0].medium), "flush", flush)
    assert use(rig, use_list(ZERO, (8, 16))).status == 0
    assert len(flushed) == 1


def test_the_zero_token_needs_no_making() -> None:
    rig = Rig()
    fill(rig, 0, pattern(64))
    assert use(rig, use_list(ZERO, (8, 16), (32, 8), offset=77)).status == 0
    found = pattern(64)
    assert rig.read_blocks(0, 64) == (
        found[: 8 * BLOCK] + bytes(16 * BLOCK) + found[24 * BLOCK : 32 * BLOCK] + bytes(8 * BLOCK) + found[40 * BLOCK :]
    )
    assert results(rig, 8).copy_operation_status == 1


def test_a_token_is_deleted_on_request_and_is_no_more() -> None:
    rig = Rig()
    made = token(rig, (0, 1))
    assert use(rig, use_list(made, (9, 1), delete=1)).status == 0
    assert use(rig, use_list(made, (9, 1))).sense == DELETED
    rig.server.session_removed(1)
    assert information(rig).sense == CDB_FIELD


def test_a_token_expires_by_the_clock_that_the_server_is_given() -> None:
    rig, now = Rig(), 1000.0
    rig.server.make_tokens_by(lambda: now, bytes)
    made = token(rig, (0, 1), timeout=30)
    now = 1030.0
    assert use(rig, use_list(made, (9, 1))).status == 0
    now = 1061.0
    assert use(rig, use_list(made, (9, 1))).sense == EXPIRED


def test_a_foreign_token_is_refused_and_writes_nothing() -> None:
    rig = Rig()
    fill(rig, 0, pattern(1))
    foreign = RodToken.decode(token(rig, (0, 1)))
    foreign.copy_manager_rod_token_identifier = 12345
    assert use(rig, use_list(foreign.encode(), (9, 1))).sense == UNKNOWN
    assert rig.read_blocks(9, 1) == bytes(BLOCK)


def test_beyond_the_memory_for_tokens_none_is_made() -> None:
    rig = Rig()
    rig.server.units[0].device.rod_tokens.limit = 8 * BLOCK
    fill(rig, 0, pattern(9))
    assert populate(rig, populate_list((0, 9))).sense == NO_ROOM
    found = results(rig)
    assert (found.copy_operation_status, found.extended_copy_completion_status) == (2, 2)
    assert found.rest[: found.sense_data_length][12:14] == bytes((0x55, 0x0D))
    assert populate(rig, populate_list((0, 8))).status == 0


@pytest.mark.parametrize(
    "data, sense",
    [
        (b"", None),
        (bytes(15), LENGTH),
        (populate_list((0, 1))[:-1], LENGTH),
        (bytes((0, 29)) + populate_list((0, 1))[2:], FIELD),
        (populate_list((0, 1))[:14] + bytes((0, 15)) + populate_list((0, 1))[16:], FIELD),
        (populate_list((0, 1))[:14] + bytes((0, 32)) + populate_list((0, 1))[16:], LENGTH),
        (populate_list((0, 1), timeout=LONGEST_TIMEOUT), None),
        (populate_list((0, 1), timeout=LONGEST_TIMEOUT + 1), FIELD),
        (populate_list((0, 1), rod_type=0x00800000), None),
        (populate_list((0, 1), rod_type=0x0080FFFF), None),
        (populate_list((0, 1), rod_type=0x00800002), FIELD),
        (populate_list((0, 1), rod_type=0xFFFF0001), FIELD),
        (populate_list((BLOCKS, 1)), OUT_OF_RANGE),
        (populate_list((0, 1), (BLOCKS - 1, 2)), OUT_OF_RANGE),
        (populate_list((0, 4), (3, 1)), FIELD),
        (populate_list((8, 4), (0, 8)), None),
        (populate_list(*((lba, 1) for lba in range(MOST_RANGES))), None),
        (populate_list(*((lba, 1) for lba in range(MOST_RANGES + 1))), TOO_MANY),
    ],
)
def test_each_mistake_in_a_list_has_its_sense(data: bytes, sense: tuple[int, int, int] | None) -> None:
    outcome = populate(Rig(), data)
    assert (outcome.status, outcome.sense) == ((0, (0, 0, 0)) if sense is None else (2, sense))


@pytest.mark.parametrize(
    "data, sense",
    [
        (b"", None),
        (bytes(535), LENGTH),
        (use_list(ZERO, (0, 1))[:-1], LENGTH),
        (bytes((0, 34)) + use_list(ZERO, (0, 1))[2:], FIELD),
        (use_list(ZERO), FIELD),
        (use_list(ZERO, (BLOCKS, 1)), OUT_OF_RANGE),
        (use_list(ZERO, (0, 4), (3, 1)), FIELD),
        (use_list(ZERO, *((lba, 1) for lba in range(MOST_RANGES + 1))), TOO_MANY),
        (use_list(bytes(512), (0, 1)), (5, 0x23, 1)),
    ],
)
def test_each_mistake_in_the_use_of_a_token_has_its_sense(data: bytes, sense: tuple[int, int, int] | None) -> None:
    outcome = use(Rig(), data)
    assert (outcome.status, outcome.sense) == ((0, (0, 0, 0)) if sense is None else (2, sense))


def test_too_many_blocks_together() -> None:
    rig = Rig(Rig.disk("size=2G"))
    most = MOST_PER_TOKEN // BLOCK
    assert populate(rig, populate_list((0, most))).status == 0
    assert RodTokenDescriptors.decode(results(rig).rest).rod_token_descriptors
    assert populate(rig, populate_list((0, most), (most, 1))).sense == FIELD
    assert use(rig, use_list(ZERO, (0, most), (most, 1))).sense == FIELD


def test_an_offset_behind_the_data() -> None:
    rig = Rig()
    made = token(rig, (0, 4))
    assert use(rig, use_list(made, (9, 1), offset=4)).sense == FIELD


def test_reading_needs_no_right_to_write_and_writing_does() -> None:
    rig = Rig()
    made = token(rig, (0, 1), lun=READ_ONLY)
    assert use(rig, use_list(made, (0, 1)), lun=READ_ONLY).sense == WRITE_PROTECTED
    assert use(rig, use_list(made, (0, 1))).status == 0


def test_reservations_let_tokens_be_made_where_they_let_read() -> None:
    """Write Exclusive of another: POPULATE TOKEN is a reading command, WRITE USING TOKEN is not."""
    rig = Rig()
    rig.server.session_added(2, "iqn.2024-01.com.example:other", bytes(6), "iqn.t")
    rig.run("00 00 00 00 00 00", session=2)
    key = (1).to_bytes(8)
    register = rig.stack.run("5f 00 00 00 00 00 00 00 18 00", data=bytes(8) + key + bytes(8), session=2)
    reserve = rig.stack.run("5f 01 01 00 00 00 00 00 18 00", data=key + bytes(16), session=2)
    assert (register.status, reserve.status) == (0, 0)
    made = token(rig, (0, 1))
    assert use(rig, use_list(made, (9, 1))).status == CONFLICT
    release = rig.stack.run("5f 02 01 00 00 00 00 00 18 00", data=key + bytes(16), session=2)
    again = rig.stack.run("5f 01 03 00 00 00 00 00 18 00", data=key + bytes(16), session=2)
    assert (release.status, again.status) == (0, 0)
    assert populate(rig, populate_list((0, 1))).status == CONFLICT


# In steps, beside other commands


class Slow(Rig):
    """A unit whose steps are taken when the test says so."""

    def __init__(self) -> None:
        super().__init__(self.disk(f"size={8 * ROD_PIECE}"))
        self.steps: list[Callable[[], bool]] = []
        self.server.work_by(self.steps.append)

    def begin(self, cdb: str, data: bytes) -> chiscsi_scsi_command:
        """A command that has begun, and has its status later."""
        self.stack.reset(data)
        scmd = self.stack.command(bytes.fromhex(cdb), length=len(data), write=True)
        assert self.server.fp_scsi_cmd_cdb_rcved(scmd) == 0
        self.stack.deliver(scmd)
        return scmd

    def populate(self, blocks: int) -> chiscsi_scsi_command:
        data = populate_list((0, blocks))
        return self.begin(f"83 10 00000000 00000007 {len(data):08x} 00 00", data)

    def work(self) -> None:
        """Take all steps that are left."""
        (step,) = self.steps
        self.stack.reset(b"")
        while step():
            pass


ALL = 8 * ROD_PIECE // BLOCK


def test_a_large_token_is_made_in_steps_and_stands_for_one_time() -> None:
    rig = Slow()
    fill(rig, 0, pattern(ALL))
    sc = rig.populate(ALL)
    assert rig.steps and results(rig).copy_operation_status == 0x11
    fill(rig, 0, bytes(ALL * BLOCK))  # another command, which does not wait
    rig.work()
    rig.server.fp_scsi_cmd_cleanup(sc)
    assert (sc.sc_status, rig.stack.completions) == (0, 1)
    (descriptor,) = RodTokenDescriptors.decode(results(rig).rest).rod_token_descriptors
    data = use_list(bytes(descriptor.rod_token), (0, ALL))
    del rig.steps[:]
    sc = rig.begin(f"83 11 00000000 00000008 {len(data):08x} 00 00", data)
    assert rig.read_blocks(ALL - 1, 1) == bytes(BLOCK)
    rig.work()
    assert rig.read_blocks(0, ALL) == pattern(ALL)


def abort(rig: Rig, identifier: int = 7, session: int = 1) -> Outcome:
    return rig.run(f"83 1c {identifier:08x} 0000000000000000 00 00", session=session)


def test_a_copy_is_aborted_by_its_list_identifier() -> None:
    rig = Slow()
    tokens = rig.server.units[0].device.rod_tokens
    tokens.limit = ALL * BLOCK
    fill(rig, 0, pattern(ALL))
    begun = rig.populate(ALL)
    assert abort(rig, 8).sense == abort(rig, session=2).sense == CDB_FIELD
    completed: list[chiscsi_scsi_command] = []

    def note(scmd: chiscsi_scsi_command, *arguments: Any) -> int:
        completed.append(scmd)
        return 0

    begun._stack = SimpleNamespace(execution_status=note)
    rig.stack.reset(b"")
    sc = rig.stack.command(bytes.fromhex("83 1c 00000007 0000000000000000 00 00"))
    assert rig.server.fp_scsi_cmd_cdb_rcved(sc) == 0
    assert completed == [begun] and sc.sc_status == 0
    assert (begun.sc_status, begun.sc_sense_key, begun.sc_sense_asc, begun.sc_sense_ascq) == (2, 0x0A, 0x2F, 0x02)
    for each in (sc, begun):
        rig.server.fp_scsi_cmd_cleanup(each)
    step = rig.steps.pop()
    assert not step()
    del step
    assert not rig.server.units[0].watchers
    found = results(rig)
    assert (found.copy_operation_status, found.extended_copy_completion_status) == (2, 2)
    assert found.rest[: found.sense_data_length][2] == 0x0A
    assert abort(rig).sense == CDB_FIELD
    rig.server.work_by(lambda step: [None for _ in iter(step, False)])
    assert populate(rig, populate_list((0, ALL))).status == 0  # all the memory is there again


def test_all_tokens_are_reported_without_their_secret() -> None:
    rig = Rig()
    rig.server.make_tokens_by(lambda: 0.0, b"secret".ljust)
    made = [token(rig, (lba, 1)) for lba in range(3)]
    assert use(rig, use_list(made[1], (9, 1), delete=1)).status == 0
    data = rig.run("84 08 0000000000000000 00001000 00 00", length=0x1000).data
    assert data == (2 * 96 + 4).to_bytes(4) + bytes(4) + made[0][:96] + made[2][:96]
    assert b"secret" not in data and b"secret" in made[0]
    assert rig.run("84 08 0000000000000000 00000004 00 00", length=4).data == (2 * 96 + 4).to_bytes(4)


def test_reports_of_copies_pass_every_reservation_and_an_abort_does_not() -> None:
    """SPC-4, commands allowed in the presence of various reservations: with Exclusive Access of another, too."""
    rig = Rig()
    rig.server.session_added(2, "iqn.2024-01.com.example:other", bytes(6), "iqn.t")
    rig.run("00 00 00 00 00 00", session=2)
    token(rig, (0, 1))
    key = (1).to_bytes(8)
    rig.stack.run("5f 00 00 00 00 00 00 00 18 00", data=bytes(8) + key + bytes(8), session=2)
    assert rig.stack.run("5f 01 03 00 00 00 00 00 18 00", data=key + bytes(16), session=2).status == 0
    assert rig.run("84 08 0000000000000000 00001000 00 00", length=0x1000).status == information(rig).status == 0
    assert abort(rig).status == CONFLICT
