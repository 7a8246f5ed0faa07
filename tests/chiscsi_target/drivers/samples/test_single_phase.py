"""The single-phase sample: LUNs, unit attentions, task management, order."""

from __future__ import annotations

from chiscsi_target.drivers.samples.single_phase import ApiDisk
from chiscsi_target.drivers.samples.target_class import ApiTarget
from iscsi_wire import scsi
from iscsi_wire.constants import TaskManagementFunction
from iscsi_wire.scsi import Read10, Write10
from tests.chiscsi_target.drivers.samples.rig import Rig

DATA = bytes(range(256)) * 40


def test_each_lun_has_its_own_data() -> None:
    session = Rig(ApiDisk(size_mb=1, luns=2)).session
    write = Write10.make(logical_block_address=3, transfer_length=20)
    read = Read10.make(logical_block_address=3, transfer_length=20)
    assert session.command(write, write=DATA, lun=1).status == 0
    assert session.command(read, read=len(DATA), lun=1).data == DATA
    assert session.command(read, read=len(DATA), lun=0).data == bytes(len(DATA))


def test_a_reset_is_told_to_the_other_session() -> None:
    rig = Rig(ApiDisk(size_mb=1, luns=2), ApiTarget())
    one, other = rig.session, rig.login(1)
    for session in (one, other):
        assert session.command(scsi.TestUnitReady()).status == 0
    assert one.task_management(TaskManagementFunction.LOGICAL_UNIT_RESET, lun=0).header.response == 0
    results = [other.command(scsi.TestUnitReady()), other.command(scsi.TestUnitReady())]
    sense = results[0].sense
    assert sense is not None and (sense.key, sense.asc) == (6, 0x29)
    assert results[1].status == one.command(scsi.TestUnitReady()).status == 0
    assert other.command(scsi.TestUnitReady(), lun=1).status == 0


def test_a_reset_without_target_class_is_told_to_nobody() -> None:
    rig = Rig(ApiDisk(size_mb=1))
    other = rig.login(1)
    other.command(scsi.TestUnitReady())
    rig.session.task_management(TaskManagementFunction.LOGICAL_UNIT_RESET)
    assert other.command(scsi.TestUnitReady()).status == 0


def test_task_management_of_a_lun_that_is_none() -> None:
    session = Rig(ApiDisk(size_mb=1)).session
    answer = session.task_management(TaskManagementFunction.LOGICAL_UNIT_RESET, lun=5)
    assert answer.header.response == 2
    assert session.task_management(TaskManagementFunction.TARGET_WARM_RESET).header.response == 0


def test_a_simple_read_waits_for_an_ordered_write() -> None:
    session = Rig(ApiDisk(size_mb=1), ImmediateData="No", InitialR2T="Yes").session
    write = session.start(Write10.make(transfer_length=1), write=DATA[:512], attr=2, immediate_data=0)
    r2t = write.next_r2t()
    read = session.start(Read10.make(transfer_length=1), read=512)
    write.serve(r2t)
    assert write.wait().status == 0
    assert read.wait().data == DATA[:512]
