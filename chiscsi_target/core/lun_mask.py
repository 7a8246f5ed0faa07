"""LUN masking: which logical units of a target a session sees, under which numbers, and which of them it may write."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chiscsi_target.api.constants import SC_FLAG_LUN_ACL_R, SC_FLAG_LUN_ACL_W
from chiscsi_target.core.lun import REPORT_LUNS_UNIT, UNADDRESSABLE, decode_lun

if TYPE_CHECKING:
    from chiscsi_target.core.access import AclEntry

FULL_RIGHTS = SC_FLAG_LUN_ACL_R | SC_FLAG_LUN_ACL_W


@dataclass(slots=True, frozen=True)
class LunMask:
    """What an entry of an access control list leaves of a target (behaviour file, 2.6).

    Attributes:
        visible: the target's numbers of the visible logical units, in the order of the session's numbers, which count
            from 0; None when all are visible, under the target's numbers.
        writable: the target's numbers of those that may be written; None for all.
    """

    visible: tuple[int, ...] | None = None
    writable: frozenset[int] | None = None

    def decode(self, field: int) -> int:
        """The target's number for a LUN field of a PDU; UNADDRESSABLE for one that the session does not see."""
        number = decode_lun(field)
        if self.visible is None or number == REPORT_LUNS_UNIT:
            return number
        return self.visible[number] if number < len(self.visible) else UNADDRESSABLE

    def may_write(self, lun: int) -> bool:
        """Whether the logical unit with this number in the target may be written."""
        return self.writable is None or lun in self.writable

    def rights(self, lun: int) -> int:
        """SC_FLAG_LUN_ACL_R and SC_FLAG_LUN_ACL_W, as far as they are granted."""
        if lun == UNADDRESSABLE:
            return 0
        return FULL_RIGHTS if self.may_write(lun) else SC_FLAG_LUN_ACL_R


NO_MASK = LunMask()
"""Everything is visible, and may be written."""


def mask_of(entry: AclEntry, present: Collection[int] | None) -> LunMask:
    """What an entry leaves of a target.

    Args:
        entry: the entry that decides about the session.
        present: the numbers of the target's logical units; None when its driver alone knows them.
    """
    everything = any(not rights.luns for rights in entry.luns)
    named = {lun for rights in entry.luns for lun in rights.luns if present is None or lun in present}
    visible = None if everything else tuple(sorted(named))
    if any(rights.write and not rights.luns for rights in entry.luns):
        return LunMask(visible)
    writable = frozenset(lun for rights in entry.luns if rights.write for lun in rights.luns if lun in named)
    return LunMask(visible, None if visible is not None and writable == named else writable)
