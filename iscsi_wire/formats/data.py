"""SCSI Data-Out and SCSI Data-In (RFC 7143, 11.7)."""

from __future__ import annotations

from iscsi_wire.constants import Opcode, ScsiStatus
from iscsi_wire.formats.bhs import (
    final_octet,
    initiator_task_tag,
    lengths,
    lun,
    opcode_octet,
    response_numbers,
    sequence_number,
    target_transfer_tag,
)
from iscsi_wire.formats.declare import Format, flag, pdu, reserved, reserved_bits, uint, word
from iscsi_wire.structure import Kind

DATA_OUT: Format = pdu(
    "DataOut",
    Opcode.DATA_OUT,
    "11.7",
    opcode_octet(Opcode.DATA_OUT),  # 0
    final_octet("11.7.1"),
    reserved("rsvd_2", 16, "11.7"),
    lengths(),  # 4
    lun("11.7.4"),  # 8
    initiator_task_tag(),  # 16
    target_transfer_tag("11.7.4"),  # 20
    reserved("rsvd_24", 32, "11.7"),  # 24
    sequence_number("exp_stat_sn", "ExpStatSN", "11.3.3"),  # 28
    reserved("rsvd_32", 32, "11.7"),  # 32
    sequence_number("data_sn", "DataSN", "11.7.5"),  # 36
    uint("buffer_offset", "Buffer Offset", "11.7.6", 32),  # 40
    reserved("rsvd_44", 32, "11.7"),  # 44
)

DATA_IN: Format = pdu(
    "DataIn",
    Opcode.DATA_IN,
    "11.7",
    opcode_octet(Opcode.DATA_IN),  # 0
    word(
        "octet_1",
        flag("final", "F", "11.7.1"),
        flag("acknowledge", "A", "11.7.2"),
        reserved_bits("rsvd_1", 3, "11.7.3"),
        flag("overflow", "O", "11.7.3"),
        flag("underflow", "U", "11.7.3"),
        flag("status_present", "S", "11.7.3"),
    ),
    reserved("rsvd_2", 8, "11.7"),
    uint("status", "Status", "11.7.3", 8, codes=ScsiStatus),
    lengths(),  # 4
    lun("11.7.4"),  # 8
    initiator_task_tag(),  # 16
    target_transfer_tag("11.7.4"),  # 20
    *response_numbers("11.7.3"),  # 24, 28, 32
    sequence_number("data_sn", "DataSN", "11.7.5"),  # 36
    uint("buffer_offset", "Buffer Offset", "11.7.6", 32),  # 40
    uint("residual_count", "Residual Count", "11.7.3", 32, kind=Kind.LENGTH),  # 44
)
