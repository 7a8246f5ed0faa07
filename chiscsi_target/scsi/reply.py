"""How a command that the device server answers itself is completed: data, good status, or sense data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chiscsi_target.api.constants import SC_FLAG_XFER_OVERFLOW, SC_FLAG_XFER_UNDERFLOW
from chiscsi_target.api.functions import chiscsi_scsi_cmd_execution_status
from chiscsi_target.scsi.aca import after_check_condition
from chiscsi_target.scsi.sense import Field, Progress, Sense, descriptor_format, fixed_format

if TYPE_CHECKING:
    from chiscsi_target.api.scsi_command import chiscsi_scsi_command
    from chiscsi_target.scsi.logical_unit import LogicalUnit
    from chiscsi_target.scsi.refused import Refused

__all__ = ["end", "fail", "finish", "good", "refuse", "send", "settle"]


def settle(sc: chiscsi_scsi_command, length: int) -> int:
    """Set the residual of a command that transfers `length` octets (RFC 7143, 11.4.5.2).

    Returns:
        The octets that are really to be moved, the lesser of `length` and the Expected Data Transfer Length.
    """
    expected = sc.sc_xfer_len
    if length > expected:
        sc.sc_flag |= SC_FLAG_XFER_OVERFLOW
        sc.sc_xfer_residualcount = length - expected
    elif length < expected:
        sc.sc_flag |= SC_FLAG_XFER_UNDERFLOW
        sc.sc_xfer_residualcount = expected - length
        sc.sc_xfer_len = length
    return sc.sc_xfer_len


def good(sc: chiscsi_scsi_command) -> int:
    """Complete a command that moves no data with GOOD."""
    settle(sc, 0)
    return chiscsi_scsi_cmd_execution_status(sc, None, 0, 0, 0)


def send(sc: chiscsi_scsi_command, data: bytes, allocation_length: int) -> int:
    """Complete a command with parameter data, cut to the allocation length and to what the initiator expects."""
    length = settle(sc, min(len(data), allocation_length))
    if not length:
        return chiscsi_scsi_cmd_execution_status(sc, None, 0, 0, 0)
    return chiscsi_scsi_cmd_execution_status(sc, data[:length], 0, 0, length)


def fail(
    unit: LogicalUnit,
    sc: chiscsi_scsi_command,
    sense: Sense,
    field: Field | Progress | None = None,
    information: int | None = None,
    sense_data: bytes = b"",
) -> int:
    """Complete a command of a logical unit with CHECK CONDITION; D_SENSE decides the format of its sense data.

    `field` is the part of the CDB that is wrong, `information` the field of that name (SPC-4, 4.5), unless `sense_data`
    is all of it. A command whose data have been moved keeps their residual. What the failure means for other commands
    begins here.
    """
    sc.fail(*sense)
    if sense_data:
        sc.sc_sense_buf = sense_data
    elif unit.lu.descriptor_sense:
        sc.sc_sense_buf = descriptor_format(sense, field, information)
    elif field is not None or information is not None:
        sc.sc_sense_buf = fixed_format(sense, field, information)
    if sc.sc_sdev_hdl is None:
        settle(sc, 0)
    after_check_condition(unit, sc)
    return chiscsi_scsi_cmd_execution_status(sc, None, 0, 0, 0)


def finish(sc: chiscsi_scsi_command) -> int:
    """Complete a command with GOOD whose data `parameter_data` has collected."""
    return chiscsi_scsi_cmd_execution_status(sc, None, 0, 0, sc.sc_xfer_len)


def end(sc: chiscsi_scsi_command, status: int) -> int:
    """Complete a command with a status that has no sense data, such as BUSY or RESERVATION CONFLICT."""
    sc.sc_status = status
    if sc.sc_sdev_hdl is None:
        settle(sc, 0)
    return chiscsi_scsi_cmd_execution_status(sc, None, 0, 0, 0)


def refuse(unit: LogicalUnit, sc: chiscsi_scsi_command, reason: Refused) -> int:
    """Complete a command that was refused."""
    return fail(unit, sc, reason.sense, reason.field, reason.information, reason.sense_data)
