"""Ready To Transfer, R2T (RFC 7143, 11.8)."""

from __future__ import annotations

from iscsi_wire.constants import Opcode
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
from iscsi_wire.formats.declare import Format, pdu, reserved, uint
from iscsi_wire.structure import Kind

READY_TO_TRANSFER: Format = pdu(
    "ReadyToTransfer",
    Opcode.READY_TO_TRANSFER,
    "11.8",
    opcode_octet(Opcode.READY_TO_TRANSFER),  # 0
    final_octet("11.8", default=1),
    reserved("rsvd_2", 16, "11.8"),
    lengths(),  # 4
    lun("11.8.5"),  # 8
    initiator_task_tag(),  # 16
    target_transfer_tag("11.8.5", default=0),  # 20
    *response_numbers("11.8.3"),  # 24, 28, 32
    sequence_number("r2t_sn", "R2TSN", "11.8.2"),  # 36
    uint("buffer_offset", "Buffer Offset", "11.8.4", 32),  # 40
    uint(  # 44
        "desired_data_transfer_length", "Desired Data Transfer Length", "11.8.4", 32, kind=Kind.LENGTH
    ),
)
