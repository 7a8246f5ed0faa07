"""Upkeep: flushing, variables, and logins under way."""

from __future__ import annotations

from typing import Any

import pytest

from chiscsi_target.api import ReturnCode
from iscsi_wire.pdus import DataIn
from tests.chiscsi_target.scripted import HoldingDriver
from tests.chiscsi_target.stand import NAME, Stand

DISKS = (("TargetDevice", "a,MEM,size=1M"), ("TargetDevice", "b,MEM,size=1M"))


def answering(result: Any) -> Any:
    def fp_flush(lu: object) -> int:
        if isinstance(result, Exception):
            raise result
        return int(result)

    return fp_flush


@pytest.mark.parametrize("lun, wanted", [(None, [(0, -31), (1, -31)]), (1, [(1, -31)])])
def test_the_hooks_results_are_returned(lun: int | None, wanted: object, monkeypatch: pytest.MonkeyPatch) -> None:
    stand = Stand(*DISKS)
    monkeypatch.setattr(stand.node.luns[0].lun_class, "fp_flush", answering(-ReturnCode.EIO))
    assert stand.module.flush(NAME, lun) == wanted


def test_a_hook_that_raises_is_logged(monkeypatch: pytest.MonkeyPatch) -> None:
    stand = Stand()
    monkeypatch.setattr(stand.node.luns[0].lun_class, "fp_flush", answering(RuntimeError("worn out")))
    assert stand.module.flush(NAME) == [(0, -ReturnCode.EIO)]
    assert "RuntimeError: worn out" in stand.log


def test_what_is_not_there_is_named() -> None:
    stand = Stand()
    with pytest.raises(LookupError, match="nobody is not found"):
        stand.module.flush("nobody")
    with pytest.raises(LookupError, match=f"{NAME} lun 9 is not found"):
        stand.module.flush(NAME, 9)


def test_a_target_of_a_pass_through_driver_has_nothing_to_flush() -> None:
    assert Stand(driver=HoldingDriver()).module.flush(NAME) == []


def test_variables_that_are_wrong_are_told_and_the_others_set() -> None:
    module = Stand().module
    faults = module.set_global_variables([("iscsi_auth_order", "ACL"), ("nonsense", "1"), ("iscsi_HA_mode", "maybe")])
    assert [fault.where for fault in faults] == ["nonsense", "iscsi_HA_mode"]
    assert faults[0].code == ReturnCode.EKEY
    assert module.directory.registry.globals.auth_order == "ACL"


def test_a_secret_of_discovery_is_no_targets_for_the_other_direction() -> None:
    module = Stand(("Auth_CHAP_Initiator", '"me":"secret-of-mine"')).module
    pairs = [("DISC_Auth_CHAP_Target", '"it":"secret-of-mine"'), ("iscsi_auth_order", "ACL")]
    (fault,) = module.set_global_variables(pairs)
    assert fault.where == "DISC_Auth_CHAP_Target" and "secret-of" not in str(fault)
    settings = module.directory.registry.globals
    assert settings.discovery_chap.target is None and settings.auth_order == "ACL"


def test_a_new_vendor_is_in_the_next_inquiry_of_units_that_were_there() -> None:
    stand = Stand()
    peer = stand.login()
    for vendor in ("CHISCSI", "ACME"):
        assert stand.module.set_global_variables([("iscsi_target_vendor_id", vendor)]) == []
        peer.command("120000006000", 96)
        _, data = peer.take(DataIn)
        assert data[8:16] == vendor.ljust(8).encode()


def test_the_flow_of_a_command_is_traced_as_long_as_that_is_asked_for() -> None:
    """Guide, appendix D: `iscsi_verbose_level=0xf,0xc82000`; live sessions go on whether it is on or off."""
    stand = Stand()
    lines: list[str] = []
    for worker in (stand.module.directory.login_worker, *stand.module.directory.workers):
        worker.complain = lines.append
    old = stand.login()
    for level, traced in (("0,0", False), ("0xf,0xc82000", True), ("0,0", False)):
        assert stand.module.set_global_variables([("iscsi_verbose_level", level)]) == []
        lines.clear()
        old.command("120000006000", 96)
        assert old.take(DataIn)[1]
        assert any("chiscsi_scsi_cmd_execution_status" in line for line in lines) == traced
        lines.clear()
        new = stand.login(isid=bytes([0x80, 0, 0, 0, 0, len(level)]))
        new.command("120000006000", 96)
        assert new.take(DataIn)[1]
        assert any("fp_scsi_cmd_cdb_rcved" in line for line in lines) == traced
        assert any("EXECUTING -> R_XFER" in line for line in lines) == traced


def test_logins_under_way_are_counted_by_target() -> None:
    stand = Stand()
    stand.connect()
    peer = stand.connect()
    peer.ask(peer.names(NAME), csg=1, nsg=None)
    assert stand.module.logins_under_way(NAME) == 1
    assert stand.module.logins_under_way(NAME + ".other") == 0
    peer.ask([], csg=1, nsg=3)
    assert stand.module.logins_under_way(NAME) == 0
