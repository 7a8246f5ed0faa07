"""LUN masking: what an initiator sees, what it may write, what the driver is told (behaviour file, 2.6)."""

from __future__ import annotations

from typing import Any

import pytest

from chiscsi_target.api import SC_FLAG_LUN_ACL_R, SC_FLAG_LUN_ACL_W, SC_FLAG_LUN_OOR
from chiscsi_target.api.events import chiscsi_event
from chiscsi_target.core.lun import UNADDRESSABLE
from iscsi_wire.constants import TaskManagementFunction as Function
from iscsi_wire.pdus import DataIn, ScsiResponse, TaskManagementResponse
from tests.chiscsi_target.peer import INITIATOR, Peer, lun_field, read10, write10
from tests.chiscsi_target.scripted import HoldingDriver
from tests.chiscsi_target.stand import NAME, Stand

THREE = (("TargetDevice", "a,MEM,size=1M"), ("TargetDevice", "b,MEM,size=2M"), ("TargetDevice", "c,MEM,size=3M"))
REPORT_LUNS, CAPACITY, MODE_SENSE = "a00000000000000001000000", "25", "1a003f00ff00"
RIGHTS = SC_FLAG_LUN_ACL_R | SC_FLAG_LUN_ACL_W | SC_FLAG_LUN_OOR


def masked(rights: str) -> tuple[tuple[str, str], ...]:
    return ("ACL_Enable", "Yes"), ("ACL", f"iname={INITIATOR};lun={rights}")


def data_of(peer: Peer, cdb: str, edtl: int, **fields: Any) -> bytes:
    peer.command(cdb, edtl, **fields)
    return b"".join(data for pdu, data in peer.receive() if isinstance(pdu, DataIn))


def sense(peer: Peer, cdb: str | bytes = "00", **fields: Any) -> tuple[int, int, int] | None:
    response, data = peer.execute(cdb, **fields)
    return (data[4] & 0xF, data[14], data[15]) if response.status else None


def quiet(peer: Peer, luns: int) -> Peer:
    """The unit attentions of the login out of the way."""
    for lun in range(luns):
        peer.execute("00", lun=lun_field(lun))
    return peer


@pytest.mark.parametrize(
    "rights, blocks",
    [("ALL:RW", [1, 2, 3]), ("2:RW", [3]), ("0,2:R", [1, 3]), ("2,1:RW", [2, 3]), ("1~2:W", [2, 3])],
)
def test_visible_units_are_numbered_from_0(rights: str, blocks: list[int]) -> None:
    stand = Stand(*THREE, *masked(rights))
    peer = quiet(stand.login(), 3)
    listed = data_of(peer, REPORT_LUNS, 256)
    assert [listed[8 + 8 * index + 1] for index in range(listed[3] // 8)] == list(range(len(blocks)))
    for lun, size in enumerate(blocks):
        assert int.from_bytes(data_of(peer, CAPACITY, 8, lun=lun_field(lun))[:4]) == size * 2048 - 1
    assert sense(peer, lun=lun_field(len(blocks))) == (5, 0x25, 0)


def test_rights_unit_by_unit() -> None:
    stand = Stand(*THREE, *masked("0:RW,1~2:R"))
    events: list[tuple[int, str]] = []
    for worker in stand.module.directory.workers:
        worker.notify = lambda number, text: events.append((int(number), text))
    peer = quiet(stand.login(), 3)
    for lun, right in ((0, True), (1, False), (2, False)):
        field = lun_field(lun)
        data = b"w" * 512
        expected = None if right else (3, 3, 0)
        assert sense(peer, write10(0, 1), edtl=512, data=data, write=True, lun=field) == expected
        assert data_of(peer, MODE_SENSE, 255, lun=field)[2] >> 7 == (not right)
        assert data_of(peer, read10(0, 1).hex(), 512, lun=field) == (data if right else bytes(512))
    assert events == [(int(chiscsi_event.ACL_DENY), f"Initiator={INITIATOR}, Target={NAME}")] * 2


def test_sessions_have_their_own_numbers() -> None:
    """One initiator sees all units; another, one of them as its LUN 0."""
    guest = "iqn.2026-11.org.example:guest"
    stand = Stand(*THREE, ("ACL_Enable", "Yes"), ("ACL", f"iname={INITIATOR}"), ("ACL", f"iname={guest};lun=2:R"))
    host = quiet(stand.login(), 3)
    other = stand.connect(isid=b"\x40\0\0\0\0\x02", initiator=guest)
    other.login(NAME)
    quiet(other, 1)
    assert sense(host, write10(0, 1), edtl=512, data=b"z" * 512, write=True, lun=lun_field(2)) is None
    assert data_of(other, read10(0, 1).hex(), 512) == b"z" * 512
    assert data_of(host, read10(0, 1).hex(), 512) == bytes(512)
    assert sense(other, write10(0, 1), edtl=512, data=b"q" * 512, write=True) == (3, 3, 0)


@pytest.mark.parametrize("lun, response", [(0, 0), (1, 2)])
def test_task_management_goes_by_the_sessions_numbers(lun: int, response: int) -> None:
    stand = Stand(*THREE, *masked("1:RW"))
    peer = quiet(stand.login(), 1)
    peer.manage(Function.LOGICAL_UNIT_RESET, lun=lun_field(lun))
    assert peer.take(TaskManagementResponse)[0].response == response


@pytest.mark.parametrize(
    "keys, lun, seen",
    [
        ((), 5, (5, RIGHTS)),
        (masked("ALL:RW"), 5, (5, RIGHTS)),
        (masked("ALL:R"), 5, (5, SC_FLAG_LUN_ACL_R)),
        (masked("3,5:R"), 1, (5, SC_FLAG_LUN_ACL_R)),
        (masked("3:RW,5:R"), 0, (3, SC_FLAG_LUN_ACL_R | SC_FLAG_LUN_ACL_W)),
        (masked("3,5:RW"), 2, (UNADDRESSABLE, 0)),
    ],
)
@pytest.mark.parametrize("quietly", [False, True])
def test_what_a_pass_through_driver_is_told(
    keys: tuple[tuple[str, str], ...], lun: int, seen: tuple[int, int], quietly: bool
) -> None:
    driver = HoldingDriver()
    stand = Stand(*keys, driver=driver, quiet=quietly)
    peer = stand.login()
    peer.command("00", lun=lun_field(lun))
    sc = driver.last
    number, rights = seen
    assert sc.sc_lun == number
    assert sc.sc_flag & (SC_FLAG_LUN_ACL_R | SC_FLAG_LUN_ACL_W) == rights & ~SC_FLAG_LUN_OOR
    # The driver alone knows its units: the flag is always set, and means nothing (behaviour file, 1.6).
    assert sc.sc_flag & SC_FLAG_LUN_OOR
    driver.complete(sc)
    assert peer.take(ScsiResponse)[0].status == 0


def test_a_masked_driver_gets_every_other_hook_too() -> None:
    driver = HoldingDriver()
    stand = Stand(*masked("4:RW"), driver=driver)
    peer = stand.login()
    peer.command(write10(0, 1), 512, b"w" * 512, write=True)
    driver.give(driver.last)
    stand.pump()
    driver.complete(driver.last)
    peer.receive()
    request = peer.command("00")
    peer.manage(Function.ABORT_TASK, request)
    driver.answer()
    stand.pump()
    assert driver.calls == ["cdb_rcved", "data_xfer_status", "cleanup", "cdb_rcved", "tmf_execute"]
    driver.complete(driver.last)
    stand.pump()
    assert driver.calls[-1] == "cleanup"
