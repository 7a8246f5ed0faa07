"""The guide's functions for classes and targets, as a driver calls them: to the stack that there is, or to none."""

from __future__ import annotations

import gc

from chiscsi_target import api
from chiscsi_target.api.stack import current, enter
from chiscsi_target.config.pairs import format_buffer
from chiscsi_target.target_module import TargetModule
from tests.chiscsi_target.peer import Peer
from tests.chiscsi_target.scripted import HoldingDriver, NotingClass
from tests.chiscsi_target.stand import NAME, Stand

OTHER = NAME + ".other"
BUFFER = format_buffer([("TargetName", OTHER), ("PortalGroup", "1@127.0.0.1:3260")])


def test_a_driver_from_beginning_to_end() -> None:
    """Behaviour file, 9.1: classes, target, another description, and the way back."""
    stand = Stand()
    driver, noting = HoldingDriver(), NotingClass()
    assert api.chiscsi_target_class_register(noting) == 0
    assert api.chiscsi_target_lun_class_register(driver, "NOTING") == 0
    assert api.chiscsi_target_add("private", OTHER, "NOTING", BUFFER, len(BUFFER)) == 0
    node = stand.module.directory.registry.nodes[OTHER]
    assert node.private == "private"
    peer = Peer(stand.shell.connect(node.portals[0]))
    peer.login(OTHER)
    changed = BUFFER + b"ACL_Enable=Yes\0"
    assert api.chiscsi_target_reconfig(None, OTHER, "NOTING", changed, len(changed)) == 0
    peer.receive()
    assert peer.closed
    assert api.chiscsi_target_lun_class_deregister("HOLDING", "NOTING") == 0
    assert api.chiscsi_target_class_deregister("NOTING") == -api.ReturnCode.EBUSY
    assert api.chiscsi_target_remove(None, OTHER) == 0
    assert api.chiscsi_target_class_deregister("NOTING") == 0
    assert [name for name, _ in noting.calls] == ["session_added", "session_removed"]


def test_without_a_stack() -> None:
    """Behaviour file, 1.1: -EINVAL before there is one; to take a class away from one that is gone is no error."""
    enter(TargetModule())
    gc.collect()
    assert current() is None
    refused = -int(api.ReturnCode.EINVAL)
    assert api.chiscsi_target_class_register(NotingClass()) == refused
    assert api.chiscsi_target_lun_class_register(HoldingDriver(), "NOTING") == refused
    assert api.chiscsi_target_lun_class_deregister("HOLDING", "NOTING") == refused
    assert api.chiscsi_target_add(None, OTHER, "NOTING", BUFFER, len(BUFFER)) == refused
    assert api.chiscsi_target_reconfig(None, OTHER, "NOTING", BUFFER, len(BUFFER)) == refused
    assert api.chiscsi_target_remove(None, OTHER) == refused
    assert api.chiscsi_target_class_deregister("NOTING") == 0
