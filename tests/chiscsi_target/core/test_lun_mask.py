"""LUN masking as a table: what an entry leaves of a target, under which numbers (behaviour file, 2.6)."""

from __future__ import annotations

import pytest

from chiscsi_target.api import SC_FLAG_LUN_ACL_R, SC_FLAG_LUN_ACL_W
from chiscsi_target.core.access import AclEntry, LunRights
from chiscsi_target.core.lun import UNADDRESSABLE
from chiscsi_target.core.lun_mask import FULL_RIGHTS, NO_MASK, LunMask, mask_of
from chiscsi_target.core.task_management import ALL_LUNS
from tests.chiscsi_target.peer import lun_field

FOUR = range(4)


@pytest.mark.parametrize(
    "rights, present, mask",
    [
        pytest.param([LunRights()], FOUR, NO_MASK, id="ALL:RW"),
        pytest.param([LunRights(write=False)], FOUR, LunMask(None, frozenset()), id="ALL:R"),
        pytest.param([LunRights((2, 0))], FOUR, LunMask((0, 2)), id="0,2:RW in the order of their numbers"),
        pytest.param([LunRights((1, 3), write=False)], FOUR, LunMask((1, 3), frozenset()), id="1,3:R"),
        pytest.param(
            [LunRights((0,)), LunRights((1, 2), write=False)], FOUR, LunMask((0, 1, 2), frozenset({0})), id="0:RW,1~2:R"
        ),
        pytest.param([LunRights((0,)), LunRights((0,), write=False)], FOUR, LunMask((0,)), id="W wins over R"),
        pytest.param([LunRights(write=False), LunRights((3,))], FOUR, LunMask(None, frozenset({3})), id="ALL:R,3:RW"),
        pytest.param([LunRights((1, 9))], FOUR, LunMask((1,)), id="what there is not is not visible"),
        pytest.param([LunRights((9,))], FOUR, LunMask(()), id="nothing is visible"),
        pytest.param([LunRights((1, 9))], None, LunMask((1, 9)), id="the driver alone knows what there is"),
    ],
)
def test_mask(rights: list[LunRights], present: range | None, mask: LunMask) -> None:
    assert mask_of(AclEntry(luns=tuple(rights)), present) == mask


def test_numbers_of_the_session_count_from_0() -> None:
    mask = LunMask((1, 3), frozenset({3}))
    assert [mask.decode(lun_field(lun)) for lun in range(4)] == [1, 3, UNADDRESSABLE, UNADDRESSABLE]
    assert mask.decode(3 << 62) == UNADDRESSABLE
    assert [mask.rights(lun) for lun in (1, 3, UNADDRESSABLE)] == [SC_FLAG_LUN_ACL_R, FULL_RIGHTS, 0]
    assert FULL_RIGHTS == SC_FLAG_LUN_ACL_R | SC_FLAG_LUN_ACL_W


def test_without_a_list_numbers_stay() -> None:
    mask = LunMask(None, frozenset())
    assert mask.decode(lun_field(7)) == 7 and not mask.may_write(7)


def test_no_logical_unit_is_all_of_them() -> None:
    """A reset of a logical unit that is not visible must not become one of the target (behaviour file, 4.2)."""
    assert UNADDRESSABLE != ALL_LUNS
