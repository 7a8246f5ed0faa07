"""The samples in the scenarios that the behaviour file has for them (section 9): from registration to the exits."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from chiscsi_target.api import ReturnCode, chiscsi_target_lun_class
from chiscsi_target.drivers.samples.multi_phase import PhasedDisk
from chiscsi_target.drivers.samples.single_phase import ApiDisk
from chiscsi_target.drivers.samples.target_class import LOCAL_NAME, LOCAL_SECRET, SECRETS, ApiTarget
from initiator_sim.chap import Account
from initiator_sim.outcomes import ExpectationFailed
from iscsi_wire import scsi
from iscsi_wire.constants import LoginStatus, TaskManagementFunction
from iscsi_wire.records import FindingRecord
from iscsi_wire.scsi import Read10, Write10
from tests.chiscsi_target.drivers.samples.rig import Rig
from tests.chiscsi_target.stand import CLASS, NAME

Make = Callable[[], chiscsi_target_lun_class]
BOTH = pytest.mark.parametrize(
    "make", [lambda: ApiDisk(size_mb=4), lambda: PhasedDisk(size_mb=4)], ids=["single-phase", "multi-phase"]
)
LONGEST = 1 << 20
DATA = bytes(range(256)) * (LONGEST // 256)


def rig(make: Make) -> Rig:
    """As `apidriver` configures itself (9.1)."""
    return Rig(make(), ApiTarget(), ImmediateData="No", InitialR2T="Yes")


def in_order(rig: Rig) -> bool:
    return not rig.stand.of_type(FindingRecord)


@BOTH
@pytest.mark.parametrize("length", [512, 4096, 65536, LONGEST])
def test_reads_and_writes(make: Make, length: int) -> None:
    disk = rig(make)
    blocks = length // 512
    assert disk.session.command(Write10.make(transfer_length=blocks), write=DATA[:length]).status == 0
    assert disk.session.command(Read10.make(transfer_length=blocks), read=length).data == DATA[:length]
    assert in_order(disk)


@BOTH
def test_no_data_and_an_unknown_command(make: Make) -> None:
    disk = rig(make)
    assert disk.session.command(scsi.TestUnitReady()).status == 0
    sense = disk.session.command(b"\xff" + bytes(15)).sense
    assert sense is not None and (sense.key, sense.asc, sense.ascq) == (5, 0x20, 0)
    assert in_order(disk)


@BOTH
def test_an_abort_between_the_buffers_and_the_data(make: Make) -> None:
    disk = rig(make)
    task = disk.session.start(Write10.make(transfer_length=16), write=DATA[:8192], immediate_data=0)
    task.next_r2t()
    answer = disk.session.task_management(TaskManagementFunction.ABORT_TASK, task=task)
    assert answer.header.response == 0
    assert disk.session.command(Read10.make(transfer_length=16), read=8192).data == bytes(8192)
    assert in_order(disk)


@BOTH
def test_a_session_that_is_lost_with_its_commands(make: Make) -> None:
    disk = rig(make)
    other = disk.login(1)
    disk.session.start(Write10.make(transfer_length=16), write=DATA[:8192], immediate_data=0).next_r2t()
    disk.session.close()
    assert other.command(Write10.make(transfer_length=16), write=DATA[:8192]).status == 0
    assert other.command(Read10.make(transfer_length=16), read=8192).data == DATA[:8192]
    assert in_order(disk)


@BOTH
@pytest.mark.parametrize("wrong", [False, True], ids=["right", "wrong"])
def test_mutual_chap_by_the_hook(make: Make, wrong: bool) -> None:
    disk = Rig(make(), ApiTarget())
    disk.stand.reconfigure(("AuthMethod", "CHAP"))
    ((name, secret),) = SECRETS.items()
    account = Account(name, b"some other secret"[:14] if wrong else secret, LOCAL_NAME, LOCAL_SECRET)
    if wrong:
        assert disk.attempt(1, account).status == LoginStatus.AUTHENTICATION_FAILURE
        return
    assert disk.attempt(1, account).succeeded
    with pytest.raises(ExpectationFailed, match="CHAP_R is the hash"):
        disk.attempt(2, Account(name, secret, LOCAL_NAME, b"another secret"))


@BOTH
def test_a_login_is_redirected_by_the_hook(make: Make) -> None:
    disk = Rig(make(), ApiTarget("127.0.0.1:3261"))
    disk.stand.reconfigure(("PortalGroup", "1@127.0.0.1:3260,[2]"), ("PortalGroup", "2@127.0.0.1:3261"))
    result = disk.attempt(1)
    assert result.status == LoginStatus.TARGET_MOVED_TEMPORARILY
    assert result.replies[-1].data == b"TargetAddress=127.0.0.1:3261\0"


@BOTH
def test_an_access_list_that_leaves_the_live_session_out(make: Make) -> None:
    disk = rig(make)
    assert disk.session.command(scsi.TestUnitReady()).status == 0
    disk.stand.reconfigure(("ACL_Enable", "Yes"), ("ACL", "iname=iqn.2026-11.test.chiscsi:host7"))
    assert disk.session.command(scsi.TestUnitReady()).status is None  # the connection is closed
    assert disk.attempt(1).status == LoginStatus.AUTHORIZATION_FAILURE
    assert disk.attempt(7).succeeded


@BOTH
def test_the_exits_with_nothing_under_way(make: Make) -> None:
    """9.4: both samples deregister their LUN class before they remove the target."""
    disk, driver = rig(make), make()
    module = disk.stand.module
    disk.session.logout()
    assert module.chiscsi_target_lun_class_deregister(driver.class_name, CLASS) == 0
    assert module.chiscsi_target_remove(None, NAME) == 0
    assert module.chiscsi_target_class_deregister(CLASS) == 0


@BOTH
def test_the_exits_with_a_command_under_way(make: Make) -> None:
    """9.4: the class is in use; the target goes, and then the class can."""
    disk, driver = rig(make), make()
    module = disk.stand.module
    disk.session.start(Write10.make(transfer_length=16), write=DATA[:8192], immediate_data=0).next_r2t()
    assert module.chiscsi_target_lun_class_deregister(driver.class_name, CLASS) == -ReturnCode.EBUSY
    assert module.chiscsi_target_remove(None, NAME) == 0
    assert module.chiscsi_target_lun_class_deregister(driver.class_name, CLASS) == 0
    assert module.chiscsi_target_class_deregister(CLASS) == 0
    assert in_order(disk)
