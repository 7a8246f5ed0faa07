"""Residual counts (RFC 7143 section 11.4.5): what the driver says of them, as flags and a number."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chiscsi_target.api.constants import SC_FLAG_XFER_OVERFLOW, SC_FLAG_XFER_UNDERFLOW

if TYPE_CHECKING:
    from chiscsi_target.core.task import Task

# Positions of the O and U bits, the same in SCSI Response and Data-In (sections 11.4.1 and 11.7).
OVERFLOW, UNDERFLOW = 0x04, 0x02
_UNSIGNED = 0xFFFFFFFF  # `sc_xfer_residualcount` is an unsigned int in the guide


def response_residual(task: Task) -> tuple[int, int]:
    """As `residual`, for a SCSI Response: with a response code other than 0 there is none (section 11.4.5).

    Release 3.14 has it otherwise (behaviour file, 3.6): never a count, and a bit only with such a response code.
    """
    if task.connection.agenda.quirks.response_without_residual:
        return (residual(task)[0] if task.sc_response else 0), 0
    return (0, 0) if task.sc_response else residual(task)


def residual(task: Task) -> tuple[int, int]:
    """The O or U bit and the Residual Count in octets.

    A count that the driver left at 0 is worked out from what it gave, against the Expected Data Transfer Length.
    """
    flag = task.sc_flag
    if flag & SC_FLAG_XFER_OVERFLOW:
        return OVERFLOW, task.sc_xfer_residualcount & _UNSIGNED or max(task.given - task.edtl, 0)
    if flag & SC_FLAG_XFER_UNDERFLOW:
        moved = min(task.given, task.sc_xfer_len)
        return UNDERFLOW, task.sc_xfer_residualcount & _UNSIGNED or task.edtl - moved
    return 0, 0
