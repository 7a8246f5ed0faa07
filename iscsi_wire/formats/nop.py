"""NOP-Out and NOP-In (RFC 7143, 11.18 and 11.19)."""

from __future__ import annotations

from iscsi_wire.constants import RESERVED_TAG, Opcode
from iscsi_wire.formats.bhs import (
    final_octet,
    initiator_task_tag,
    lengths,
    lun,
    opcode_octet,
    request_numbers,
    response_numbers,
    target_transfer_tag,
)
from iscsi_wire.formats.declare import Format, pdu, reserved

NOP_OUT: Format = pdu(
    "NopOut",
    Opcode.NOP_OUT,
    "11.18",
    opcode_octet(Opcode.NOP_OUT),  # 0
    final_octet(default=1),
    reserved("rsvd_2", 16, "11.18"),
    lengths(),  # 4
    lun("11.18.2"),  # 8
    initiator_task_tag("11.18.1", default=RESERVED_TAG),  # 16
    target_transfer_tag("11.18.2"),  # 20
    *request_numbers(),  # 24, 28
    reserved("rsvd_32", 64, "11.18"),  # 32
    reserved("rsvd_40", 64, "11.18"),
)

NOP_IN: Format = pdu(
    "NopIn",
    Opcode.NOP_IN,
    "11.19",
    opcode_octet(Opcode.NOP_IN),  # 0
    final_octet(default=1),
    reserved("rsvd_2", 16, "11.19"),
    lengths(),  # 4
    lun("11.19.3"),  # 8
    initiator_task_tag("11.19", default=RESERVED_TAG),  # 16
    target_transfer_tag("11.19.1"),  # 20
    *response_numbers("11.19.2"),  # 24, 28, 32
    reserved("rsvd_36", 32, "11.19"),  # 36
    reserved("rsvd_40", 64, "11.19"),
)
