"""CHAP secrets of several targets: none is an initiator's at one and a target's at another (RFC 7143, 9.2.1)."""

from __future__ import annotations

from chiscsi_target.api import ReturnCode
from tests.chiscsi_target.nodes.test_target_nodes import OTHER, House, more

EINVAL = -int(ReturnCode.EINVAL)
INITIATORS, TARGETS = ("Auth_CHAP_Initiator", '"me":"one-and-only-1"'), ("Auth_CHAP_Target", '"it":"one-and-only-1"')


def test_a_target_that_would_share_a_secret_is_not_added() -> None:
    house = House()
    assert house.add(more(INITIATORS)) == 0
    assert house.add(more(("TargetName", OTHER), TARGETS), OTHER) == EINVAL
    assert "Auth_CHAP_Target" in house.log and "one-and" not in house.log
    assert house.add(more(("TargetName", OTHER), INITIATORS), OTHER) == 0


def test_nor_does_a_change_make_two_share_one() -> None:
    house = House()
    assert house.add(more(TARGETS)) == house.add(more(("TargetName", OTHER)), OTHER) == 0
    assert house.change(more(("TargetName", OTHER), INITIATORS), OTHER) == EINVAL
    assert house.module.configurations[OTHER].chap.initiators == {}
    assert house.change(more(INITIATORS)) == 0, "a target is not compared with what it was"


def test_discovery_counts_too() -> None:
    house = House()
    assert house.module.set_global_variables([("DISC_Auth_CHAP_Target", TARGETS[1])]) == []
    assert house.add(more(INITIATORS)) == EINVAL
