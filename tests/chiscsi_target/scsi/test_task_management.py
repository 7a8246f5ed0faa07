from __future__ import annotations

from typing import Any

import pytest

from chiscsi_target.api import (
    ISCSI_RESPONSE_TMF_COMPLETE,
    ISCSI_RESPONSE_TMF_FUNCTION_REJECTED,
    ISCSI_RESPONSE_TMF_INVALID_LUN,
    ISCSI_RESPONSE_TMF_INVALID_TASK,
    ISCSI_RESPONSE_TMF_NOT_SUPPORTED,
    ISCSI_TMF_FUNCTION_ABORT_TASK,
    ISCSI_TMF_FUNCTION_ABORT_TASK_SET,
    ISCSI_TMF_FUNCTION_CLEAR_ACA,
    ISCSI_TMF_FUNCTION_CLEAR_TASK_SET,
    ISCSI_TMF_FUNCTION_LOGICAL_UNIT_RESET,
    ISCSI_TMF_FUNCTION_TARGET_COLD_RESET,
    ISCSI_TMF_FUNCTION_TARGET_WARM_RESET,
    ISCSI_TMF_FUNCTION_TASK_REASSIGN,
    chiscsi_scsi_command,
)
from chiscsi_target.api.lun_class import TmfHandle
from chiscsi_target.drivers.memory import MemoryLunClass
from chiscsi_target.scsi.device_server import DeviceServer
from tests.chiscsi_target.fakes import FakeHandle, disk
from tests.chiscsi_target.scsi.rig import ABSENT, Rig

FOR_A_UNIT = [
    ISCSI_TMF_FUNCTION_ABORT_TASK,
    ISCSI_TMF_FUNCTION_ABORT_TASK_SET,
    ISCSI_TMF_FUNCTION_CLEAR_ACA,
    ISCSI_TMF_FUNCTION_CLEAR_TASK_SET,
    ISCSI_TMF_FUNCTION_LOGICAL_UNIT_RESET,
]
TARGET_RESETS = [ISCSI_TMF_FUNCTION_TARGET_WARM_RESET, ISCSI_TMF_FUNCTION_TARGET_COLD_RESET]
ALL_UNITS = 0xFFFFFFFF


def answer(server: DeviceServer, function: int, lun: int, sc: chiscsi_scsi_command | None = None) -> list[Any]:
    handle = FakeHandle()
    assert server.fp_tmf_execute(1, handle, 1, function, lun, sc) == 0
    return handle.answers


@pytest.mark.parametrize("function", FOR_A_UNIT)
def test_a_function_for_a_unit_is_complete(function: int) -> None:
    rig = Rig()
    sc = rig.stack.command(b"\x2a")
    assert answer(rig.server, function, 0, sc) == [(ISCSI_RESPONSE_TMF_COMPLETE, sc)]


@pytest.mark.parametrize("function", FOR_A_UNIT)
def test_a_function_for_an_absent_unit_is_told_so(function: int) -> None:
    assert answer(Rig().server, function, ABSENT) == [(ISCSI_RESPONSE_TMF_INVALID_LUN, None)]


@pytest.mark.parametrize("function", TARGET_RESETS)
def test_a_target_reset_is_complete(function: int) -> None:
    assert answer(Rig().server, function, ALL_UNITS) == [(ISCSI_RESPONSE_TMF_COMPLETE, None)]


@pytest.mark.parametrize("function", [ISCSI_TMF_FUNCTION_TASK_REASSIGN, 9, 255])
def test_other_functions_are_not_supported(function: int) -> None:
    assert answer(Rig().server, function, 0) == [(ISCSI_RESPONSE_TMF_NOT_SUPPORTED, None)]


READY = "00 00 00 00 00 00"


def nexuses(rig: Rig) -> None:
    """Two sessions that have been told of the power on."""
    for session in (1, 2):
        rig.server.session_added(session, f"iqn.i{session}", b"\x80" + bytes(5), "iqn.t")
        for lun in (0, 1):
            assert rig.run(READY, lun=lun, session=session).sense == (6, 0x29, 0)


def attentions(rig: Rig) -> dict[tuple[int, int], tuple[int, int, int]]:
    return {(session, lun): rig.run(READY, lun=lun, session=session).sense for session in (1, 2) for lun in (0, 1)}


NOTHING, RESET = (0, 0, 0), (6, 0x29, 0)


def test_all_learn_of_a_logical_unit_reset() -> None:
    rig = Rig()
    nexuses(rig)
    answer(rig.server, ISCSI_TMF_FUNCTION_LOGICAL_UNIT_RESET, 1)
    assert attentions(rig) == {(1, 0): NOTHING, (1, 1): RESET, (2, 0): NOTHING, (2, 1): RESET}


@pytest.mark.parametrize("function", TARGET_RESETS)
def test_all_learn_of_a_target_reset_from_every_unit(function: int) -> None:
    rig = Rig()
    nexuses(rig)
    answer(rig.server, function, ALL_UNITS)
    assert attentions(rig) == dict.fromkeys([(1, 0), (1, 1), (2, 0), (2, 1)], RESET)


@pytest.mark.parametrize("function", [ISCSI_TMF_FUNCTION_ABORT_TASK, ISCSI_TMF_FUNCTION_ABORT_TASK_SET])
def test_aborts_are_between_an_initiator_and_its_own_commands(function: int) -> None:
    rig = Rig()
    nexuses(rig)
    answer(rig.server, function, 0)
    assert set(attentions(rig).values()) == {NOTHING}


class Slow(MemoryLunClass):
    """A LUN class that answers task management later."""

    def __init__(self) -> None:
        self.asked: list[tuple[TmfHandle, int, int, chiscsi_scsi_command | None]] = []

    def fp_tmf_execute(
        self,
        sess_tclass: Any,
        hndl: TmfHandle,
        immediate_cmd: int,
        tmf_func: int,
        lun: int,
        sc: chiscsi_scsi_command | None,
    ) -> int:
        self.asked.append((hndl, tmf_func, lun, sc))
        return 0


def test_a_function_waits_for_the_driver() -> None:
    slow = Slow()
    server = DeviceServer([disk(slow, number=3)])
    handle = FakeHandle()
    server.fp_tmf_execute(1, handle, 0, ISCSI_TMF_FUNCTION_ABORT_TASK_SET, 3, None)
    asked, function, lun, sc = slow.asked[0]
    assert (function, lun, sc) == (ISCSI_TMF_FUNCTION_ABORT_TASK_SET, 3, None)
    assert handle.answers == []
    asked.execution_done(ISCSI_RESPONSE_TMF_INVALID_TASK, None)
    assert handle.answers == [(ISCSI_RESPONSE_TMF_INVALID_TASK, None)]


def test_a_reset_waits_for_every_driver_and_asks_each_once() -> None:
    slow, other = Slow(), Slow()
    server = DeviceServer([disk(slow), disk(other, number=1), disk(slow, number=2), disk(MemoryLunClass(), number=3)])
    handle = FakeHandle()
    server.fp_tmf_execute(1, handle, 1, ISCSI_TMF_FUNCTION_TARGET_WARM_RESET, ALL_UNITS, None)
    assert len(slow.asked) == len(other.asked) == 1
    slow.asked[0][0].execution_done(ISCSI_RESPONSE_TMF_FUNCTION_REJECTED, None)
    assert handle.answers == []
    other.asked[0][0].execution_done(ISCSI_RESPONSE_TMF_COMPLETE, None)
    assert handle.answers == [(ISCSI_RESPONSE_TMF_FUNCTION_REJECTED, None)]


def test_a_target_without_units_is_reset_at_once() -> None:
    assert answer(DeviceServer([]), ISCSI_TMF_FUNCTION_TARGET_COLD_RESET, ALL_UNITS) == [
        (ISCSI_RESPONSE_TMF_COMPLETE, None)
    ]
