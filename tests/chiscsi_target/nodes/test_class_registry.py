"""Registering classes and taking them away: copies, defaults, what is in use (behaviour file, 1.1, 1.2, 9.4)."""

from __future__ import annotations

import pytest

from chiscsi_target.api import ReturnCode, chiscsi_scsi_cmd_abort, chiscsi_target_class
from chiscsi_target.api.lun_class import MANDATORY_HOOKS
from chiscsi_target.quirks import Quirks
from iscsi_wire.pdus import ScsiResponse
from tests.chiscsi_target.scripted import CheckingClass, HoldingDriver, NotingClass
from tests.chiscsi_target.stand import CLASS, NAME, Stand

EINVAL, EBUSY = -int(ReturnCode.EINVAL), -int(ReturnCode.EBUSY)


def test_later_edits_of_a_target_class_have_no_effect() -> None:
    noting = NotingClass()
    stand = Stand(driver=HoldingDriver(), target_class=noting)
    noting.class_name = "RENAMED"
    noting.fp_session_added = lambda *_: pytest.fail("the structure was copied")  # type: ignore[method-assign]
    stand.login()
    assert [name for name, _ in noting.calls] == ["session_added"]
    assert stand.module.classes.target_class("RENAMED") is None
    assert stand.module.chiscsi_target_class_register(noting) == 0


def test_later_edits_of_a_lun_class_have_no_effect() -> None:
    driver = HoldingDriver()
    stand = Stand(driver=driver)
    driver.property = 0
    driver.fp_scsi_cmd_cdb_rcved = lambda sc: pytest.fail("the structure was copied")  # type: ignore[method-assign]
    peer = stand.login()
    peer.command("00")
    assert driver.calls == ["cdb_rcved"]
    driver.complete(driver.last)
    assert peer.take(ScsiResponse)[0].status == 0


@pytest.mark.parametrize("hook", MANDATORY_HOOKS)
def test_a_mandatory_hook_that_is_null(hook: str) -> None:
    """Behaviour file, 1.2; a driver may say None for a hook that it does not have."""
    stand, driver = Stand(), HoldingDriver()
    setattr(driver, hook, None)
    assert stand.module.chiscsi_target_lun_class_register(driver, "CHELSIO") == EINVAL
    assert f"LUN class HOLDING lacks {hook}." in stand.log


def test_other_hooks_may_be_null() -> None:
    checking, driver = CheckingClass(), HoldingDriver()
    for hook in (name for name in vars(chiscsi_target_class) if name.startswith("fp_")):
        setattr(checking, hook, None)
    driver.fp_scsi_cmd_cleanup = driver.fp_scsi_cmd_abort_status = None  # type: ignore[method-assign, assignment]
    stand = Stand(driver=driver, target_class=checking)
    peer = stand.login()
    peer.command("00")
    chiscsi_scsi_cmd_abort(driver.last)
    stand.pump()
    assert peer.take(ScsiResponse)[0].status == 2
    peer.ping()
    stand.pipe(peer).close()
    assert driver.calls == ["cdb_rcved"] and "raised" not in stand.log


def test_the_drivers_own_state_is_not_copied() -> None:
    noting = NotingClass()
    stand = Stand(driver=HoldingDriver(), target_class=noting)
    noting.visible, noting.private = 0, "later"
    assert stand.session(stand.login()).tclass_priv == "later"


def test_the_first_lun_class_is_the_default_one() -> None:
    """It serves all commands of a target without a list of logical units."""
    first, second = HoldingDriver(), HoldingDriver()
    second.class_name = "SECOND"
    stand = Stand(driver=first)
    assert stand.module.chiscsi_target_lun_class_register(second, CLASS) == 0
    stand.login().command("00")
    assert first.calls == ["cdb_rcved"] and second.calls == []


@pytest.mark.parametrize("quirk, result", [(False, EBUSY), (True, 0)])
def test_a_class_in_use(quirk: bool, result: int) -> None:
    """Quirk `no_class_use_check`: the module does not look; its targets go on."""
    driver = HoldingDriver()
    stand = Stand(driver=driver, quirks=Quirks(no_class_use_check=quirk))
    peer = stand.login()
    peer.command("00")
    assert stand.module.chiscsi_target_lun_class_deregister("HOLDING", CLASS) == result
    assert stand.module.chiscsi_target_class_deregister(CLASS) == result
    driver.complete(driver.last)
    assert peer.take(ScsiResponse)[0].status == 0
    assert stand.module.chiscsi_target_remove(None, NAME) == 0


def test_exit_orders() -> None:
    """Behaviour file, 9.4: the sample drivers take the LUN class away first; with commands alive they have to retry."""
    driver = HoldingDriver()
    stand = Stand(driver=driver)
    stand.login().command("00")
    module = stand.module
    assert module.chiscsi_target_lun_class_deregister("HOLDING", CLASS) == EBUSY
    assert module.chiscsi_target_class_deregister(CLASS) == EBUSY
    assert module.chiscsi_target_remove(None, NAME) == 0
    assert driver.calls == ["cdb_rcved", "abort"]
    assert module.chiscsi_target_lun_class_deregister("HOLDING", CLASS) == 0
    assert module.chiscsi_target_class_deregister(CLASS) == 0
    driver.complete(driver.last)
    stand.pump()
    assert driver.calls == ["cdb_rcved", "abort", "cleanup"]


def test_a_lun_class_can_go_while_its_target_is_idle() -> None:
    stand = Stand(driver=HoldingDriver())
    stand.login()
    assert stand.module.chiscsi_target_lun_class_deregister("HOLDING", CLASS) == 0
    assert stand.module.chiscsi_target_remove(None, NAME) == 0
    assert stand.module.chiscsi_target_class_deregister(CLASS) == 0


def test_bits_that_the_stack_sets() -> None:
    """A pass-through class has a queue of its own; one under CHELSIO is known as such (behaviour file, 1.2)."""
    stand, driver = Stand(driver=HoldingDriver()), HoldingDriver()
    driver.class_name = "GUEST"
    assert stand.module.chiscsi_target_lun_class_register(driver, "CHELSIO") == 0
    bits = {
        name: stand.module.classes.lun_classes(target_class)[name].property
        for name, target_class in (("HOLDING", CLASS), ("GUEST", "CHELSIO"), ("MEM", "CHELSIO"))
    }
    assert bits == {"HOLDING": 0b000101, "GUEST": 0b1000101, "MEM": 0b1000000}
    assert driver.property == 1


def test_names_are_case_sensitive() -> None:
    stand = Stand()
    lower = chiscsi_target_class()
    lower.class_name = "chelsio"
    assert stand.module.chiscsi_target_class_register(lower) == 0
    assert stand.module.chiscsi_target_class_deregister("Chelsio") == EINVAL


@pytest.mark.parametrize("name", ["", None])
def test_a_class_without_a_name(name: str | None) -> None:
    stand, driver = Stand(), HoldingDriver()
    driver.class_name = name  # type: ignore[assignment]
    assert stand.module.chiscsi_target_lun_class_register(driver, "CHELSIO") == EINVAL
    assert "LUN class without class_name." in stand.log
