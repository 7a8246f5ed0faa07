"""Task management functions for logical units with a device server (SAM-5, clause 7; RFC 7143, 11.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from chiscsi_target.api.constants import (
    ISCSI_RESPONSE_TMF_COMPLETE,
    ISCSI_RESPONSE_TMF_INVALID_LUN,
    ISCSI_RESPONSE_TMF_NOT_SUPPORTED,
    ISCSI_TMF_FUNCTION_ABORT_TASK,
    ISCSI_TMF_FUNCTION_ABORT_TASK_SET,
    ISCSI_TMF_FUNCTION_CLEAR_ACA,
    ISCSI_TMF_FUNCTION_CLEAR_TASK_SET,
    ISCSI_TMF_FUNCTION_LOGICAL_UNIT_RESET,
    ISCSI_TMF_FUNCTION_TARGET_COLD_RESET,
    ISCSI_TMF_FUNCTION_TARGET_WARM_RESET,
)
from chiscsi_target.api.functions import chiscsi_tmf_execution_done
from chiscsi_target.scsi import readiness
from chiscsi_target.scsi.aca import clear_aca, clear_all_aca
from chiscsi_target.scsi.reserve import release_unit
from chiscsi_target.scsi.sense import RESET_OCCURRED

if TYPE_CHECKING:
    from chiscsi_target.api.lun_class import TmfHandle
    from chiscsi_target.api.scsi_command import chiscsi_scsi_command
    from chiscsi_target.scsi.logical_unit import Device

__all__ = ["execute"]

_FOR_A_UNIT: Final = frozenset(
    (
        ISCSI_TMF_FUNCTION_ABORT_TASK,
        ISCSI_TMF_FUNCTION_ABORT_TASK_SET,
        ISCSI_TMF_FUNCTION_CLEAR_ACA,
        ISCSI_TMF_FUNCTION_CLEAR_TASK_SET,
        ISCSI_TMF_FUNCTION_LOGICAL_UNIT_RESET,
    )
)
_RESETS: Final = frozenset(
    (
        ISCSI_TMF_FUNCTION_LOGICAL_UNIT_RESET,
        ISCSI_TMF_FUNCTION_TARGET_WARM_RESET,
        ISCSI_TMF_FUNCTION_TARGET_COLD_RESET,
    )
)


class _Gathered:
    """One answer out of those of several drivers: the first that is not "complete", when all have answered."""

    def __init__(self, hndl: TmfHandle, answers: int) -> None:
        self._hndl = hndl
        self._missing = answers
        self._response = ISCSI_RESPONSE_TMF_COMPLETE

    def execution_done(self, tmf_response: int, scmd: chiscsi_scsi_command | None) -> int:
        """Take a driver's answer."""
        self._response = self._response or tmf_response
        self._missing -= 1
        if self._missing:
            return 0
        return chiscsi_tmf_execution_done(self._hndl, self._response, scmd)


def execute(
    device: Device,
    session: Any,
    hndl: TmfHandle,
    immediate: int,
    function: int,
    lun: int,
    sc: chiscsi_scsi_command | None,
) -> int:
    """Execute a task management function and have it answered; the arguments are those of `fp_tmf_execute`.

    What the function does to commands is the core's part. The rest is done here: a call to each driver that may hold a
    command, and after a reset a unit attention condition for each I_T nexus. RFC 7143, 4.2.3.6 wants it for the others;
    the session that asked gets it as well (SAM-5, 6.3.3: logical unit reset), as its next command may be another
    application's.
    """
    if function in _FOR_A_UNIT:
        if lun not in device.units:
            return chiscsi_tmf_execution_done(hndl, ISCSI_RESPONSE_TMF_INVALID_LUN, sc)
        units = [device.units[lun]]
    elif function in _RESETS:
        units = list(device.units.values())
    else:
        return chiscsi_tmf_execution_done(hndl, ISCSI_RESPONSE_TMF_NOT_SUPPORTED, sc)
    if function in _RESETS:
        for unit in units:
            release_unit(unit)
            unit.copies.clear()
            clear_all_aca(unit)
            readiness.reset(unit)
            unit.modes.revert()
            for each in device.sessions:
                unit.establish_attention(each, RESET_OCCURRED)
    if function == ISCSI_TMF_FUNCTION_CLEAR_ACA:
        # Of another session's, it takes no notice (SAM-5, CLEAR ACA).
        clear_aca(units[0], session)
        return chiscsi_tmf_execution_done(hndl, ISCSI_RESPONSE_TMF_COMPLETE, sc)
    drivers = {unit.lu.lun_class: None for unit in units}
    if not drivers:
        return chiscsi_tmf_execution_done(hndl, ISCSI_RESPONSE_TMF_COMPLETE, sc)
    gathered = _Gathered(hndl, len(drivers))
    results = [driver.fp_tmf_execute(session, gathered, immediate, function, lun, sc) for driver in drivers]
    return min(results)
