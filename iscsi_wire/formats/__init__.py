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
    page_pod,
    r2t,
    reject,
    scsi_block,
    scsi_buffer,
    scsi_command,
    scsi_common,
    scsi_copy,
    scsi_copy_page,
    scsi_diagnostic,
    scsi_format,
    scsi_inquiry,
    scsi_log,
    scsi_medium,
    scsi_mode,
    scsi_mode_select,
    scsi_parameter,
    scsi_primary,
    scsi_protection,
    scsi_provisioning,
    scsi_report,
    scsi_reservation,
    scsi_response,
    scsi_sanitize,
    scsi_sense,
    scsi_start_stop,
    scsi_target_ports,
    scsi_token,
    snack,
    task_management,
    text,
)
from iscsi_wire.formats.declare import Format

__all__ = ["PDUS", "SCSI", "SEGMENTS", "TERMINATOR"]

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

SCSI: tuple[Format, ...] = (
    scsi_primary.TEST_UNIT_READY,
    scsi_primary.REQUEST_SENSE,
    scsi_block.READ_6,
    scsi_block.WRITE_6,
    scsi_primary.INQUIRY,
    scsi_primary.MODE_SENSE_6,
    scsi_block.READ_CAPACITY_10,
    scsi_block.READ_10,
    scsi_block.WRITE_10,
    scsi_block.SYNCHRONIZE_CACHE_10,
    scsi_primary.MODE_SENSE_10,
    scsi_block.READ_16,
    scsi_block.WRITE_16,
    scsi_block.SYNCHRONIZE_CACHE_16,
    scsi_block.READ_CAPACITY_16,
    scsi_primary.REPORT_LUNS,
    scsi_block.READ_12,
    scsi_block.WRITE_12,
    scsi_common.UNKNOWN_CDB,
    scsi_sense.FIXED_SENSE,
    scsi_sense.SENSE_DESCRIPTOR,
    scsi_sense.INFORMATION_DESCRIPTOR,
    scsi_sense.SENSE_KEY_SPECIFIC_DESCRIPTOR,
    scsi_sense.DESCRIPTOR_SENSE,
    scsi_inquiry.STANDARD_INQUIRY,
    scsi_inquiry.INQUIRY_EXTENSION,
    scsi_inquiry.SUPPORTED_PAGES,
    scsi_inquiry.UNIT_SERIAL_NUMBER,
    scsi_inquiry.DESIGNATOR,
    scsi_inquiry.DEVICE_IDENTIFICATION,
    scsi_inquiry.BLOCK_LIMITS,
    scsi_inquiry.BLOCK_DEVICE_CHARACTERISTICS,
    scsi_inquiry.REFERRALS,
    scsi_inquiry.EXTENDED_INQUIRY,
    scsi_inquiry.MODE_PAGE_POLICY_DESCRIPTOR,
    scsi_inquiry.MODE_PAGE_POLICY,
    scsi_parameter.READ_CAPACITY_10_DATA,
    scsi_parameter.READ_CAPACITY_16_DATA,
    scsi_parameter.REPORT_LUNS_DATA,
    scsi_mode.MODE_HEADER_6,
    scsi_mode.MODE_HEADER_10,
    scsi_mode.SHORT_BLOCK_DESCRIPTOR,
    scsi_mode.LONG_BLOCK_DESCRIPTOR,
    scsi_mode.READ_WRITE_ERROR_RECOVERY,
    scsi_mode.DISCONNECT_RECONNECT,
    scsi_mode.FORMAT_DEVICE,
    scsi_mode.RIGID_DISK_GEOMETRY,
    scsi_mode.CACHING,
    scsi_mode.CONTROL,
    scsi_mode.INFORMATIONAL_EXCEPTIONS,
    *scsi_provisioning.FORMATS,
    *scsi_medium.FORMATS,
    *scsi_protection.FORMATS,
    *scsi_report.FORMATS,
    *scsi_reservation.FORMATS,
    *scsi_mode_select.FORMATS,
    *scsi_mode.FORMATS,
    *scsi_log.FORMATS,
    *scsi_diagnostic.FORMATS,
    *scsi_buffer.FORMATS,
    *scsi_copy.FORMATS,
    *scsi_copy_page.FORMATS,
    *scsi_token.FORMATS,
    *scsi_start_stop.FORMATS,
    *scsi_sanitize.FORMATS,
    *scsi_format.FORMATS,
    *scsi_target_ports.FORMATS,
)
"""SCSI structures: CDBs by operation code, then sense data, INQUIRY data, parameter data and mode parameters; then
families of commands with all that belongs to them, each from its own file.

A structure stands behind those that it contains. To add one, declare it and list it here.
"""

TERMINATOR: tuple[Format, ...] = (page_pod.PAGE_POD,)
"""What host and card lay down in memory for each other; none of it is seen by the peer."""
