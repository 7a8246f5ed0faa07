"""What a LUN class that overrides nothing does, and what the stack reads off one."""

from __future__ import annotations

import pytest

from chiscsi_target.api import chiscsi_lun, chiscsi_target_class, chiscsi_target_lun_class
from chiscsi_target.api.lun_class import MANDATORY_HOOKS, is_multi_phase, is_pass_through, missing_hooks
from chiscsi_target.api.target_class import has_hook
from tests.chiscsi_target.scripted import CheckingClass, HoldingDriver, NotingClass


def test_mandatory_hooks() -> None:
    """Behaviour file, 1.2."""
    assert missing_hooks(chiscsi_target_lun_class()) == list(MANDATORY_HOOKS)
    assert missing_hooks(HoldingDriver()) == []


def test_properties() -> None:
    assert (is_pass_through(HoldingDriver()), is_multi_phase(HoldingDriver())) == (True, False)
    assert is_multi_phase(HoldingDriver(multi_phase=True))
    assert not is_pass_through(chiscsi_target_lun_class())


def test_by_default_no_option_is_known() -> None:
    lun_class, reason = chiscsi_target_lun_class(), bytearray()
    lu = chiscsi_lun(lun_class, 0, "disk")
    assert lun_class.fp_config_parse_options(lu, "", 0, reason) == 0
    assert lun_class.fp_config_parse_options(lu, "RO", 2, reason) < 0 and b"RO" in reason
    assert (lun_class.fp_attach(lu, reason, 256), lun_class.fp_flush(lu)) == (0, 0)


def test_a_medium_is_carried_over() -> None:
    lun_class = chiscsi_target_lun_class()
    old, new = chiscsi_lun(lun_class, 0, "disk"), chiscsi_lun(lun_class, 0, "disk")
    old.priv_data = "open"
    assert lun_class.fp_reattach(old, new, bytearray(), 256) == 0 and new.priv_data == "open"


@pytest.mark.parametrize("hook", ["fp_first_login_check", "fp_login_stage_check"])
def test_a_hook_that_is_not_overridden_is_absent(hook: str) -> None:
    assert has_hook(CheckingClass(), hook)
    assert not has_hook(NotingClass(), hook) and not has_hook(chiscsi_target_class(), hook)
