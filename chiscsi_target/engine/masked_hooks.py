"""`MaskedHooks`: a LUN class before which a session stands that does not see, or may not write, all of the target."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chiscsi_target.api.constants import SC_FLAG_LUN_OOR
from chiscsi_target.api.lun_class import chiscsi_target_lun_class
from chiscsi_target.api.struct import take_over
from chiscsi_target.core.lun import UNADDRESSABLE

if TYPE_CHECKING:
    from chiscsi_target.api.scsi_command import chiscsi_scsi_command
    from chiscsi_target.core.session import Session


class MaskedHooks(chiscsi_target_lun_class):
    """Tells the driver of each command what the access list grants; sessions with all rights do without it."""

    def __init__(self, hooks: chiscsi_target_lun_class, session: Session) -> None:
        take_over(self, hooks, chiscsi_target_lun_class)
        self._pass_on = hooks.fp_scsi_cmd_cdb_rcved
        self._session = session

    def fp_scsi_cmd_cdb_rcved(self, sc: chiscsi_scsi_command) -> int:
        """Set SC_FLAG_LUN_ACL_R, SC_FLAG_LUN_ACL_W and SC_FLAG_LUN_OOR, and pass on."""
        sc.sc_flag |= self._session.mask.rights(sc.sc_lun)
        if sc.sc_lun == UNADDRESSABLE:
            sc.sc_flag |= SC_FLAG_LUN_OOR
        return self._pass_on(sc)
