"""Task Management Function Request and Response (RFC 7143, 11.5 and 11.6; RFC 7144, 6)."""

from __future__ import annotations

from iscsi_wire.constants import RESERVED_TAG, Opcode, TaskManagementFunction, TaskManagementResponseCode
from iscsi_wire.formats.bhs import (
    final_octet,
    initiator_task_tag,
    lengths,
    lun,
    opcode_octet,
    request_numbers,
    response_numbers,
    sequence_number,
)
from iscsi_wire.formats.declare import Format, bits, flag, pdu, reserved, uint, word
from iscsi_wire.structure import Kind

TASK_MANAGEMENT_REQUEST: Format = pdu(
    "TaskManagementRequest",
    Opcode.TASK_MANAGEMENT_REQUEST,
    "11.5",
    opcode_octet(Opcode.TASK_MANAGEMENT_REQUEST),  # 0
    word(
        "octet_1",
        flag("final", "F", "11.5", default=1),
        bits("function", "Function", "11.5.1", 7, codes=TaskManagementFunction),
    ),
    reserved("rsvd_2", 16, "11.5"),
    lengths(),  # 4
    lun("11.5.3"),  # 8
    initiator_task_tag(),  # 16
    uint(  # 20
        "referenced_task_tag", "Referenced Task Tag", "11.5.4", 32, kind=Kind.TAG, default=RESERVED_TAG
    ),
    *request_numbers(),  # 24, 28
    sequence_number("ref_cmd_sn", "RefCmdSN", "11.5.5"),  # 32
    sequence_number("exp_data_sn", "ExpDataSN", "11.5.6"),  # 36
    reserved("rsvd_40", 64, "11.5"),  # 40
)

TASK_MANAGEMENT_RESPONSE: Format = pdu(
    "TaskManagementResponse",
    Opcode.TASK_MANAGEMENT_RESPONSE,
    "11.6",
    opcode_octet(Opcode.TASK_MANAGEMENT_RESPONSE),  # 0
    final_octet("11.6", default=1),
    uint("response", "Response", "11.6.1", 8, codes=TaskManagementResponseCode),
    reserved("rsvd_3", 8, "11.6"),
    lengths(),  # 4
    reserved("rsvd_8", 64, "11.6"),  # 8
    initiator_task_tag(),  # 16
    reserved("rsvd_20", 32, "11.6"),  # 20
    *response_numbers(),  # 24, 28, 32
    reserved("rsvd_36", 32, "11.6"),  # 36
    reserved("rsvd_40", 64, "11.6"),
)
