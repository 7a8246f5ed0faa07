"""Text Request and Text Response (RFC 7143, 11.10 and 11.11)."""

from __future__ import annotations

from iscsi_wire.constants import Opcode
from iscsi_wire.formats.bhs import (
    initiator_task_tag,
    lengths,
    lun,
    opcode_octet,
    request_numbers,
    response_numbers,
    target_transfer_tag,
)
from iscsi_wire.formats.declare import Format, flag, pdu, reserved, reserved_bits, word

TEXT_REQUEST: Format = pdu(
    "TextRequest",
    Opcode.TEXT_REQUEST,
    "11.10",
    opcode_octet(Opcode.TEXT_REQUEST),  # 0
    word(
        "octet_1",
        flag("final", "F", "11.10.1"),
        flag("continue_", "C", "11.10.2"),
        reserved_bits("rsvd_1", 6, "11.10"),
    ),
    reserved("rsvd_2", 16, "11.10"),
    lengths(),  # 4
    lun("11.10.4"),  # 8
    initiator_task_tag("11.10.3"),  # 16
    target_transfer_tag("11.10.4"),  # 20
    *request_numbers(),  # 24, 28
    reserved("rsvd_32", 64, "11.10"),  # 32
    reserved("rsvd_40", 64, "11.10"),
)

TEXT_RESPONSE: Format = pdu(
    "TextResponse",
    Opcode.TEXT_RESPONSE,
    "11.11",
    opcode_octet(Opcode.TEXT_RESPONSE),  # 0
    word(
        "octet_1",
        flag("final", "F", "11.11.1"),
        flag("continue_", "C", "11.11.2"),
        reserved_bits("rsvd_1", 6, "11.11"),
    ),
    reserved("rsvd_2", 16, "11.11"),
    lengths(),  # 4
    lun("11.11.4"),  # 8
    initiator_task_tag("11.11.3"),  # 16
    target_transfer_tag("11.11.4"),  # 20
    *response_numbers("11.11.5"),  # 24, 28, 32
    reserved("rsvd_36", 32, "11.11"),  # 36
    reserved("rsvd_40", 64, "11.11"),
)
