from __future__ import annotations

from typing import Any

import pytest

from chiscsi_target.api import ISCSI_TASK_ATTRIBUTES_ORDERED, LU_FLAG_OFFLINE, chiscsi_scsi_command
from chiscsi_target.api.lun_class import missing_hooks
from chiscsi_target.api.sgvec import SgList
from chiscsi_target.drivers.memory import MemoryLunClass
from chiscsi_target.errors import DriverError
from chiscsi_target.scsi.device_server import DeviceServer
from chiscsi_target.scsi.sense import COMMANDS_CLEARED_BY_ISCSI, REPORTED_LUNS_CHANGED
from tests.chiscsi_target.fakes import FakeStack, disk
from tests.chiscsi_target.scsi.rig import ABSENT, BLOCK, Rig

READY = "00 00 00 00 00 00"
INQUIRY = "12 00 00 00 24 00"
REPORT_LUNS = "a0 00 00 000000 00000010 00 00"
REQUEST_SENSE = "03 00 00 00 12 00"
READ = "28 00 00000000 00 0001 00"
ISID = bytes.fromhex("800000000001")


def test_it_is_a_lun_class_like_any_other() -> None:
    assert missing_hooks(DeviceServer([])) == []


@pytest.mark.parametrize("cdb", ["28 00 00000000 00 0001 00", "01 00 00 00 00 00", "ff 00", "9e 11", READY])
def test_every_other_command_to_an_absent_unit_is_refused(cdb: str) -> None:
    outcome = Rig().run(cdb, length=BLOCK, lun=ABSENT)
    assert (outcome.status, outcome.sense, outcome.residual) == (2, (5, 0x25, 0), BLOCK)


def test_a_target_without_units_still_says_so() -> None:
    stack = FakeStack(DeviceServer([]))
    assert stack.run(INQUIRY, length=36).data[0] == 0x7F
    assert stack.run(REPORT_LUNS, length=16).data == bytes(8)


# Unit attention conditions


def test_a_new_session_has_a_unit_attention_on_every_unit_once() -> None:
    rig = Rig()
    assert rig.server.session_added(7, "iqn.i", ISID, "iqn.t") == 7
    for lun in (0, 1):
        outcome = rig.run(READ, length=BLOCK, lun=lun, session=7)
        assert (outcome.status, outcome.sense, outcome.data) == (2, (6, 0x29, 0), b"")
        assert rig.run(READ, length=BLOCK, lun=lun, session=7).status == 0


def test_a_unit_attention_is_for_its_own_session() -> None:
    rig = Rig()
    rig.server.session_added(7, "iqn.i", ISID, "iqn.t")
    assert rig.run(READ, length=BLOCK, session=8).status == 0


@pytest.mark.parametrize("cdb, length", [(INQUIRY, 36), (REPORT_LUNS, 16)], ids=["INQUIRY", "REPORT LUNS"])
def test_inquiry_and_report_luns_pass_and_leave_it(cdb: str, length: int) -> None:
    rig = Rig()
    rig.server.session_added(1, "iqn.i", ISID, "iqn.t")
    assert rig.run(cdb, length=length).status == 0
    assert rig.run(READY).sense == (6, 0x29, 0)


def test_the_end_of_a_session_takes_its_conditions_along() -> None:
    rig = Rig()
    rig.server.session_added(1, "iqn.i", ISID, "iqn.t")
    rig.server.session_removed(1)
    assert all(unit.attentions == {} for unit in rig.server.units.values())
    assert rig.run(READY).status == 0


def test_other_events_are_reported_in_order() -> None:
    rig = Rig()
    rig.server.establish_attention(1, 0, COMMANDS_CLEARED_BY_ISCSI)
    rig.server.establish_attention(1, 0, REPORTED_LUNS_CHANGED)
    rig.server.establish_attention(1, ABSENT, REPORTED_LUNS_CHANGED)
    assert [rig.run(READY).sense for _ in range(3)] == [(6, 0x47, 0x7F), (6, 0x3F, 0x0E), (0, 0, 0)]


def test_an_invalid_command_does_not_come_before_a_unit_attention() -> None:
    rig = Rig()
    rig.server.session_added(1, "iqn.i", ISID, "iqn.t")
    assert [rig.run("ff").sense, rig.run("ff").sense] == [(6, 0x29, 0), (5, 0x20, 0)]


# Offline units


def test_an_offline_unit_refuses_what_is_not_about_itself() -> None:
    unit = Rig.disk("size=1M")
    rig = Rig(unit)
    unit.flags |= LU_FLAG_OFFLINE
    for _ in range(2):
        assert rig.run(READ, length=BLOCK).sense == (6, 0x3F, 0x0E)
    for cdb in (INQUIRY, REPORT_LUNS, REQUEST_SENSE):
        assert rig.run(cdb, length=64).status == 0
    unit.flags &= ~LU_FLAG_OFFLINE
    assert rig.run(READ, length=BLOCK).status == 0


# Hooks of the logical units' own classes


class Watched(MemoryLunClass):
    """A LUN class that keeps commands to itself, and notes which hooks are called."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def fp_scsi_cmd_cdb_rcved(self, sc: chiscsi_scsi_command) -> int:
        assert sc.sc_lu is not None
        self.calls.append(f"cdb {sc.sc_lu.lun} {sc.sc_lba}+{sc.sc_blk_cnt}")
        return 0

    def fp_scsi_cmd_data_xfer_status(
        self, sc: chiscsi_scsi_command, buf: SgList | None, sgcnt: int, offset: int, buflen: int
    ) -> int:
        self.calls.append("data")
        return 0

    def fp_scsi_cmd_abort(self, sc: chiscsi_scsi_command) -> int:
        self.calls.append("abort")
        return 0

    def fp_scsi_cmd_abort_status(
        self, sc_lun: int, sc_cmdsn: int, sc_itt: int, sc_xfer_sgcnt: int, buf: SgList | None, sc_sdev_hdl: Any
    ) -> None:
        self.calls.append(f"abort status {sc_lun} {sc_itt:x}")

    def fp_scsi_cmd_cleanup(self, sc: chiscsi_scsi_command) -> None:
        self.calls.append("cleanup")


def call_all_hooks(server: DeviceServer, sc: chiscsi_scsi_command) -> None:
    server.fp_scsi_cmd_cdb_rcved(sc)
    server.fp_scsi_cmd_data_xfer_status(sc, None, 0, 0, 0)
    server.fp_scsi_cmd_abort(sc)
    server.fp_scsi_cmd_cleanup(sc)


def test_a_medium_command_is_its_drivers_from_then_on() -> None:
    watched = Watched()
    server = DeviceServer([disk(watched, number=4)])
    stack = FakeStack(server)
    call_all_hooks(server, stack.command(bytes.fromhex("28 00 00000003 00 0002 00"), length=2 * BLOCK, lun=4))
    assert watched.calls == ["cdb 4 3+2", "data", "abort", "cleanup"]
    assert (stack.completions, stack.aborted) == (0, 0)


def test_a_command_that_the_server_answers_never_reaches_a_driver() -> None:
    watched = Watched()
    server = DeviceServer([disk(watched)])
    stack = FakeStack(server)
    call_all_hooks(server, stack.command(bytes.fromhex(INQUIRY), length=36))
    assert watched.calls == []
    assert (stack.completions, stack.aborted) == (1, 1)


def test_the_driver_of_the_unit_hears_that_its_abort_is_done() -> None:
    watched = Watched()
    server = DeviceServer([disk(MemoryLunClass()), disk(watched, number=1)])
    for lun in (0, 1, ABSENT):
        server.fp_scsi_cmd_abort_status(lun, 5, 0xAB, 0, None, None)
    assert watched.calls == ["abort status 1 ab"]


# Commands that had to wait for others


class Refusing(MemoryLunClass):
    """A LUN class that completes its first command, and fails others in the way it is told."""

    def __init__(self, failure: Exception | None) -> None:
        self.failure = failure
        self.seen = 0

    def fp_scsi_cmd_cdb_rcved(self, sc: chiscsi_scsi_command) -> int:
        self.seen += 1
        if self.seen == 1:
            return super().fp_scsi_cmd_cdb_rcved(sc)
        if self.failure is not None:
            raise self.failure
        return -1


@pytest.mark.parametrize(
    "failure, sense",
    [
        (DriverError(3, 0x11, 0), (3, 0x11, 0)),
        (RuntimeError("broken driver"), (4, 0x44, 0)),
        (None, (4, 0x44, 0)),
    ],
    ids=["driver error", "exception", "negative result"],
)
def test_a_command_that_waited_ends_however_its_driver_fails(
    failure: Exception | None, sense: tuple[int, int, int]
) -> None:
    server = DeviceServer([disk(Refusing(failure))])
    first, second = FakeStack(server), FakeStack(server)
    before = first.command(bytes.fromhex(READ), length=BLOCK)
    waiting = second.command(bytes.fromhex(READ), length=BLOCK)
    waiting.sc_attribute = ISCSI_TASK_ATTRIBUTES_ORDERED
    assert server.fp_scsi_cmd_cdb_rcved(before) == 0
    assert server.fp_scsi_cmd_cdb_rcved(waiting) == 0
    assert (first.completions, second.completions) == (1, 0)
    server.fp_scsi_cmd_cleanup(before)
    assert second.completions == 1
    assert (waiting.sc_sense_key, waiting.sc_sense_asc, waiting.sc_sense_ascq) == sense
