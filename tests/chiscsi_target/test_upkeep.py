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


def test_logins_under_way_are_counted_by_target() -> None:
    stand = Stand()
    stand.connect()
    peer = stand.connect()
    peer.ask(peer.names(NAME), csg=1, nsg=None)
    assert stand.module.logins_under_way(NAME) == 1
    assert stand.module.logins_under_way(NAME + ".other") == 0
    peer.ask([], csg=1, nsg=3)
    assert stand.module.logins_under_way(NAME) == 0
