"""The formats on the wire, declared once in construct.

One file a family, in the order of the standard's drawings. ``PDUS`` and its neighbours below are what the
generator walks over (:mod:`iscsi_wire.generate`); the scapy layers and the tables in docs/ follow from the
same declarations. Nothing on the target's data path imports this package.
"""

from __future__ import annotations

from iscsi_wire.formats import (
    ahs,
    async_message,
    bhs,
    data,
    login,
    logout,
    nop,
    r2t,
    reject,
    scsi_command,
    scsi_response,
    snack,
    task_management,
    text,
)
from iscsi_wire.formats.declare import Format

__all__ = ["PDUS", "SEGMENTS"]

PDUS: tuple[Format, ...] = (
    nop.NOP_OUT,
    scsi_command.SCSI_COMMAND,
    task_management.TASK_MANAGEMENT_REQUEST,
    login.LOGIN_REQUEST,
    text.TEXT_REQUEST,
    data.DATA_OUT,
    logout.LOGOUT_REQUEST,
    snack.SNACK_REQUEST,
    nop.NOP_IN,
    scsi_response.SCSI_RESPONSE,
    task_management.TASK_MANAGEMENT_RESPONSE,
    login.LOGIN_RESPONSE,
    text.TEXT_RESPONSE,
    data.DATA_IN,
    logout.LOGOUT_RESPONSE,
    r2t.READY_TO_TRANSFER,
    async_message.ASYNC_MESSAGE,
    reject.REJECT,
    bhs.UNKNOWN,
)
"""The Basic Header Segments, by opcode; the one for unassigned opcodes last."""

SEGMENTS: tuple[Format, ...] = (
    ahs.EXTENDED_CDB,
    ahs.BIDIRECTIONAL_READ_LENGTH,
    ahs.UNKNOWN_AHS,
    scsi_response.SENSE_SEGMENT,
    login.ISID,
)
"""What else RFC 7143 draws: Additional Header Segments, and parts of data segments and fields."""
