"""Logout Request and Logout Response (RFC 7143, 11.14 and 11.15)."""

from __future__ import annotations

from iscsi_wire.constants import LogoutReason, LogoutResponseCode, Opcode
from iscsi_wire.formats.bhs import (
    final_octet,
    initiator_task_tag,
    lengths,
    opcode_octet,
    request_numbers,
    response_numbers,
)
from iscsi_wire.formats.declare import Format, bits, flag, pdu, reserved, uint, word

LOGOUT_REQUEST: Format = pdu(
    "LogoutRequest",
    Opcode.LOGOUT_REQUEST,
    "11.14",
    opcode_octet(Opcode.LOGOUT_REQUEST),  # 0
    word(
        "octet_1",
        flag("final", "F", "11.14", default=1),
        bits("reason_code", "Reason Code", "11.14.1", 7, codes=LogoutReason),
    ),
    reserved("rsvd_2", 16, "11.14"),
    lengths(),  # 4
    reserved("rsvd_8", 64, "11.14"),  # 8
    initiator_task_tag(),  # 16
    uint("cid", "CID", "11.14.3", 16),  # 20
    reserved("rsvd_22", 16, "11.14"),
    *request_numbers(exp_stat_sn="11.14.4"),  # 24, 28
    reserved("rsvd_32", 64, "11.14"),  # 32
    reserved("rsvd_40", 64, "11.14"),
)

LOGOUT_RESPONSE: Format = pdu(
    "LogoutResponse",
    Opcode.LOGOUT_RESPONSE,
    "11.15",
    opcode_octet(Opcode.LOGOUT_RESPONSE),  # 0
    final_octet("11.15", default=1),
    uint("response", "Response", "11.15.1", 8, codes=LogoutResponseCode),
    reserved("rsvd_3", 8, "11.15"),
    lengths(),  # 4
    reserved("rsvd_8", 64, "11.15"),  # 8
    initiator_task_tag(),  # 16
    reserved("rsvd_20", 32, "11.15"),  # 20
    *response_numbers(),  # 24, 28, 32
    reserved("rsvd_36", 32, "11.15"),  # 36
    uint("time2wait", "Time2Wait", "11.15.3", 16),  # 40
    uint("time2retain", "Time2Retain", "11.15.4", 16),
    reserved("rsvd_44", 32, "11.15"),  # 44
)
