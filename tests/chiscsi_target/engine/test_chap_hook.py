"""The call of `fp_chap_info_get`: what the log may say of it."""

from __future__ import annotations

import pytest

from chiscsi_target.api import chap_info
from chiscsi_target.core.login_identity import LoginIdentity
from chiscsi_target.engine.chap_hook import chap_info_get
from chiscsi_target.errors import LoginFailure
from iscsi_wire.constants import LoginStatus
from tests.chiscsi_target.peer import INITIATOR, ISID
from tests.chiscsi_target.scripted import HoldingDriver, NotingClass
from tests.chiscsi_target.stand import NAME, Stand


class Failing(NotingClass):
    def fp_chap_info_get(self, initiator_name: str, target_name: str, chap: chap_info) -> None:
        raise KeyError("secret-of-user1")


def test_a_hook_that_raises_is_logged_by_kind_and_place() -> None:
    stand = Stand(driver=HoldingDriver(), target_class=Failing())
    identity = LoginIdentity(INITIATOR, NAME, False, ISID, stand.node, stand.node.portals[0])
    with pytest.raises(LoginFailure) as caught:
        chap_info_get(stand.module.directory.login_worker, identity, chap_info(remote_name="user"))
    assert caught.value.status == LoginStatus.TARGET_ERROR
    # Nothing of it leads to the driver's words: neither the text, nor the chain of exceptions.
    assert "secret-of" not in str(caught.value) and caught.value.__suppress_context__
    assert "fp_chap_info_get raised KeyError at " in stand.log and "test_chap_hook.py:" in stand.log
    assert "secret-of" not in stand.log


def test_chap_info_shows_no_secret() -> None:
    info = chap_info(remote_secret=b"secret-of-user1", local_secret=b"secret-of-disk1", remote_name="user")
    assert "secret-of" not in repr(info) and "user" in repr(info)
